"""Worker thread in which the synchronous core runs: its fair queue, deadlines and micro-batches.

Store, index and model are opened in this thread and used only there, so none of them needs a
lock. Whose turn it is, the queue decides (`bot.core.job_queue`). Whatever is long runs in slices,
between any two of which others have their turn. Questions that wait together are answered in one
call; where that raises, each is answered by itself, so that a bad one spoils no other.

A job belongs to the member in whose interaction it was asked for (`current_member`). What a member
would no longer get, because Discord has given the interaction up, is dropped. What the bot does by
itself, for instance taking out a deleted message, is never dropped.

Errors:
    Exception
    ├── WorkerBusyError       too much waits already, or it waited too long; says when to try again
    └── WorkerStoppedError    the worker has been stopped and takes nothing more
"""

import asyncio
import math
import threading
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from contextvars import ContextVar
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final, Generic, TypeVar

from bot.core.job_queue import JobQueue, Priority, QueueFullError

_T = TypeVar("_T")
_Item = TypeVar("_Item")
_Result = TypeVar("_Result")

# As many questions as are embedded at once; more would make the first of them wait for the rest.
MAX_BATCH: Final = 32

# How many seconds a member's job may wait. Nobody waits for an answer longer than a minute; what is
# decided on in a review may come as late as Discord takes it, 15 minutes after the click.
PATIENCE_SECONDS: Final = {Priority.ASKING: 60.0, Priority.REVIEWING: 600.0}

# When to try again: never sooner, and never later than who is told still knows what it was about.
TRY_AGAIN_SECONDS: Final = (5, 60)

# The member in whose interaction or for whose message the current task runs; None is the bot
# itself.
current_member: ContextVar[int | None] = ContextVar("current_member", default=None)

# Whether the current task does work for all guilds, which one process at a time may do.
by_leader: ContextVar[bool] = ContextVar("by_leader", default=False)


class Dropped(StrEnum):
    """Why a job was not done."""

    BUSY = "busy"
    LATE = "late"


class WorkerBusyError(Exception):
    """Too much waits for the worker, or a job has waited for too long: nothing was done."""

    def __init__(self, seconds: int, reason: Dropped) -> None:
        super().__init__(f"The worker is busy; try again in {seconds} s.")
        self.seconds = seconds
        self.reason = reason


class WorkerStoppedError(Exception):
    """The worker has been stopped; the process is ending."""


@dataclass(frozen=True, slots=True)
class _Job:
    function: Callable[..., Any]
    arguments: tuple[Any, ...]
    future: "asyncio.Future[Any]"
    batched: bool = False
    deadline: float = math.inf
    by_leader: bool = False


