"""A guild's review rules by tag, synced channels, and cards of failing sources."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from hashlib import sha256
from typing import TypeAlias

# The guilds of one process, when several processes share them.
GuildFilter: TypeAlias = Callable[[int], bool]


def every_guild(_guild_id: int) -> bool:
    return True


class Phrasing(StrEnum):
    """A language model's part in a guild's answers."""

    OFF = "off"
    CHOOSE = "choose"
    PHRASE = "phrase"


class Language(StrEnum):
    """Languages of the bot's messages in a guild."""

    ENGLISH = "en"
    FRENCH = "fr"
    GERMAN = "de"
    PORTUGUESE = "pt"
    SPANISH = "es"


@dataclass(frozen=True, slots=True)
class Rule:
    """A guild's requirements for notes with a tag; the empty tag is for every note.

    `quorum` moderators must approve. If `review_after_days` is set, a note is due for review so
    many days after verification. Notes by members with the role `publish_role_id` are published
    without review.
    """

    tag: str
    quorum: int = 1
    review_after_days: int | None = None
    publish_role_id: int | None = None


@dataclass(frozen=True, slots=True)
class Requirements:
    """The combined requirements of all rules for a note."""

    quorum: int = 1
    review_after_days: int | None = None
    publish_role_ids: frozenset[int] = frozenset()

    def publishes_at_once(self, role_ids: Iterable[int]) -> bool:
        """Whether a note by a member with these roles is published without a review first.

        If several moderators must approve, every note is reviewed first.
        """
        return self.quorum == 1 and not self.publish_role_ids.isdisjoint(role_ids)


def requirements(rules: Iterable[Rule], tags: Iterable[str]) -> Requirements:
    """The requirements for a note with these tags: the strictest of all its rules."""
    wanted = {"", *tags}
    applying = [rule for rule in rules if rule.tag in wanted]
    days = [rule.review_after_days for rule in applying if rule.review_after_days is not None]
    roles = (rule.publish_role_id for rule in applying)
    return Requirements(
        quorum=max((rule.quorum for rule in applying), default=1),
        review_after_days=min(days, default=None),
        publish_role_ids=frozenset(role for role in roles if role is not None),
    )


@dataclass(frozen=True, slots=True)
class SourceCard:
    """The card of a source, by its location; without a message until it is posted."""

    guild_id: int
    source: str
    began_at: datetime
    channel_id: int | None = None
    message_id: int | None = None
    shown: str = ""

    @property
    def nonce(self) -> str:
        """Unique by guild, source and time, within Discord's limit of 25 characters."""
        told = f"{self.guild_id} {self.source} {self.began_at.isoformat()}"
        return f"source-{sha256(told.encode()).hexdigest()[:16]}"


class SyncedContent(StrEnum):
    """The part of a channel to sync."""

    THREADS = "threads"
    POSTS = "posts"
    PINS = "pins"


@dataclass(frozen=True, slots=True)
class SyncedChannel:
    """A synced channel, as an administrator added it."""

    id: int
    guild_id: int
    reads: SyncedContent
    added_at: datetime
