"""Autocomplete of notes, tags and titles, from TTL caches.

Discord requests choices at each key press. If a lookup takes too long, the bot offers no choices.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Final, NamedTuple

import discord
from cachetools import TTLCache
from discord import app_commands

from bot.answers.ask import scopes_of
from bot.core.job_queue import Priority
from bot.interactions.kit.errors import BusyError, in_time
from bot.interactions.policy.channel_access import quotable_channels
from bot.interactions.services import Interaction, Services
from bot.text.languages import Sentence
from bot.text.markdown import legible, shorten, size
from knowledge.store.notes.note_records import ListedNote
from knowledge.values.documents import ARTICLES, Scope
from knowledge.values.notes import State

CHOICES: Final = 25
CHOICE_CHARACTERS: Final = 100

# Another process, such as an import, may add notes.
_TTL_SECONDS: Final = 60
# Shorter, so that the titles of deleted channel messages disappear soon.
_TITLES_TTL_SECONDS: Final = 20
# The largest number of guilds in a cache; the titles of a large guild take a megabyte.
_GUILDS: Final = 100
# Newest titles kept for a guild; each key press scans all of them.
TITLES: Final = 20_000

_STATES: Final[Mapping[State, Sentence]] = {
    State.PENDING: Sentence("pending"),
    State.CHANGES_REQUESTED: Sentence("changes requested"),
    State.APPROVED: Sentence("not live"),
    State.REJECTED: Sentence("rejected"),
    State.WITHDRAWN: Sentence("withdrawn"),
}
_UNTITLED: Final = Sentence("Note {number}")


class Choice(NamedTuple):
    """Choice that Discord shows by its name and sends by its value."""

    name: str
    value: str


class Choices:
    """Choices in one guild: live notes, tags, and members' own notes."""

    def __init__(self, notes: Sequence[ListedNote]) -> None:
        self._notes = {note.id: note for note in notes}
        counts = Counter(tag for note in notes for tag in note.tags)
        self.tags = [tag for tag, _ in sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))]

    def live(self, typed: str) -> list[Choice]:
        live = (note for note in self._notes.values() if note.live_title is not None)
        return _matching(typed, ((note.id, note.live_title, "") for note in live))

    def own(self, member_id: int, typed: str) -> list[Choice]:
        """Return the member's own notes with matching titles, labelled with their states."""
        own = (note for note in self._notes.values() if note.contributor_id == member_id)
        return _matching(typed, _with_states(own))

    def every(self, typed: str) -> list[Choice]:
        """Return all matching notes, for moderators; the newest first."""
        notes = sorted(self._notes.values(), key=lambda note: -note.id)
        return _matching(typed, _with_states(notes))

    def visible(self, member_id: int, typed: str) -> list[Choice]:
        """Return matching notes: the member's own notes, then other live notes."""
        own = self.own(member_id, typed)
        own_ids = {choice.value for choice in own}
        others = [choice for choice in self.live(typed) if choice.value not in own_ids]
        return [*own, *others][:CHOICES]

    def tag(self, typed: str) -> list[Choice]:
        """Return choices that repeat the typed words, with the last word completed to a tag."""
        *before, last = typed.casefold().replace(",", " ").split(" ") or [""]
        last = last.removeprefix("#")
        tags = [tag for tag in self.tags if tag.startswith(last) and tag not in before]
        lines = [" ".join([*filter(None, before), tag]) for tag in tags]
        return [Choice(line, line) for line in lines if size(line) <= CHOICE_CHARACTERS][:CHOICES]

    def one_tag(self, typed: str) -> list[Choice]:
        wanted = typed.strip().removeprefix("#").casefold()
        tags = [tag for tag in self.tags if tag.startswith(wanted)]
        return [Choice(tag, tag) for tag in tags if size(tag) <= CHOICE_CHARACTERS][:CHOICES]

    def note_id(self, typed: str, member_id: int) -> int | None:
        """The typed or chosen id, or the id of the note with the typed title, if public."""
        typed = " ".join(typed.split())
        number = typed.removeprefix("#")
        if number.isascii() and number.isdigit() and len(number) <= 18:
            return int(number)
        for note in self._notes.values():
            titles = {note.live_title}
            if note.contributor_id == member_id:
                titles.add(note.title)
            if typed.casefold() in {title.casefold() for title in titles if title}:
                return note.id
        return None


