"""Messages of `/stats`: figures, the bot, and the leaderboard. Pure."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from bot.text.languages import Sentence, format_number, plural, speak
from bot.text.markdown import plain, shorten
from bot.text.paging import PAGE, QUOTED, TIMES, Page, page_count, page_number
from knowledge.store.figures import Activity, Contributor
from knowledge.values.guilds import Phrasing
from knowledge.values.questions import Evidence

CONTRIBUTORS_A_PAGE: Final = 10


class Period(StrEnum):
    """Period in which the leaderboard counts helpful answers that quote a note."""

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


def leaderboard(contributors: Sequence[Contributor], period: Period, page: int) -> Page:
    heading = _BOARD[period]()
    if not contributors:
        nobody = speak(
            "No note has helped anyone yet. *Helpful* below an answer credits the writers of its "
            "notes."
        )
        return Page(f"{heading}\n{nobody}", 0, 1)
    number = page_number(page, len(contributors), CONTRIBUTORS_A_PAGE)
    count = page_count(len(contributors), CONTRIBUTORS_A_PAGE)
    lines = [heading + (PAGE(number=number + 1, count=count) if count > 1 else "")]
    first = number * CONTRIBUTORS_A_PAGE
    for place, contributor in enumerate(contributors[first:][:CONTRIBUTORS_A_PAGE], first + 1):
        credit = speak(
            "{times}, with {notes}",
            times=TIMES(contributor.citations),
            notes=_notes(contributor.notes),
        )
        lines.append(f"{place}. **{plain(shorten(contributor.name, 40))}** – {credit}")
    lines.append(speak("-# Counted: *Helpful* from others on answers that quote these notes."))
    return Page("\n".join(lines), number, count)


CHOOSE_PERIOD: Final = Sentence("Whose notes helped…")
SHOW_ALL: Final = Sentence("Show everyone here")


def is_leaderboard(text: str) -> bool:
    """Whether a message is a leaderboard, in any language."""
    return any(text.startswith(heading.in_every_language()) for heading in _BOARD.values())


def _notes(number: int) -> str:
    return plural(number, "{number:,} note", "{number:,} notes")


def stats(activity: Activity) -> str:
    answered = activity.questions

    def questions(number: int) -> str:
        return plural(number, "{number:,} question", "{number:,} questions")

    lines = [
        speak(
            "**{questions} so far**: {strong:,} answered, {partial:,} answered in part, "
            "{refused:,} not answered.",
            questions=questions(activity.asked),
            strong=answered[Evidence.STRONG],
            partial=answered[Evidence.PARTIAL],
            refused=answered[Evidence.NONE],
        ),
        speak(
            "Ratings: helpful {helpful}, not helpful {unhelpful}.",
            helpful=TIMES(activity.helpful),
            unhelpful=TIMES(activity.unhelpful),
        ),
        speak(
            "{notes} live, {pending:,} awaiting review.",
            notes=_notes(activity.live),
            pending=activity.pending,
        ),
        speak(
            "Still open for the moderators: {questions} (not answered, in part, or not helpful).",
            questions=questions(activity.gaps),
        ),
    ]
    if activity.quoted:
        titles = ", ".join(
            f"{QUOTED(text=plain(shorten(title, 60)))} ({format_number(times)})"
            for title, times in activity.quoted
        )
        lines.append(speak("Most quoted: {titles}.", titles=titles))
    return "\n".join(lines)


_CHANGED: Final = Sentence("Index updated {when}.")


def about(
    version: str,
    counts: Mapping[str, int],
    model: str,
    changed_at: datetime | None,
    phrasing: str = "",
    *,
    moderator: bool = False,
) -> str:
    """Describe the bot with its language model and, to a moderator, the index."""
    lines = [
        speak(
            "**Commonplace {version}** answers questions with quotations from this community's "
            "knowledge.",
            version=version,
        ),
        speak("{documents:,} documents, {passages:,} passages.", **counts),
    ]
    if changed_at is not None:
        lines.append(_CHANGED(when=f"<t:{int(changed_at.timestamp())}:R>"))
    how = speak("Ask with `/ask`. Share knowledge with `/note add`.")
    lines += [phrasing, how] if phrasing else [how]
    if moderator:
        lines.append(
            speak(
                "-# Index generation {generation:,}, model {model}.",
                model=plain(model),
                generation=counts["generation"],
            )
        )
    return "\n".join(lines)


_PHRASED: Final[Mapping[Phrasing, Sentence]] = {
    Phrasing.CHOOSE: Sentence(
        "A language model at {host} picks sentences from my quotations, shown word for word."
    ),
    Phrasing.PHRASE: Sentence(
        "A language model at {host} rewrites my quotations as an answer; they stay below it."
    ),
}


def phrased(host: str, phrasing: Phrasing) -> str:
    """Return the line on the language model; empty if phrasing is off."""
    return _PHRASED[phrasing](host=plain(host)) if phrasing in _PHRASED else ""
