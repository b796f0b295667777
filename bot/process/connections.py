"""Connections of the shards: back-off, session limits, and log lines about outages.

Shards with the same `shard_id % max_concurrency` share a bucket. In each bucket, one session may
begin in five seconds. In all, a bot may begin about a thousand sessions a day; Discord resets the
token of a bot that begins more. discord.py itself respects the limits only at the start.

Source:
    https://discord.com/developers/docs/events/gateway#rate-limiting
"""

import asyncio
import logging
import math
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Final

from bot.interactions.kit.connection_backoff import FIRST_IDENTIFY_SECONDS, ConnectionBackoff
from bot.process.login import UnreachableError
from knowledge.text import count_of

# Shorter waits happen every day and aren't logged.
TOLD_SECONDS: Final = 10.0

# A little longer than Discord's limit, which counts arrivals.
SECONDS: Final = FIRST_IDENTIFY_SECONDS
# Before a session begins, session limits older than this are fetched again.
ASK_SECONDS: Final = 60.0
# Share of a day's sessions reserved for shards that haven't failed.
KEPT_SHARE: Final = 1 / 10
_DAY_SECONDS: Final = 86_400.0

_logger = logging.getLogger(__name__)


def loop_seconds() -> float:
    """The event loop's clock, in seconds."""
    return asyncio.get_running_loop().time()


