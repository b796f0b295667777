"""Cache of guild settings: they decide whether a reply is deferred privately.

Discord waits only three seconds for that, and the worker may be busy, or still be opening its
files.
"""

import asyncio
from typing import Any, Final

import discord
from cachetools import LRUCache, TTLCache

from bot.engine.job_queue import Priority
from bot.interactions.errors import EXPLAINED
from bot.interactions.services import Interaction, Services
from bot.text import languages
from knowledge.model.guilds import GuildSettings, Language

# Another process, an import for instance, may change them.
_TTL_SECONDS: Final = 60
# Of so many guilds; a kilobyte each.
_GUILDS: Final = 10_000
_PATIENCE_SECONDS: Final = 1.5
# A form must be the first response, and other things are looked up for some.
_VIEWER_SECONDS: Final = 0.5


class GuildSettingsCache:
    """The settings of the guilds that were asked about lately, as they were a minute ago."""

    def __init__(self, bot: Services) -> None:
        self._bot = bot
        self._fresh: TTLCache[int, GuildSettings] = TTLCache(_GUILDS, _TTL_SECONDS)
        # What they were last, for what can't wait for the worker.
        self._last: LRUCache[int, GuildSettings] = LRUCache(_GUILDS)

    def preload(self, settings: dict[int, GuildSettings]) -> None:
        """Take what is known before the worker is open; to be called in its thread."""
        self._last.update(settings)

    def forget(self, guild_id: int) -> None:
        self._fresh.pop(guild_id, None)

    async def settings(self, guild_id: int) -> GuildSettings:
        fresh = self._fresh.get(guild_id)
        if fresh is not None:
            return fresh
        settings = await self._bot.worker.call(
            lambda core: core.store.guilds.settings(guild_id), priority=Priority.ASKING
        )
        self._fresh[guild_id] = self._last[guild_id] = settings
        return settings

    async def language(self, guild_id: int | None) -> Language:
        """The guild's language; English outside of one."""
        if guild_id is None:
            return Language.ENGLISH
        return (await self.settings(guild_id)).language

    async def language_in_time(self, guild_id: int | None) -> Language:
        """The guild's language, as far as that can be found out: a form can't wait."""
        try:
            async with asyncio.timeout(_VIEWER_SECONDS):
                return await self.language(guild_id)
        except (TimeoutError, *EXPLAINED):
            return self._last.get(guild_id or 0, GuildSettings(guild_id or 0)).language

    async def hands_on(self, guild_id: int | None) -> bool:
        """Whether who is refused an answer may have the question put to the moderators."""
        if guild_id is None:
            return False
        settings = await self.settings(guild_id)
        return settings.hand_on and settings.complete

    async def answers_privately(self, guild_id: int | None) -> bool:
        """Whether an answer is shown to the asker alone who did not say how they want it.

        Where that can't be found out in time it is: what was private can still be shared.
        """
        operators = self._bot.settings.answers.private
        if guild_id is None:
            return operators
        if not self._bot.worker.opened:
            # The model is being opened; what was chosen is read before that.
            last = self._last.get(guild_id, GuildSettings(guild_id)).private_answers
            return operators if last is None else last
        try:
            async with asyncio.timeout(_PATIENCE_SECONDS):
                own = (await self.settings(guild_id)).private_answers
        except TimeoutError:
            return True
        return operators if own is None else own

    async def answers_in(self, channel: Any) -> bool:
        """Whether mentions are answered in a channel: it, its parent or its category was chosen."""
        guild = getattr(channel, "guild", None)
        if guild is None:
            return True
        listened_to = (await self.settings(guild.id)).listen_channels
        if not listened_to:
            return True
        parent = channel.parent if isinstance(channel, discord.Thread) else channel
        above = {getattr(parent, "id", None), getattr(parent, "category_id", None)}
        return not above.isdisjoint(listened_to) or channel.id in listened_to


async def viewer_language(interaction: Interaction) -> Language:
    """The language of what whoever caused an interaction sees alone: that of their Discord.

    Where I don't speak it, it is the guild's. Discord says with each interaction what it is: it is
    kept nowhere.
    """
    own = languages.of_locale(interaction.locale.value)
    return own or await interaction.client.guild_settings.language_in_time(interaction.guild_id)


async def message_language(interaction: Interaction) -> Language:
    """The language of the message that was clicked on: its one viewer's, or the guild's."""
    message = interaction.message
    if message is None or message.flags.ephemeral:
        return await viewer_language(interaction)
    return await interaction.client.guild_settings.language(interaction.guild_id)
