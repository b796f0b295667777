"""Channel settings: offer tags and sources, parse options, store choices.

Functions that take a core run in the worker's thread; the others are pure.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from bot.answers.ask import scopes_of
from bot.answers.search_tiers import scopes_of_tiers
from bot.core.core import Core
from bot.interactions.autocomplete import CHOICE_CHARACTERS, CHOICES, Choice
from bot.text.markdown import legible, shortened, size
from knowledge.discord_archive.sync_state import ArchivedChannel
from knowledge.values.channel_settings import EVERYTHING, AnsweredFrom
from knowledge.values.documents import SHARED

ALL: Final = "all"


@dataclass(frozen=True, slots=True)
class Offered:
    """Choices of a guild: tags, synced channels, and locations of other sources."""

    tags: Sequence[str]
    channels: Sequence[ArchivedChannel]
    locations: Sequence[str]


def offered(core: Core, guild_id: int) -> Offered:
    synced = core.store.synced_channels.all()
    core.archive.set_channels(synced)
    channels = [one for one in core.archive.channels() if one.guild_id == guild_id]
    scopes = core.articles.visible_scopes(scopes_of(guild_id, [one.id for one in channels]))
    return Offered(
        core.index.tables.tags(scopes),
        channels,
        [location for location, scope in core.store.sources() if scope in (guild_id, SHARED)],
    )


def languages(core: Core) -> tuple[str, ...]:
    """The languages of the serving model; empty if unknown."""
    return core.served.model.languages


def is_answerable(core: Core, guild_id: int, of: AnsweredFrom) -> bool:
    """Whether a selection matches any document of a guild, no matter who can read the document."""
    followed = [one.id for one in core.store.synced_channels.all() if one.guild_id == guild_id]
    first, *_ = tiers = core.articles.tiers(scopes_of(guild_id, followed), of)
    selection = first.selection
    return selection is None or len(core.index.selected(selection, scopes_of_tiers(tiers))) > 0


def change(
    core: Core, channel_id: int, guild_id: int, changes: Mapping[str, Any], actor_id: int
) -> None:
    core.store.channel_settings.change(channel_id, guild_id, dict(changes), actor_id)


def forget(core: Core, channel_id: int, guild_id: int) -> None:
    core.store.channel_settings.forget(channel_id, guild_id)


def complete_items(typed: str, names: Mapping[str, str]) -> list[Choice]:
    """Complete the last item of a comma-separated list, by name or key.

    Discord shows the names of chosen items but sends their keys, so earlier items may be keys.
    """
    *before, last = typed.split(",")
    known, unknown = parse_items(",".join(before), names)
    wanted, found = " ".join(last.removeprefix("#").casefold().split()), []
    for key, name in names.items():
        if key in known or not (wanted in name.casefold() or wanted == key):
            continue
        keys = [*unknown, *known, key]
        shown = ", ".join([*unknown, *(names[one] for one in known), name])
        if size(value := ", ".join(keys)) <= CHOICE_CHARACTERS:
            found.append(Choice(shortened(legible(shown), CHOICE_CHARACTERS), value))
    return found[:CHOICES]


def parse_items(typed: str, names: Mapping[str, str]) -> tuple[list[str], list[str]]:
    """Split a comma-separated list into known keys and unknown words, without repeats."""
    by_word = {name.casefold(): key for key, name in reversed([*names.items()])}
    by_word |= {key.casefold(): key for key in names}
    words = [typed] if typed.strip().casefold() in by_word else typed.split(",")
    known: dict[str, None] = {}
    unknown: dict[str, None] = {}
    for word in filter(None, (" ".join(each.split()) for each in words)):
        key = by_word.get(word.casefold()) or by_word.get(word.casefold().removeprefix("#"))
        if key is None:
            unknown[word] = None
        else:
            known[key] = None
    return [*known], [*unknown]


def parse_tags(typed: str, known: Mapping[str, str]) -> list[str]:
    """Parse a comma-separated list of tags; `known` has the names of tags by key.

    A known tag may have spaces in its name. Any other text between commas is split at spaces into
    several tags.
    """
    found, others = parse_items(typed, known)
    words = [word.removeprefix("#").casefold() for other in others for word in other.split()]
    return [*dict.fromkeys([*found, *filter(None, words)])]


def combine_selection(
    own: AnsweredFrom | None,
    effective: AnsweredFrom,
    *,
    tags: list[str] | None = None,
    sources: list[str] | None = None,
    first: bool | None = None,
) -> AnsweredFrom:
    """Combine a channel's selection with new choices; an empty selection means everything.

    Args:
        own: the selection stored for the channel itself.
        effective: the selection in effect in the channel, which may be inherited.
        tags: the new tags; None keeps the stored tags.
        sources: the keys of the new sources; None keeps the stored sources.
        first: True to search other documents afterwards, False not to; None keeps the choice.
    """
    if ALL in (tags or []) or ALL in (sources or []):
        return EVERYTHING
    base = effective if tags is None and sources is None else own or EVERYTHING
    return replace(
        base,
        tags=base.tags if tags is None else tuple(tags),
        sources=base.sources if sources is None else tuple(sources),
        first=base.first if first is None else first,
    )