class IdentifyLimit:
    """Rate limiter for this process's shards, by bucket and by day."""

    def __init__(self, ask: Callable[[], Awaitable[Mapping[str, int]]]) -> None:
        """Start with default limits; `ask` returns Discord's, or nothing without an answer."""
        # Waits until this process may use a bucket, among several processes. The second argument is
        # the number of seconds between two sessions in the bucket.
        self.among_processes: Callable[[int, float], Awaitable[None]] | None = None
        self._ask = ask
        self._asking = asyncio.Lock()
        self._asked_at = -math.inf
        self._concurrency = 1
        self._total = self._remaining = 1_000
        self._resets_at = -math.inf
        self._next: dict[int, float] = {}
        self._turns: defaultdict[int, asyncio.Lock] = defaultdict(asyncio.Lock)
        # Shards about to send IDENTIFY.
        self._sending: set[int] = set()
        # Shards that wait for the next day.
        self._held: set[int] = set()

    def apply(self, shard_count: int, **limits: int) -> None:
        """Apply Discord's limits; `reset_after` is in ms. UnreachableError if they are too low."""
        self._set_limits(**limits)
        if self._remaining < shard_count:
            raise UnreachableError(
                f"Discord lets this bot connect only {count_of(self._remaining, 'more time')}, but "
                f"it has {count_of(shard_count, 'shard')}. Start it again in {self._minutes}."
            )

    def _set_limits(
        self, *, total: int, max_concurrency: int, remaining: int, reset_after: int, **_: int
    ) -> None:
        self._asked_at = loop_seconds()
        self._concurrency = max(max_concurrency, 1)
        self._total, self._remaining = total, remaining
        self._resets_at = loop_seconds() + reset_after / 1_000

    @property
    def _minutes(self) -> str:
        return count_of(int(-(-(self._resets_at - loop_seconds()) // 60)), "minute")

    @property
    def problem(self) -> str:
        """Reason why shards wait for the next day, or ""."""
        if not self._held:
            return ""
        waiting = f"{len(self._held):,} shards wait" if len(self._held) > 1 else "a shard waits"
        return (
            f"Discord lets this bot begin {count_of(self._remaining, 'more session')} for now, so "
            f"{waiting} {self._minutes}."
        )

    @asynccontextmanager
    async def turn(self, shard_id: int, *, again: bool) -> AsyncIterator[None]:
        """Wait until a shard may begin a session. Shards of the same bucket wait for one another.

        The shard connects and sends IDENTIFY inside this context. `again` tells that its last
        session ended before it was ready.
        """
        bucket = shard_id % self._concurrency
        while True:
            async with self._turns[bucket]:
                async with self._asking:
                    if loop_seconds() >= self._asked_at + ASK_SECONDS:
                        self._asked_at = loop_seconds()
                        if limits := await self._ask():
                            self._set_limits(**limits)
                seconds = self._seconds_until_allowed(again=again)
                if not seconds:
                    self._sending.add(shard_id)
                    try:
                        await asyncio.sleep(max(self._next.get(bucket, 0.0) - loop_seconds(), 0.0))
                        yield
                    finally:
                        self._sending.discard(shard_id)
                    return
            self._held.add(shard_id)
            try:
                await asyncio.sleep(min(seconds, ASK_SECONDS))
            finally:
                self._held.discard(shard_id)

    async def count(self, shard_id: int) -> None:
        """Count a shard's IDENTIFY just before it is sent, in this process's turn."""
        bucket = shard_id % self._concurrency
        if self.among_processes is not None:
            await self.among_processes(bucket, SECONDS)
        self._next[bucket] = loop_seconds() + SECONDS
        self._sending.discard(shard_id)
        self._remaining -= 1

    def _seconds_until_allowed(self, *, again: bool) -> float:
        """Return 0 if a session may begin now, or else the seconds until the next day's sessions.

        `again` tells that the shard's last session failed. Such a shard must leave `KEPT_SHARE` of
        the day's sessions to the other shards.
        """
        if self._resets_at <= loop_seconds():
            self._remaining, self._resets_at = self._total, loop_seconds() + _DAY_SECONDS
        kept = self._total * KEPT_SHARE if again else 0
        enough = self._remaining - len(self._sending) > kept
        return 0.0 if enough else self._resets_at - loop_seconds()


class Connections:
    """The connections of one process's shards."""

    def __init__(self, ask: Callable[[], Awaitable[Mapping[str, int]]]) -> None:
        """Start without connections; `ask` returns Discord's session limits (`IdentifyLimit`)."""
        self.limit = IdentifyLimit(ask)
        self._backoffs: defaultdict[int, ConnectionBackoff] = defaultdict(
            lambda: ConnectionBackoff(loop_seconds)
        )
        # When shards connect again.
        self._due: dict[int, float] = {}
        # Start of the logged outage, and whether its end was logged.
        self._told_at: float | None = None
        self._end_told = False

    @asynccontextmanager
    async def connecting(self, shard_id: int, *, identifies: bool) -> AsyncIterator[None]:
        """Wait until a shard may connect. The shard sends IDENTIFY or RESUME in this context."""
        backoff = self._backoffs[shard_id]
        seconds = backoff.delay(identifies=identifies)
        self._due[shard_id] = loop_seconds() + seconds
        if not seconds and self._end_told:
            # A steady connection has ended, so this is a new outage.
            self._told_at, self._end_told = None, False
        if seconds >= TOLD_SECONDS and self._told_at is None:
            self._told_at = loop_seconds()
            _logger.warning(
                "Discord can't be reached, or ends each connection: shard %d tries again in "
                "%.0f s. Each shard tries at least every ten minutes.",
                shard_id,
                seconds,
            )
        try:
            await asyncio.sleep(seconds)
            if not identifies:
                backoff.begin(identifies=False)
                yield
                return
            async with self.limit.turn(shard_id, again=backoff.has_identified):
                backoff.begin(identifies=True)
                yield
        finally:
            self._due.pop(shard_id, None)

    def ready(self, shard_id: int) -> None:
        """Note that Discord has begun or resumed the session of a shard."""
        self._backoffs[shard_id].ready()
        if self._told_at is not None and not self._end_told and not self._due:
            minutes = (loop_seconds() - self._told_at) / 60
            self._end_told = True
            _logger.warning("Discord is connected again, after %.1f minutes.", minutes)

    def note_end(self, shard_id: int) -> None:
        self._backoffs[shard_id].end()

    @property
    def next_attempt(self) -> str:
        """A sentence about the session limit if it delays shards, or about the next attempt."""
        if self.limit.problem or not self._due:
            return self.limit.problem
        seconds = min(self._due.values()) - loop_seconds()
        return f"The next attempt is in {seconds:.0f} s." if seconds >= 1 else ""