class Titles:
    """Titles of documents; each lookup names the scopes to search."""

    def __init__(self, titles: Sequence[tuple[str, Scope, str]]) -> None:
        named = (
            (key, scope, shorten(legible(title), CHOICE_CHARACTERS)) for key, scope, title in titles
        )
        self._titles = [(key, scope, name, _fold(name)) for key, scope, name in named if name]

    def matching(self, typed: str, scopes: Collection[Scope]) -> list[Choice]:
        """Return titles that begin with the text, then titles that contain it, each title once."""
        wanted = _fold(typed)
        beginning: dict[str, None] = {}
        inside: dict[str, None] = {}
        for _, scope, name, folded in self._titles:
            if scope in scopes and wanted in folded:
                (beginning if folded.startswith(wanted) else inside)[name] = None
                if len(beginning) == CHOICES:
                    break
        names = [*beginning, *(name for name in inside if name not in beginning)]
        return [Choice(name, name) for name in names[:CHOICES]]

    def ids_of_title(self, typed: str, scopes: Collection[Scope]) -> list[str]:
        """Return the ids of the documents with exactly this title."""
        wanted = _fold(typed)
        return [
            key for key, scope, _, folded in self._titles if scope in scopes and folded == wanted
        ]


def _fold(text: str) -> str:
    return " ".join(text.casefold().split())


def _with_states(notes: Iterable[ListedNote]) -> Iterator[tuple[int, str | None, str]]:
    for note in notes:
        is_settled = note.live_title is not None and note.state is State.APPROVED
        yield note.id, note.title, "" if is_settled else _STATES[note.state]()


def _matching(typed: str, notes: Iterable[tuple[int, str | None, str]]) -> list[Choice]:
    """Return notes whose titles begin with the text, then notes whose titles contain it."""
    wanted = _fold(typed)
    beginning: list[Choice] = []
    inside: list[Choice] = []
    for note_id, title, state in notes:
        line = _fold(title or "")
        if wanted not in line and wanted.removeprefix("#") != str(note_id):
            continue
        ending = f" · {state}" if state else ""
        name = shorten(legible(title or ""), CHOICE_CHARACTERS - len(ending))
        untitled = _UNTITLED(number=note_id)
        choice = Choice(f"{name or untitled}{ending}", str(note_id))
        (beginning if line.startswith(wanted) else inside).append(choice)
        if len(beginning) == CHOICES:
            break
    return [*beginning, *inside][:CHOICES]


class AutocompleteCache:
    """TTL caches of the guilds' choices."""

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
        """Titles of a guild's documents, hidden ones included; for None, of shared ones."""
        titles = self._titles.get(guild_id)
        if titles is None:
            followed = self._bot.followed.get(guild_id, ()) if guild_id is not None else ()
            scopes = scopes_of(guild_id, tuple(followed))
            titles = await self._bot.worker.call(
                lambda core: Titles(
                    core.index.tables.titles(core.articles.visible_scopes(scopes), TITLES)
                ),
                priority=Priority.ASKING,
            )
            self._titles[guild_id] = titles
        return titles

    def forget(self) -> None:
        self._choices.clear()
        self._titles.clear()


def _cache(interaction: Interaction) -> AutocompleteCache:
    cache = interaction.client.autocomplete
    assert isinstance(cache, AutocompleteCache)  # noqa: S101 - the client makes no other
    return cache


async def choices_at_once(interaction: Interaction, guild_id: int | None) -> Choices:
    """Return a guild's choices, or no choices if the lookup takes longer than Discord waits."""
    try:
        async with in_time(interaction):
            return await _cache(interaction).choices(guild_id)
    except BusyError:
        return Choices(())


async def every_title(interaction: Interaction) -> Titles:
    return await _cache(interaction).titles(interaction.guild_id)


async def visible_notes(interaction: Interaction, typed: str) -> list[app_commands.Choice[str]]:
    return _as_choices((await _choices(interaction)).visible(interaction.user.id, typed))


async def tags(interaction: Interaction, typed: str) -> list[app_commands.Choice[str]]:
    return _as_choices((await _choices(interaction)).tag(typed))


async def one_tag(interaction: Interaction, typed: str) -> list[app_commands.Choice[str]]:
    return _as_choices((await _choices(interaction)).one_tag(typed))


async def titles(interaction: Interaction, typed: str) -> list[app_commands.Choice[str]]:
    try:
        async with in_time(interaction):
            index = await every_title(interaction)
    except BusyError:
        return []
    scopes = scopes_of(interaction.guild_id, quotable_channels(interaction, private=True))
    return _as_choices(index.matching(typed, (*scopes, ARTICLES)))


async def note_id_of(interaction: Interaction, typed: str) -> int | None:
    return (await _choices(interaction)).note_id(typed, interaction.user.id)


async def _choices(interaction: Interaction) -> Choices:
    """The choices of a guild; none if their lookup is late for an autocomplete request."""
    if interaction.type is discord.InteractionType.autocomplete:
        return await choices_at_once(interaction, interaction.guild_id)
    return await _cache(interaction).choices(interaction.guild_id)


def _as_choices(choices: list[Choice]) -> list[app_commands.Choice[str]]:
    return [app_commands.Choice(name=choice.name, value=choice.value) for choice in choices]
