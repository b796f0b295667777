"""Settings of channels, threads and categories, and their inheritance.

A setting has the value of the nearest level that sets it: thread, channel, category, guild or the
operator's configuration. `EffectiveSettings` has the values for a place, and the level of each.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field, fields
from enum import StrEnum
from typing import Any, Final, Self

from knowledge.values.guilds import GuildSettings, Language

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


@dataclass(frozen=True, slots=True)
class ChannelSettings:
    """Settings of a channel, thread or category; a setting of None is inherited."""

    channel_id: int
    guild_id: int
    mode: Mode | None = None
    wait_seconds: int | None = None
    private: bool | None = None
    language: Language | None = None
    quotations: int | None = None
    answered_from: AnsweredFrom | None = None
    from_replies: bool | None = None

    @property
    def empty(self) -> bool:
        return all(getattr(self, name) is None for name in SETTINGS)


SETTINGS: Final = tuple(
    field.name for field in fields(ChannelSettings) if not field.name.endswith("_id")
)


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
class Configured:
    """The operator's defaults."""

    private: bool = False
    quotations: int = 3


@dataclass(frozen=True, slots=True)
class GuildChoices:
    """A guild's settings (`server`), and the settings of its channels, by channel id."""

    server: GuildSettings
    channels: Mapping[int, ChannelSettings] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class EffectiveSettings:
    """Effective settings of a place; `origins` has the level of each setting, by name."""

    mode: Mode
    wait_seconds: int
    private: bool
    language: Language
    quotations: int
    answered_from: AnsweredFrom
    from_replies: bool
    origins: Mapping[str, Level]


def effective_settings(
    place: Place | None, chosen: GuildChoices, configured: Configured | None = None
) -> EffectiveSettings:
    """The effective settings of a place; None stands for the whole guild."""
    configured = configured or Configured()
    values: dict[str, Any] = {}
    origins: dict[str, Level] = {}
    levels = list(place.levels()) if place is not None else []
    for name in SETTINGS:
        own = (
            (level, getattr(chosen.channels.get(channel_id), name, None))
            for level, channel_id in levels
        )
        near = next((found for found in own if found[1] is not None), None)
        origins[name], values[name] = near or _ABOVE[name](place, chosen.server, configured)
    return EffectiveSettings(**values, origins=origins)


_Above = Callable[[Place | None, GuildSettings, Configured], tuple[Level, Any]]


def _mode(place: Place | None, server: GuildSettings, _: Configured) -> tuple[Level, Mode]:
    """The guild's mode: mentions are answered in its `listen_channels`, by default everywhere."""
    if not server.listen_channels or place is None:
        return Level.CONFIGURATION, Mode.MENTIONS
    listened_to = any(channel_id in server.listen_channels for _, channel_id in place.levels())
    return Level.SERVER, Mode.MENTIONS if listened_to else Mode.OFF


def _wait(place: Place | None, _: GuildSettings, __: Configured) -> tuple[Level, int]:
    in_forum = place is not None and place.forum
    return Level.CONFIGURATION, WAIT_IN_FORUMS if in_forum else WAIT_ELSEWHERE


def _private(_: Place | None, server: GuildSettings, given: Configured) -> tuple[Level, bool]:
    if server.private_answers is None:
        return Level.CONFIGURATION, given.private
    return Level.SERVER, server.private_answers


_ABOVE: Final[Mapping[str, _Above]] = {
    "mode": _mode,
    "wait_seconds": _wait,
    "private": _private,
    "language": lambda _, server, __: (Level.SERVER, server.language),
    "quotations": lambda _, __, configured: (Level.CONFIGURATION, configured.quotations),
    "answered_from": lambda _, __, ___: (Level.CONFIGURATION, EVERYTHING),
    "from_replies": lambda _, server, __: (Level.SERVER, server.from_replies),
}
