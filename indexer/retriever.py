"""Query → hits: meaning and words fused, one hit per place, each with its evidence.

Three signals are blended as scores, not as ranks: how near the whole passage is to the query, how
near its best window is, and which share of the query's words it has. Rank fusion loses where one
leg is much the better one; docs/decisions.md has the table.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from indexer.embedder import Embedder
from indexer.index import Index, StoredPassage
from indexer.passages import sentences, without_link_targets
from indexer.words import query_words, words
from knowledge.model import Evidence, Scope

# The best constants over ten question sets, each chosen without the set it is measured on; the
# optimum is flat (docs/decisions.md, retrieval).
WHOLE_WEIGHT: Final = 0.4
WINDOW_WEIGHT: Final = 0.6
WORDS_WEIGHT: Final = 0.35

# How many passages each leg may put forward; with half as many nothing changed by 0.0005.
CANDIDATES: Final = 100

STRONG_COSINE: Final = 0.55
STRONG_COVERAGE: Final = 0.5
PARTIAL_COSINE: Final = 0.40

MEANING: Final = "meaning"
WORDS: Final = "words"


@dataclass(frozen=True, slots=True)
class Hit:
    """A passage with its score, and what speaks for it.

    `cosine` and `window_cosine` are those of the whole passage and of its best window; `coverage`
    is the share of the query's words, by rarity, that it has, 0 to 1. `legs` names which leg put
    it forward.
    """

    passage: StoredPassage
    score: float
    cosine: float
    window_cosine: float
    coverage: float
    legs: tuple[str, ...]


class Retriever:
    """Finds passages in an index with the embedder that made it."""

    def __init__(self, index: Index, embedder: Embedder) -> None:
        """Retrieve from `index`; queries are embedded by `embedder`."""
        self._index = index
        self._embedder = embedder

    def hits(self, queries: Sequence[str], scopes: Iterable[Scope], k: int = 10) -> list[list[Hit]]:
        """The best hits for each query, from exactly these scopes.

        Queries that come together are embedded together.

        Returns:
            For each query at most `k` hits, best first, no two of one document.
        """
        wanted = list(scopes)
        vectors = self.embedded(queries)
        return [
            self.ranked(query, vector, wanted, k)
            for query, vector in zip(queries, vectors, strict=True)
        ]

    def embedded(self, queries: Sequence[str]) -> NDArray[np.float32]:
        """The vectors of queries, (n, d) float32 with rows of unit length."""
        return self._embedder.embed_queries(queries)

    def ranked(
        self, query: str, vector: NDArray[np.float32], scopes: Sequence[Scope], k: int
    ) -> list[Hit]:
        """The best hits for a query that is embedded already."""
        dense = self._index.nearest(vector, CANDIDATES, scopes)
        near = [passage_id for passage_id, _ in dense]
        lexical = self._index.matching(query, CANDIDATES, scopes, near)
        coverages = dict(lexical)
        cosines = self._index.cosines(vector, list(dict.fromkeys([*near, *coverages])))
        scored = sorted(
            (-_score(whole, window, coverages.get(passage_id, 0.0)), passage_id)
            for passage_id, (whole, window) in cosines.items()
        )
        legs = {
            MEANING: set(near),
            WORDS: {passage_id for passage_id, _ in lexical[:CANDIDATES]},
        }
        hits: list[Hit] = []
        for score, passage in self._best_of_each(scored, k):
            whole, window = cosines[passage.id]
            hits.append(
                Hit(
                    passage,
                    -score,
                    whole,
                    window,
                    coverages.get(passage.id, 0.0),
                    tuple(name for name, found in legs.items() if passage.id in found),
                )
            )
        return hits

    def _best_of_each(
        self, scored: Sequence[tuple[float, int]], k: int
    ) -> list[tuple[float, StoredPassage]]:
        """The best passage of each of the `k` best documents, read no further than it takes."""
        best: dict[str, tuple[float, StoredPassage]] = {}
        step = 2 * k
        for start in range(0, len(scored), step):
            some = scored[start : start + step]
            stored = self._index.passages([passage_id for _, passage_id in some])
            for score, passage_id in some:
                passage = stored.get(passage_id)
                if passage is not None and len(best) < k:
                    best.setdefault(passage.document_id, (score, passage))
            if len(best) >= k:
                break
        return list(best.values())

    def evidence(self, query: str, hits: Sequence[Hit]) -> Evidence:
        """How well the hits support an answer to the query."""
        if not hits:
            return Evidence.NONE
        best = max(max(hit.cosine, hit.window_cosine) for hit in hits[:3])
        covered = hits[0].coverage
        if best >= STRONG_COSINE and covered >= STRONG_COVERAGE:
            return Evidence.STRONG
        if best >= PARTIAL_COSINE:
            return Evidence.PARTIAL
        return Evidence.NONE

    def strength(self, query: str, hits: Sequence[Hit]) -> float:
        """The number behind the evidence: larger means more likely to be answered."""
        return max((max(hit.cosine, hit.window_cosine) for hit in hits[:3]), default=0.0)

    def deciding_sentence(
        self, query: str, vector: NDArray[np.float32], hit: Hit
    ) -> tuple[int, int] | None:
        """The span of the sentence in the hit's text that answers; None for a single sentence."""
        spans = [
            (start, end)
            for start, end in sentences(hit.passage.text)
            if not hit.passage.text[start:end].startswith(("```", "~~~", "|", "#"))
        ]
        if len(spans) < 2:
            return None
        texts = [without_link_targets(hit.passage.text[start:end]) for start, end in spans]
        cosines = self._embedder.embed_passages(texts) @ vector
        wanted = {form for word in query_words(query) for form in word.forms}
        shares = [len(wanted & set(words(text))) / (len(wanted) or 1) for text in texts]
        best = max(range(len(spans)), key=lambda i: (float(cosines[i]) + 0.2 * shares[i], -i))
        return spans[best]


def _score(whole: float, window: float, coverage: float) -> float:
    return WHOLE_WEIGHT * whole + WINDOW_WEIGHT * window + WORDS_WEIGHT * coverage
