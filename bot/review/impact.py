"""Impact preview of a proposed note: the guild's last questions, asked again with it in the index.

Each question is looked up in the present index and in one with the note, by the same retriever and
evidence. Nothing is written, and no question is recorded.
"""

from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeVar

import numpy as np
from cachetools import LRUCache
from numpy.typing import NDArray

from bot.answers.decision import recorded_hit
from bot.answers.lookup import (
    Ask,
    Lookup,
    Lookups,
    as_asked,
    queries_of,
)
from bot.answers.places_to_search import Looks
from bot.core.core import Core
from indexer.embedding.vector_cache import VectorCache
from indexer.index.what_if import WhatIfIndex
from indexer.ingest.pipeline import cut_and_embedded
from knowledge.corpus import note_document
from knowledge.values.documents import Document
from knowledge.values.notes import Note
from knowledge.values.questions import Evidence

QUESTIONS: Final = 200
# Questions replayed in one slice, twice each. A member's own question waits that long at most.
SLICE: Final = 16
# Most cached vectors, of 1.5 kB each with the default model, and as many summaries.
CACHED: Final = 4_000

_Made = TypeVar("_Made")

# Everything besides the question that shapes an answer: generation of the index, identity of the
# retriever, documents due for review, version of the confirmed answers.
_Judging = tuple[int, str, frozenset[str], str]


@dataclass(frozen=True, slots=True)
class AnswerSummary:
    """Summary of an answer: its evidence, and its first document and passage.

    For messages from a channel, the title is empty and `passage` a position instead of a text,
    because not every viewer can read the channel.
    """

    evidence: Evidence
    document_id: str = ""
    title: str = ""
    passage: str = ""

    @property
    def refused(self) -> bool:
        return self.evidence is Evidence.NONE or not self.document_id


@dataclass(frozen=True, slots=True)
class ChangedQuestion:
    """A question whose answer would change; it was asked `times` times."""

    question: str
    times: int
    before: AnswerSummary
    after: AnswerSummary


@dataclass(frozen=True, slots=True)
class Impact:
    """The changed answers among the questions replayed so far.

    A question asked several times is replayed once, but counted each time.
    """

    questions: int
    total: int
    changes: tuple[ChangedQuestion, ...] = ()

    @property
    def answered(self) -> int:
        return sum(c.times for c in self.changes if c.before.refused and not c.after.refused)

    @property
    def refused(self) -> int:
        return sum(c.times for c in self.changes if c.after.refused and not c.before.refused)

    @property
    def replaced(self) -> int:
        return sum(
            c.times
            for c in self.changes
            if not c.before.refused
            and not c.after.refused
            and (c.before.document_id, c.before.passage) != (c.after.document_id, c.after.passage)
        )


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
        self._vectors = VectorCache(core.retriever.embedded, CACHED)
        # Summaries of the present answers.
        self._now: LRUCache[tuple[Ask, Looks, _Judging], AnswerSummary] = LRUCache(CACHED)

    def of_revision(self, note: Note, questions: int = QUESTIONS) -> Iterator[Impact]:
        """Preview the publication of a note's revision; see `of_document`."""
        return self.of_document(note_document(note), questions)

    def of_document(self, document: Document, questions: int = QUESTIONS) -> Iterator[Impact]:
        """Replay the newest questions of a document's guild, in slices, with it in the index.

        Yields:
            The impact known after each slice; the last value is complete.
        """
        asked = self._store.question_records.asked_lately(document.scope, questions)
        total = sum(one.times for one in asked)
        yield Impact(0, total)
        steps = cut_and_embedded(self._embedder, document)
        cut, vectors, codes = yield from _while_nothing_is_known(steps, Impact(0, total))
        changes: list[ChangedQuestion] = []
        done = 0
        for start in range(0, len(asked), SLICE) if cut.passages else ():
            some = asked[start : start + SLICE]
            asks = [
                Ask(
                    one.text,
                    0,
                    document.scope,
                    earlier=one.earlier,
                    channels=one.channels,
                    answered_from=one.answered_from,
                )
                for one in some
            ]
            looks = {ask.scopes: self._articles.looks(ask.scopes) for ask in asks}
            asks = [as_asked(self._retriever, ask, looks[ask.scopes]) for ask in asks]
            queries = queries_of(asks)
            known = dict(zip(queries, self._vectors.of(queries), strict=True))
            # The index may have changed since the last slice.
            after = self._retriever.over(WhatIfIndex(self._index, cut, vectors, codes))
            # A newly published document is not due for review.
            due = self._pipeline.due - {document.id}
            filled = {
                ask: self._articles.looks(ask.scopes, ask.answered_from, filled=True)
                for ask in asks
            }
            then = Lookups(after, due, self._confirmed).of(filled, known)
            for one, ask, old in zip(some, asks, self._summaries_now(asks, known), strict=True):
                done += one.times
                new = _summary(then[ask])
                if old != new and not (old.refused and new.refused):
                    changes.append(ChangedQuestion(one.text, one.times, old, new))
            yield Impact(done, total, tuple(changes))

    def _summaries_now(
        self, asks: Sequence[Ask], vectors: Mapping[str, NDArray[np.float32]]
    ) -> list[AnswerSummary]:
        """The present answer of each question, looked up once per generation of the index."""
        due, confirmed = self._pipeline.due, self._confirmed.version
        judging = (self._index.generation, self._retriever.identity, due, confirmed)
        looks = {ask: self._articles.looks(ask.scopes, ask.answered_from) for ask in asks}
        found = {ask: self._now.get((ask, looks[ask], judging)) for ask in asks}
        missing = {ask: looks[ask] for ask, summary in found.items() if summary is None}
        lookups = Lookups(self._retriever, due, self._confirmed).of(missing, vectors)
        made = {ask: _summary(lookup) for ask, lookup in lookups.items()}
        self._now.update({(ask, looks[ask], judging): summary for ask, summary in made.items()})
        return [found[ask] or made[ask] for ask in asks]


def _while_nothing_is_known(
    steps: Generator[None, None, _Made], impact: Impact
) -> Generator[Impact, None, _Made]:
    """Run all steps, yielding the same impact after each; return their result."""
    while True:
        try:
            next(steps)
        except StopIteration as done:
            made: _Made = done.value
            return made
        yield impact


def _summary(lookup: Lookup) -> AnswerSummary:
    if not lookup.hits:
        return AnswerSummary(lookup.evidence)
    first = recorded_hit(lookup.hits[0])
    said = first.passage if first.source_channel_id is None else str(first.position)
    return AnswerSummary(lookup.evidence, first.document_id, first.title, said)
