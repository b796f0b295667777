"""A guild's settings, chosen in `/setup`, and its review rules by tag."""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, TypeAlias

from knowledge.values.quotas import Limits
from knowledge.values.settings import setting
from knowledge.values.synonyms import SYNONYMS, Synonym, parse_synonyms

# The guilds of one process, when several processes share them.
GuildFilter: TypeAlias = Callable[[int], bool]


def every_guild(_guild_id: int) -> bool:
    """The filter that accepts every guild."""
    return True


# The largest number in a setting.
_MOST: Final = 1_000_000
_ACCENT: Final = re.compile("(?:#[0-9a-f]{6})?")


def is_accent(text: str) -> bool:
    """Whether a text is a colour of the public page (`#` and six digits), or empty."""
    return _ACCENT.fullmatch(text) is not None


class Phrasing(StrEnum):
    """A language model's part in a guild's answers."""

    OFF = "off"
    CHOOSE = "choose"
    PHRASE = "phrase"


class Language(StrEnum):
    """Languages of the bot's messages in a guild."""

    ENGLISH = "en"
    GERMAN = "de"


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
        private_answers: the default of `/ask`; None leaves it to the operator.
        listen_channels: mentions are answered in these channels, or everywhere if there are none.
        language: the language of answers and notices.
        hand_on: whether askers can hand a refused question over to the helpers.
        articles: whether the bundled articles are used.
        helper_role_id: the role of the helpers; moderators are helpers, too.
        handover_channel_id: the channel or forum for hand-overs; None for the review channel.
        handover_hours: after this time without a change, a hand-over is stale; 0 for never.
        limits: limits for members.
        phrasing: a language model's part in answers.
        phrasing_host: the host of the model that administrators agreed to. If the operator
            configures another host, `phrasing` has no effect.
        page: whether notes with consent are on a public page.
        page_indexed: whether search engines may list the page.
        page_accent: a CSS colour for the page.
        page_welcome: Markdown for the page.
        synonyms: words with one meaning; questions are also looked up with them replaced.
        from_replies: whether helpers' and moderators' replies to unanswered questions are proposed
            as notes.
        read_logs: whether logs beside a question are read, and shown to their sender.
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

    @property
    def complete(self) -> bool:
        return self.review_channel_id is not None and self.moderator_role_id is not None


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

    def published_at_once(self, role_ids: Iterable[int]) -> bool:
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
