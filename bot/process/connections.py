"""Connections of the shards: back-off, and log lines when an outage begins and ends."""

import asyncio
import logging
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Final

from bot.interactions.kit.connection_backoff import ConnectionBackoff
from bot.process.identify_limit import IdentifyLimit

# Shorter waits happen every day and aren't logged.
TOLD_SECONDS: Final = 10.0

_logger = logging.getLogger(__name__)


def loop_seconds() -> float:
    """The event loop's clock, in seconds."""
    return asyncio.get_running_loop().time()


class Connections:
    """The connections of one process's shards."""

    def __init__(self, ask: Callable[[], Awaitable[Mapping[str, int]]]) -> None:
        """Start without connections; `ask` returns Discord's session limits (`IdentifyLimit`)."""
        self.limit = IdentifyLimit(loop_seconds, ask=ask)
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

    def ended(self, shard_id: int) -> None:
        """Note that the connection of a shard has ended."""
        self._backoffs[shard_id].end()

    @property
    def next_attempt(self) -> str:
        """A sentence about the session limit if it delays shards, or about the next attempt."""
        if self.limit.problem or not self._due:
            return self.limit.problem
        seconds = min(self._due.values()) - loop_seconds()
        return f"The next attempt is in {seconds:.0f} s." if seconds >= 1 else ""
