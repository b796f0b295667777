"""Panels of the overview, and their text. Pure.

The panels are shown as a picture with an alternative text, or only as text.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from typing import Final

from bot.sources.messages import location_name
from bot.statistics.overview_service import AskedOften, Doubtful, Overview, SourceUse
from bot.text.languages import Plural, Sentence, written
from bot.text.markdown import legible, plain_within, shortened, size
from bot.text.paging import QUOTED, TIMES
from knowledge.values.calendar_words import short_date
from knowledge.values.documents import Kind
from knowledge.values.guilds import Language
from knowledge.values.questions import Evidence

# Discord's limit for the description of an attachment, and of a picture in a gallery.
DESCRIPTION_CHARACTERS: Final = 1_024
# The largest number of sources in a picture or text; further sources are only counted.
MOST_SOURCES: Final = 6
_LABEL_CHARACTERS: Final = 80
_TITLE_CHARACTERS: Final = 40
_VALUE_CHARACTERS: Final = 160
# Numbers of rows, and of characters in a label, tried in order until a description fits.
_SHORTER: Final = ((10, _LABEL_CHARACTERS), (10, 40), (7, 40), (5, 32), (4, 24), (3, 20))


class Part(Enum):
    """Meaning of a coloured part of a bar, such as the number of answered questions."""

    ANSWERED = auto()
    PARTIAL = auto()
    REFUSED = auto()
    QUOTED = auto()
    UNHELPFUL = auto()
    CORRECTED = auto()


PARTS: Final[Mapping[Part, Sentence]] = {
    Part.ANSWERED: Sentence("answered"),
    Part.PARTIAL: Sentence("answered in part"),
    Part.REFUSED: Sentence("not answered"),
    Part.QUOTED: Sentence("quoted"),
    Part.UNHELPFUL: Sentence("not helpful"),
    Part.CORRECTED: Sentence("corrected"),
}
_OUTCOMES: Final = {
    Evidence.STRONG: Part.ANSWERED,
    Evidence.PARTIAL: Part.PARTIAL,
    Evidence.NONE: Part.REFUSED,
}

_DAYS: Final = Sentence("Questions a day, last 30 days (UTC)")
_ASKED: Final = Sentence("Asked most, last 7 days")
_SOURCES: Final = Sentence("Sources, last 30 days")
_DOUBTFUL: Final = Sentence("Answers to look at, last 30 days")
_SUMMARY: Final = Sentence("{questions}; most on {date}: {most:,}")
_QUESTIONS: Final = Plural("{number:,} question", "{number:,} questions")
_MEMBERS: Final = Plural("{times} by {number:,} member", "{times} by {number:,} members")
_UNANSWERED: Final = Sentence("{asked}, {number:,} not answered")
_NOTES: Final = Sentence("Notes")
_ARTICLES: Final = Sentence("Bundled articles")
_USE: Final = Sentence("quoted {times}, helpful {helpful}, {used}")
_USED: Final = Plural("{used} of {number:,} document", "{used} of {number:,} documents")
_NEVER: Final = Sentence("never quoted: {documents}")
_DOCUMENTS: Final = Plural("{number:,} document", "{number:,} documents")
_MORE_SOURCES: Final = Plural(
    "{number:,} more source, {never} never quoted",
    "{number:,} more sources, {never} never quoted",
)
_UNHELPFUL: Final = Sentence("not helpful {times}")
_CORRECTED: Final = Sentence("corrected {times}")


@dataclass(frozen=True, slots=True)
class Row:
    """A labelled bar with its value in words."""

    label: str
    parts: Mapping[Part, int]
    value: str


@dataclass(frozen=True, slots=True)
class Panel:
    """A part of the overview.

    Attributes:
        rows: the bars.
        line: a summary below the rows, or "".
        daily: whether each row is a day. The text of such a panel is only its summary.
    """

    heading: str
    rows: tuple[Row, ...]
    line: str = ""
    daily: bool = False


def panels(overview: Overview, language: Language = Language.ENGLISH) -> tuple[Panel, ...]:
    """Return the panels of an overview, days first. Panels without rows are left out."""
    rest = (
        Panel(_ASKED(language), tuple(_asked(one, language) for one in overview.asked)),
        Panel(_DOUBTFUL(language), tuple(_doubtful(one, language) for one in overview.doubtful)),
        _sources(overview.sources, language),
    )
    return (_days(overview, language), *(panel for panel in rest if panel.rows))


def _days(overview: Overview, language: Language) -> Panel:
    dates = [short_date(day.date, language) for day in overview.days]
    rows = [
        Row(date, _outcomes(day.questions), written(sum(day.questions.values()), language))
        for date, day in zip(dates, overview.days, strict=True)
    ]
    totals = [sum(day.questions.values()) for day in overview.days]
    line = _SUMMARY(
        language,
        questions=_QUESTIONS(sum(totals), language),
        date=dates[totals.index(max(totals))],
        most=max(totals),
    )
    return Panel(_DAYS(language), tuple(rows), line, daily=True)


def _outcomes(questions: Mapping[Evidence, int]) -> dict[Part, int]:
    return {part: questions[evidence] for evidence, part in _OUTCOMES.items()}


def _asked(group: AskedOften, language: Language) -> Row:
    times = TIMES(sum(group.questions.values()), language)
    value = _MEMBERS(group.askers, language, times=times)
    if refused := group.questions[Evidence.NONE]:
        value = _UNANSWERED(language, asked=value, number=refused)
    return Row(_label(group.text), _outcomes(group.questions), value)


def _sources(sources: Sequence[SourceUse], language: Language) -> Panel:
    """Return a panel of the most quoted sources, and of some sources that were never quoted.

    Never-quoted sources get at least half of the rows, if there are enough of them.
    """
    never = [one for one in sources if not one.quoted]
    few = [one for one in sources if one.quoted][
        : MOST_SOURCES - min(len(never), MOST_SOURCES // 2)
    ]
    shown = [*few, *never[: MOST_SOURCES - len(few)]]
    more = len(sources) - len(shown)
    left = sum(one not in shown for one in never)
    line = _MORE_SOURCES(more, language, never=written(left, language)) if more else ""
    return Panel(_SOURCES(language), tuple(_source(one, language) for one in shown), line)


def _source(source: SourceUse, language: Language) -> Row:
    value = _NEVER(language, documents=_DOCUMENTS(source.documents, language))
    if source.quoted:
        value = _USE(
            language,
            times=TIMES(source.quoted, language),
            helpful=TIMES(source.helpful, language),
            used=_USED(source.documents, language, used=written(source.used, language)),
        )
    return Row(_label(_name(source, language)), {Part.QUOTED: source.quoted}, value)


def _name(source: SourceUse, language: Language) -> str:
    kinds = {Kind.NOTE.value: _NOTES, Kind.ARTICLE.value: _ARTICLES}
    if source.location in kinds:
        return kinds[source.location](language)
    return f"#{source.name}" if source.name else location_name(source.location)


def _doubtful(answer: Doubtful, language: Language) -> Row:
    counts = ((answer.unhelpful, _UNHELPFUL), (answer.corrected, _CORRECTED))
    said = [phrase(language, times=TIMES(count, language)) for count, phrase in counts if count]
    if answer.title:
        said.append(QUOTED(language, text=shortened(legible(answer.title), _TITLE_CHARACTERS)))
    parts = {Part.UNHELPFUL: answer.unhelpful, Part.CORRECTED: answer.corrected}
    return Row(_label(answer.text), parts, " · ".join(said))


def _label(text: str) -> str:
    return shortened(legible(text), _LABEL_CHARACTERS)


def description(shown: Sequence[Panel]) -> str:
    """Return the panels as the picture's alternative text, within Discord's limit."""
    said = ""
    for most_rows, label_characters in _SHORTER:
        said = "\n".join(
            f"{panel.heading}: {'; '.join(_lines(panel, most_rows, label_characters, shortened))}."
            for panel in shown
        )
        if size(said) <= DESCRIPTION_CHARACTERS:
            return said
    return shortened(said, DESCRIPTION_CHARACTERS)


def text(shown: Sequence[Panel], most: int) -> str:
    """Return the panels as Markdown.

    If the Markdown is longer than `most` UTF-16 code units, its last lines are left out.
    """
    lines: list[str] = []
    for panel in shown:
        # Discord shows a bold line below a list as part of the list.
        lines.append(f"### {panel.heading}")
        said = _lines(panel, *_SHORTER[0], plain_within)
        lines += said if panel.daily else (f"- {line}" for line in said)
    while size("\n".join(lines)) > most:
        lines.pop()
    return "\n".join(lines)


def _lines(
    panel: Panel, most_rows: int, label_characters: int, within: Callable[[str, int], str]
) -> Iterator[str]:
    """Yield the first rows of a panel in words, then its summary. `within` shortens a text."""
    shown = () if panel.daily else panel.rows[:most_rows]
    for row in shown:
        value = within(row.value, _VALUE_CHARACTERS)
        yield f"{within(row.label, label_characters)} – {value}"
    if len(shown) < len(panel.rows) and not panel.daily:
        yield "…"
    if panel.line:
        yield panel.line
