"""Overview of a server: questions by day, frequent questions, use of sources, doubtful answers.

The panels are shown as a picture with an alternative text, or only as text.

The overview quotes only public questions from channels that its readers can read, and no members
who opted out of quotation or whose data was erased. Sources that the readers can't read are left
out. The figures by day count all questions. Functions that take a core run in the worker's thread.
"""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import Enum, auto
from typing import Final, NamedTuple

from bot.answers.ask import scopes_of
from bot.answers.outcome import FURTHER_SHARE
from bot.core.core import Core
from bot.gaps.service import same_questions
from bot.sources.messages import location_name
from bot.text.languages import Sentence, format_number, plural, speak, spoken_language
from bot.text.markdown import legible, plain_within, shorten, size
from bot.text.paging import QUOTED, TIMES
from knowledge.sources.kinds.registry import Channel, source_at
from knowledge.store.figures import Quoted
from knowledge.values.calendar_words import short_date
from knowledge.values.documents import Kind, Scope
from knowledge.values.questions import Evidence, OpenQuestion

DAYS: Final = 30
MOST_ASKED: Final = 10
MOST_DOUBTFUL: Final = 5
# An answer with fewer complaints isn't listed.
OFTEN: Final = 2


class Day(NamedTuple):
    """The number of questions on a day in UTC, by evidence."""

    date: date
    questions: Mapping[Evidence, int]


class AskedOften(NamedTuple):
    """A group of similar questions: a typical one, how many members asked, and the numbers."""

    text: str
    askers: int
    questions: Mapping[Evidence, int]


class SourceUse(NamedTuple):
    """Use of a source: documents that were quoted, their quotations, and how many were helpful.

    `location` is "note" or "article" for all of these. Channels have a `name`.
    """

    location: str
    documents: int
    used: int
    quoted: int
    helpful: int
    name: str = ""


class Doubtful(NamedTuple):
    """A question with often unhelpful answers, and the title that they quoted most, or ""."""

    text: str
    unhelpful: int
    corrected: int
    title: str


@dataclass(frozen=True, slots=True)
class Overview:
    """Figures of the last 30 days; the last week's questions, most asked first; sources by use."""

    days: tuple[Day, ...]
    asked: tuple[AskedOften, ...]
    sources: tuple[SourceUse, ...]
    doubtful: tuple[Doubtful, ...]

    @property
    def questions(self) -> Mapping[Evidence, int]:
        return {kind: sum(day.questions[kind] for day in self.days) for kind in Evidence}


@dataclass(frozen=True, slots=True)
class Audience:
    """The guild and channels of an overview's readers; for the operator, None, which means all."""

    guild_id: int | None = None
    channels: Collection[int] | None = None

    def __contains__(self, channel_id: int | None) -> bool:
        return self.channels is None or channel_id in self.channels


def knowledge_size(
    core: Core, guild_id: int | None, channels: Sequence[int]
) -> tuple[dict[str, int], datetime | None]:
    """Return counts of what a member may read, and the time of the index's last change."""
    return core.counts(guild_id, channels), core.index.tables.changed_at()


def prepare(core: Core, audience: Audience, now: datetime) -> Iterator[int]:
    """Embed the questions that `overview` groups, in slices."""
    questions = [*_recent(core, audience, now), *_judged(core, audience, now)]
    yield from core.question_vectors.prepare([question.text for question in questions])


def overview(core: Core, audience: Audience, now: datetime, quotes: int) -> Overview:
    """Gather an overview for its readers; answers have at most `quotes` passages."""
    since = _start(now)
    counted = core.store.period_figures.days(audience.guild_id, since, now)
    dates = [since.date() + timedelta(days=number) for number in range(DAYS)]
    quoted = core.store.period_figures.quotations(
        audience.guild_id, since, now, quotes, FURTHER_SHARE
    )
    return Overview(
        tuple(Day(day, _by_evidence(counted.get(day, {}))) for day in dates),
        tuple(_most_asked(core, _recent(core, audience, now))[:MOST_ASKED]),
        tuple(_sources(core, audience, quoted)),
        tuple(_doubtful(core, _judged(core, audience, now))[:MOST_DOUBTFUL]),
    )


def _start(now: datetime) -> datetime:
    first = now.astimezone(UTC).date() - timedelta(days=DAYS - 1)
    return datetime.combine(first, time(), UTC)


def _recent(core: Core, audience: Audience, now: datetime) -> list[OpenQuestion]:
    week = core.store.gaps.public_questions(audience.guild_id, now - timedelta(days=7), now)
    return _readable(core, audience, week)


def _judged(core: Core, audience: Audience, now: datetime) -> list[OpenQuestion]:
    judged = core.store.gaps.public_questions(audience.guild_id, _start(now), now, judged=True)
    return _readable(core, audience, judged)


