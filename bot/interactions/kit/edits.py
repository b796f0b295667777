"""Later edits of a message that was sent: one each, in time, and none of what somebody changed.

Discord takes edits by an interaction's token for 15 minutes. A message that says something else by
now, or is gone, is left alone: only what still ends with the line that it was sent with is edited.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final, Protocol

import discord
from cachetools import LRUCache

from bot.interactions.kit.errors import UNREACHED
from bot.interactions.kit.layouts import text_of
from bot.interactions.kit.retries import resent
from bot.interactions.services import Interaction, Pacer

PAUSE_SECONDS: Final = 1.0
# Of so many channels it is known when the last edit was.
_CHANNELS: Final = 4_096

_logger = logging.getLogger(__name__)


class Posted(Protocol):
    """A message that was sent."""

    @property
    def channel_id(self) -> int:
        """Where it is."""

    @property
    def expired(self) -> bool:
        """Whether Discord takes no edit of it any more."""

    async def now(self) -> discord.Message | None:
        """As it is now; None where the bot may not look at it.

        Raises:
            discord.NotFound: if it is gone.
        """

    async def edit(self, **shown: Any) -> None:
        """Edit it."""


@dataclass(frozen=True, slots=True)
class PostedMessage:
    """A message that the bot sent as itself."""

    message: discord.Message

    @property
    def channel_id(self) -> int:
        return self.message.channel.id

    @property
    def expired(self) -> bool:
        return False

    async def now(self) -> discord.Message | None:
        try:
            return await self.message.channel.fetch_message(self.message.id)
        except discord.Forbidden:
            # Nor could it be changed by a click: that takes looking at it, too.
            return None

    async def edit(self, **shown: Any) -> None:
        await resent(lambda: self.message.edit(**shown))


@dataclass(frozen=True, slots=True)
class PostedResponse:
    """A response to an interaction, or what followed it: whoever alone sees it may be its asker."""

    interaction: Interaction
    message_id: int

    @property
    def channel_id(self) -> int:
        return self.interaction.channel_id or 0

    @property
    def expired(self) -> bool:
        return self.interaction.is_expired()

    async def now(self) -> discord.Message | None:
        return await self.interaction.followup.fetch_message(self.message_id)

    async def edit(self, **shown: Any) -> None:
        # Whatever is sent by a token is sent again by itself where a connection breaks.
        await self.interaction.followup.edit_message(self.message_id, **shown)


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


async def edit_once(posted: Posted, pacer: Pacer, line: str, shown: dict[str, Any]) -> bool:
    """Edit a message that still has its `line`; False if it is left as it is.

    Edits of an expired interaction's messages are not tried.
    """
    await pacer.turn(posted.channel_id)
    try:
        if posted.expired:
            return False
        current = await posted.now()
        if current is not None and line not in text_of(current).split("\n"):
            return False
        if posted.expired:
            return False
        await posted.edit(**shown)
    except discord.NotFound:
        return False
    except UNREACHED as error:
        _logger.info("A phrased answer could not be shown: %s", error)
        return False
    return True
