"""Choices of several things in one option of a command, with commas between. Pure.

Each has a key, which is sent, and a name, which is shown: what is typed may be either.
"""

from collections.abc import Mapping
from dataclasses import replace

from bot.interactions.autocomplete import CHOICE_CHARACTERS, CHOICES, Choice
from bot.text.markdown import legible, shortened, size
from knowledge.values.channel_settings import EVERYTHING, AnsweredFrom

ALL = "all"


def completed(typed: str, names: Mapping[str, str]) -> list[Choice]:
    """What was typed before the last comma, with each of the names that what follows is part of."""
    *before, last = typed.split(",")
    known, unknown = parsed(",".join(before), names)
    wanted, found = " ".join(last.removeprefix("#").casefold().split()), []
    for key, name in names.items():
        if key in known or not (wanted in name.casefold() or wanted == key):
            continue
        keys = [*unknown, *known, key]
        shown = ", ".join([*unknown, *(names[one] for one in known), name])
        if size(value := ", ".join(keys)) <= CHOICE_CHARACTERS:
            found.append(Choice(shortened(legible(shown), CHOICE_CHARACTERS), value))
    return found[:CHOICES]


def parsed(typed: str, names: Mapping[str, str]) -> tuple[list[str], list[str]]:
    """The keys of what was typed, each once, and what is neither a key nor a name."""
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


def tags_in(typed: str, known: Mapping[str, str]) -> list[str]:
    """The tags that were typed; those that nothing has yet may have blanks between, too."""
    found, others = parsed(typed, known)
    words = [word.removeprefix("#").casefold() for other in others for word in other.split()]
    return [*dict.fromkeys([*found, *filter(None, words)])]


def changed(
    own: AnsweredFrom | None,
    held: AnsweredFrom,
    *,
    tags: list[str] | None = None,
    sources: list[str] | None = None,
    first: bool | None = None,
) -> AnsweredFrom:
    """What is answered from once some of it is chosen; everything where nothing is left.

    Args:
        own: what was chosen for the channel itself.
        held: what holds there so far.
        tags: the tags chosen now, or None where they stay.
        sources: the keys of sources chosen now, or None where they stay.
        first: whether others are looked at afterwards, or None where that stays.
    """
    if ALL in (tags or []) or ALL in (sources or []):
        return EVERYTHING
    base = held if tags is None and sources is None else own or EVERYTHING
    return replace(
        base,
        tags=base.tags if tags is None else tuple(tags),
        sources=base.sources if sources is None else tuple(sources),
        first=base.first if first is None else first,
    )
