"""Weekly digests: when each is due, what its readers may see, and its words.

If summer time skips the hour of a digest, the next hour counts. If the hour comes twice, the first
one counts. A digest missed while the bot is off is posted up to three days late. After that, the
next digest covers both weeks. Functions that take a core run in the worker's thread.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, time, timedelta, tzinfo
from functools import lru_cache
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from bot.answers.outcome import FURTHER_SHARE
from bot.core.core import Core
from bot.gaps import messages as gaps_messages
from bot.gaps import service as gaps_service
from bot.gaps.service import Group
from bot.review import golden_questions
from bot.sources.messages import location_name
from bot.statistics.overview import Overview
from bot.text.languages import Sentence, plural, speak, spoken_language
from bot.text.markdown import plain_within
from bot.text.paging import QUOTED
from knowledge.secrets import without_secrets
from knowledge.store.figures import Asked, Contributor
from knowledge.values.calendar_words import weekday
from knowledge.values.documents import SHARED
from knowledge.values.notes import State
from knowledge.values.settings import Edition, WeeklyDigest

WEEK: Final = timedelta(days=7)
# Longest delay of a missed digest: its news is still fresh, and the next digest far away.
LATEST: Final = timedelta(days=3)
# Discord shows five rows of buttons, one for each gap.
MOST_GAPS: Final = 5
MOST_NOTES: Final = 8
MOST_THANKED: Final = 5
MOST_POSTS: Final = 5
MOST_FAILING: Final = 3
# Most characters of each part, so that a digest fits in one message in every language.
_QUESTION_CHARACTERS: Final = 200
_LEAST_CHARACTERS: Final = 40
_TITLE_CHARACTERS: Final = 80
_NAME_CHARACTERS: Final = 40
_NOTHING: Final = Asked(0, 0, 0, 0)

# The schedule, in UTC.


class Due(NamedTuple):
    """A digest due at `at`, on the period from `since`; `missed` if it is too late to post it."""

    at: datetime
    since: datetime
    missed: bool = False


def due(digest: WeeklyDigest, now: datetime) -> Due | None:
    at = last_time(digest, now)
    # Times in the future come from a wrong clock.
    if any(done and at <= done <= now for done in (digest.chosen_at, digest.settled_at)):
        return None
    return Due(at, since(digest, at), missed=now - at > LATEST)


def since(digest: WeeklyDigest, at: datetime) -> datetime:
    """Start of the period that a digest covers: the end of the previous period, or a week ago."""
    covered = digest.covered_at
    return covered if covered is not None and covered < at else at - WEEK


def last_time(digest: WeeklyDigest, now: datetime) -> datetime:
    return max(at for at in _times(digest.weekday, digest.hour, digest.zone, now) if at <= now)


def next_time(digest: WeeklyDigest, now: datetime) -> datetime:
    return min(at for at in _times(digest.weekday, digest.hour, digest.zone, now) if at > now)


# A round checks thousands of digests, which share a few hundred times.
@lru_cache(maxsize=1_024)
def _times(weekday: int, hour: int, zone_name: str, now: datetime) -> list[datetime]:
    zone = zone_of(zone_name)
    here = now.astimezone(zone).date()
    nearest = here + timedelta(days=weekday - here.weekday())
    dates = (nearest + weeks * WEEK for weeks in range(-2, 3))
    return [datetime.combine(date, time(hour), zone).astimezone(UTC) for date in dates]


def zone_of(name: str) -> tzinfo:
    """Time zone by name; UTC if this machine does not know it."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return UTC


# The content.


class NewNote(NamedTuple):
    """A newly published note, the public questions that it answers, and its public page."""

    title: str
    contributor: str
    answers: tuple[str, ...]
    url: str = ""


@dataclass(frozen=True, slots=True)
class Week:
    """Content of a digest.

    `gaps` are those that the readers may see, `open_gaps` counts all; `due` counts notes to verify
    again. `failing` has names of sources, empty for readers who mustn't know them. `posts` are
    forum posts without an answer. `changed` counts confirmed answers that changed, and those that
    are gone.
    """

    digest: WeeklyDigest
    time: Due
    asked: Asked = _NOTHING
    gaps: tuple[Group, ...] = ()
    open_gaps: int = 0
    pending: int = 0
    due: int = 0
    waiting_since: datetime | None = None
    failing: tuple[str, ...] = ()
    posts: Sequence[tuple[int, datetime]] = ()
    changed: tuple[int, int] = (0, 0)
    thanked: tuple[Contributor, ...] = ()
    new: tuple[NewNote, ...] = ()
    overview: Overview | None = None

    @property
    def is_empty(self) -> bool:
        """Whether there is no news. Old gaps without new questions aren't news."""
        if self.digest.edition is Edition.EVERYBODY:
            return not self.new
        return not (
            self.asked.all
            or self.pending
            or self.due
            or self.posts
            or self.thanked
            or self.failing
            or any(self.changed)
        )


