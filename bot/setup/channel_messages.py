"""Messages of `/channel`: the settings in effect, each with its origin. Pure."""

from collections.abc import Mapping, Sequence
from typing import Final

from bot.setup.channel_service import Offered
from bot.sources import messages as sources_messages
from bot.text import languages
from bot.text.languages import Plural, Sentence
from bot.text.markdown import plain, shortened
from bot.text.permission_names import permission_name
from knowledge.corpus import source_key
from knowledge.sources.kinds.folder import Channel
from knowledge.values.channel_settings import (
    ARTICLES_KEY,
    NOTES_KEY,
    AnsweredFrom,
    EffectiveSettings,
    Level,
    Mode,
)
from knowledge.values.guilds import Language

# The largest number of tags and sources of a channel, together.
MOST_CHOSEN: Final = 20
# The largest number of names in a sentence, and of characters in a name.
_CHOSEN_SHOWN: Final = 8
_NAME_CHARACTERS: Final = 40
_CHANNELS_SHOWN: Final = 10

UNSEEN: Final = Sentence(
    "I can't see that channel: grant me **View Channel** there, then try again."
)
NOTHING_CHOSEN: Final = Sentence(
    "Nothing changed. Choose at least one setting, for example `mode`."
)
TOO_MANY: Final = Sentence("Nothing changed. A channel can have at most {most:,} tags and sources.")
NOTHING_TO_NARROW: Final = Sentence("`only_or_first` needs `tags` or `sources`. Add one of them.")
_NO_SOURCE: Final = Sentence(
    "No source here is called {names}. Choose one that I suggest as you type: a source from "
    "`/source list`, `notes`, `articles`, or `all` for everything."
)
NOTES_NAME: Final = Sentence("The notes of this server")
SAVED: Final = Sentence("Saved. Settings of {channel} now:")
RESET: Final = Sentence("Reset. Settings of {channel} now:")
HOLDS: Final = Sentence("Settings of {channel}:")

_MODES: Final[Mapping[Mode, Sentence]] = {
    Mode.OFF: Sentence("I answer commands, but not messages"),
    Mode.MENTIONS: Sentence("I answer mentions and replies"),
    Mode.HELP: Sentence("I answer mentions, and questions to nobody in particular"),
}
_HELPS_AT_ONCE: Final = Sentence("I help at once")
_WAITS: Final = Plural(
    "I give people {number:,} second to answer before I help",
    "I give people {number:,} seconds to answer before I help",
)
_PRIVATE: Final = Sentence("`/ask` answers privately by default")
_PUBLIC: Final = Sentence("`/ask` answers publicly by default")
_LANGUAGE: Final = Sentence("Public messages are in {name}")
_QUOTATIONS: Final = Plural(
    "At most {number:,} quotation in an answer", "At most {number:,} quotations in an answer"
)
_FROM_REPLIES: Final = Sentence("Answers by helpers and moderators are proposed as notes")
_NOT_FROM_REPLIES: Final = Sentence("Answers by helpers and moderators aren't proposed as notes")
_EVERYTHING: Final = Sentence("I answer from everything")
_ONLY: Final = Sentence("I answer only from {what}")
_FIRST: Final = Sentence("I answer first from {what}, then from everything else")
_TAG: Final = Sentence("documents tagged “{tag}”")
_GONE: Final = Sentence("a removed source")
_OR: Final = Sentence(" or ")
_MORE: Final = Sentence("{number:,} more")

_ORIGINS: Final[Mapping[Level, Sentence]] = {
    Level.CHANNEL: Sentence("from its channel"),
    Level.CATEGORY: Sentence("from its category"),
    Level.SERVER: Sentence("from `/setup`"),
    Level.CONFIGURATION: Sentence("default"),
}
_HERE: Final = Sentence("set here")

_LACKING: Final = Sentence("⚠ I can't answer messages there until you grant me {permissions}.")
NO_CONTENT: Final = Sentence(
    "⚠ I can't help yet, because Discord hides messages that don't mention me. The bot's "
    "operator must turn on *Message Content Intent* on the Bot page of Discord's developer "
    "portal, and set `helper.message_content = true` in config.toml."
)
NO_CONTENT_FOR_REPLIES: Final = Sentence(
    "-# Without *Message Content Intent*, I only see answers that mention me, and hand-overs."
)
NOTHING_THERE: Final = Sentence(
    "⚠ No document fits this choice yet, so I can't answer anything there."
)
_OTHERS: Final = Sentence("-# Other channels with settings: {channels}")

MODE_CHOICES: Final[Mapping[Mode, Sentence]] = {
    Mode.MENTIONS: Sentence("mentions only"),
    Mode.HELP: Sentence("help: also questions to nobody in particular"),
    Mode.OFF: Sentence("commands only"),
}
RESET_CHOICES: Final[Mapping[str, Sentence]] = {
    "everything": Sentence("all settings"),
    "mode": Sentence("mode"),
    "wait_seconds": Sentence("waiting time"),
    "private": Sentence("private or public"),
    "language": Sentence("language"),
    "quotations": Sentence("number of quotations"),
    "answered_from": Sentence("tags and sources"),
    "from_replies": Sentence("notes from replies"),
}
ONLY_CHOICE: Final = Sentence("only from these")
FIRST_CHOICE: Final = Sentence("from these first")


def source_names(language: Language, offered: Offered) -> dict[str, str]:
    """Names of sources by key."""
    named = {
        Channel.at(one.id): sources_messages.source_name(language, one) for one in offered.channels
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
    language: Language, effective: EffectiveSettings, names: Mapping[str, str], place_level: Level
) -> str:
    """List each setting with its origin; the origin of the level `place_level` is "set here"."""
    waits = _WAITS(effective.wait_seconds, language)
    helps = {"wait_seconds": waits if effective.wait_seconds else _HELPS_AT_ONCE(language)}
    said = {
        "mode": _MODES[effective.mode](language),
        **(helps if effective.mode is Mode.HELP else {}),
        "private": (_PRIVATE if effective.private else _PUBLIC)(language),
        "language": _LANGUAGE(language, name=languages.NAMES[effective.language]),
        "quotations": _QUOTATIONS(effective.quotations, language),
        "answered_from": answered_from(language, effective.answered_from, names),
        "from_replies": (_FROM_REPLIES if effective.from_replies else _NOT_FROM_REPLIES)(language),
    }
    lines = []
    for name, sentence in said.items():
        level = effective.origins[name]
        origin = _HERE if level is place_level else _ORIGINS[level]
        lines.append(f"- {sentence} · *{origin(language)}*")
    return "\n".join(lines)


def answered_from(language: Language, of: AnsweredFrom, names: Mapping[str, str]) -> str:
    if of.everything:
        return _EVERYTHING(language)
    return (_FIRST if of.first else _ONLY)(language, what=chosen(language, of, names))


def chosen(language: Language, of: AnsweredFrom, names: Mapping[str, str]) -> str:
    """List the names of the chosen tags and sources, with "or" between them."""
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
