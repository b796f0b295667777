"""Weekly digests: settings, due digests, content, and progress of posting.

Functions that take a core run in the worker's thread.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from bot.answers.outcome import FURTHER_SHARE
from bot.core.core import Core
from bot.gaps import service as gaps_service
from bot.gaps.service import Group
from bot.statistics import weekly_schedule as schedule
from bot.statistics.overview import Overview
from bot.statistics.weekly_schedule import Due
from knowledge.secrets import without_secrets
from knowledge.store.notes.credit import Contributor
from knowledge.store.questions.period_figures import Asked
from knowledge.values.guilds import GuildFilter
from knowledge.values.notes import Note, State
from knowledge.values.questions import OpenQuestion
from knowledge.values.weekly_digests import Edition, WeeklyDigest

# The largest number of gaps in a digest. Discord shows five rows of buttons, one for each gap.
MOST_GAPS: Final = 5
MOST_NOTES: Final = 8
MOST_THANKED: Final = 5
MOST_POSTS: Final = 5

_NOTHING: Final = Asked(0, 0, 0)


@dataclass(frozen=True, slots=True)
class Readers:
    """Readers of a digest: only moderators, or everyone.

    `channels` has the ids of the channels that every member of the guild can read.
    """

    channels: frozenset[int]
    moderators_only: bool = False

    def may_see(self, question: OpenQuestion) -> bool:
        in_public = not question.private and question.channel_id in self.channels
        return self.moderators_only or in_public


@dataclass(frozen=True, slots=True)
class UnansweredPost:
    """A forum post without an answer."""

    thread_id: int
    created_at: datetime


@dataclass(frozen=True, slots=True)
class NewNote:
    """A newly published note, the public questions that it answers, and its public page."""

    title: str
    contributor: str
    answers: tuple[str, ...]
    url: str = ""


@dataclass(frozen=True, slots=True)
class Week:
    """Content of a digest.

    Attributes:
        gaps: the gaps shown, with the questions that the readers may see.
        open_gaps: the number of all open gaps of the guild.
        pending: the number of notes that wait for a decision.
        due: the number of notes to be verified again.
        waiting_since: the time at which the oldest pending or due note began to wait.
        posts: forum posts without an answer.
        thanked: contributors whose notes helped.
        new: newly published notes.
        overview: the overview for moderators, if any.
    """

    digest: WeeklyDigest
    time: Due
    asked: Asked = _NOTHING
    gaps: tuple[Group, ...] = ()
    open_gaps: int = 0
    pending: int = 0
    due: int = 0
    waiting_since: datetime | None = None
    posts: tuple[UnansweredPost, ...] = ()
    thanked: tuple[Contributor, ...] = ()
    new: tuple[NewNote, ...] = ()
    overview: Overview | None = None

    @property
    def is_empty(self) -> bool:
        """Whether there is no news. Old gaps without new questions aren't news."""
        if self.digest.edition is Edition.EVERYBODY:
            return not self.new
        return not (self.asked.all or self.pending or self.due or self.posts or self.thanked)


def digests(core: Core, guild_id: int) -> dict[Edition, WeeklyDigest]:
    return core.store.digests.of_guild(guild_id)


def due(core: Core, mine: GuildFilter, now: datetime) -> list[tuple[WeeklyDigest, Due]]:
    """Return the digests of these guilds that are due at the time `now`."""
    times = [(one, schedule.due(one, now)) for one in core.store.digests.all(mine)]
    return [(digest, time) for digest, time in times if time is not None]


def claim(core: Core, digest: WeeklyDigest, at: datetime) -> bool:
    """Claim a digest that is due at the time `at`, before the digest is posted.

    Return False if this digest was claimed before.
    """
    return core.store.digests.claim(digest, at)


def settle(core: Core, digest: WeeklyDigest, at: datetime, *, covered: bool) -> None:
    """Record that the digest due at the time `at` is done.

    `covered` tells whether the digest was posted or had no news. Otherwise, the next digest covers
    the period of this digest, too.
    """
    core.store.digests.settle(digest, at, covered=covered)


def record_warning(core: Core, digest: WeeklyDigest, *, warned: bool) -> bool:
    """Record whether administrators were told that a digest can't be posted.

    Return False if the record doesn't change.
    """
    return core.store.digests.warn(digest, warned=warned)


def unanswered_posts(
    core: Core, guild_id: int, since: datetime, until: datetime, most: int
) -> list[UnansweredPost]:
    """Return the forum posts recorded as unanswered, newest first."""
    posts = core.store.period_figures.unanswered_posts(guild_id, since, until, most)
    return [UnansweredPost(thread_id, asked_at) for thread_id, asked_at in posts]


def close_answered_gaps(core: Core, digest: WeeklyDigest) -> Iterator[int]:
    """Close the gaps that now have an answer, in slices."""
    if digest.edition is Edition.MODERATORS:
        yield from gaps_service.recheck_gaps(core, digest.guild_id)


def gather_week(
    core: Core,
    digest: WeeklyDigest,
    time: Due,
    readers: Readers,
    *,
    quotes: int,
    posts: tuple[UnansweredPost, ...] = (),
) -> Week:
    """Gather the content of a digest for the readers of its channel.

    Only the first `quotes` passages found for an answer credit contributors.
    """
    guild_id, figures = digest.guild_id, core.store.period_figures
    thanked = core.store.credit.contributors(guild_id, time.since, quotes, FURTHER_SHARE)
    week = Week(digest, time, thanked=tuple(thanked[:MOST_THANKED]))
    if digest.edition is Edition.EVERYBODY:
        ids = figures.new_notes(guild_id, time.since, time.at)
        live = filter(None, map(core.store.notes.live, ids))
        return replace(week, new=tuple(_new(core, note, readers.channels) for note in live))
    groups = gaps_service.groups(core, guild_id)
    shown = (_readable_part(group, readers) for group in groups)
    waiting = core.store.notes.queue(guild_id, time.at)
    pending = sum(note.revision.state is State.PENDING for note in waiting)
    return replace(
        week,
        asked=figures.asked(guild_id, time.since, time.at),
        gaps=tuple([group for group in shown if group is not None][:MOST_GAPS]),
        open_gaps=len(groups),
        pending=pending,
        due=len(waiting) - pending,
        waiting_since=waiting[0].waiting_since if waiting else None,
        posts=posts,
    )


def _new(core: Core, note: Note, channels: Collection[int]) -> NewNote:
    answers = core.store.period_figures.answered_by(note.id, channels)
    title = note.revision.submission.shown.title
    url = core.page_links.of(note.guild_id, [note.id]).get(note.id, "")
    return NewNote(title, note.contributor, tuple(map(without_secrets, answers)), url)


def _readable_part(group: Group, readers: Readers) -> Group | None:
    """Return a gap with only the questions that readers may see, or None if there are none."""
    seen = tuple(question for question in group.questions if readers.may_see(question))
    if not seen:
        return None
    example = group.example if group.example in seen else seen[0]
    return replace(group, questions=seen, example=example)
