"""Rate limits of IDENTIFY: how many shards may begin a session in five seconds, and in a day.

Discord lets as many begin in five seconds as `max_concurrency` says, one of each
`shard_id % max_concurrency`, and some thousand a day; who begins more is thrown out everywhere and
needs a new token (https://discord.com/developers/docs/events/gateway#rate-limiting). discord.py
keeps to that only while it starts.
"""

import asyncio
import math
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Final

from bot.interactions.kit.connection_backoff import FIRST_IDENTIFY_SECONDS
from bot.process.login import UnreachableError
from knowledge.text import counted

# A little longer than Discord says: it counts when one arrives, which takes now more, now less.
SECONDS: Final = FIRST_IDENTIFY_SECONDS
# How old Discord's last word of the day's sessions may be when another one begins.
ASK_SECONDS: Final = 60.0
# The last tenth of a day's sessions is for shards and starts that have not failed before.
KEPT_SHARE: Final = 1 / 10
_DAY_SECONDS: Final = 86_400.0


class IdentifyLimit:
    """The sessions that this process has begun, by the bucket that Discord counts them in."""

    def __init__(
        self,
        now: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        ask: Callable[[], Awaitable[Mapping[str, int]]] | None = None,
    ) -> None:
        """Know nothing of Discord's limits yet.

        Args:
            now: seconds of a clock that never goes back.
            sleep: waits so many seconds.
            ask: what Discord says of sessions, or nothing where it doesn't answer.
        """
        # Waits for the turn among several processes, if there are: given the bucket, and how many
        # seconds a turn takes.
        self.among_processes: Callable[[int, float], Awaitable[None]] | None = None
        self._now = now
        self._sleep = sleep
        self._ask = ask
        self._asking = asyncio.Lock()
        self._asked_at = -math.inf
        self._concurrency = 1
        self._total = self._remaining = 1_000
        self._resets_at = -math.inf
        self._next: dict[int, float] = {}
        self._turns: defaultdict[int, asyncio.Lock] = defaultdict(asyncio.Lock)
        # Shards whose turn it is, and which have not sent IDENTIFY yet.
        self._sending: set[int] = set()
        # Shards that wait for another day.
        self._held: set[int] = set()

    def allow(self, shard_count: int, **limits: int) -> None:
        """Keep from now on to what Discord says of sessions: `reset_after` is in milliseconds.

        Raises:
            UnreachableError: if not every shard can begin a session now; it says when.
        """
        self._learn(**limits)
        if self._remaining < shard_count:
            raise UnreachableError(
                f"Discord lets this bot connect {counted(self._remaining, 'more time')} for now, "
                f"and it has {counted(shard_count, 'shard')}. Start it again in {self._minutes}."
            )

    def _learn(
        self, *, total: int, max_concurrency: int, remaining: int, reset_after: int, **_: int
    ) -> None:
        self._asked_at = self._now()
        self._concurrency = max(max_concurrency, 1)
        self._total, self._remaining = total, remaining
        self._resets_at = self._now() + reset_after / 1_000

    @property
    def _minutes(self) -> str:
        return counted(int(-(-(self._resets_at - self._now()) // 60)), "minute")

    @property
    def problem(self) -> str:
        """Why shards wait for another day, or nothing."""
        if not self._held:
            return ""
        waiting = f"{len(self._held):,} shards wait" if len(self._held) > 1 else "a shard waits"
        return (
            f"Discord lets this bot begin {counted(self._remaining, 'more session')} for now, so "
            f"{waiting} {self._minutes}."
        )

    @asynccontextmanager
    async def turn(self, shard_id: int, *, again: bool) -> AsyncIterator[None]:
        """Wait until a shard may connect to begin a session; whoever asked first is first.

        Args:
            shard_id: the shard, which connects and sends IDENTIFY inside.
            again: whether its last session ended before it could be used.
        """
        bucket = shard_id % self._concurrency
        while True:
            async with self._turns[bucket]:
                await self._ask_again()
                seconds = self._seconds_to_another_day(again=again)
                if not seconds:
                    self._sending.add(shard_id)
                    try:
                        await self._sleep(max(self._next.get(bucket, 0.0) - self._now(), 0.0))
                        yield
                    finally:
                        self._sending.discard(shard_id)
                    return
            self._held.add(shard_id)
            try:
                await self._sleep(min(seconds, ASK_SECONDS))
            finally:
                self._held.discard(shard_id)

    async def count(self, shard_id: int) -> None:
        """Count an IDENTIFY that a shard sends as soon as this returns."""
        bucket = shard_id % self._concurrency
        if self.among_processes is not None:
            await self.among_processes(bucket, SECONDS)
        self._next[bucket] = self._now() + SECONDS
        self._sending.discard(shard_id)
        self._remaining -= 1

    async def _ask_again(self) -> None:
        async with self._asking:
            if self._ask is None or self._now() < self._asked_at + ASK_SECONDS:
                return
            self._asked_at = self._now()
            limits = await self._ask()
            if limits:
                self._learn(**limits)

    def _seconds_to_another_day(self, *, again: bool) -> float:
        """How long a session has to wait for one, if it does."""
        if self._resets_at <= self._now():
            self._remaining, self._resets_at = self._total, self._now() + _DAY_SECONDS
        kept = self._total * KEPT_SHARE if again else 0
        enough = self._remaining - len(self._sending) > kept
        return 0.0 if enough else self._resets_at - self._now()
