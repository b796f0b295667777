"""Messages of `/stats` and `/leaderboard`. Pure."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from bot.text.languages import Plural, Sentence, written
from bot.text.markdown import plain, shortened
from bot.text.paging import PAGE, QUOTED, TIMES, Page, page_count, page_number
from knowledge.store.notes.credit import Activity, Contributor
from knowledge.values.guilds import Language
from knowledge.values.questions import Evidence

CONTRIBUTORS_A_PAGE: Final = 10

_NOTES: Final = Plural("{number:,} note", "{number:,} notes")

_QUESTIONS: Final = Plural("{number:,} question", "{number:,} questions")


class Period(StrEnum):
    """Period in which `/leaderboard` counts helpful answers that quote a note."""

    WEEK = "week"
    MONTH = "month"
    YEAR = "year"
    ALL = "all"

    def since(self, at: datetime) -> datetime | None:
        """Return the start of the period that ends at the time `at`; None for all time."""
        days = {Period.WEEK: 7, Period.MONTH: 30, Period.YEAR: 365}.get(self)
        return at - timedelta(days=days) if days else None


PERIOD_LABELS: Final[Mapping[Period, Sentence]] = {
    Period.WEEK: Sentence("The last 7 days"),
    Period.MONTH: Sentence("The last 30 days"),
    Period.YEAR: Sentence("The last 365 days"),
    Period.ALL: Sentence("All time"),
}

_BOARD: Final[Mapping[Period, Sentence]] = {
    Period.WEEK: Sentence("**Whose notes helped** · the last 7 days"),
    Period.MONTH: Sentence("**Whose notes helped** · the last 30 days"),
    Period.YEAR: Sentence("**Whose notes helped** · the last 365 days"),
    Period.ALL: Sentence("**Whose notes helped** · all time"),
}

_NOBODY_YET: Final = Sentence(
    "No note has helped anyone yet. *Helpful* below an answer credits the writers of its notes."
)

_CREDIT: Final = Sentence("{times}, with {notes}")

_COUNTED: Final = Sentence("-# Counted: *Helpful* from others on answers that quote these notes.")


def leaderboard(
    contributors: Sequence[Contributor],
    period: Period,
    page: int,
    language: Language = Language.ENGLISH,
) -> Page:
    heading = _BOARD[period](language)
    if not contributors:
        return Page(f"{heading}\n{_NOBODY_YET(language)}", 0, 1)
    number = page_number(page, len(contributors), CONTRIBUTORS_A_PAGE)
    count = page_count(len(contributors), CONTRIBUTORS_A_PAGE)
    lines = [heading + (PAGE(language, number=number + 1, count=count) if count > 1 else "")]
    first = number * CONTRIBUTORS_A_PAGE
    for place, one in enumerate(contributors[first : first + CONTRIBUTORS_A_PAGE], first + 1):
        times, notes = TIMES(one.citations, language), _NOTES(one.notes, language)
        credit = _CREDIT(language, times=times, notes=notes)
        lines.append(f"{place}. **{plain(shortened(one.name, 40))}** – {credit}")
    lines.append(_COUNTED(language))
    return Page("\n".join(lines), number, count)


def is_leaderboard(text: str) -> bool:
    """Whether a message is a leaderboard, in any language."""
    headings = (heading(language) for heading in _BOARD.values() for language in Language)
    return text.startswith(tuple(headings))


_ASKED: Final = Sentence(
    "**{questions} so far**: {strong:,} answered, {partial:,} answered in part, {refused:,} "
    "not answered."
)

_VERDICTS: Final = Sentence("Ratings: helpful {helpful}, not helpful {unhelpful}.")

_PUBLISHED: Final = Sentence("{notes} live, {pending:,} awaiting review.")

_UNANSWERED: Final = Sentence(
    "Still open for the moderators: {questions} (not answered, in part, or not helpful)."
)

_QUOTED_MOST: Final = Sentence("Most quoted: {titles}.")


def stats(activity: Activity, language: Language = Language.ENGLISH) -> str:
    answered = activity.questions
    lines = [
        _ASKED(
            language,
            questions=_QUESTIONS(activity.asked, language),
            strong=answered[Evidence.STRONG],
            partial=answered[Evidence.PARTIAL],
            refused=answered[Evidence.NONE],
        ),
        _VERDICTS(
            language,
            helpful=TIMES(activity.helpful, language),
            unhelpful=TIMES(activity.unhelpful, language),
        ),
        _PUBLISHED(
            language,
            notes=_NOTES(activity.live, language),
            pending=activity.pending,
        ),
        _UNANSWERED(language, questions=_QUESTIONS(activity.gaps, language)),
    ]
    if activity.quoted:
        titles = ", ".join(
            f"{QUOTED(language, text=plain(shortened(title, 60)))} ({written(number, language)})"
            for title, number in activity.quoted
        )
        lines.append(_QUOTED_MOST(language, titles=titles))
    return "\n".join(lines)
