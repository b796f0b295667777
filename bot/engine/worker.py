"""The one thread in which the synchronous core runs: its priorities and its micro-batches.

Store, index and model are opened in this thread and used only there, so none of them needs a
lock. Asking outranks reviewing outranks indexing. Indexing runs in slices, and between any two of
them whatever is more urgent goes first. Questions that wait together are answered in one call.

Errors:
    Exception
    └── WorkerStoppedError    the worker has been stopped and takes nothing more
"""

import asyncio
import itertools
import queue
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any, Final, Generic, TypeVar

_T = TypeVar("_T")
_Item = TypeVar("_Item")
_Result = TypeVar("_Result")

# As many questions as are embedded at once; more would make the first of them wait for the rest.
MAX_BATCH: Final = 32


class WorkerStoppedError(Exception):
    """The worker has been stopped; the process is ending."""


class Priority(IntEnum):
    """What goes first; smaller is more urgent."""

    ASKING = 0
    REVIEWING = 1
    INDEXING = 2
    STOPPING = 3


@dataclass(order=True)
class _Job:
    priority: Priority
    number: int
    function: Callable[..., Any] = field(compare=False)
    arguments: tuple[Any, ...] = field(compare=False)
    future: "asyncio.Future[Any]" = field(compare=False)
    batched: bool = field(compare=False, default=False)


