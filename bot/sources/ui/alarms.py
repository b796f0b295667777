"""Alarms of failing sources: one card each in the review channel, edited when it recovers.

A round compares the failing sources with the stored cards. A card is stored before its message is
posted with a nonce, and deleted after its last edit. So after a kill, nothing is posted twice.
"""

import functools
import logging
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Final

import discord

from bot.interactions.kit.errors import UNREACHED
from bot.interactions.kit.retries import send_with_retries
from bot.interactions.policy.channel_access import visible_without_roles
from bot.interactions.services import Services
from bot.sources import messages, service
from knowledge.corpus import FailingSource
from knowledge.values.documents import SHARED
from knowledge.values.guilds import SourceCard
from knowledge.values.settings import GuildSettings

ROUND_SECONDS: Final = 60.0

_logger = logging.getLogger(__name__)


class SourceAlarms:
    """Posts and edits the cards of failing sources."""

    def __init__(self, bot: Services) -> None:
        self._bot = bot

    async def round(self) -> None:
        """Post cards of sources that began to fail, and bring the others up to date."""
        guilds, mine = [guild.id for guild in self._bot.guilds], self._bot.serves
        failing, cards = await self._bot.worker.call(
            lambda core: service.alarms(core, guilds, mine)
        )
        for key in sorted(failing.keys() | cards.keys()):
            guild_id, location = key
            if guild_id not in guilds:
                continue
            settings = await self._bot.guild_settings.current(guild_id)
            try:
                await self._show(settings, location, failing.get(key), cards.get(key))
            except UNREACHED as error:
                _logger.warning("A source's alarm could not be posted: %s", error)

    async def _show(
        self,
        settings: GuildSettings,
        location: str,
        source: FailingSource | None,
        card: SourceCard | None,
    ) -> None:
        """Post or edit the card of a source; `source` is None if it doesn't fail any more."""
        channel: Any = self._bot.get_channel(settings.review_channel_id or 0)
        if card is None or card.message_id is None:
            if card is not None and source is None:
                await self._drop(settings.guild_id, location)
            is_wanted = source is not None and settings.source_alarms
            if is_wanted and isinstance(channel, discord.abc.Messageable):
                new = card or SourceCard(settings.guild_id, location, datetime.now(UTC))
                await self._keep(new)
                said = self._words(settings, channel, location, source)
                message = await send_with_retries(
                    functools.partial(channel.send, said, silent=True, nonce=new.nonce)
                )
                # An earlier attempt may have posted other words, which are edited next.
                new = replace(new, channel_id=message.channel.id, message_id=message.id)
                await self._keep(replace(new, shown=message.content))
            return
        place = self._bot.get_channel(card.channel_id or 0)
        said = self._words(settings, place, location, source)
        if said != card.shown:
            try:
                partial: Any = self._bot.get_partial_messageable(card.channel_id or 0)
                await partial.get_partial_message(card.message_id).edit(content=said)
            except (discord.NotFound, discord.Forbidden):
                # A deleted card isn't posted again.
                _logger.info("The card of a source is gone.")
            await self._keep(replace(card, shown=said))
        if source is None:
            await self._drop(settings.guild_id, location)

    async def _keep(self, card: SourceCard) -> None:
        await self._bot.worker.call(lambda core: core.store.source_cards.keep(card))

    async def _drop(self, guild_id: int, location: str) -> None:
        await self._bot.worker.call(lambda core: core.store.source_cards.drop(guild_id, location))

    def _words(
        self, settings: GuildSettings, channel: Any, location: str, source: FailingSource | None
    ) -> str:
        roles = (settings.moderator_role_id,)
        is_closed = isinstance(channel, discord.abc.GuildChannel) and not visible_without_roles(
            channel, roles
        )
        is_named = is_closed or (source is not None and source.scope == SHARED)
        return messages.alarm(location, source, settings.language, is_named=is_named)
