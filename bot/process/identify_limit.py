"""Rate limit of IDENTIFY: how many shards may begin a session in five seconds.

Discord lets as many begin in five seconds as `max_concurrency` says, one of each
`shard_id % max_concurrency`, and some thousand a day; who begins more is thrown out everywhere and
needs a new token (https://discord.com/developers/docs/events/gateway#rate-limiting). discord.py
keeps to that only while it starts.
"""

import asyncio
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable
from typing import Final

from bot.process.connection import UnreachableError

# A little longer than Discord says: it counts when one arrives, which takes now more, now less.
SECONDS: Final = 5.5


class IdentifyLimit:
    """The sessions that this process has begun, by the bucket that Discord counts them in."""

    def __init__(
        self,
        now: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        # Waits for the turn among several processes, if there are: given the bucket, and how many
        # seconds a turn takes.
        self.among_processes: Callable[[int, float], Awaitable[None]] | None = None
        self._now = now
        self._sleep = sleep
        self._concurrency = 1
        self._next: dict[int, float] = {}
        self._turns: defaultdict[int, asyncio.Lock] = defaultdict(asyncio.Lock)

    def allow(
        self, shard_count: int, *, max_concurrency: int, remaining: int, reset_after: int, **_: int
    ) -> None:
        """Keep from now on to what Discord says of sessions: `reset_after` is in milliseconds.

        Raises:
            UnreachableError: if not every shard can begin a session now; it says when.
        """
        self._concurrency = max(max_concurrency, 1)
        if remaining < shard_count:
            minutes = -(-reset_after // 60_000)
            raise UnreachableError(
                f"Discord lets this bot connect {remaining:,} more times for now, and it "
                f"has {shard_count:,} shards. Start it again in {minutes:,} minutes."
            )

    async def wait(self, shard_id: int) -> None:
        """Wait until a shard may begin a session; whoever asked first is first."""
        bucket = shard_id % self._concurrency
        async with self._turns[bucket]:
            ahead = self._next.get(bucket, 0.0) - self._now()
            if ahead > 0:
                await self._sleep(ahead)
            if self.among_processes is not None:
                await self.among_processes(bucket, SECONDS)
            self._next[bucket] = self._now() + SECONDS
