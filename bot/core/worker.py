"""Worker thread of the synchronous core: its fair queue, deadlines and micro-batches.

Store, index and model are opened in this thread and used only there, so none of them needs a lock.
The queue (`bot.core.job_queue`) decides the order of jobs. Long work runs in slices, and other jobs
run between slices. Questions that wait together are answered in one call; if the call fails, each
question is answered on its own.

Jobs run in the context of their callers; batches don't, because they have several. A job belongs to
the member whose interaction caused the job (`current_member`). A member's job is
dropped after the deadline, when nobody waits for the result. The bot's own jobs are never dropped.

Errors:
    Exception
    ├── WorkerBusyError       the queue is full, or the deadline has passed; says when to try again
    └── WorkerStoppedError    the worker has been stopped
"""

import asyncio
import logging
import math
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from contextvars import Context, ContextVar, copy_context
from enum import StrEnum
from typing import Any, Final, Generic, NamedTuple, TypeVar

from bot.core.job_queue import JobQueue, Priority, QueueFullError
from knowledge.store.database import passes

_T = TypeVar("_T")
_Item = TypeVar("_Item")
_Result = TypeVar("_Result")

# Questions embedded at once; with more, the first would wait for the rest.
MAX_BATCH: Final = 32

# Deadlines of members' jobs. Nobody waits for an answer longer than a minute; decisions of a review
# may come later, because Discord takes a response until 15 minutes after the click.
PATIENCE_SECONDS: Final = {Priority.ASKING: 60.0, Priority.REVIEWING: 600.0}

# Pause before the core is opened again, after an outage of the database kept it from opening.
OPEN_AGAIN_SECONDS: Final = 5.0

# Bounds of the time after which a member is told to try again.
TRY_AGAIN_SECONDS: Final = (5, 60)

# The member whose interaction or message the current task handles; None is the bot itself.
current_member: ContextVar[int | None] = ContextVar("current_member", default=None)

# Whether the current task does work for all guilds, reserved to the leading process.
by_leader: ContextVar[bool] = ContextVar("by_leader", default=False)

_logger = logging.getLogger(__name__)


class DropReason(StrEnum):
    """Why a job was not done."""

    BUSY = "busy"
    LATE = "late"


class WorkerBusyError(Exception):
    """The queue was full, or the job's deadline had passed; the job was not run."""

    def __init__(self, seconds: int, reason: DropReason) -> None:
        super().__init__(f"The worker is busy; try again in {seconds} s.")
        self.seconds = seconds
        self.reason = reason


class WorkerStoppedError(Exception):
    """The worker has been stopped; the process is ending."""


class _Job(NamedTuple):
    function: Callable[..., Any]
    arguments: tuple[Any, ...]
    future: "asyncio.Future[Any]"
    context: Context
    batched: bool = False
    deadline: float = math.inf
    by_leader: bool = False
    of_member: bool = False


