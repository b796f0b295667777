"""A guild's settings, as its administrators choose them in `/setup`, and its review rules by tag.

Pure: rules are values, and what they ask of a note follows from them alone.
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, TypeAlias

from knowledge.values.limits import Limits

# Which guilds something is done for: where several processes share them, those of one.
GuildFilter: TypeAlias = Callable[[int], bool]


def every_guild(_guild_id: int) -> bool:
    """The filter of a process that has every guild."""
    return True


_ACCENT: Final = re.compile("(?:#[0-9a-f]{6})?")


def is_accent(text: str) -> bool:
    """Whether a text is a colour of the public page, `#` and six digits, or nothing."""
    return _ACCENT.fullmatch(text) is not None


class Phrasing(StrEnum):
    """What a guild lets a language model do with its answers."""

    OFF = "off"
    CHOOSE = "choose"
    PHRASE = "phrase"


class Language(StrEnum):
    """A language that the bot speaks to a guild."""

    ENGLISH = "en"
    GERMAN = "de"


@dataclass(frozen=True, slots=True)
class GuildSettings:
    """What a guild's administrators chose in `/setup`; None means not chosen yet.

    With `four_eyes` nobody decides on a note of their own. One in `sample_every` notes that were
    published at once is looked at afterwards. Links to `allowed_hosts` are not flagged.

    `private_answers` is whether `/ask` answers privately unless asked otherwise; None leaves that
    to the operator. Mentions are answered in `listen_channels`, or everywhere if there are none.
    `language` is that of answers, and of what members are told without having asked for it.
    With `hand_on`, who is refused an answer may have the question handed over to helpers: whoever
    has the role `helper_role_id`, and the moderators. It goes to `handover_channel_id`, a channel
    or forum, or else to the review channel, and is stale after `handover_hours`; 0 is never.
    Without `articles`, nothing is answered from the bundled ones. `limits` are of what members
    send. Where `phrasing` is on, it is at the endpoint `phrasing_host`, and at no other.
    With `page`, consented notes are on a public page, which search engines may list if it is
    `page_indexed`. `page_accent` is a colour as CSS has it, `page_welcome` Markdown.
    """

    guild_id: int
    review_channel_id: int | None = None
    moderator_role_id: int | None = None
    four_eyes: bool = True
    undo_minutes: int = 15
    reminder_hours: int = 24
    sample_every: int = 5
    allowed_hosts: tuple[str, ...] = ()
    private_answers: bool | None = None
    listen_channels: tuple[int, ...] = ()
    language: Language = Language.ENGLISH
    hand_on: bool = False
    articles: bool = True
    helper_role_id: int | None = None
    handover_channel_id: int | None = None
    handover_hours: int = 24
    limits: Limits = field(default_factory=Limits)
    phrasing: Phrasing = Phrasing.OFF
    phrasing_host: str = ""
    page: bool = False
    page_indexed: bool = False
    page_accent: str = ""
    page_welcome: str = ""

    @property
    def complete(self) -> bool:
        return self.review_channel_id is not None and self.moderator_role_id is not None


@dataclass(frozen=True, slots=True)
class Rule:
    """What a guild asks of notes with a tag; of every note where the tag is empty.

    `quorum` moderators must approve. A note comes back for review `review_after_days` days after
    it was verified, if set. Notes by members with the role `publish_role_id` are published at once.
    """

    tag: str
    quorum: int = 1
    review_after_days: int | None = None
    publish_role_id: int | None = None


@dataclass(frozen=True, slots=True)
class Requirements:
    """What all the rules that apply to a note ask together."""

    quorum: int = 1
    review_after_days: int | None = None
    publish_role_ids: frozenset[int] = frozenset()

    def published_at_once(self, role_ids: Iterable[int]) -> bool:
        """Whether a note by somebody with these roles needs no review first.

        Where more than one moderator has to agree, nobody's role replaces them.
        """
        return self.quorum == 1 and not self.publish_role_ids.isdisjoint(role_ids)


def requirements(rules: Iterable[Rule], tags: Iterable[str]) -> Requirements:
    """What the rules ask of a note with these tags: the strictest of all that apply."""
    wanted = {"", *tags}
    applying = [rule for rule in rules if rule.tag in wanted]
    days = [rule.review_after_days for rule in applying if rule.review_after_days is not None]
    roles = (rule.publish_role_id for rule in applying)
    return Requirements(
        quorum=max((rule.quorum for rule in applying), default=1),
        review_after_days=min(days, default=None),
        publish_role_ids=frozenset(role for role in roles if role is not None),
    )