def _readable(
    core: Core, audience: Audience, questions: Sequence[OpenQuestion]
) -> list[OpenQuestion]:
    withheld = core.store.quote_opt_outs.withheld().member_ids
    return [
        question
        for question in questions
        if question.channel_id in audience and question.asker_id not in withheld
    ]


def _groups(
    core: Core, questions: Sequence[OpenQuestion]
) -> Iterator[tuple[list[OpenQuestion], OpenQuestion]]:
    for guild_id in sorted({question.guild_id for question in questions}):
        own = [question for question in questions if question.guild_id == guild_id]
        yield from same_questions(core, own)


def _most_asked(core: Core, questions: Sequence[OpenQuestion]) -> list[AskedOften]:
    groups = [
        AskedOften(
            example.text,
            len({question.asker_id for question in asked}),
            _by_evidence(Counter(question.evidence for question in asked)),
        )
        for asked, example in _groups(core, questions)
    ]
    return sorted(groups, key=lambda group: (-sum(group.questions.values()), -group.askers))


def _doubtful(core: Core, questions: Sequence[OpenQuestion]) -> list[Doubtful]:
    verdicts = core.store.period_figures.verdicts([question.id for question in questions])
    answers = []
    for asked, example in _groups(core, questions):
        judged = [verdicts[question.id] for question in asked]
        titles = Counter(verdict.title for verdict in judged if verdict.title)
        answer = Doubtful(
            example.text,
            sum(verdict.unhelpful for verdict in judged),
            sum(verdict.corrected for verdict in judged),
            titles.most_common(1)[0][0] if titles else "",
        )
        if answer.unhelpful + answer.corrected >= OFTEN:
            answers.append(answer)
    return sorted(answers, key=lambda answer: -answer.unhelpful - answer.corrected)


def _sources(core: Core, audience: Audience, quoted: Sequence[Quoted]) -> list[SourceUse]:
    scopes = _scopes(core, audience)
    present = core.index.tables.document_ids("", scopes)
    present_ids, by_id = frozenset(present), {use.document_id: use for use in quoted}

    def use(location: str, ids: Iterable[str], name: str = "") -> SourceUse:
        own = present_ids.intersection(ids)
        used = [by_id[document_id] for document_id in own if document_id in by_id]
        return SourceUse(
            location,
            len(own),
            sum(document.quoted > 0 for document in used),
            sum(document.quoted for document in used),
            sum(document.helpful for document in used),
            name,
        )

    by_location: dict[str, list[str]] = {}
    for document_id in present:
        # The location of a document from a channel, or the kind of any other document.
        kind, _, rest = document_id.partition(":")
        key = f"{kind}:{rest.partition(':')[0]}" if kind == Kind.CHANNEL else kind
        by_location.setdefault(key, []).append(document_id)
    own = [use(kind.value, by_location.get(kind.value, ())) for kind in (Kind.NOTE, Kind.ARTICLE)]
    sources = [source for source in own if source.documents]
    sources += [use(location, ids) for location, ids in _documents(core, scopes).items()]
    for channel in core.archive.channels():
        location = Channel.at(channel.id)
        if audience.guild_id in (None, channel.guild_id) and channel.id in audience:
            sources.append(use(location, by_location.get(location, ()), channel.name))
    return sorted(sources, key=lambda source: (-source.quoted, -source.documents))


def _scopes(core: Core, audience: Audience) -> Sequence[Scope]:
    """Return the scopes of documents that the readers may see quoted."""
    if audience.guild_id is None:
        return [*core.index.tables.passages_by_scope()]
    channels = [
        channel.id
        for channel in core.store.synced_channels.all()
        if channel.guild_id == audience.guild_id and channel.id in audience
    ]
    return core.articles.visible_scopes(scopes_of(audience.guild_id, channels))


def _documents(core: Core, scopes: Collection[Scope]) -> dict[str, list[str]]:
    """Return the ids of the documents of files, sites and repositories, by location."""
    documents: dict[str, list[str]] = {}
    for location, scope in core.store.sources():
        if scope in scopes:
            source = source_at(location)
            documents.setdefault(location, []).extend(
                source.document_ids(core.pages, scope)
                if source.is_visited
                else core.index.tables.documents_of_files(location)
            )
    return documents


def _by_evidence(counted: Mapping[Evidence, int]) -> dict[Evidence, int]:
    return {kind: counted.get(kind, 0) for kind in Evidence}


# Panels.

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


class Row(NamedTuple):
    """A labelled bar with its value in words."""

    label: str
    parts: Mapping[Part, int]
    value: str


class Panel(NamedTuple):
    """A part of the overview: bars, and a summary below them, or "".

    If each row is a day, the panel is `daily`, and its text is only its summary.
    """

    heading: str
    rows: tuple[Row, ...]
    line: str = ""
    daily: bool = False


