"""Rate limiter of later edits: one a second a channel, in the order in which they are ready."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Final

from cachetools import LRUCache

PAUSE_SECONDS: Final = 1.0
# Of so many channels it is known when the last edit was.
_CHANNELS: Final = 4_096


class EditPacer:
    """Lets one edit a second go to a channel: Discord holds up what comes faster."""

    def __init__(
        self,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._clock = clock
        self._sleep = sleep
        self._next: LRUCache[int, float] = LRUCache(_CHANNELS)

    async def turn(self, channel_id: int) -> None:
        """Wait until it is this one's turn."""
        now = self._clock()
        at = max(now, self._next.get(channel_id, now))
        self._next[channel_id] = at + PAUSE_SECONDS
        if at > now:
            await self._sleep(at - now)
