"""Settings of guilds, channels and digests: a field is a type, a default and facts.

The columns, the checks of imported values, the audit log and the inheritance of channels follow
from the declarations. `bot.setup.settings` has the words, choices and pages. A channel's setting
has the value of the nearest level that sets it: thread, channel, category, guild or the operator's
configuration.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import KW_ONLY, asdict, dataclass, field, fields
from datetime import datetime
from enum import StrEnum
from functools import cache
from typing import Any, Final, Self, TypeAlias

from knowledge.values.guilds import Language, Phrasing
from knowledge.values.quotas import Limits
from knowledge.values.synonyms import SYNONYMS, Synonym, parse_synonyms

_FACTS: Final = "facts"


@dataclass(frozen=True, slots=True)
class Facts:
    """Facts of a setting besides its type and default.

    Attributes:
        check: whether an imported value is valid.
        logged: whether the audit log has its value. It holds no words of people.
        server: for a setting of a channel, the field of `GuildSettings` that the server sets.
        since: the migration that adds its column, such as `m004_songs`; see
            `knowledge.store.schema`.
    """

    check: Callable[[Any], object] = lambda _: True
    logged: bool = True
    server: str = ""
    since: str = ""


def setting(default: Any, *, most: int | None = None, **facts: Any) -> Any:
    """Declare a field as a setting; `most` limits a number, and other values have a `check`."""
    if most is not None:
        facts["check"] = lambda value: isinstance(value, int) and 0 <= value <= most
    return field(default=default, metadata={_FACTS: Facts(**facts)})


@cache
def facts_of(kind: Any) -> Mapping[str, Facts]:
    """The facts of a dataclass's settings, by name, in order."""
    return {
        setting_field.name: setting_field.metadata[_FACTS]
        for setting_field in fields(kind)
        if _FACTS in setting_field.metadata
    }


# Guilds.

# The largest number in a setting.
_MOST: Final = 1_000_000


class SolvedPosts(StrEnum):
    """Whether authors of answered posts are asked if these are solved, and the effect of *Yes*."""

    OFF = "off"
    ASK = "ask"
    LOCK = "lock"
    ARCHIVE = "archive"


_ACCENT: Final = re.compile("(?:#[0-9a-f]{6})?")


def is_accent(text: str) -> bool:
    """Whether a text is a colour of the public page (`#` and six digits), or empty."""
    return _ACCENT.fullmatch(text) is not None


