"""Impact preview: a replay of the guild's last questions that shows the effect of a change.

The change is a proposed note, or new synonyms. Each question is looked up without and with the
change, by the rules for members' questions. Nothing is written, and no question is recorded.
"""

from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from itertools import chain
from typing import Final, TypeVar

import numpy as np
from cachetools import LRUCache
from numpy.typing import NDArray

from bot.answers.ask import Ask, Lookup
from bot.answers.lookup import Lookups, queries_of, readings, surest
from bot.answers.outcome import recorded_hit
from bot.answers.search_tiers import SearchTiers
from bot.answers.synonyms import Synonyms
from bot.core.core import Core
from indexer.embedding.vector_cache import VectorCache
from indexer.index.what_if import IndexOverlay
from indexer.ingest.pipeline import cut_and_embedded
from knowledge.corpus import note_document
from knowledge.store.questions.question_records import RecentQuestion
from knowledge.values.documents import Document, article_of_document
from knowledge.values.notes import Note
from knowledge.values.questions import Evidence

QUESTIONS: Final = 200
# Questions replayed in one slice, twice each. A member's own question waits for one slice at most.
SLICE: Final = 16
# The largest number of cached vectors and of cached summaries. A vector of the default model has
# 1.5 kB.
CACHED: Final = 4_000

_Made = TypeVar("_Made")

# A question, as asked and with synonyms.
_Variants = tuple[Ask, ...]
# Everything besides the question that shapes an answer: generation of the index, identity of the
# retriever, documents due for review, version of the confirmed answers.
_AnswerState = tuple[int, str, frozenset[str], str]


@dataclass(frozen=True, slots=True)
class AnswerSummary:
    """Summary of an answer by its first quotation.

    A viewer may be unable to read a channel, so a quotation from a channel has no title or text.

    Attributes:
        title: the document's title; empty for a channel.
        passage: the quoted text, or the position in the document for a passage from a channel.
    """

    evidence: Evidence
    document_id: str = ""
    title: str = ""
    passage: str = ""

    @property
    def is_refused(self) -> bool:
        return self.evidence is Evidence.NONE or not self.document_id

    @property
    def is_sure(self) -> bool:
        return self.evidence is Evidence.STRONG and not self.is_refused


class Effect(Enum):
    """Effect of a change on one question. An unsure answer is shown as the closest passage."""

    MORE_SURE = auto()
    FEWER_SURE = auto()
    MORE_UNSURE = auto()
    FEWER_UNSURE = auto()
    OTHER_QUOTE = auto()


@dataclass(frozen=True, slots=True)
class ChangedQuestion:
    """A question with a changed answer; the question was asked `times` times."""

    question: str
    times: int
    before: AnswerSummary
    after: AnswerSummary

    @property
    def effect(self) -> Effect:
        before, after = self.before, self.after
        if before.is_sure != after.is_sure:
            return Effect.MORE_SURE if after.is_sure else Effect.FEWER_SURE
        if before.is_refused != after.is_refused:
            return Effect.FEWER_UNSURE if after.is_refused else Effect.MORE_UNSURE
        return Effect.OTHER_QUOTE


@dataclass(frozen=True, slots=True)
class Impact:
    """The changed answers among the questions replayed so far.

    A question asked several times is replayed once, but counted as often as it was asked.
    """

    questions: int
    total: int
    changes: tuple[ChangedQuestion, ...] = ()

    def count(self, effect: Effect) -> int:
        return sum(change.times for change in self.changes if change.effect is effect)

    @property
    def loses_article_answers(self) -> bool:
        """Whether any question loses an answer that quoted a bundled article."""
        lost = (c.before for c in self.changes if c.after.is_refused)
        return any(article_of_document(answer.document_id) for answer in lost)


