"""Messages of weekly digests. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from bot.gaps import messages as gaps_messages
from bot.gaps.service import Group
from bot.statistics.weekly_schedule import next_time
from bot.statistics.weekly_service import MOST_NOTES, NewNote, Week
from bot.text.languages import Plural, Sentence
from bot.text.markdown import plain_within
from bot.text.paging import QUOTED
from knowledge.store.notes.credit import Contributor
from knowledge.values.calendar_words import weekday
from knowledge.values.guilds import Language
from knowledge.values.weekly_digests import Edition, WeeklyDigest

# Most characters of each part, so that a digest fits in one message in every language.
_QUESTION_CHARACTERS: Final = 200
_LEAST_CHARACTERS: Final = 40
_TITLE_CHARACTERS: Final = 80
_NAME_CHARACTERS: Final = 40


HEADINGS: Final[Mapping[Edition, Sentence]] = {
    Edition.MODERATORS: Sentence("**Questions this week**"),
    Edition.EVERYBODY: Sentence("**New notes**"),
}
_QUESTIONS: Final = Plural("**{number:,} question**", "**{number:,} questions**")
_ASKED: Final = Sentence(
    "{questions}: {answered:,} answered, {refused:,} unanswered, {solved:,} rated helpful."
)
_GAPS: Final = Plural("**{number:,} open gap**: `/gaps`", "**{number:,} open gaps**: `/gaps`")
_PENDING: Final = Plural(
    "**{number:,} note** awaits a decision", "**{number:,} notes** await a decision"
)
_DUE: Final = Plural(
    "**{number:,} note** needs another look", "**{number:,} notes** need another look"
)
_WAITING: Final = Sentence("{notes}, the oldest since {when}: `/review queue`.")
_AND: Final = Sentence("{first} and {second}")
_POSTS: Final = Sentence("**Posts without an answer**")
_THANKS: Final = Sentence("**Thank you**, {names}: your notes helped others.")
_BY: Final = Sentence("- **{title}** by {name}")
_ANSWERS: Final = Sentence("{note}, answers {question}")
_MORE_QUESTIONS: Final = Plural(
    "{named} and {number:,} more question", "{named} and {number:,} more questions"
)
_MORE_NOTES: Final = Plural("And {number:,} more note.", "And {number:,} more notes.")
_ASK: Final = Sentence("-# Ask with `/ask`. Share knowledge with `/note add`.")


@dataclass(frozen=True, slots=True)
class DigestText:
    """Text of a digest: heading, number of open gaps, the first gaps, and the other parts."""

    heading: str
    open: str
    gaps: tuple[str, ...]
    rest: tuple[str, ...]

    @property
    def parts(self) -> tuple[str, ...]:
        return self.heading, self.open, *self.gaps, *self.rest


def is_digest(text: str, edition: Edition, at: datetime) -> bool:
    """Whether a message is the digest of this edition and time, in any language."""
    first, _, _ = text.partition("\n")
    headings = tuple(HEADINGS[edition](language) for language in Language)
    return first.startswith(headings) and f"<t:{int(at.timestamp())}:" in first


def digest(week: Week, language: Language = Language.ENGLISH) -> DigestText:
    since, at = (int(one.timestamp()) for one in (week.time.since, week.time.at))
    heading = f"{HEADINGS[week.digest.edition](language)} · <t:{since}:d> – <t:{at}:d>"
    if week.digest.edition is Edition.EVERYBODY:
        return DigestText(heading, "", (), tuple(_for_everybody(week, language)))
    if week.asked.all:
        heading += "\n" + _ASKED(
            language,
            questions=_QUESTIONS(week.asked.all, language),
            answered=week.asked.answered,
            refused=week.asked.refused,
            solved=week.asked.solved,
        )
    opened = _GAPS(week.open_gaps, language) if week.open_gaps else ""
    gaps = tuple(_gap(group, language) for group in week.gaps)
    return DigestText(heading, opened, gaps, tuple(_for_moderators(week, language)))


def _for_moderators(week: Week, language: Language) -> Iterator[str]:
    if week.waiting_since is not None:
        yield _waiting(week, week.waiting_since, language)
    if week.posts:
        posts = (
            f"- <#{post.thread_id}> · <t:{int(post.created_at.timestamp())}:R>"
            for post in week.posts
        )
        yield "\n".join([_POSTS(language), *posts])
    if week.thanked:
        yield _thanks(week.thanked, language)


def _gap(group: Group, language: Language) -> str:
    question = plain_within(group.example.text, _QUESTION_CHARACTERS)
    about = gaps_messages.group_details(group, language)
    return f"{QUOTED(language, text=question)}\n-# {about}"


def _waiting(week: Week, since: datetime, language: Language) -> str:
    parts = [
        phrase(number, language)
        for number, phrase in ((week.pending, _PENDING), (week.due, _DUE))
        if number
    ]
    notes = parts[0] if len(parts) == 1 else _AND(language, first=parts[0], second=parts[1])
    return _WAITING(language, notes=notes, when=f"<t:{int(since.timestamp())}:R>")


def _thanks(thanked: Sequence[Contributor], language: Language) -> str:
    names = [f"**{plain_within(one.name, _NAME_CHARACTERS)}**" for one in thanked]
    if len(names) > 1:
        names[-2:] = [_AND(language, first=names[-2], second=names[-1])]
    return _THANKS(language, names=", ".join(names))


def _for_everybody(week: Week, language: Language) -> Iterator[str]:
    notes = [_new_note(note, language) for note in week.new[:MOST_NOTES]]
    if len(week.new) > MOST_NOTES:
        notes.append(_MORE_NOTES(len(week.new) - MOST_NOTES, language))
    yield "\n".join(notes)
    if week.thanked:
        yield _thanks(week.thanked, language)
    yield _ASK(language)


def _new_note(note: NewNote, language: Language) -> str:
    title = plain_within(note.title, _TITLE_CHARACTERS)
    name = plain_within(note.contributor, _NAME_CHARACTERS)
    target = f"](<{note.url}>)" if note.url else ""
    title = f"[{title}{target}" if target else title
    line = _BY(language, title=title, name=name)
    if not note.answers:
        return line
    # A link leaves less room for the question.
    room = max(_QUESTION_CHARACTERS - len(target), _LEAST_CHARACTERS)
    question = QUOTED(language, text=plain_within(note.answers[0], room))
    more = len(note.answers) - 1
    if more:
        question = _MORE_QUESTIONS(more, language, named=question)
    return _ANSWERS(language, note=line, question=question)


_NAMES: Final[Mapping[Edition, Sentence]] = {
    Edition.MODERATORS: Sentence("The digest for moderators"),
    Edition.EVERYBODY: Sentence("The digest for everyone"),
}
_CHOSEN: Final = Sentence(
    "**{digest}** is posted every {weekday} at {hour}:00 ({zone}) in {channel}, next {when}. Weeks "
    "without news are skipped."
)
_POST_HOURS: Final = Plural(
    "From forums where I help, it lists posts still unanswered after {number:,} hour.",
    "From forums where I help, it lists posts still unanswered after {number:,} hours.",
)
_LACKING: Final = Sentence(
    "I can't write in {channel}: grant me **View Channel** and **Send Messages** there."
)
_OTHERS_READ: Final = Sentence(
    "{channel} is open to more than moderators, so I count private questions and those from "
    "hidden channels, but don't show them."
)
NOT_POSTED: Final = Sentence(
    "-# This digest isn't posted yet. `/setup` turns it on, at *Reminders and digests*."
)
_EMPTY: Final = Sentence("No news since {when}, so nothing would be posted.")
_MOVED: Final = Sentence(
    "-# Posted here because I can't write in {channel}. `/setup` changes the channel."
)
_CAN_NOT_POST: Final = Sentence(
    "{digest} of {server} can't be posted: I can't write in {channel}, or it's gone. Choose "
    "another channel in `/setup`. I won't repeat this."
)


def schedule_of(
    digest: WeeklyDigest,
    now: datetime,
    *,
    writable: bool,
    moderators_only: bool,
    language: Language = Language.ENGLISH,
) -> str:
    """Say where and when a digest is posted, with warnings about its channel."""
    channel = f"<#{digest.channel_id}>"
    at = int(next_time(digest, now).timestamp())
    lines = [
        _CHOSEN(
            language,
            digest=_NAMES[digest.edition](language),
            weekday=weekday(digest.weekday, language),
            hour=digest.hour,
            zone=digest.zone,
            channel=channel,
            when=f"<t:{at}:F> (<t:{at}:R>)",
        )
    ]
    if digest.edition is Edition.MODERATORS:
        lines.append(_POST_HOURS(digest.post_hours, language))
    if not writable:
        lines.append(_LACKING(language, channel=channel))
    if digest.edition is Edition.MODERATORS and not moderators_only:
        lines.append(_OTHERS_READ(language, channel=channel))
    return "\n".join(lines)


def no_news(since: datetime, language: Language = Language.ENGLISH) -> str:
    return _EMPTY(language, when=f"<t:{int(since.timestamp())}:D>")


def moved(digest: WeeklyDigest, language: Language = Language.ENGLISH) -> str:
    """Line below a digest that couldn't be posted in its own channel."""
    return _MOVED(language, channel=f"<#{digest.channel_id}>")


def can_not_post(digest: WeeklyDigest, server: str, language: Language = Language.ENGLISH) -> str:
    """Warning to administrators about a digest that can't be posted."""
    return _CAN_NOT_POST(
        language,
        digest=_NAMES[digest.edition](language),
        server=plain_within(server, 100),
        channel=f"<#{digest.channel_id}>",
    )
