"""What can be chosen while typing, kept in memory: Discord asks at every key that is pressed."""

import time
from typing import TYPE_CHECKING, Any, Final

import discord
from discord import app_commands

from bot.answers.conversation import scopes_of
from bot.autocomplete import service
from bot.autocomplete.choices import Choice, Choices, Titles
from bot.engine.worker import Priority
from bot.interactions.channel_access import readable_in
from bot.interactions.errors import BusyError, in_time
from knowledge.model.guilds import Language

if TYPE_CHECKING:
    from bot.client import Bot

# Another process, an import for instance, may add notes.
_KEPT_SECONDS: Final = 60
# Titles change with what is said in channels, too; what is deleted there is soon offered no more.
_TITLES_SECONDS: Final = 20


class Choosing:
    """The choices of every guild that was asked about lately."""

    def __init__(self, bot: "Bot") -> None:
        """Choose from what the bot's worker knows."""
        self._bot = bot
        self._kept: dict[int, tuple[float, Choices]] = {}
        self._titles: dict[int | None, tuple[float, Titles]] = {}

    async def choices(self, guild_id: int | None) -> Choices:
        """What can be chosen in a guild; nothing outside of one."""
        if guild_id is None:
            return Choices(())
        kept = self._kept.get(guild_id)
        if kept is not None and time.monotonic() - kept[0] < _KEPT_SECONDS:
            return kept[1]
        choices = await self._bot.worker.call(
            lambda core: service.choices(core, guild_id), priority=Priority.ASKING
        )
        self._kept[guild_id] = (time.monotonic(), choices)
        return choices

    async def at_once(self, guild_id: int | None) -> Choices:
        """What can be chosen, or nothing if that takes longer than Discord waits."""
        try:
            async with in_time():
                return await self.choices(guild_id)
        except BusyError:
            return Choices(())

    async def titles(self, guild_id: int | None) -> Titles:
        """The titles of every document in a guild, whoever may see it; outside, the shared ones."""
        kept = self._titles.get(guild_id)
        if kept is not None and time.monotonic() - kept[0] < _TITLES_SECONDS:
            return kept[1]
        channels = tuple(self._bot.followed.get(guild_id, ()) if guild_id is not None else ())
        titles = Titles(
            await self._bot.worker.call(
                lambda core: service.titles(core, guild_id, channels),
                priority=Priority.ASKING,
            )
        )
        self._titles[guild_id] = (time.monotonic(), titles)
        return titles

    def forget(self) -> None:
        """Look anew: a note has changed."""
        self._kept.clear()
        self._titles.clear()


async def live_notes(
    interaction: discord.Interaction[Any], typed: str
) -> list[app_commands.Choice[str]]:
    """Live notes of this guild."""
    language = await _language(interaction)
    return _offered((await _choices(interaction)).live(typed, language))


async def own_notes(
    interaction: discord.Interaction[Any], typed: str
) -> list[app_commands.Choice[str]]:
    """The member's own notes in this guild."""
    language = await _language(interaction)
    return _offered((await _choices(interaction)).own(interaction.user.id, typed, language))


async def visible_notes(
    interaction: discord.Interaction[Any], typed: str
) -> list[app_commands.Choice[str]]:
    """The member's own notes and the live ones of this guild."""
    language = await _language(interaction)
    return _offered((await _choices(interaction)).either(interaction.user.id, typed, language))


async def tags(interaction: discord.Interaction[Any], typed: str) -> list[app_commands.Choice[str]]:
    """Tags of this guild's live notes."""
    return _offered((await _choices(interaction)).tag(typed))


async def one_tag(
    interaction: discord.Interaction[Any], typed: str
) -> list[app_commands.Choice[str]]:
    """Single tags of this guild's live notes."""
    return _offered((await _choices(interaction)).one_tag(typed))


async def titles(
    interaction: discord.Interaction[Any], typed: str
) -> list[app_commands.Choice[str]]:
    """Titles of documents that whoever types may see at this moment."""
    bot: Bot = interaction.client
    try:
        async with in_time():
            known = await bot.choosing.titles(interaction.guild_id)
    except BusyError:
        return []
    scopes = scopes_of(interaction.guild_id, readable_in(interaction, private=True))
    return _offered(known.matching(typed, scopes))


async def chosen_note(interaction: discord.Interaction[Any], typed: str) -> int | None:
    """The id of the note that was chosen or typed."""
    return (await _choices(interaction)).note_id(typed, interaction.user.id)


async def _language(interaction: discord.Interaction[Any]) -> Language:
    bot: Bot = interaction.client
    return await bot.chosen.reader(interaction)


async def _choices(interaction: discord.Interaction[Any]) -> Choices:
    """What can be chosen; while somebody types, nothing if that can't be said in time."""
    bot: Bot = interaction.client
    if interaction.type is discord.InteractionType.autocomplete:
        return await bot.choosing.at_once(interaction.guild_id)
    return await bot.choosing.choices(interaction.guild_id)


def _offered(choices: list[Choice]) -> list[app_commands.Choice[str]]:
    return [app_commands.Choice(name=choice.name, value=choice.value) for choice in choices]