class Worker(Generic[_T]):
    """A thread that owns a core, made by `open_core` in that thread.

    The core may take seconds to open (a model is read); jobs wait for it and the event loop does
    not. If it can't be opened, every job fails with the exception that said why.
    """

    def __init__(self, open_core: Callable[[], _T], close_core: Callable[[_T], None]) -> None:
        """Start the thread; nothing waits for it yet."""
        self._jobs: queue.PriorityQueue[_Job] = queue.PriorityQueue()
        self._numbers = itertools.count()
        self._open_core = open_core
        self._close_core = close_core
        self._stopped = threading.Event()
        self._opened = threading.Event()
        self._problem: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="commonplace-core", daemon=True)
        self._thread.start()

    @property
    def opened(self) -> bool:
        return self._opened.is_set()

    @property
    def problem(self) -> BaseException | None:
        """Why the core can't be opened, once that is known."""
        return self._problem

    def waiting(self) -> dict[Priority, int]:
        counted = dict.fromkeys((Priority.ASKING, Priority.REVIEWING, Priority.INDEXING), 0)
        with self._jobs.mutex:
            for job in self._jobs.queue:
                if job.priority in counted:
                    counted[job.priority] += 1
        return counted

    async def call(
        self, function: Callable[[_T], _Result], *, priority: Priority = Priority.REVIEWING
    ) -> _Result:
        """Run `function(core)` in the thread and give back what it returns.

        The caller waits meanwhile; what the function closes over must not be changed by others.
        """
        result: _Result = await self._submit(priority, function)
        return result

    async def call_batched(
        self, function: Callable[[_T, list[_Item]], Sequence[_Result]], item: _Item
    ) -> _Result:
        """Run `function(core, items)` once for all items that wait together; returns this one's."""
        result: _Result = await self._submit(Priority.ASKING, function, (item,), batched=True)
        return result

    async def run_slices(self, make: Callable[[_T], Iterator[_Result]]) -> _Result | None:
        """Run a generator made by `make(core)` to its end, a step a job.

        Returns:
            Its last value; None if it gave none.
        """
        steps: list[Iterator[_Result]] = []

        def step(core: _T) -> tuple[bool, _Result | None]:
            if not steps:
                steps.append(make(core))
            try:
                return True, next(steps[0])
            except StopIteration:
                return False, None

        last: _Result | None = None
        while True:
            more, value = await self.call(step, priority=Priority.INDEXING)
            if not more:
                return last
            last = value

    async def stop(self) -> None:
        """Finish what has been taken, close the core, and end the thread."""
        if not self._stopped.is_set():
            self._stopped.set()
            future = asyncio.get_running_loop().create_future()
            self._jobs.put(_Job(Priority.STOPPING, next(self._numbers), _nothing, (), future))
            await future
        # Not in a thread that joins this one: it could not be given up, were this one stuck.
        while self._thread.is_alive():  # noqa: ASYNC110 - a thread's end sets no event of asyncio's
            await asyncio.sleep(0.005)

    def _submit(
        self,
        priority: Priority,
        function: Callable[..., Any],
        arguments: tuple[Any, ...] = (),
        *,
        batched: bool = False,
    ) -> "asyncio.Future[Any]":
        if self._stopped.is_set():
            raise WorkerStoppedError("Commonplace is stopping; ask again in a moment.")
        future = asyncio.get_running_loop().create_future()
        self._jobs.put(_Job(priority, next(self._numbers), function, arguments, future, batched))
        return future

    def _run(self) -> None:
        try:
            core = self._open_core()
        except Exception as error:  # noqa: BLE001 - handed to everyone who waits for the core
            self._problem = error
            self._refuse(error)
            return
        self._opened.set()
        try:
            while True:
                job = self._jobs.get()
                if job.priority is Priority.STOPPING:
                    break
                self._do(core, [job, *self._waiting_with(job)] if job.batched else [job])
        finally:
            self._close_core(core)
            _settle([job.future], [None], None)

    def _refuse(self, error: BaseException) -> None:
        """Answer every job with the reason why the core can't be opened."""
        while True:
            job = self._jobs.get()
            if job.priority is Priority.STOPPING:
                _settle([job.future], [None], None)
                return
            _settle([job.future], [], error)

    def _waiting_with(self, job: _Job) -> list[_Job]:
        """The jobs that wait behind this one for the same function, in order."""
        same: list[_Job] = []
        others: list[_Job] = []
        while len(same) < MAX_BATCH - 1:
            try:
                waiting = self._jobs.get_nowait()
            except queue.Empty:
                break
            if waiting.batched and waiting.function == job.function:
                same.append(waiting)
            else:
                others.append(waiting)
                break
        for waiting in others:
            self._jobs.put(waiting)
        return same

    def _do(self, core: _T, jobs: list[_Job]) -> None:
        # Whoever gave up waiting (a cancelled task) needs no work done.
        jobs = [job for job in jobs if not job.future.cancelled()]
        if not jobs:
            return
        first = jobs[0]
        try:
            if first.batched:
                results = first.function(core, [job.arguments[0] for job in jobs])
            else:
                results = [first.function(core, *first.arguments)]
        except Exception as error:  # noqa: BLE001 - belongs to whoever called, in their own task
            _settle([job.future for job in jobs], [], error)
            return
        _settle([job.future for job in jobs], results, None)


async def beside(function: Callable[..., Any], *arguments: Any) -> Any:
    """Run a function in a thread of its own, for which the process does not wait when it ends."""
    future = asyncio.get_running_loop().create_future()

    def run() -> None:
        try:
            result = function(*arguments)
        except Exception as error:  # noqa: BLE001 - belongs to whoever called, in their own task
            _settle([future], [], error)
        else:
            _settle([future], [result], None)

    threading.Thread(target=run, name=f"commonplace-{function.__name__}", daemon=True).start()
    return await future


def _nothing(core: object) -> None:
    """Do nothing: the last job only ends the thread."""


def _settle(
    futures: "Sequence[asyncio.Future[Any]]", results: Sequence[Any], error: BaseException | None
) -> None:
    """Hand results to the event loop, all at once; it may have been closed meanwhile."""

    def hand_over() -> None:
        for place, future in enumerate(futures):
            if future.done():
                continue
            if error is not None:
                future.set_exception(error)
            else:
                future.set_result(results[place])

    try:
        futures[0].get_loop().call_soon_threadsafe(hand_over)
    except RuntimeError:
        return
