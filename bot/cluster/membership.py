"""Membership of a process in a cluster: renews the process's leases, and runs the leased shards.

The process trusts a lease for less time than the database grants, by a clock that keeps running
while the process is suspended. If the leases aren't renewed in time, the process ignores events and
closes its shards, before other processes may take them. While the database server is down for
everybody, nobody can take shards, so the process keeps its shards.
"""

import asyncio
import logging
import threading
import time
from collections.abc import Awaitable, Callable
from typing import Any, Final, TypeVar

from bot.core.worker import run_in_thread
from knowledge.store.database import StoreError
from knowledge.store.postgres.leases import LapsedError, Leases, Standing

# Interval between renewals, which also look for free shards.
STEP_SECONDS: Final = 1.0
# The trusted share of a lease's time.
COUNTED_ON: Final = 5 / 6

_T = TypeVar("_T")

_logger = logging.getLogger(__name__)


def boottime() -> float:
    """Seconds of a clock that keeps running while the process or the machine is suspended."""
    clock = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
    return time.clock_gettime(clock)


class Membership:
    """The leases of one process."""

    def __init__(
        self,
        open_leases: Callable[[], Leases],
        *,
        launch: Callable[[int], Awaitable[None]],
        close: Callable[[int], Awaitable[None]],
        seconds: float,
        is_down: Callable[[], bool] = lambda: False,
        clock: Callable[[], float] = boottime,
    ) -> None:
        """Start without leases of `seconds`; `clock` returns seconds, like `boottime`.

        `launch` connects a shard, retrying until it works, and `close` ends its connection, if
        there is one. `is_down` says whether the database server is certainly down for everybody.
        """
        self._open_leases = open_leases
        self._connect = launch
        self._disconnect = close
        self._seconds = seconds * COUNTED_ON
        self._is_down = is_down
        self._clock = clock
        self._leases: Leases | None = None
        self._one_at_a_time = asyncio.Lock()
        # A cancelled call leaves its thread running, and the next call waits for that thread.
        self._in_use = threading.Lock()
        self._until = 0.0
        self._count = 0
        self._tasks: set[asyncio.Task[Any]] = set()
        self._launching: dict[int, asyncio.Task[None]] = {}
        self._launch_turn = asyncio.Lock()
        self.standing = Standing({}, None, 0, 0)
        # Why the last renewal failed, or ""; and the time of the last success.
        self.problem = ""
        self.renewed_at = 0.0
        # Numbers of sessions that may begin today, and at once. The process takes no more shards,
        # because another process could connect them sooner.
        self.sessions_left = 1_000
        self.sessions_at_once = 1

    @property
    def id(self) -> str:
        """The process's id in the cluster, another one after lapsed leases; "" before it joins."""
        return "" if self._leases is None else self._leases.id

    @property
    def name(self) -> str:
        """The name of this process's database sessions."""
        return "" if self._leases is None else self._leases.name

    @property
    def valid(self) -> bool:
        """Whether the leases can be trusted."""
        return self._clock() < self._until

    @property
    def silent_seconds(self) -> float:
        return self._clock() - self.renewed_at

    @property
    def held(self) -> frozenset[int]:
        """The shards with a trusted lease."""
        return frozenset(self.standing.shards if self.valid else ())

    async def join(self, wanted: int) -> int:
        """Join the cluster; return the number of all shards. StoreError without the database."""

        def joined() -> int:
            if self._leases is None:
                self._leases = self._open_leases()
            return self._leases.join(wanted)

        async with self._one_at_a_time:
            self._count = await run_in_thread(joined)
        return self._count

    def begin(self) -> None:
        """Begin to renew the leases, and to run the leased shards."""
        for work in (self._go_on(), self._watch()):
            task = asyncio.create_task(work)
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def end(self) -> None:
        """Give up every lease at once, after the shards are closed."""
        for task in [*self._tasks, *self._launching.values()]:
            task.cancel()
        if self._leases is None:
            return

        def leave(leases: Leases) -> None:
            try:
                leases.leave()
            finally:
                leases.close()

        try:
            async with asyncio.timeout(self._seconds):
                await self._do(leave)
        except (StoreError, TimeoutError) as error:
            _logger.warning("Others take over in %.0f s: %s", self._seconds, error)
        self._until = 0.0

    async def ready(self, shard_id: int) -> None:
        """Tell other processes that a shard's guilds are served."""
        if shard_id in self.held:
            await self._do(lambda leases: leases.mark_ready(shard_id))

    async def wait_to_identify(self, bucket: int, seconds: float) -> None:
        """Wait until a session may begin in a bucket; a bucket allows a session every `seconds`."""
        await asyncio.sleep(await self._do(lambda leases: leases.reserve_identify(bucket, seconds)))

    async def _do(self, function: Callable[[Leases], _T]) -> _T:
        """Call a function with the leases in another thread; only one such call runs at a time."""
        leases = self._leases
        if leases is None:
            raise RuntimeError("The process has not joined yet.")

        def done() -> _T:
            with self._in_use:
                return function(leases)

        async with self._one_at_a_time:
            result: _T = await run_in_thread(done)
        return result

    async def _go_on(self) -> None:
        while True:
            try:
                await self.step()
            except Exception:
                # The leases lapse unless a later step renews them.
                _logger.exception("The leases could not be renewed.")
            await asyncio.sleep(STEP_SECONDS)

    async def _watch(self) -> None:
        """Close the shards when the leases expire, even while a step hangs."""
        while True:
            left = self._until - self._clock()
            if left <= 0 and self.standing.shards:
                await self._lapse("The leases of its shards could not be renewed in time")
            await asyncio.sleep(min(max(left, 0.0), STEP_SECONDS) or STEP_SECONDS)

    async def step(self) -> None:
        """Renew the leases once, then launch new shards and close shards without a lease."""
        began = self._clock()
        launching = sum(not task.done() for task in self._launching.values())
        most = max(min(self.sessions_left, self.sessions_at_once) - launching, 0)
        try:
            standing = await self._do(lambda leases: leases.step(most))
        except LapsedError as error:
            await self._lapse(str(error).removesuffix("."))
            await self.join(self._count)
            return
        except StoreError as error:
            if not self.problem:
                _logger.warning("The leases could not be renewed: %s", error)
            self.problem = str(error)
            if self.valid and await run_in_thread(self._is_down):
                # Nobody can take them now. Once the server is back, others wait for the duration
                # of a lease, and the renewal comes first.
                self._until = began + self._seconds
            return
        if self.problem:
            _logger.warning("The leases are renewed again.")
        self.problem = ""
        self.renewed_at = began
        self._until = began + self._seconds
        # After a long hang of the database, others may hold the shards already.
        if self.valid:
            await self._follow(standing)

    async def _follow(self, standing: Standing) -> None:
        """Launch newly leased shards, close those without a lease, give back one too many."""
        before, self.standing = self.standing, standing
        for shard_id in before.shards.keys() - standing.shards.keys():
            await self._close(shard_id)
        for shard_id, epoch in standing.shards.items():
            if shard_id not in self._launching:
                _logger.info("Shard %d is run here from now on, epoch %d.", shard_id, epoch)
                self._launching[shard_id] = asyncio.create_task(self._launch(shard_id))
        surplus = standing.surplus
        if surplus is not None:
            _logger.info("Shard %d is handed over to another process.", surplus)
            await self._close(surplus)
            del self.standing.shards[surplus]
            await self._do(lambda leases: leases.give_back(surplus))

    async def _launch(self, shard_id: int) -> None:
        try:
            async with self._launch_turn:
                await self._connect(shard_id)
        except Exception:
            _logger.exception("Shard %d could not be connected; it is tried again.", shard_id)
            self._launching.pop(shard_id, None)

    async def _lapse(self, why: str) -> None:
        _logger.error("%s: they are closed here.", why)
        lost = [*self.standing.shards]
        self._until = 0.0
        self.standing = Standing({}, None, 0, 0)
        await asyncio.gather(*(self._close(shard_id) for shard_id in lost))

    async def _close(self, shard_id: int) -> None:
        task = self._launching.pop(shard_id, None)
        if task is not None:
            task.cancel()
        await self._disconnect(shard_id)