def gather_week(
    core: Core,
    week: Week,
    public: Collection[int],
    *,
    moderators_only: bool,
    quotes: int,
    alarms: bool = False,
) -> Week:
    """Gather the rest of a week for its readers.

    Members may read the `public` channels; with `moderators_only`, readers see all questions.
    `quotes` are the passages of an answer that credit contributors. With `alarms`, failing sources
    are told.
    """
    guild_id, (at_first, at_last) = week.digest.guild_id, (week.time.since, week.time.at)
    figures, notes = core.store.period_figures, core.store.notes
    thanked = core.store.credit.contributors(guild_id, at_first, quotes, FURTHER_SHARE)
    week = replace(week, thanked=tuple(thanked[:MOST_THANKED]))
    if week.digest.edition is Edition.EVERYBODY:
        new = [notes.live(note_id) for note_id in figures.new_notes(guild_id, at_first, at_last)]
        urls = core.page_links.of(guild_id, [note.id for note in new if note is not None])
        new_notes = tuple(
            NewNote(
                note.revision.submission.safe.title,
                note.contributor,
                tuple(map(without_secrets, figures.answered_by(note.id, public))),
                urls.get(note.id, ""),
            )
            for note in new
            if note is not None
        )
        return replace(week, new=new_notes)
    groups = gaps_service.groups(core, guild_id)
    gaps = []
    for group in groups:
        seen = [
            question
            for question in group.questions
            if moderators_only or (not question.private and question.channel_id in public)
        ]
        if seen:
            example = group.example if group.example in seen else seen[0]
            gaps.append(replace(group, questions=tuple(seen), example=example))
    failing = [
        location_name(source.location) if moderators_only else ""
        for source in core.failing_sources()
        if alarms and source.scope in (SHARED, guild_id)
    ]
    waiting = notes.queue(guild_id, at_last)
    pending = sum(note.revision.state is State.PENDING for note in waiting)
    return replace(
        week,
        asked=figures.question_counts(guild_id, at_first, at_last),
        gaps=tuple(gaps[:MOST_GAPS]),
        open_gaps=len(groups),
        pending=pending,
        due=len(waiting) - pending,
        waiting_since=waiting[0].waiting_since if waiting else None,
        failing=tuple(failing),
        changed=golden_questions.number_changed(core, guild_id),
    )


# The words.

HEADINGS: Final = {
    Edition.MODERATORS: Sentence("**Questions this week**"),
    Edition.EVERYBODY: Sentence("**New notes**"),
}
NAMES: Final = {
    Edition.MODERATORS: Sentence("The digest for moderators"),
    Edition.EVERYBODY: Sentence("The digest for everyone"),
}
NOT_POSTED: Final = Sentence(
    "-# This digest isn't posted yet. `/setup` turns it on, at *Reminders and digests*."
)
MOVED: Final = Sentence(
    "-# Posted here because I can't write in {channel}. `/setup` changes the channel."
)


def is_digest(text: str, edition: Edition, at: datetime) -> bool:
    """Whether a message is the digest of this edition and time, in any language."""
    first, _, _ = text.partition("\n")
    headings = HEADINGS[edition].in_every_language()
    return first.startswith(headings) and f"<t:{int(at.timestamp())}:" in first


def digest(week: Week) -> Iterator[tuple[str, Group | None]]:
    """Yield the parts of a digest, heading first; a gap comes with its group."""
    heading = HEADINGS[week.digest.edition]()
    heading += f" · {_at(week.time.since, 'd')} – {_at(week.time.at, 'd')}"
    if week.digest.edition is Edition.EVERYBODY:
        yield from ((part, None) for part in _for_everybody(week, heading))
        return
    if asked := week.asked.all:
        heading += "\n" + speak(
            "{questions}: {answered:,} answered, {partly:,} answered in part, {refused:,} "
            "unanswered, {solved:,} rated helpful.",
            questions=plural(asked, "**{number:,} question**", "**{number:,} questions**"),
            answered=week.asked.answered,
            partly=week.asked.partly,
            refused=week.asked.refused,
            solved=week.asked.solved,
        )
    if week.open_gaps:
        opened = plural(
            week.open_gaps, "**{number:,} open gap**: `/gaps`", "**{number:,} open gaps**: `/gaps`"
        )
        heading += f"\n{opened}"
    yield heading, None
    for group in week.gaps:
        question = QUOTED(text=plain_within(group.example.text, _QUESTION_CHARACTERS))
        yield f"{question}\n-# {gaps_messages.group_details(group)}", group
    tasks = [_waiting(week, week.waiting_since)] if week.waiting_since is not None else []
    if week.failing:
        tasks.append(_failing(week.failing))
    if any(week.changed):
        tasks.append(golden_questions.count_changes(*week.changed))
    if tasks:
        yield "\n".join(tasks), None
    if week.posts:
        posts = (f"- <#{thread_id}> · {_at(at, 'R')}" for thread_id, at in week.posts)
        yield "\n".join([speak("**Posts without an answer**"), *posts]), None
    if week.thanked:
        yield _thanks(week.thanked), None


