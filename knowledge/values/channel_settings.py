"""Settings of channels, threads and categories, and their inheritance.

A setting has the value of the nearest level that sets it: thread, channel, category, guild or the
operator's configuration. `EffectiveSettings` declares them, and has their values for a place.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any, Final, Self, TypeAlias

from knowledge.values.guilds import GuildSettings, Language
from knowledge.values.settings import declared, setting

# The helper's default wait for people: a forum post asks everybody; in a text channel somebody may
# be typing.
WAIT_IN_FORUMS: Final = 0
WAIT_ELSEWHERE: Final = 30
MOST_WAIT_SECONDS: Final = 3_600
MOST_QUOTATIONS: Final = 5


class Mode(StrEnum):
    """The messages that the bot answers in a channel; commands are always answered.

    `OFF`: no messages. `MENTIONS`: mentions of the bot, and replies to it. `HELP`: these, and
    questions that members ask each other.
    """

    OFF = "off"
    MENTIONS = "mentions"
    HELP = "help"


# Keys of built-in sources.
ARTICLES_KEY: Final = "articles"
NOTES_KEY: Final = "notes"


@dataclass(frozen=True, slots=True)
class AnsweredFrom:
    """The documents to answer from: all documents with one of the tags or from one of the sources.

    Without tags and sources, all documents are used. `sources` are keys of sources (`source_key`).
    With `first`, other documents are searched if these give no evidence.
    """

    tags: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    first: bool = False

    @property
    def everything(self) -> bool:
        return not (self.tags or self.sources)

    def serialize(self) -> str:
        """The text for a database column; empty if all documents are used."""
        return "" if self.everything else json.dumps(asdict(self), sort_keys=True)

    @classmethod
    def parse(cls, column: str) -> Self:
        """Parse a stored text.

        Raises:
            ValueError, TypeError: if the text is malformed.
        """
        kept = cls(**json.loads(column or "{}"))
        found = cls(tuple(kept.tags), tuple(kept.sources), bool(kept.first))
        if not all(isinstance(each, str) for each in (*found.tags, *found.sources)):
            raise ValueError("tags and sources are text")
        return found


EVERYTHING: Final = AnsweredFrom()


# The settings chosen for a channel, thread or category, by name; others are inherited.
Chosen: TypeAlias = Mapping[str, Any]


class Level(StrEnum):
    """Levels of settings, the nearest first."""

    THREAD = "thread"
    CHANNEL = "channel"
    CATEGORY = "category"
    SERVER = "server"
    CONFIGURATION = "configuration"


@dataclass(frozen=True, slots=True)
class Place:
    """A thread, channel or category, with the ids of the levels above it.

    Attributes:
        channel_id: the channel, or the channel of the thread; None for a category.
        category_id: the category, or None for a channel without one.
        thread_id: the thread; None for a channel or category.
        forum: whether the channel is a forum.
    """

    channel_id: int | None
    category_id: int | None = None
    thread_id: int | None = None
    forum: bool = False

    def levels(self) -> Iterator[tuple[Level, int]]:
        """The levels of this place with their ids, the nearest first."""
        if self.thread_id is not None:
            yield Level.THREAD, self.thread_id
        if self.channel_id is not None:
            yield Level.CHANNEL, self.channel_id
        if self.category_id is not None:
            yield Level.CATEGORY, self.category_id


@dataclass(frozen=True, slots=True)
class GuildChoices:
    """A guild's settings (`server`), and the settings of its channels, by channel id."""

    server: GuildSettings
    channels: Mapping[int, Chosen] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class EffectiveSettings:
    """Effective settings of a place; `origins` has the level of each setting, by name."""

    mode: Mode = setting(Mode.MENTIONS)
    wait_seconds: int = setting(WAIT_ELSEWHERE, most=MOST_WAIT_SECONDS)
    private: bool = setting(False, server="private_answers")
    language: Language = setting(Language.ENGLISH, server="language")
    quotations: int = setting(3, most=MOST_QUOTATIONS)
    answered_from: AnsweredFrom = setting(EVERYTHING)
    from_replies: bool = setting(False, server="from_replies")
    origins: Mapping[str, Level] = field(default_factory=dict)


SETTINGS: Final = declared(EffectiveSettings)


def effective_settings(
    place: Place | None, chosen: GuildChoices, **configured: Any
) -> EffectiveSettings:
    """The effective settings of a place; None stands for the whole guild.

    `configured` has the operator's defaults, by name.
    """
    levels = [*place.levels()] if place is not None else []
    found: dict[str, tuple[Level, Any]] = {
        name: (Level.CONFIGURATION, value) for name, value in configured.items()
    }
    if place is not None and place.forum:
        found["wait_seconds"] = (Level.CONFIGURATION, WAIT_IN_FORUMS)
    # Mentions are answered in the guild's `listen_channels`, by default everywhere.
    if (listened_to := chosen.server.listen_channels) and place is not None:
        answers = any(channel_id in listened_to for _, channel_id in levels)
        found["mode"] = (Level.SERVER, Mode.MENTIONS if answers else Mode.OFF)
    for name, facts in SETTINGS.items():
        value = getattr(chosen.server, facts.server) if facts.server else None
        if value is not None:
            found[name] = (Level.SERVER, value)
    for level, channel_id in reversed(levels):
        own = chosen.channels.get(channel_id, {})
        found |= {name: (level, value) for name, value in own.items()}
    return EffectiveSettings(
        **{name: value for name, (_, value) in found.items()},
        origins={name: found.get(name, (Level.CONFIGURATION,))[0] for name in SETTINGS},
    )