class ImpactPreview:
    """Replays questions, with LRU caches of their vectors and present answers."""

    def __init__(self, core: Core) -> None:
        self._store = core.store
        self._articles = core.articles
        self._index = core.index
        self._embedder = core.embedder
        self._retriever = core.retriever
        self._confirmed = core.confirmed
        self._pipeline = core.answer_pipeline
        self._vectors = VectorCache(core.retriever.embed, CACHED)
        # Summaries of the present answers.
        self._now: LRUCache[tuple[tuple[Ask, ...], SearchTiers, _AnswerState], AnswerSummary] = (
            LRUCache(CACHED)
        )

    def of_revision(self, note: Note) -> Iterator[Impact]:
        """Preview the publication of a note's revision; see `of_document`."""
        return self.of_document(note_document(note))

    def of_document(self, document: Document, questions: int = QUESTIONS) -> Iterator[Impact]:
        """Replay the newest questions of a document's guild as if the document were in the index.

        Yields:
            The impact known after each slice; the last value is complete.
        """
        asked = self._store.question_records.recent_public(document.scope, questions)
        total = sum(question.times for question in asked)
        yield Impact(0, total)
        steps = cut_and_embedded(self._embedder, document)
        cut, vectors, codes = yield from _run_with_impact(steps, Impact(0, total))
        changes: list[ChangedQuestion] = []
        done = 0
        synonyms = self._pipeline.synonyms.of(document.scope)
        for start in range(0, len(asked), SLICE) if cut.passages else ():
            some = asked[start : start + SLICE]
            variants = self._variants_of(some, document.scope, synonyms)
            known = self._vectors_of(variants)
            # The index may have changed since the last slice.
            after = self._retriever.over(IndexOverlay(self._index, cut, vectors, codes))
            # A newly published document is not due for review.
            due = self._pipeline.due - {document.id}
            filled = {
                ask: self._articles.tiers(ask.scopes, ask.answered_from, filled=True)
                for ask in chain.from_iterable(variants)
            }
            then = Lookups(after, due, self._confirmed).of(filled, known)
            new = [_summary(surest([then[variant] for variant in own])) for own in variants]
            changes += _changes(some, self._summaries_now(variants, known), new)
            done += sum(question.times for question in some)
            yield Impact(done, total, tuple(changes))

    def of_synonyms(self, guild_id: int, synonyms: Synonyms, questions: int) -> Iterator[Impact]:
        """Replay the newest questions of a guild as if the guild had these synonyms.

        Yields:
            The impact known after each slice; the last value is complete.
        """
        asked = self._store.question_records.recent_public(guild_id, questions)
        total, done = sum(question.times for question in asked), 0
        changes: list[ChangedQuestion] = []
        before = self._pipeline.synonyms.of(guild_id)
        yield Impact(0, total)
        for start in range(0, len(asked), SLICE):
            some = asked[start : start + SLICE]
            old = self._variants_of(some, guild_id, before)
            new = self._variants_of(some, guild_id, synonyms)
            known = self._vectors_of([*old, *new])
            then, now = self._summaries_now(new, known), self._summaries_now(old, known)
            changes += _changes(some, now, then)
            done += sum(question.times for question in some)
            yield Impact(done, total, tuple(changes))

    def _variants_of(
        self, some: Sequence[RecentQuestion], guild_id: int, synonyms: Synonyms
    ) -> list[_Variants]:
        """The variants of each question: as asked, and with synonyms replaced."""
        asks = [
            Ask(
                question.text,
                0,
                guild_id,
                earlier=question.earlier,
                channels=question.channels,
                answered_from=question.answered_from,
            )
            for question in some
        ]
        tiers = {ask.scopes: self._articles.tiers(ask.scopes) for ask in asks}
        return [readings(self._retriever, ask, tiers[ask.scopes], synonyms) for ask in asks]

    def _vectors_of(self, variants: Sequence[_Variants]) -> Mapping[str, NDArray[np.float32]]:
        queries = queries_of(chain.from_iterable(variants))
        return dict(zip(queries, self._vectors.of(queries), strict=True))

    def _summaries_now(
        self, variants: Sequence[_Variants], vectors: Mapping[str, NDArray[np.float32]]
    ) -> list[AnswerSummary]:
        """The present answer to each question, cached until the `_AnswerState` changes."""
        due, confirmed = self._pipeline.due, self._confirmed.version
        state = (self._index.generation, self._retriever.identity, due, confirmed)
        tiers = {own: self._articles.tiers(own[0].scopes, own[0].answered_from) for own in variants}
        found = {own: self._now.get((own, tiers[own], state)) for own in variants}
        missing = {
            ask: tiers[own] for own, summary in found.items() if summary is None for ask in own
        }
        lookups = Lookups(self._retriever, due, self._confirmed).of(missing, vectors)
        for own, summary in found.items():
            if summary is None:
                found[own] = made = _summary(surest([lookups[variant] for variant in own]))
                self._now[own, tiers[own], state] = made
        return [summary for own in variants if (summary := found[own]) is not None]


def _changes(
    asked: Sequence[RecentQuestion], before: Sequence[AnswerSummary], after: Sequence[AnswerSummary]
) -> list[ChangedQuestion]:
    return [
        ChangedQuestion(question.text, question.times, old, new)
        for question, old, new in zip(asked, before, after, strict=True)
        if old != new and not (old.is_refused and new.is_refused)
    ]


def _run_with_impact(
    steps: Generator[None, None, _Made], impact: Impact
) -> Generator[Impact, None, _Made]:
    """Run `steps` to the end and return their result. After each step, yield `impact`."""
    while True:
        try:
            next(steps)
        except StopIteration as done:
            made: _Made = done.value
            return made
        yield impact


def _summary(lookup: Lookup) -> AnswerSummary:
    if lookup.evidence is Evidence.NONE or not lookup.hits:
        return AnswerSummary(lookup.evidence)
    first = recorded_hit(lookup.hits[0])
    said = first.passage if first.source_channel_id is None else str(first.position)
    return AnswerSummary(lookup.evidence, first.document_id, first.title, said)