class Worker(Generic[_T]):
    """A thread that opens a core with `open_core` and alone uses the core.

    Opening may take seconds, because a model is loaded. Jobs wait for the core, but the event loop
    doesn't. If an outage of the database keeps the core from opening, it is opened again after a
    pause, until that works; meanwhile members' jobs fail with the error, and the bot's own jobs
    wait. After any other failure, every job fails with the same exception.
    """

    def __init__(
        self,
        open_core: Callable[[], _T],
        close_core: Callable[[_T], None],
        *,
        clock: Callable[[], float] = time.monotonic,
        before_turn: Callable[[_T], None] | None = None,
    ) -> None:
        """Start the thread.

        The `clock` counts seconds, for deadlines. `before_turn` is called with the core before each
        job or batch, and must not raise.
        """
        self._jobs: JobQueue[_Job] = JobQueue()
        self._clock = clock
        self._before_turn = before_turn
        # Entered around jobs `by_leader`; refuses them if another process leads.
        self.leading: Callable[[_T], AbstractContextManager[None]] = lambda _: nullcontext()
        # Seconds a turn took lately, smoothed.
        self._turn_seconds = 0.0
        self._open_core = open_core
        self._close_core = close_core
        self._stopped = threading.Event()
        self._opened = threading.Event()
        self._problem: BaseException | None = None
        self._thread = threading.Thread(
            target=copy_context().run, args=(self._run,), name="commonplace-core", daemon=True
        )
        self._thread.start()

    @property
    def is_open(self) -> bool:
        return self._opened.is_set()

    @property
    def problem(self) -> BaseException | None:
        """The error that keeps the core from opening, or None."""
        return self._problem

    def waiting(self) -> dict[Priority, int]:
        return self._jobs.lengths()

    async def call(
        self, function: Callable[[_T], _Result], *, priority: Priority = Priority.REVIEWING
    ) -> _Result:
        """Run `function(core)` in the thread and return its result.

        Variables that `function` closes over must not change until it returns.

        Raises:
            WorkerBusyError: if the queue is full, or the deadline has passed.
            WorkerStoppedError: if the worker was stopped.
        """
        result: _Result = await self._submit(priority, function)
        return result

    async def call_batched(
        self, function: Callable[[_T, list[_Item]], Sequence[_Result]], item: _Item
    ) -> _Result:
        """Run `function(core, items)` once for several waiting items; return this item's result."""
        result: _Result = await self._submit(Priority.ASKING, function, (item,), batched=True)
        return result

    async def run_slices(
        self, make: Callable[[_T], Iterator[_Result]], *, priority: Priority = Priority.INDEXING
    ) -> _Result | None:
        """Run a generator made by `make(core)` to its end, with a job for each step.

        Returns:
            The generator's last value, or None.
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
            more, value = await self.call(step, priority=priority)
            if not more:
                return last
            last = value
            # An update that waits for other processes asks for a pause.
            if pause := getattr(value, "pause_seconds", 0.0):
                await asyncio.sleep(pause)

    async def stop(self) -> None:
        """Run all queued jobs, close the core, and end the thread."""
        if not self._stopped.is_set():
            self._stopped.set()
            future = asyncio.get_running_loop().create_future()
            # The last job only ends the thread.
            self._jobs.put(_Job(lambda _core: None, (), future, copy_context()), Priority.STOPPING)
            await future
        # Polled, because a thread that joins a stuck one can't be cancelled.
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
        job = _Job(
            function,
            arguments,
            future,
            copy_context(),
            batched,
            deadline,
            by_leader=by_leader.get(),
            of_member=member is not None,
        )
        try:
            self._jobs.put(job, priority, member)
        except QueueFullError as error:
            raise self._busy(DropReason.BUSY) from error
        return future

    def _busy(self, reason: DropReason) -> WorkerBusyError:
        """Make the error of a rejected job, with an estimate of when to try again."""
        least, most = TRY_AGAIN_SECONDS
        needed = math.ceil(sum(self._jobs.lengths().values()) * self._turn_seconds)
        return WorkerBusyError(min(max(needed, least), most), reason)

    def _run(self) -> None:
        core = self._open()
        if core is None:
            return
        self._opened.set()
        try:
            while True:
                priority, job = self._jobs.get()
                if priority is Priority.STOPPING:
                    break
                self._do(core, [job, *self._take_batch(priority, job)])
        finally:
            self._close_core(core)
            _settle([job.future], [None], None)

    def _open(self) -> _T | None:
        """Open the core, again and again during an outage; None if it was stopped meanwhile."""
        waiting: list[tuple[Priority, _Job]] = []
        while True:
            try:
                core = self._open_core()
            except Exception as error:  # noqa: BLE001 - raised in the callers' tasks
                if self._problem is None:
                    _logger.error("The data can't be opened: %s", error)
                self._problem = error
                if not self._pause(error, waiting):
                    return None
            else:
                self._problem = None
                for priority, job in waiting:
                    self._jobs.put(job, priority)
                return core

    def _pause(self, error: Exception, waiting: list[tuple[Priority, _Job]]) -> bool:
        """Fail jobs until the core is to be opened again; return False if the worker is stopped.

        During an outage, the bot's own jobs are moved to `waiting` instead.
        """
        outage = passes(error)
        until = time.monotonic() + OPEN_AGAIN_SECONDS
        while self._jobs.wait(max(until - time.monotonic(), 0.0) if outage else None):
            priority, job = self._jobs.get()
            if priority is Priority.STOPPING:
                _settle([job.future], [None], None)
                for _, other in waiting:
                    _settle([other.future], [], error)
                return False
            if outage and not job.of_member:
                waiting.append((priority, job))
            else:
                _settle([job.future], [], error)
        return True

    def _take_batch(self, priority: Priority, job: _Job) -> list[_Job]:
        """Take the queued jobs that can run in one batch with this job."""
        if not job.batched:
            return []
        return self._jobs.get_matching(
            priority, lambda other: other.batched and other.function == job.function, MAX_BATCH - 1
        )

    def _do(self, core: _T, jobs: list[_Job]) -> None:
        started = self._clock()
        late = [job for job in jobs if job.deadline < started]
        for job in late:
            _settle([job.future], [], self._busy(DropReason.LATE))
        # A cancelled task needs no result.
        jobs = [job for job in jobs if job not in late and not job.future.cancelled()]
        if not jobs:
            return
        if self._before_turn is not None:
            self._before_turn(core)
        self._answer(core, jobs)
        self._turn_seconds += 0.1 * ((self._clock() - started) / len(jobs) - self._turn_seconds)

    def _answer(self, core: _T, jobs: list[_Job]) -> None:
        first = jobs[0]
        try:
            if first.batched:
                results = first.function(core, [job.arguments[0] for job in jobs])
            elif first.by_leader:
                with self.leading(core):
                    results = [first.context.run(first.function, core, *first.arguments)]
            else:
                results = [first.context.run(first.function, core, *first.arguments)]
        except Exception as error:  # noqa: BLE001 - raised in the caller's task
            if len(jobs) == 1:
                _settle([first.future], [], error)
                return
            # One of them may spoil the call: answer each on its own.
            for job in jobs:
                self._answer(core, [job])
            return
        _settle([job.future for job in jobs], results, None)


async def run_in_thread(function: Callable[..., Any], *arguments: Any) -> Any:
    """Run a function in its own daemon thread, which never delays the end of the process.

    The thread has the caller's context.
    """
    future = asyncio.get_running_loop().create_future()

    def run() -> None:
        try:
            result = function(*arguments)
        except Exception as error:  # noqa: BLE001 - raised in the caller's task
            _settle([future], [], error)
        else:
            _settle([future], [result], None)

    name = f"commonplace-{function.__name__}"
    threading.Thread(target=copy_context().run, args=(run,), name=name, daemon=True).start()
    return await future


def _settle(
    futures: "Sequence[asyncio.Future[Any]]", results: Sequence[Any], error: BaseException | None
) -> None:
    """Set the results, or the error, in the event loop; do nothing if the loop is closed."""

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