class Worker(Generic[_T]):
    """A thread that owns a core, made by `open_core` in that thread.

    The core may take seconds to open (a model is read); jobs wait for it and the event loop does
    not. If it can't be opened, every job fails with the exception that said why.
    """

    def __init__(
        self,
        open_core: Callable[[], _T],
        close_core: Callable[[_T], None],
        *,
        clock: Callable[[], float] = time.monotonic,
        before: Callable[[_T], None] | None = None,
    ) -> None:
        """Start the thread; nothing waits for it yet. `clock` gives seconds, for deadlines.

        `before` is called before each turn, and raises nothing.
        """
        self._jobs: JobQueue[_Job] = JobQueue()
        self._clock = clock
        self._before = before
        # Entered around jobs `by_leader`; it refuses them where another process leads.
        self.leading: Callable[[_T], AbstractContextManager[None]] = lambda _: nullcontext()
        # How long a turn took lately, in seconds, smoothed.
        self._turn_seconds = 0.0
        # How often parts of the core were replaced; the thread's own.
        self._replacements = 0
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
        return self._jobs.lengths()

    async def call(
        self, function: Callable[[_T], _Result], *, priority: Priority = Priority.REVIEWING
    ) -> _Result:
        """Run `function(core)` in the thread and give back what it returns.

        The caller waits meanwhile; what the function closes over must not be changed by others.

        Raises:
            WorkerBusyError: if too much waits already, or this would come too late.
            WorkerStoppedError: if the worker was stopped.
        """
        result: _Result = await self._submit(priority, function)
        return result

    async def call_batched(
        self, function: Callable[[_T, list[_Item]], Sequence[_Result]], item: _Item
    ) -> _Result:
        """Run `function(core, items)` once for all items that wait together; returns this one's."""
        result: _Result = await self._submit(Priority.ASKING, function, (item,), batched=True)
        return result

    async def run_slices(
        self,
        make: Callable[[_T], Iterator[_Result]],
        *,
        priority: Priority = Priority.INDEXING,
    ) -> _Result | None:
        """Run a generator made by `make(core)` to its end, a step a job.

        Where parts of the core are replaced meanwhile, it is made and run anew: what is between two
        steps may hold something of the old ones.

        Returns:
            Its last value; None if it gave none.
        """
        steps: list[Iterator[_Result]] = []
        made_after = 0

        def step(core: _T) -> tuple[bool, _Result | None]:
            nonlocal made_after
            if steps and made_after != self._replacements:
                _close(steps.pop())
            if not steps:
                made_after = self._replacements
                steps.append(make(core))
            try:
                return True, next(steps[0])
            except StopIteration:
                return False, None

        last: _Result | None = None
        while True:
            more, value = await self.call(step, priority=priority)
            if not more:
                return last
            last = value
            # An update that only waits for other processes says for how long.
            if pause := getattr(value, "pause_seconds", 0.0):
                await asyncio.sleep(pause)

    async def replace(
        self, function: Callable[[_T], _Result], *, priority: Priority = Priority.ASKING
    ) -> _Result:
        """Run `function(core)`, which replaces parts of the core; slices under way begin anew."""

        def replaced(core: _T) -> _Result:
            self._replacements += 1
            return function(core)

        return await self.call(replaced, priority=priority)

    async def stop(self) -> None:
        """Finish what has been taken, close the core, and end the thread."""
        if not self._stopped.is_set():
            self._stopped.set()
            future = asyncio.get_running_loop().create_future()
            self._jobs.put(_Job(_nothing, (), future), Priority.STOPPING)
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
        member = current_member.get()
        patience = math.inf if member is None else PATIENCE_SECONDS.get(priority, math.inf)
        deadline = self._clock() + patience
        job = _Job(function, arguments, future, batched, deadline, by_leader.get())
        try:
            self._jobs.put(job, priority, member)
        except QueueFullError as error:
            raise self._busy(Dropped.BUSY) from error
        return future

    def _busy(self, reason: Dropped) -> WorkerBusyError:
        """Say when it is worth trying again: when what waits now is done."""
        least, most = TRY_AGAIN_SECONDS
        needed = math.ceil(sum(self._jobs.lengths().values()) * self._turn_seconds)
        return WorkerBusyError(min(max(needed, least), most), reason)

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
                priority, job = self._jobs.get()
                if priority is Priority.STOPPING:
                    break
                self._do(core, [job, *self._waiting_with(priority, job)])
        finally:
            self._close_core(core)
            _settle([job.future], [None], None)

    def _refuse(self, error: BaseException) -> None:
        """Answer every job with the reason why the core can't be opened."""
        while True:
            priority, job = self._jobs.get()
            if priority is Priority.STOPPING:
                _settle([job.future], [None], None)
                return
            _settle([job.future], [], error)

    def _waiting_with(self, priority: Priority, job: _Job) -> list[_Job]:
        """The jobs that wait behind this one for the same function, if that takes many at once."""
        if not job.batched:
            return []
        return self._jobs.take_alike(
            priority,
            lambda other: other.batched and other.function == job.function,
            MAX_BATCH - 1,
        )

    def _do(self, core: _T, jobs: list[_Job]) -> None:
        started = self._clock()
        late = [job for job in jobs if job.deadline < started]
        for job in late:
            _settle([job.future], [], self._busy(Dropped.LATE))
        # Whoever gave up waiting (a cancelled task) needs no work done.
        jobs = [job for job in jobs if job not in late and not job.future.cancelled()]
        if not jobs:
            return
        if self._before is not None:
            self._before(core)
        self._answer(core, jobs)
        self._turn_seconds += 0.1 * ((self._clock() - started) / len(jobs) - self._turn_seconds)

    def _answer(self, core: _T, jobs: list[_Job]) -> None:
        first = jobs[0]
        try:
            if first.batched:
                results = first.function(core, [job.arguments[0] for job in jobs])
            elif first.by_leader:
                with self.leading(core):
                    results = [first.function(core, *first.arguments)]
            else:
                results = [first.function(core, *first.arguments)]
        except Exception as error:  # noqa: BLE001 - belongs to whoever called, in their own task
            if len(jobs) == 1:
                _settle([first.future], [], error)
                return
            # One of them spoils the whole call: each is answered by itself.
            for job in jobs:
                self._answer(core, [job])
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


def _close(steps: Iterator[Any]) -> None:
    """End a generator between two of its steps; an iterator of another kind has no end to do."""
    if isinstance(steps, Generator):
        steps.close()


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
