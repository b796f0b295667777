"""Messages of `/channel`: what holds in a channel in words, and where it was chosen. Pure."""

from collections.abc import Mapping, Sequence
from typing import Final

from bot.setup.channel_service import Offered
from bot.sources import messages as sources_messages
from bot.text import languages
from bot.text.languages import Plural, Sentence
from bot.text.markdown import plain, shortened
from bot.text.permission_names import permission_name
from knowledge.corpus import channel_location, source_key
from knowledge.values.channel_settings import (
    ARTICLES_KEY,
    NOTES_KEY,
    AnsweredFrom,
    HoldingSettings,
    Level,
    Mode,
)
from knowledge.values.guilds import Language

# Of tags and sources together.
MOST_CHOSEN: Final = 20
# So many are shown by name, of so many characters.
_CHOSEN_SHOWN: Final = 8
_NAME_CHARACTERS: Final = 40
_CHANNELS_SHOWN: Final = 10

UNSEEN: Final = Sentence(
    "I can't see that channel: grant me **View Channel** there, then try again."
)
NOTHING_CHOSEN: Final = Sentence(
    "Nothing was chosen, so nothing is changed. Name what is to hold there: `mode` for instance."
)
TOO_MANY: Final = Sentence("{most:,} tags and sources are the most that a channel can have.")
NOTHING_TO_NARROW: Final = Sentence(
    "Only from what, or from what first? Name `tags` or `sources`, too."
)
_NO_SOURCE: Final = Sentence(
    "I know no source called {names} here. Choose from what is offered while you type: what "
    "`/source list` names, `notes`, `articles`, or `all` for everything."
)
NOTES_NAME: Final = Sentence("The notes of this server")
SAVED: Final = Sentence("Saved. This holds in {channel} now:")
RESET: Final = Sentence("What was chosen for {channel} is gone. This holds there now:")
HOLDS: Final = Sentence("This holds in {channel}:")

_MODES: Final[Mapping[Mode, Sentence]] = {
    Mode.OFF: Sentence("I answer commands, but no messages"),
    Mode.MENTIONS: Sentence("I answer whoever mentions me or replies to me"),
    Mode.HELP: Sentence(
        "I answer whoever mentions me, and help with questions that are asked of nobody"
    ),
}
_HELPS_AT_ONCE: Final = Sentence("I help at once")
_WAITS: Final = Plural(
    "I wait {number:,} second for people before I help",
    "I wait {number:,} seconds for people before I help",
)
_PRIVATE: Final = Sentence("`/ask` answers the asker alone, unless they choose otherwise")
_PUBLIC: Final = Sentence("`/ask` answers in public, unless the asker chooses otherwise")
_LANGUAGE: Final = Sentence("What everybody reads is in {name}")
_QUOTATIONS: Final = Plural(
    "An answer has {number:,} quotation at most", "An answer has {number:,} quotations at most"
)
_EVERYTHING: Final = Sentence("Answers come from everything that may be quoted there")
_ONLY: Final = Sentence("Answers come only from {what}")
_FIRST: Final = Sentence(
    "Answers come first from {what}, and from the rest where nothing there is near"
)
_TAG: Final = Sentence("what is tagged “{tag}”")
_GONE: Final = Sentence("a source that is gone")
_OR: Final = Sentence(" or ")
_MORE: Final = Sentence("{number:,} more")

_ORIGINS: Final[Mapping[Level, Sentence]] = {
    Level.CHANNEL: Sentence("chosen for the channel around it"),
    Level.CATEGORY: Sentence("chosen for its category"),
    Level.SERVER: Sentence("from `/setup`"),
    Level.CONFIGURATION: Sentence("the default"),
}
_HERE: Final = Sentence("chosen here")

_LACKING: Final = Sentence(
    "⚠ There I lack {permissions}: grant me that, or I can't answer messages."
)
NO_CONTENT: Final = Sentence(
    "⚠ I can't help yet: Discord doesn't show me what isn't addressed to me. Whoever runs me has "
    "to turn on *Message Content Intent* on the Bot page of Discord's developer portal, and set "
    "`helper.message_content = true` in config.toml."
)
NOTHING_THERE: Final = Sentence(
    "⚠ What I answer from there is still empty, so no question finds anything in it."
)
_OTHERS: Final = Sentence("-# Also chosen for: {channels}")

