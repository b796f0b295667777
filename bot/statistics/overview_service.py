"""Overview of a server: questions by day, frequent questions, use of sources, doubtful answers.

The overview quotes only public questions from channels that its readers can read, and no members
who opted out of quotation or whose data was erased. Sources that the readers can't read are left
out. The figures by day count all questions. Functions that take a core run in the worker's thread.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Final

from bot.answers.ask import scopes_of
from bot.answers.outcome import FURTHER_SHARE
from bot.core.core import Core
from bot.gaps.service import same_questions
from knowledge.sources.kinds.folder import Channel
from knowledge.sources.kinds.registry import source_at
from knowledge.store.questions.period_figures import Quoted
from knowledge.values.documents import Kind, Scope
from knowledge.values.questions import Evidence, OpenQuestion

DAYS: Final = 30
MOST_ASKED: Final = 10
MOST_DOUBTFUL: Final = 5
# An answer with fewer complaints isn't listed.
OFTEN: Final = 2

_WITHOUT_LOCATION: Final = (Kind.NOTE, Kind.ARTICLE)

_WEEK: Final = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Day:
    """The number of questions on a day in UTC, by evidence."""

    date: date
    questions: Mapping[Evidence, int]


@dataclass(frozen=True, slots=True)
class AskedOften:
    """A group of similar questions.

    Attributes:
        text: a typical question of the group.
        askers: the number of members who asked.
        questions: the number of questions by evidence.
    """

    text: str
    askers: int
    questions: Mapping[Evidence, int]


@dataclass(frozen=True, slots=True)
class SourceUse:
    """Use of a source.

    Attributes:
        location: the location of the source, or "note" or "article" for all notes or articles.
        documents: the number of documents.
        used: the number of documents that were quoted.
        quoted: the number of times that the documents were quoted.
        helpful: the number of times that answers with these quotations were helpful.
        name: the name of a channel, or "" for other sources.
    """

    location: str
    documents: int
    used: int
    quoted: int
    helpful: int
    name: str = ""


@dataclass(frozen=True, slots=True)
class Doubtful:
    """A question whose answers were often unhelpful or corrected.

    `title` is the title of the document that these answers quoted most often, or "".
    """

    text: str
    unhelpful: int
    corrected: int
    title: str


@dataclass(frozen=True, slots=True)
class Overview:
    """Figures and questions of the last 30 days.

    Attributes:
        asked: questions of the last week, the most frequent first.
        sources: sources, the most quoted first.
    """

    days: tuple[Day, ...]
    asked: tuple[AskedOften, ...]
    sources: tuple[SourceUse, ...]
    doubtful: tuple[Doubtful, ...]

    @property
    def questions(self) -> Mapping[Evidence, int]:
        return {one: sum(day.questions[one] for day in self.days) for one in Evidence}


@dataclass(frozen=True, slots=True)
class Audience:
    """The guild of an overview's readers, and the channels that they can read.

    For the operator, both are None, which means all guilds and channels.
    """

    guild_id: int | None = None
    channels: Collection[int] | None = None

    def __contains__(self, channel_id: int | None) -> bool:
        return self.channels is None or channel_id in self.channels


def prepare(core: Core, audience: Audience, now: datetime) -> Iterator[int]:
    """Embed the questions that `overview` groups, in slices."""
    questions = [*_asked(core, audience, now), *_judged(core, audience, now)]
    yield from core.question_vectors.prepare([one.text for one in questions])


def overview(core: Core, audience: Audience, now: datetime, quotes: int) -> Overview:
    """Gather an overview for its readers.

    `quotes` is the largest number of passages in an answer.
    """
    since = _start(now)
    counted = core.store.period_figures.days(audience.guild_id, since, now)
    dates = [since.date() + timedelta(days=number) for number in range(DAYS)]
    quoted = core.store.period_figures.quoted(audience.guild_id, since, now, quotes, FURTHER_SHARE)
    return Overview(
        tuple(Day(one, _by_evidence(counted.get(one, {}))) for one in dates),
        tuple(_most_asked(core, _asked(core, audience, now))[:MOST_ASKED]),
        tuple(_sources(core, audience, quoted)),
        tuple(_doubtful(core, _judged(core, audience, now))[:MOST_DOUBTFUL]),
    )


def _start(now: datetime) -> datetime:
    first = now.astimezone(UTC).date() - timedelta(days=DAYS - 1)
    return datetime.combine(first, time(), UTC)


def _asked(core: Core, audience: Audience, now: datetime) -> list[OpenQuestion]:
    return _readable(
        core, audience, core.store.gaps.public_questions(audience.guild_id, now - _WEEK, now)
    )


def _judged(core: Core, audience: Audience, now: datetime) -> list[OpenQuestion]:
    found = core.store.gaps.public_questions(audience.guild_id, _start(now), now, judged=True)
    return _readable(core, audience, found)


def _readable(
    core: Core, audience: Audience, questions: Sequence[OpenQuestion]
) -> list[OpenQuestion]:
    withheld = core.store.quote_opt_outs.withheld().member_ids
    return [one for one in questions if one.channel_id in audience and one.asker_id not in withheld]


def _groups(
    core: Core, questions: Sequence[OpenQuestion]
) -> Iterator[tuple[list[OpenQuestion], OpenQuestion]]:
    for guild_id in sorted({one.guild_id for one in questions}):
        yield from same_questions(core, [one for one in questions if one.guild_id == guild_id])


def _most_asked(core: Core, questions: Sequence[OpenQuestion]) -> list[AskedOften]:
    found = [
        AskedOften(
            example.text,
            len({one.asker_id for one in asked}),
            _by_evidence(Counter(one.evidence for one in asked)),
        )
        for asked, example in _groups(core, questions)
    ]
    return sorted(found, key=lambda one: (-sum(one.questions.values()), -one.askers))


def _doubtful(core: Core, questions: Sequence[OpenQuestion]) -> list[Doubtful]:
    verdicts = core.store.period_figures.judged([one.id for one in questions])
    found = []
    for asked, example in _groups(core, questions):
        judged = [verdicts[one.id] for one in asked]
        titles = Counter(one.title for one in judged if one.title)
        answer = Doubtful(
            example.text,
            sum(one.unhelpful for one in judged),
            sum(one.corrected for one in judged),
            titles.most_common(1)[0][0] if titles else "",
        )
        if answer.unhelpful + answer.corrected >= OFTEN:
            found.append(answer)
    return sorted(found, key=lambda one: -one.unhelpful - one.corrected)


def _sources(core: Core, audience: Audience, quoted: Sequence[Quoted]) -> list[SourceUse]:
    scopes = _scopes(core, audience)
    present = core.index.tables.document_ids("", scopes)
    present_ids, by_id = frozenset(present), {one.document_id: one for one in quoted}

    def use(location: str, ids: Iterable[str], name: str = "") -> SourceUse:
        own = present_ids.intersection(ids)
        used = [by_id[one] for one in own if one in by_id]
        return SourceUse(
            location,
            len(own),
            sum(one.quoted > 0 for one in used),
            sum(one.quoted for one in used),
            sum(one.helpful for one in used),
            name,
        )

    by_location: dict[str, list[str]] = {}
    for one in present:
        by_location.setdefault(_location_or_kind(one), []).append(one)
    found = [use(kind.value, by_location.get(kind.value, ())) for kind in _WITHOUT_LOCATION]
    found = [one for one in found if one.documents]
    found += [use(location, ids) for location, ids in _documents(core, scopes).items()]
    for channel in core.archive.channels():
        location = Channel.at(channel.id)
        if audience.guild_id in (None, channel.guild_id) and channel.id in audience:
            found.append(use(location, by_location.get(location, ()), channel.name))
    return sorted(found, key=lambda one: (-one.quoted, -one.documents))


def _location_or_kind(document_id: str) -> str:
    """Return the location of a document from a channel, or the kind of any other document."""
    kind, _, rest = document_id.partition(":")
    return f"{kind}:{rest.partition(':')[0]}" if kind == Kind.CHANNEL else kind


def _scopes(core: Core, audience: Audience) -> Sequence[Scope]:
    """Return the scopes of documents that the readers may see quoted."""
    if audience.guild_id is None:
        return [*core.index.tables.passages_by_scope()]
    followed = core.store.synced_channels.all()
    channels = [
        one.id for one in followed if one.guild_id == audience.guild_id and one.id in audience
    ]
    return core.articles.visible_scopes(scopes_of(audience.guild_id, channels))


def _documents(core: Core, scopes: Collection[Scope]) -> dict[str, list[str]]:
    """Return the ids of the documents of files, sites and repositories, by location."""
    found: dict[str, list[str]] = {}
    for location, scope in core.store.sources():
        if scope in scopes:
            source = source_at(location)
            found.setdefault(location, []).extend(
                source.document_ids(core.pages, scope)
                if source.is_visited
                else core.index.tables.documents_of_files(location)
            )
    return found


def _by_evidence(counted: Mapping[Evidence, int]) -> dict[Evidence, int]:
    return {one: counted.get(one, 0) for one in Evidence}
