"""Autocomplete of notes, tags and titles, from TTL caches."""

from typing import Final

import discord
from cachetools import TTLCache
from discord import app_commands
from discord.ext import commands

from bot.answers.lookup import scopes_of
from bot.autocomplete.choices import Choice, Choices, Titles
from bot.core.job_queue import Priority
from bot.interactions.kit.errors import BusyError, in_time
from bot.interactions.policy.channel_access import readable_in
from bot.interactions.policy.guild_settings import viewer_language
from bot.interactions.services import Interaction, Services
from knowledge.values.documents import ARTICLES

# Another process, an import for instance, may add notes.
_TTL_SECONDS: Final = 60
# Titles change with what is said in channels, too; what is deleted there is soon offered no more.
_TITLES_TTL_SECONDS: Final = 20
# Of so many guilds; a large one has a megabyte of titles.
_GUILDS: Final = 100
# How many titles are held for choosing, the newest; a key that is pressed looks at each of them.
TITLES: Final = 20_000


class AutocompleteCache(commands.Cog):
    """TTL caches of what can be chosen: Discord asks at every key that is pressed."""

    def __init__(self, bot: Services) -> None:
        self._bot = bot
        self._choices: TTLCache[int, Choices] = TTLCache(_GUILDS, _TTL_SECONDS)
        self._titles: TTLCache[int | None, Titles] = TTLCache(_GUILDS, _TITLES_TTL_SECONDS)

    async def choices(self, guild_id: int | None) -> Choices:
        if guild_id is None:
            return Choices(())
        choices = self._choices.get(guild_id)
        if choices is None:
            choices = await self._bot.worker.call(
                lambda core: Choices(core.store.notes.listed(guild_id)),
                priority=Priority.ASKING,
            )
            self._choices[guild_id] = choices
        return choices

    async def titles(self, guild_id: int | None) -> Titles:
        """The titles of every document in a guild, whoever may see it; outside, the shared ones."""
        titles = self._titles.get(guild_id)
        if titles is None:
            followed = self._bot.followed.get(guild_id, ()) if guild_id is not None else ()
            scopes = scopes_of(guild_id, tuple(followed))
            titles = await self._bot.worker.call(
                lambda core: Titles(core.index.tables.titles(core.articles.seen(scopes), TITLES)),
                priority=Priority.ASKING,
            )
            self._titles[guild_id] = titles
        return titles

    def forget(self) -> None:
        self._choices.clear()
        self._titles.clear()


def _cache(interaction: Interaction) -> AutocompleteCache:
    found = interaction.client.get_cog(AutocompleteCache.__cog_name__)
    if not isinstance(found, AutocompleteCache):
        raise TypeError("The bot has no cache for autocomplete.")
    return found


async def choices_at_once(interaction: Interaction, guild_id: int | None) -> Choices:
    """What can be chosen in a guild, or nothing if that takes longer than Discord waits."""
    try:
        async with in_time():
            return await _cache(interaction).choices(guild_id)
    except BusyError:
        return Choices(())


async def every_title(interaction: Interaction) -> Titles:
    return await _cache(interaction).titles(interaction.guild_id)


async def live_notes(interaction: Interaction, typed: str) -> list[app_commands.Choice[str]]:
    language = await viewer_language(interaction)
    return _offered((await _choices(interaction)).live(typed, language))


async def own_notes(interaction: Interaction, typed: str) -> list[app_commands.Choice[str]]:
    language = await viewer_language(interaction)
    return _offered((await _choices(interaction)).own(interaction.user.id, typed, language))


async def visible_notes(interaction: Interaction, typed: str) -> list[app_commands.Choice[str]]:
    language = await viewer_language(interaction)
    return _offered((await _choices(interaction)).either(interaction.user.id, typed, language))


async def tags(interaction: Interaction, typed: str) -> list[app_commands.Choice[str]]:
    return _offered((await _choices(interaction)).tag(typed))


async def one_tag(interaction: Interaction, typed: str) -> list[app_commands.Choice[str]]:
    return _offered((await _choices(interaction)).one_tag(typed))


async def titles(interaction: Interaction, typed: str) -> list[app_commands.Choice[str]]:
    try:
        async with in_time():
            known = await every_title(interaction)
    except BusyError:
        return []
    scopes = scopes_of(interaction.guild_id, readable_in(interaction, private=True))
    return _offered(known.matching(typed, (*scopes, ARTICLES)))


async def note_id_of(interaction: Interaction, typed: str) -> int | None:
    return (await _choices(interaction)).note_id(typed, interaction.user.id)


async def _choices(interaction: Interaction) -> Choices:
    """What can be chosen; while somebody types, nothing if that can't be said in time."""
    if interaction.type is discord.InteractionType.autocomplete:
        return await choices_at_once(interaction, interaction.guild_id)
    return await _cache(interaction).choices(interaction.guild_id)


def _offered(choices: list[Choice]) -> list[app_commands.Choice[str]]:
    return [app_commands.Choice(name=choice.name, value=choice.value) for choice in choices]