MODE_CHOICES: Final[Mapping[Mode, Sentence]] = {
    Mode.MENTIONS: Sentence("mentions only"),
    Mode.HELP: Sentence("help: also questions that are asked of nobody"),
    Mode.OFF: Sentence("commands only"),
}
RESET_CHOICES: Final[Mapping[str, Sentence]] = {
    "everything": Sentence("everything that was chosen"),
    "mode": Sentence("to what I answer"),
    "wait_seconds": Sentence("how long I wait before I help"),
    "private": Sentence("private or public"),
    "language": Sentence("language"),
    "quotations": Sentence("number of quotations"),
    "answered_from": Sentence("tags and sources"),
}
ONLY_CHOICE: Final = Sentence("only from these")
FIRST_CHOICE: Final = Sentence("from these first")


def source_names(language: Language, offered: Offered) -> dict[str, str]:
    """What each source that can be chosen is called, by its key."""
    named = {
        channel_location(one.id): sources_messages.source_name(language, one)
        for one in offered.channels
    }
    named |= {
        source_key(location): sources_messages.location_name(location)
        for location in offered.locations
    }
    return {
        **named,
        NOTES_KEY: NOTES_NAME(language),
        ARTICLES_KEY: sources_messages.ARTICLES_NAME(language),
    }


def no_source(language: Language, typed: Sequence[str]) -> str:
    names = ", ".join(f"“{plain(shortened(one, _NAME_CHARACTERS))}”" for one in typed[:3])
    return _NO_SOURCE(language, names=names)


def settings(
    language: Language, held: HoldingSettings, names: Mapping[str, str], own: Level
) -> str:
    """Every setting in words with where it comes from, a line each; `own` is the place's level."""
    waits = _WAITS(held.wait_seconds, language)
    helps = {"wait_seconds": waits if held.wait_seconds else _HELPS_AT_ONCE(language)}
    said = {
        "mode": _MODES[held.mode](language),
        **(helps if held.mode is Mode.HELP else {}),
        "private": (_PRIVATE if held.private else _PUBLIC)(language),
        "language": _LANGUAGE(language, name=languages.NAMES[held.language]),
        "quotations": _QUOTATIONS(held.quotations, language),
        "answered_from": answered_from(language, held.answered_from, names),
    }
    lines = []
    for name, sentence in said.items():
        level = held.origins[name]
        origin = _HERE if level is own else _ORIGINS[level]
        lines.append(f"- {sentence} · *{origin(language)}*")
    return "\n".join(lines)


def answered_from(language: Language, of: AnsweredFrom, names: Mapping[str, str]) -> str:
    if of.everything:
        return _EVERYTHING(language)
    return (_FIRST if of.first else _ONLY)(language, what=chosen(language, of, names))


def chosen(language: Language, of: AnsweredFrom, names: Mapping[str, str]) -> str:
    """The tags and sources by name: a document of any of them counts."""
    tags = [_TAG(language, tag=plain(shortened(tag, _NAME_CHARACTERS))) for tag in of.tags]
    sources = [
        plain(shortened(names[key], _NAME_CHARACTERS)) if key in names else _GONE(language)
        for key in of.sources
    ]
    *most, last = found = [*tags, *sources]
    if len(found) > _CHOSEN_SHOWN:
        most = found[: _CHOSEN_SHOWN - 1]
        last = _MORE(language, number=len(found) - len(most))
    return _OR(language).join([*([", ".join(most)] if most else []), last])


def lacks(language: Language, permissions: Sequence[str]) -> str:
    names = ", ".join(f"**{permission_name(name, language)}**" for name in permissions)
    return _LACKING(language, permissions=names)


def others(language: Language, channel_ids: Sequence[int]) -> str:
    shown = " ".join(f"<#{channel_id}>" for channel_id in channel_ids[:_CHANNELS_SHOWN])
    more = " …" if len(channel_ids) > _CHANNELS_SHOWN else ""
    return _OTHERS(language, channels=f"{shown}{more}")
