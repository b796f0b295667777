"""Cache of guild and channel settings, such as whether a reply is ephemeral.

The settings decide how a reply is deferred. Discord allows three seconds for that, and the worker
may be busy with other jobs or still opening the core.
"""

import asyncio
from typing import Any, Final

import discord
from cachetools import LRUCache, TTLCache

from bot.core.job_queue import Priority
from bot.interactions.policy.explanations import EXPLAINED
from bot.interactions.services import Services
from knowledge.store.database import DatabaseAwayError
from knowledge.values.guilds import Language
from knowledge.values.settings import (
    EffectiveSettings,
    GuildChoices,
    GuildSettings,
    Mode,
    Place,
    effective_settings,
)

# Another process, such as an import, may change the settings.
_TTL_SECONDS: Final = 60
# Guilds in the caches, a kilobyte each.
_GUILDS: Final = 10_000
_PATIENCE_SECONDS: Final = 1.5
# A form must be the first response, after other lookups.
_VIEWER_SECONDS: Final = 0.5


class GuildSettingsCache:
    """TTL cache of settings, which stay in use while the database is away or slow."""

    def __init__(self, bot: Services) -> None:
        self._bot = bot
        self._fresh: TTLCache[int, GuildChoices] = TTLCache(_GUILDS, _TTL_SECONDS)
        # Never expires, for callers that can't wait.
        self._last: LRUCache[int, GuildChoices] = LRUCache(_GUILDS)
        # Guilds whose settings changed since they were last read.
        self._outdated: set[int] = set()

    def preload(self, choices: dict[int, GuildChoices]) -> None:
        """Cache settings; the worker's thread calls this while it opens the core."""
        self._last.update(choices)

    def forget(self, guild_id: int) -> None:
        self._fresh.pop(guild_id, None)
        self._outdated.add(guild_id)

    async def choices(self, guild_id: int) -> GuildChoices:
        fresh = self._fresh.get(guild_id)
        if fresh is not None:
            return fresh
        try:
            choices = await self._bot.worker.call(
                lambda core: core.store.channel_settings.choices(guild_id),
                priority=Priority.ASKING,
            )
        except DatabaseAwayError:
            # The last known settings hold meanwhile.
            if guild_id not in self._last or guild_id in self._outdated:
                raise
            return self._last[guild_id]
        self._outdated.discard(guild_id)
        self._fresh[guild_id] = self._last[guild_id] = choices
        return choices

    def known(self, guild_id: int) -> GuildSettings:
        last = self._last.get(guild_id)
        return GuildSettings(guild_id) if last is None else last.server

    async def current(self, guild_id: int) -> GuildSettings:
        """Return a guild's settings from the store, bypassing the cache."""
        return await self._bot.worker.call(
            lambda core: core.store.guilds.settings(guild_id), priority=Priority.ASKING
        )

    async def settings(self, guild_id: int) -> GuildSettings:
        return (await self.choices(guild_id)).server

    async def in_channel(self, channel: Any) -> EffectiveSettings:
        guild = _guild(channel)
        choices = _NOTHING if guild is None else await self.choices(guild.id)
        return self._holding(channel, choices)

    def _holding(self, channel: Any, choices: GuildChoices) -> EffectiveSettings:
        answers = self._bot.settings.answers
        return effective_settings(
            _place(self._bot, channel),
            choices,
            private=answers.private,
            quotations=answers.passages,
        )

    async def language(self, guild_id: int | None) -> Language:
        if guild_id is None:
            return Language.ENGLISH
        return (await self.settings(guild_id)).language

    async def language_in(self, channel: Any) -> Language:
        return (await self.in_channel(channel)).language

    async def language_in_time(self, channel: Any) -> Language:
        try:
            async with asyncio.timeout(_VIEWER_SECONDS):
                return await self.language_in(channel)
        except (TimeoutError, *EXPLAINED):
            return self._last_in(channel).language

    def _last_in(self, channel: Any) -> EffectiveSettings:
        guild = _guild(channel)
        last = self._last.get(guild.id) if guild is not None else None
        return self._holding(channel, last or _NOTHING)

    async def may_hand_over(self, guild_id: int | None) -> bool:
        if guild_id is None:
            return False
        settings = await self.settings(guild_id)
        return settings.hand_on and settings.complete

    async def answers_privately(self, channel: Any) -> bool:
        if not self._bot.worker.is_open:
            # The worker is still opening the model; it has preloaded the settings.
            return self._last_in(channel).private
        try:
            async with asyncio.timeout(_PATIENCE_SECONDS):
                return (await self.in_channel(channel)).private
        except TimeoutError:
            return True

    async def answers_in(self, channel: Any) -> bool:
        return (await self.in_channel(channel)).mode is not Mode.OFF


_NOTHING: Final = GuildChoices(GuildSettings(0))


def _guild(channel: Any) -> discord.Guild | None:
    return channel if isinstance(channel, discord.Guild) else getattr(channel, "guild", None)


def _place(bot: Services, channel: Any) -> Place | None:
    """Return the ids of a channel, its category and thread; None outside of guilds."""
    guild = getattr(channel, "guild", None)
    if guild is None:
        return None
    if isinstance(channel, discord.CategoryChannel):
        return Place(None, channel.id)
    thread_id = channel.id if isinstance(channel, discord.Thread) else None
    around = channel
    if thread_id is not None:
        # A guild from an event may lack its channels.
        around = (bot.get_guild(guild.id) or guild).get_channel(channel.parent_id)
    return Place(
        channel.id if thread_id is None else channel.parent_id,
        getattr(around, "category_id", None),
        thread_id,
        forum=isinstance(around, discord.ForumChannel),
    )