def _for_everybody(week: Week, heading: str) -> Iterator[str]:
    yield heading
    notes = [_new_note(note) for note in week.new[:MOST_NOTES]]
    if more := len(week.new) - len(notes):
        notes.append(plural(more, "And {number:,} more note.", "And {number:,} more notes."))
    yield "\n".join(notes)
    if week.thanked:
        yield _thanks(week.thanked)
    yield speak("-# Ask with `/ask`. Share knowledge with `/note add`.")


def _at(moment: datetime, style: str) -> str:
    return f"<t:{int(moment.timestamp())}:{style}>"


def _waiting(week: Week, since: datetime) -> str:
    phrases = [
        plural(
            week.pending,
            "**{number:,} note** awaits a decision",
            "**{number:,} notes** await a decision",
        ),
        plural(
            week.due,
            "**{number:,} note** needs another look",
            "**{number:,} notes** need another look",
        ),
    ]
    numbers = (week.pending, week.due)
    notes = [phrase for phrase, number in zip(phrases, numbers, strict=True) if number]
    return speak(
        "{notes}, the oldest since {when}: `/review`.",
        notes=_enumeration(notes),
        when=_at(since, "R"),
    )


def _failing(sources: Sequence[str]) -> str:
    problem = plural(
        len(sources),
        "⚠ **{number:,} source** has a problem",
        "⚠ **{number:,} sources** have problems",
    )
    names = [f"**{plain_within(name, _TITLE_CHARACTERS)}**" for name in sources if name]
    return f"{problem}: {_enumeration(names[:MOST_FAILING])}" if names else problem


def _thanks(thanked: Sequence[Contributor]) -> str:
    names = [f"**{plain_within(writer.name, _NAME_CHARACTERS)}**" for writer in thanked]
    writers = _enumeration(names)
    return speak("**Thank you**, {names}: your notes helped others.", names=writers)


def _enumeration(names: Sequence[str]) -> str:
    """Names in one phrase: "a, b and c"."""
    if len(names) < 2:
        return "".join(names)
    both = speak("{first} and {second}", first=names[-2], second=names[-1])
    return ", ".join([*names[:-2], both])


def _new_note(note: NewNote) -> str:
    title = plain_within(note.title, _TITLE_CHARACTERS)
    target = f"](<{note.url}>)" if note.url else ""
    title, name = f"[{title}{target}" if target else title, note.contributor
    said = speak("- **{title}** by {name}", title=title, name=plain_within(name, _NAME_CHARACTERS))
    if not note.answers:
        return said
    # A link leaves less room for the question.
    room = max(_QUESTION_CHARACTERS - len(target), _LEAST_CHARACTERS)
    question = QUOTED(text=plain_within(note.answers[0], room))
    if more := len(note.answers) - 1:
        question = plural(
            more,
            "{named} and {number:,} more question",
            "{named} and {number:,} more questions",
            named=question,
        )
    return speak("{note}, answers {question}", note=said, question=question)


def schedule_of(digest: WeeklyDigest, now: datetime, *, writable: bool, others_read: bool) -> str:
    """Say where and when a digest is posted, with warnings about its channel."""
    channel, at = f"<#{digest.channel_id}>", next_time(digest, now)
    lines = [
        speak(
            "**{digest}** is posted every {weekday} at {hour}:00 ({zone}) in {channel}, next "
            "{when}. Weeks without news are skipped.",
            digest=NAMES[digest.edition](),
            weekday=weekday(digest.weekday, spoken_language.get()),
            hour=digest.hour,
            zone=digest.zone,
            channel=channel,
            when=f"{_at(at, 'F')} ({_at(at, 'R')})",
        )
    ]
    if digest.edition is Edition.MODERATORS:
        lines.append(
            plural(
                digest.post_hours,
                "From forums where I help, it lists posts still unanswered after {number:,} hour.",
                "From forums where I help, it lists posts still unanswered after {number:,} hours.",
            )
        )
    if not writable:
        lines.append(
            speak(
                "I can't write in {channel}: grant me **View Channel** and **Send Messages** "
                "there.",
                channel=channel,
            )
        )
    if digest.edition is Edition.MODERATORS and others_read:
        lines.append(
            speak(
                "{channel} is open to more than moderators, so I count private questions and those "
                "from hidden channels, but don't show them.",
                channel=channel,
            )
        )
    return "\n".join(lines)