def panels(overview: Overview) -> tuple[Panel, ...]:
    """Return the panels of an overview, days first. Panels without rows are left out."""
    asked = tuple(_asked_row(group) for group in overview.asked)
    doubtful = tuple(_doubtful_row(answer) for answer in overview.doubtful)
    rest = (
        Panel(speak("Asked most, last 7 days"), asked),
        Panel(speak("Answers to look at, last 30 days"), doubtful),
        _sources_panel(overview.sources),
    )
    return (_days_panel(overview), *(panel for panel in rest if panel.rows))


def _days_panel(overview: Overview) -> Panel:
    dates = [short_date(day.date, spoken_language.get()) for day in overview.days]
    totals = [sum(day.questions.values()) for day in overview.days]
    rows = [
        Row(date, _outcomes(day.questions), format_number(total))
        for date, day, total in zip(dates, overview.days, totals, strict=True)
    ]
    line = speak(
        "{questions}; most on {date}: {most:,}",
        questions=plural(sum(totals), "{number:,} question", "{number:,} questions"),
        date=dates[totals.index(max(totals))],
        most=max(totals),
    )
    return Panel(speak("Questions a day, last 30 days (UTC)"), tuple(rows), line, daily=True)


def _outcomes(questions: Mapping[Evidence, int]) -> dict[Part, int]:
    return {part: questions[evidence] for evidence, part in _OUTCOMES.items()}


def _asked_row(group: AskedOften) -> Row:
    times = TIMES(sum(group.questions.values()))
    value = plural(
        group.askers, "{times} by {number:,} member", "{times} by {number:,} members", times=times
    )
    if refused := group.questions[Evidence.NONE]:
        value = speak("{asked}, {number:,} not answered", asked=value, number=refused)
    return Row(_label(group.text), _outcomes(group.questions), value)


def _doubtful_row(answer: Doubtful) -> Row:
    value = []
    if answer.unhelpful:
        value.append(speak("not helpful {times}", times=TIMES(answer.unhelpful)))
    if answer.corrected:
        value.append(speak("corrected {times}", times=TIMES(answer.corrected)))
    if answer.title:
        title = shorten(legible(answer.title), _TITLE_CHARACTERS)
        value.append(QUOTED(text=title))
    parts = {Part.UNHELPFUL: answer.unhelpful, Part.CORRECTED: answer.corrected}
    return Row(_label(answer.text), parts, " · ".join(value))


def _sources_panel(sources: Sequence[SourceUse]) -> Panel:
    """The most quoted sources, and in half of the rows sources that were never quoted."""
    never = [source for source in sources if not source.quoted]
    most = MOST_SOURCES - min(len(never), MOST_SOURCES // 2)
    few = [source for source in sources if source.quoted][:most]
    rows = [*few, *never[: MOST_SOURCES - len(few)]]
    line = ""
    if more := len(sources) - len(rows):
        left = format_number(sum(source not in rows for source in never))
        line = plural(
            more,
            "{number:,} more source, {never} never quoted",
            "{number:,} more sources, {never} never quoted",
            never=left,
        )
    heading = speak("Sources, last 30 days")
    return Panel(heading, tuple(_source_row(source) for source in rows), line)


def _source_row(source: SourceUse) -> Row:
    name = f"#{source.name}" if source.name else location_name(source.location)
    if source.location == Kind.NOTE:
        name = speak("Notes")
    elif source.location == Kind.ARTICLE:
        name = speak("Bundled articles")
    if source.quoted:
        used = format_number(source.used)
        used = plural(
            source.documents,
            "{used} of {number:,} document",
            "{used} of {number:,} documents",
            used=used,
        )
        value = speak(
            "quoted {times}, helpful {helpful}, {used}",
            times=TIMES(source.quoted),
            helpful=TIMES(source.helpful),
            used=used,
        )
    else:
        documents = plural(source.documents, "{number:,} document", "{number:,} documents")
        value = speak("never quoted: {documents}", documents=documents)
    return Row(_label(name), {Part.QUOTED: source.quoted}, value)


def _label(text: str) -> str:
    return shorten(legible(text), _LABEL_CHARACTERS)


def description(shown: Sequence[Panel]) -> str:
    """Return the panels as the picture's alternative text, within Discord's limit."""
    words = ""
    for most_rows, label_characters in _SHORTER:
        words = "\n".join(
            f"{panel.heading}: {'; '.join(_lines(panel, most_rows, label_characters, shorten))}."
            for panel in shown
        )
        if size(words) <= DESCRIPTION_CHARACTERS:
            return words
    return shorten(words, DESCRIPTION_CHARACTERS)


def text(shown: Sequence[Panel], most: int) -> str:
    """The panels as Markdown, without the last lines above `most` UTF-16 code units."""
    lines: list[str] = []
    for panel in shown:
        # Discord shows a bold line below a list as part of the list.
        lines.append(f"### {panel.heading}")
        mark = "" if panel.daily else "- "
        lines += [mark + line for line in _lines(panel, *_SHORTER[0], plain_within)]
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
