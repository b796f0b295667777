"""Delayed edits of sent messages.

A message is edited only if it still contains a given line, so no edit overwrites another change.
Discord accepts edits with an interaction's token for 15 minutes.
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
from bot.interactions.kit.retries import send_with_retries
from bot.interactions.services import Interaction, Pacer

PAUSE_SECONDS: Final = 1.0
# Channels in the LRU cache of last edits.
_CHANNELS: Final = 4_096

_logger = logging.getLogger(__name__)


class Posted(Protocol):
    """A sent message that the bot can edit later."""

    @property
    def channel_id(self) -> int:
        """The id of the message's channel."""

    @property
    def is_over(self) -> bool:
        """Whether Discord no longer accepts edits."""

    async def fetch(self) -> discord.Message | None:
        """Fetch the message, None if it can't be seen; discord.NotFound if it was deleted."""

    async def edit(self, **shown: Any) -> None:
        """Edit the message."""


@dataclass(frozen=True, slots=True)
class PostedMessage:
    """Message that the bot sent as itself."""

    message: discord.Message

    @property
    def channel_id(self) -> int:
        return self.message.channel.id

    @property
    def is_over(self) -> bool:
        return False

    async def fetch(self) -> discord.Message | None:
        try:
            return await self.message.channel.fetch_message(self.message.id)
        except discord.Forbidden:
            # Without this permission, no click can have changed the message either.
            return None

    async def edit(self, **shown: Any) -> None:
        await send_with_retries(lambda: self.message.edit(**shown))


@dataclass(frozen=True, slots=True)
class PostedResponse:
    """Response or follow-up to an interaction, possibly ephemeral."""

    interaction: Interaction
    message_id: int

    @property
    def channel_id(self) -> int:
        return self.interaction.channel_id or 0

    @property
    def is_over(self) -> bool:
        return self.interaction.is_expired()

    async def fetch(self) -> discord.Message | None:
        return await self.interaction.followup.fetch_message(self.message_id)

    async def edit(self, **shown: Any) -> None:
        # The adapter of interaction tokens resends by itself.
        await self.interaction.followup.edit_message(self.message_id, **shown)


class EditPacer:
    """Rate limiter: one edit a second in each channel, because Discord delays faster edits."""

    def __init__(
        self,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._clock = clock
        self._sleep = sleep
        self._next: LRUCache[int, float] = LRUCache(_CHANNELS)

    async def turn(self, channel_id: int) -> None:
        """Wait until the next edit in a channel is allowed."""
        now = self._clock()
        at = max(now, self._next.get(channel_id, now))
        self._next[channel_id] = at + PAUSE_SECONDS
        if at > now:
            await self._sleep(at - now)


async def edit_once(posted: Posted, pacer: Pacer, line: str, shown: dict[str, Any]) -> bool:
    """Edit a message if it still contains the `line`; return whether it was edited."""
    await pacer.turn(posted.channel_id)
    try:
        if posted.is_over:
            return False
        current = await posted.fetch()
        if current is not None and line not in text_of(current).split("\n"):
            return False
        if posted.is_over:
            return False
        await posted.edit(**shown)
    except discord.NotFound:
        return False
    except UNREACHED as error:
        _logger.info("A phrased answer could not be shown: %s", error)
        return False
    return True
