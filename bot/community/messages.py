"""What `/stats` and `/leaderboard` say. Pure."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from bot.text.custom_ids import NUMBER
from bot.text.languages import Both, Counted, written
from bot.text.markdown import Page, plain, shortened
from bot.text.paging import _PAGE, _QUOTED, _TIMES, _page_count, _page_number
from knowledge.model.questions import Evidence
from knowledge.model.records import Language
from knowledge.store.credit import Activity, Contributor

BOARD_BUTTON: Final = rf"board:(?P<page>{NUMBER}):(?P<period>week|month|year|all)"

CONTRIBUTORS_A_PAGE: Final = 10

_NOTES: Final = Counted(
    Both("{number} note", "{number} Notiz"), Both("{number} notes", "{number} Notizen")
)

_QUESTIONS: Final = Counted(
    Both("{number} question", "{number} Frage"), Both("{number} questions", "{number} Fragen")
)


class Period(StrEnum):
    """From when on citations count."""

    WEEK = "week"
    MONTH = "month"
    YEAR = "year"
    ALL = "all"

    def since(self, at: datetime) -> datetime | None:
        """When the period that ends now began; None: there is no beginning."""
        days = {Period.WEEK: 7, Period.MONTH: 30, Period.YEAR: 365}.get(self)
        return at - timedelta(days=days) if days else None


PERIOD_LABELS: Final[Mapping[Period, Both]] = {
    Period.WEEK: Both("The last 7 days", "Die letzten 7 Tage"),
    Period.MONTH: Both("The last 30 days", "Die letzten 30 Tage"),
    Period.YEAR: Both("The last 365 days", "Die letzten 365 Tage"),
    Period.ALL: Both("All time", "Die ganze Zeit"),
}

_BOARD: Final[Mapping[Period, Both]] = {
    period: Both(
        f"**Whose notes helped** · {label.english[:1].lower()}{label.english[1:]}",
        f"**Wessen Notizen geholfen haben** · {label.german[:1].lower()}{label.german[1:]}",
    )
    for period, label in PERIOD_LABELS.items()
}

_NOBODY_YET: Final = Both(
    "Nobody has found an answer from a note helpful yet. *Helpful* below an answer credits whoever "
    "wrote what it quotes.",
    "Noch hat niemand eine Antwort aus einer Notiz hilfreich gefunden. *Hilfreich* unter einer "
    "Antwort zählt für alle, die schrieben, was sie zitiert.",
)

_CREDIT: Final = Both("{times}, with {notes}", "{times}, mit {notes}")

_COUNTED: Final = Both(
    "-# Counted is how often somebody else found an answer helpful that quoted them.",
    "-# Gezählt wird, wie oft jemand anderes eine Antwort hilfreich fand, die daraus zitiert.",
)


def leaderboard(
    contributors: Sequence[Contributor],
    period: Period,
    page: int,
    language: Language = Language.ENGLISH,
) -> Page:
    """Contributors by how often an answer from their notes helped somebody else."""
    heading = _BOARD[period](language)
    if not contributors:
        return Page(f"{heading}\n{_NOBODY_YET(language)}", 0, 1)
    number = _page_number(page, len(contributors), CONTRIBUTORS_A_PAGE)
    count = _page_count(len(contributors), CONTRIBUTORS_A_PAGE)
    lines = [heading + (_PAGE(language, number=number + 1, count=count) if count > 1 else "")]
    first = number * CONTRIBUTORS_A_PAGE
    for place, one in enumerate(contributors[first : first + CONTRIBUTORS_A_PAGE], first + 1):
        times, notes = _TIMES(one.citations, language), _NOTES(one.notes, language)
        credit = _CREDIT(language, times=times, notes=notes)
        lines.append(f"{place}. **{plain(shortened(one.name, 40))}** – {credit}")
    lines.append(_COUNTED(language))
    return Page("\n".join(lines), number, count)


_ASKED: Final = Both(
    "**{questions} asked here**: {strong} answered with strong evidence, {partial} with partial, "
    "{refused} refused.",
    "**{questions} hier gestellt**: {strong} deutlich beantwortet, {partial} vielleicht nur zum "
    "Teil, {refused} gar nicht.",
)

_VERDICTS: Final = Both(
    "Answers were found helpful {helpful}, unhelpful {unhelpful}.",
    "Antworten waren {helpful} hilfreich, {unhelpful} nicht hilfreich.",
)

_PUBLISHED: Final = Both(
    "{notes} live, {pending} waiting for review.",
    "{notes} veröffentlicht, {pending} noch zu prüfen.",
)

_UNANSWERED: Final = Both(
    "{questions} without a good answer yet.", "{questions} noch ohne gute Antwort."
)

_QUOTED_MOST: Final = Both("Quoted most: {titles}.", "Am meisten zitiert: {titles}.")


def stats(activity: Activity, language: Language = Language.ENGLISH) -> str:
    """What goes on in a server."""
    answered = activity.questions
    lines = [
        _ASKED(
            language,
            questions=_QUESTIONS(activity.asked, language),
            strong=written(answered[Evidence.STRONG], language),
            partial=written(answered[Evidence.PARTIAL], language),
            refused=written(answered[Evidence.NONE], language),
        ),
        _VERDICTS(
            language,
            helpful=_TIMES(activity.helpful, language),
            unhelpful=_TIMES(activity.unhelpful, language),
        ),
        _PUBLISHED(
            language,
            notes=_NOTES(activity.live, language),
            pending=written(activity.pending, language),
        ),
        _UNANSWERED(language, questions=_QUESTIONS(activity.gaps, language)),
    ]
    if activity.quoted:
        titles = ", ".join(
            f"{_QUOTED(language, text=plain(shortened(title, 60)))} ({written(number, language)})"
            for title, number in activity.quoted
        )
        lines.append(_QUOTED_MOST(language, titles=titles))
    return "\n".join(lines)
