"""Cache of guild and channel settings: they decide whether a reply is deferred privately.

Discord waits only three seconds for that, and the worker may be busy, or still be opening its
files.
"""

import asyncio
from typing import Any, Final

import discord
from cachetools import LRUCache, TTLCache

from bot.core.job_queue import Priority
from bot.interactions.policy.explanations import EXPLAINED
from bot.interactions.services import Services
from knowledge.store.database import DatabaseAwayError
from knowledge.values.channel_settings import (
    Configured,
    GuildChoices,
    HoldingSettings,
    Mode,
    Place,
    holding,
)
from knowledge.values.guilds import GuildSettings, Language

# Another process, an import for instance, may change them.
_TTL_SECONDS: Final = 60
# Of so many guilds; a kilobyte each.
_GUILDS: Final = 10_000
_PATIENCE_SECONDS: Final = 1.5
# A form must be the first response, and other things are looked up for some.
_VIEWER_SECONDS: Final = 0.5


class GuildSettingsCache:
    """What the guilds chose that were asked about lately, as it was a minute ago at most."""

    def __init__(self, bot: Services) -> None:
        self._bot = bot
        self._fresh: TTLCache[int, GuildChoices] = TTLCache(_GUILDS, _TTL_SECONDS)
        # What they were last, for what can't wait for the worker.
        self._last: LRUCache[int, GuildChoices] = LRUCache(_GUILDS)
        # The guilds whose choices have changed since.
        self._outdated: set[int] = set()

    def preload(self, choices: dict[int, GuildChoices]) -> None:
        """Take what is known before the worker is open; to be called in its thread."""
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
            # The last known choices hold meanwhile.
            if guild_id not in self._last or guild_id in self._outdated:
                raise
            return self._last[guild_id]
        self._outdated.discard(guild_id)
        self._fresh[guild_id] = self._last[guild_id] = choices
        return choices

    def known(self, guild_id: int) -> GuildSettings:
        """What is known without asking the worker: what was there when it was asked last."""
        last = self._last.get(guild_id)
        return GuildSettings(guild_id) if last is None else last.server

    async def settings(self, guild_id: int) -> GuildSettings:
        return (await self.choices(guild_id)).server

    async def in_channel(self, channel: Any) -> HoldingSettings:
        """What holds in a channel or thread, a category or guild; outside of one what is built in.

        It is asked for each message: once a minute at most for each guild, the worker is, too.
        """
        guild = _guild(channel)
        choices = _NOTHING if guild is None else await self.choices(guild.id)
        return self._holding(channel, choices)

    def _holding(self, channel: Any, choices: GuildChoices) -> HoldingSettings:
        answers = self._bot.settings.answers
        configured = Configured(answers.private, answers.passages)
        return holding(_place(self._bot, channel), choices, configured)

    async def language(self, guild_id: int | None) -> Language:
        """The guild's language; English outside of one."""
        if guild_id is None:
            return Language.ENGLISH
        return (await self.settings(guild_id)).language

    async def language_in(self, channel: Any) -> Language:
        """The language of what everybody reads in a channel."""
        return (await self.in_channel(channel)).language

    async def language_in_time(self, channel: Any) -> Language:
        """The same, as far as that can be found out: a form can't wait."""
        try:
            async with asyncio.timeout(_VIEWER_SECONDS):
                return await self.language_in(channel)
        except (TimeoutError, *EXPLAINED):
            return self._last_in(channel).language

    def _last_in(self, channel: Any) -> HoldingSettings:
        guild = _guild(channel)
        last = self._last.get(guild.id) if guild is not None else None
        return self._holding(channel, last or _NOTHING)

    async def hands_on(self, guild_id: int | None) -> bool:
        """Whether who is refused an answer may have the question put to the moderators."""
        if guild_id is None:
            return False
        settings = await self.settings(guild_id)
        return settings.hand_on and settings.complete

    async def answers_privately(self, channel: Any) -> bool:
        """Whether an answer is shown to the asker alone who did not say how they want it.

        Where that can't be found out in time it is: what was private can still be shared.
        """
        if not self._bot.worker.opened:
            # The model is being opened; what was chosen is read before that.
            return self._last_in(channel).private
        try:
            async with asyncio.timeout(_PATIENCE_SECONDS):
                return (await self.in_channel(channel)).private
        except TimeoutError:
            return True

    async def answers_in(self, channel: Any) -> bool:
        """Whether mentions are answered in a channel."""
        return (await self.in_channel(channel)).mode is not Mode.OFF


_NOTHING: Final = GuildChoices(GuildSettings(0))


def _guild(channel: Any) -> discord.Guild | None:
    return channel if isinstance(channel, discord.Guild) else getattr(channel, "guild", None)


def _place(bot: Services, channel: Any) -> Place | None:
    """Where a channel is, by discord.py's cache; None for what is in none."""
    guild = getattr(channel, "guild", None)
    if guild is None:
        return None
    if isinstance(channel, discord.CategoryChannel):
        return Place(None, channel.id)
    thread_id = channel.id if isinstance(channel, discord.Thread) else None
    around = channel
    if thread_id is not None:
        # A guild that came with an event may know no channel.
        around = (bot.get_guild(guild.id) or guild).get_channel(channel.parent_id)
    return Place(
        channel.id if thread_id is None else channel.parent_id,
        getattr(around, "category_id", None),
        thread_id,
        forum=isinstance(around, discord.ForumChannel),
    )