@dataclass(frozen=True, slots=True)
class GuildSettings:
    """A guild's settings; None means not chosen yet.

    Attributes:
        four_eyes: whether moderators may not decide on their own notes.
        undo_minutes: how long moderators can undo a decision.
        reminder_hours: how long a note waits before moderators are reminded; 0 for never.
        sample_every: one of this many notes published without review is reviewed afterwards; 0 for
            none.
        allowed_hosts: links to these hosts aren't flagged.
        listen_channels: mentions are answered in these channels, or everywhere if there are none.
        private_answers: None leaves it to the operator.
        helper_role_id: moderators are helpers, too.
        handover_channel_id: the channel or forum for hand-overs; None for the review channel.
        handover_hours: after this time without a change, a hand-over is stale; 0 for never.
        phrasing_host: the host of the model that administrators agreed to. If the operator
            configures another host, `phrasing` has no effect.
        page_welcome: Markdown.
        synonyms: words with one meaning; questions are also looked up with them replaced.
        from_replies: whether helpers' and moderators' replies to unanswered questions are proposed
            as notes.
        similar_posts: whether titles of similar posts are offered where there is no answer.
        golden_questions: whether confirmed and helpful answers are asked again after changes.
        server_documents: whether the names and topics of public channels, the rules and the events
            answer questions about the server.
        read_logs: whether logs beside a question are read, and shown to their sender.
        ask_writers: whether writers are asked first if their notes may no longer be true.
        ping_hours: the age at which the helpers are pinged in an unanswered post; 0 for never.
    """

    guild_id: int
    review_channel_id: int | None = setting(None)
    moderator_role_id: int | None = setting(None)
    four_eyes: bool = setting(True)
    undo_minutes: int = setting(15, most=_MOST)
    reminder_hours: int = setting(24, most=_MOST)
    sample_every: int = setting(5, most=_MOST)
    allowed_hosts: tuple[str, ...] = setting(())
    private_answers: bool | None = setting(None)
    listen_channels: tuple[int, ...] = setting(())
    language: Language = setting(Language.ENGLISH)
    hand_on: bool = setting(False)
    articles: bool = setting(True)
    helper_role_id: int | None = setting(None)
    handover_channel_id: int | None = setting(None)
    handover_hours: int = setting(24, most=_MOST)
    limits: Limits = setting(Limits())
    phrasing: Phrasing = setting(Phrasing.OFF)
    phrasing_host: str = setting("")
    page: bool = setting(False)
    page_indexed: bool = setting(False)
    page_accent: str = setting("", check=is_accent)
    page_welcome: str = setting("", logged=False)
    synonyms: tuple[Synonym, ...] = setting(
        (), check=lambda text: len(parse_synonyms(text)) <= SYNONYMS, logged=False
    )
    from_replies: bool = setting(False)
    read_logs: bool = setting(False, since="m004_logs")
    source_alarms: bool = setting(True, since="m005_source_alarms")
    similar_posts: bool = setting(False, since="m006_similar_posts")
    ask_writers: bool = setting(False, since="m011_freshness")
    note_answers: bool = setting(True, since="m007_helper_answers")
    ping_hours: int = setting(0, most=_MOST, since="m008_solved")
    solved_posts: SolvedPosts = setting(SolvedPosts.OFF, since="m008_solved")
    golden_questions: bool = setting(False, since="m009_golden_questions")
    server_documents: bool = setting(True, since="m010_server_documents")

    @property
    def complete(self) -> bool:
        return self.review_channel_id is not None and self.moderator_role_id is not None


# Channels.

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
        """Parse a stored text; raises ValueError or TypeError if the text is malformed."""
        kept = cls(**json.loads(column or "{}"))
        found = cls(tuple(kept.tags), tuple(kept.sources), bool(kept.first))
        if not all(isinstance(value, str) for value in (*found.tags, *found.sources)):
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
    """A thread, channel or category, with the ids of the levels above it."""

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
    similar_posts: bool = setting(False, server="similar_posts", since="m006_similar_posts")
    ping_hours: int = setting(0, most=_MOST, server="ping_hours", since="m008_solved")
    solved_posts: SolvedPosts = setting(SolvedPosts.OFF, server="solved_posts", since="m008_solved")
    origins: Mapping[str, Level] = field(default_factory=dict)


SETTINGS: Final = facts_of(EffectiveSettings)


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


# Weekly digests.


class Edition(StrEnum):
    """Audiences of a digest."""

    MODERATORS = "moderators"
    EVERYBODY = "everybody"


@dataclass(frozen=True, slots=True)
class WeeklyDigest:
    """A weekly digest with its settings and progress.

    Attributes:
        weekday: 0 is Monday.
        chosen_at: digests are posted from then on.
        settled_at: the scheduled time of the last finished digest, posted or not.
        covered_at: the end of the last period reported in a digest.
        claimed_at: the scheduled time of the last digest claimed for posting.
        warned: whether administrators were warned that posting fails.
        post_hours: how many hours a forum post must be without an answer to be listed.
    """

    guild_id: int
    edition: Edition
    channel_id: int
    weekday: int = setting(0, most=6)
    hour: int = setting(9, most=23)
    zone: str = setting("UTC")
    _: KW_ONLY
    chosen_at: datetime
    settled_at: datetime | None = None
    covered_at: datetime | None = None
    claimed_at: datetime | None = None
    warned: bool = False
    post_hours: int = setting(24, most=336)
