"""Confirmed answers: passages that members confirmed as the answer to a question.

The asker or a moderator confirms a passage. The next time somebody asks nearly the same question,
the confirmed passage is the first hit.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import numpy as np
from cachetools import LRUCache
from numpy.typing import NDArray

from bot.answers.ask import HITS, Lookup, Vectors
from bot.answers.follow_ups import in_full
from bot.answers.outage import Outage
from indexer.embedding.embedder import VectorCache
from indexer.index.index import Index
from indexer.retrieval.retriever import Retriever
from knowledge.store.questions.question_records import FeedbackRecords
from knowledge.values.documents import Scope
from knowledge.values.questions import ConfirmedAnswer, Evidence

# Least cosine at which two questions count as nearly the same.
NEARLY_SAME: Final = 0.92

# Combinations of guild and channels with cached confirmed answers; up to 400 kB each.
_PLACES_CACHED: Final = 64
_Place = tuple[int | None, tuple[int, ...]]
_Known = tuple[Sequence[ConfirmedAnswer], NDArray[np.float32]]
_State = tuple[str, tuple[int, ...]]
_NOTHING: Final[_Known] = ([], np.zeros((0, 0), np.float32))


class ConfirmedAnswers:
    """Cache of confirmed answers, looked up by the vector of a similar question."""

    def __init__(
        self,
        records: FeedbackRecords,
        index: Index,
        vectors: VectorCache,
        outage: Outage | None = None,
    ) -> None:
        self._records = records
        self._index = index
        self._vectors = vectors
        self._outage = outage or Outage()
        # The state tells whether answers or scopes have changed since. A question can be looked up
        # in other scopes of its place, too.
        self._known: LRUCache[tuple[_Place, tuple[Scope, ...]], tuple[_State, _Known]] = LRUCache(
            _PLACES_CACHED
        )
        # The version read last, keyed by the number of confirmations made by this process.
        self._versions: LRUCache[int, str] = LRUCache(1)

    def forget(self) -> None:
        """Drop all questions from memory."""
        self._known.clear()
        self._versions.clear()

    @property
    def version(self) -> str:
        """A text that changes whenever an answer is confirmed or a confirmation is withdrawn."""
        records = self._records
        return self._outage.last_known(
            self._versions, records.confirmations, records.confirmed_version
        )

    def refresh(self, retriever: Retriever) -> None:
        """Refresh outdated entries of the cache."""
        version = self.version
        for (place, scopes), (state, _) in [*self._known.items()]:
            if state != (version, self._index.generation_of(scopes)):
                self._in_place(retriever, place, scopes)

    def with_confirmed_first(
        self,
        retriever: Retriever,
        lookup: Lookup,
        vectors: Vectors,
    ) -> Lookup:
        """Put the passage confirmed for nearly the same question first, if the asker may read it.

        A confirmed passage counts at least as partial evidence.
        """
        ask, seen = lookup.ask, lookup.scopes
        for one in self._nearest(retriever, lookup, vectors[ask.text]):
            among = _passages(retriever, one, lookup)
            found = retriever.rank(ask.text, vectors[ask.text], seen, 1, among=among)
            if found and found[0].passage.document_id == one.document_id:
                others = [hit for hit in lookup.hits if hit.passage.document_id != one.document_id]
                hits = [*found, *others][:HITS]
                evidence, signals = retriever.judge(ask.text, hits)
                least = Evidence.PARTIAL if evidence is Evidence.NONE else evidence
                return replace(lookup, hits=hits, evidence=least, signals=signals, confirmed=True)
        return lookup

    def _nearest(
        self, retriever: Retriever, lookup: Lookup, vector: NDArray[np.float32]
    ) -> list[ConfirmedAnswer]:
        """The confirmed answers to questions nearly the same as the lookup's question, best first.

        The answer with the most similar question is the best. Among answers with the same cosine,
        answers confirmed by moderators come first, and then the answers confirmed last.
        """
        place = (lookup.ask.guild_id, lookup.ask.channels)
        known, vectors = self._in_place(retriever, place, lookup.scopes)
        if not known:
            return []
        cosines = retriever.cosine_scale().of(vectors @ vector)
        near = [
            (round(float(cosines[place]), 2), one.by_moderator, one.confirmed_at, place)
            for place in np.flatnonzero(cosines >= NEARLY_SAME).tolist()
            if (one := known[place]).earlier == lookup.ask.earlier
        ]
        return [known[place] for *_, place in sorted(near, reverse=True)]

    def _in_place(self, retriever: Retriever, place: _Place, scopes: tuple[Scope, ...]) -> _Known:
        """The confirmed answers visible in a place, with the vectors of the answered questions."""
        version = self.version
        state = (version, self._index.generation_of(scopes))
        before, found = self._known.get((place, scopes), (None, _NOTHING))
        if before != state:
            known = self._records.confirmed(*place) if version else []
            # Spelling is corrected with the live index: `retriever` may search one with a draft.
            live = replace(retriever, index=self._index)
            texts = [live.respell(in_full(one.text, one.earlier), scopes) for one in known]
            found = known, self._vectors.of(texts)
            self._known[place, scopes] = state, found
        return found


def _passages(retriever: Retriever, one: ConfirmedAnswer, lookup: Lookup) -> NDArray[np.int64]:
    """Ids of the document's passages with the same text as the confirmed passage.

    The text of a passage from a channel isn't recorded. For such a passage, return the ids of all
    passages of the document.
    """
    index, seen = retriever.index, lookup.scopes
    stored = [
        stored.id
        for stored in index.document_passages(one.document_id)
        if stored.scope in seen and one.passage in ("", stored.text)
    ]
    found = np.array(stored, np.int64)
    if lookup.selection is None:
        return found
    return np.intersect1d(found, index.selected_passages(lookup.selection, seen))
