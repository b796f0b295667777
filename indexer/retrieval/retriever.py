"""Hybrid retriever: dense and BM25 candidates, fused scores, one hit a document, its evidence.

Three signals are blended as scores, not as ranks (`indexer.retrieval.fusion`): the cosines of the
whole passage and of its best window to the query, and the share of the query's words that the
passage has. The best are put in order again by the vectors of their tokens, where the model has
them (`indexer.retrieval.late_interaction`). Where the operator names a reranker, it reads the best
of them again, as many as its budget allows, and puts those in its own order.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain
from typing import Final

import numpy as np
from cachetools import LRUCache
from numpy.typing import NDArray

from indexer.embedding.embedder import Embedder
from indexer.embedding.token_vectors import tokens_of
from indexer.index.bm25 import Ids
from indexer.index.index import Index
from indexer.index.what_if import WhatIfIndex
from indexer.retrieval.best_passages import best_of_each, with_first
from indexer.retrieval.evidence import (
    FEATURES,
    FLOOR_DRIFT,
    Calibration,
    Support,
    everyday_language,
    everyday_questions,
    features,
    floor,
    relatedness,
    weighty,
)
from indexer.retrieval.evidence import calibration as default_calibration
from indexer.retrieval.fusion import (
    WHOLE_WEIGHT,
    WINDOW_WEIGHT,
    WORDS_WEIGHT,
    Cosines,
    CosineScale,
    Legs,
    Ranked,
    cosine_scale,
    cosines_of,
    window_cosines,
)
from indexer.retrieval.highlight import highlighted
from indexer.retrieval.hit import MEANING, WORDS, Hit
from indexer.retrieval.late_interaction import (
    BEST,
    COVERED,
    LATE_WEIGHT,
    interacted,
    known_late,
)
from indexer.retrieval.named_passages import looked_at, named
from indexer.retrieval.reranker import Reranking, reordered
from indexer.retrieval.spelling import corrected
from indexer.text.analyzer import language_of_question
from indexer.text.passages import with_titles, without_link_targets
from indexer.text.sentences import text_windows
from indexer.text.shorthand import spelt_out
from knowledge.model.documents import Scope
from knowledge.model.questions import Evidence

# How many passages each leg puts forward at least; with twice as many nothing changed by 0.0005.
CANDIDATES: Final = 50

# Who may read which channels makes a set of scopes for each that is different, and so does each
# guild with many documents of its own; 300 bytes each.
FLOORS_CACHED: Final = 16_384


def candidates(k: int) -> int:
    """How many passages each leg puts forward where the best of `k` documents are wanted."""
    return max(CANDIDATES, 2 * k)


@dataclass(eq=False, slots=True)
class Retriever:
    """Finds passages in an index with the embedder that made it.

    Attributes:
        index: what is searched.
        embedder: for queries.
        calibration: what evidence is judged by.
        reranking: reorders the best hits; without it they keep the order of their scores.
        languages: the ones that the model supports; empty means unknown, and no question is treated
            as foreign.
    """

    index: Index | WhatIfIndex
    embedder: Embedder
    calibration: Calibration = field(default_factory=default_calibration)
    reranking: Reranking | None = None
    languages: frozenset[str] = field(default=frozenset(), kw_only=True)
    # By language and scopes: the floor, and the number of passages when it was measured.
    _floors: LRUCache[tuple[str, tuple[Scope, ...]], tuple[int, float]] = field(
        default_factory=lambda: LRUCache(FLOORS_CACHED), kw_only=True, repr=False
    )
    _everyday: dict[str, NDArray[np.float32]] = field(
        default_factory=dict, kw_only=True, repr=False
    )
    _scale: CosineScale | None = field(default=None, kw_only=True, repr=False)

    def over(self, index: WhatIfIndex) -> "Retriever":
        """This retriever on another index, judging by the floors that are measured already."""
        floors = LRUCache[tuple[str, tuple[Scope, ...]], tuple[int, float]](FLOORS_CACHED)
        floors.update(self._floors)
        return replace(self, index=index, _floors=floors)

    @property
    def identity(self) -> str:
        """The model, weights and parameters that hits and evidence follow from, as text."""
        parts = [
            f"model {self.embedder.model}",
            f"blend {WHOLE_WEIGHT} {WINDOW_WEIGHT} {WORDS_WEIGHT}",
            f"calibration {self.calibration.digest[:16]}",
        ]
        if tokens_of(self.embedder) is not None:
            parts.append(f"late {LATE_WEIGHT} {COVERED[0]} {COVERED[1]}")
        if self.reranking is not None and not self.reranking.problem:
            parts.append(f"reranker {self.reranking.name}")
        return ", ".join(parts)

    def hits(self, queries: Sequence[str], scopes: Iterable[Scope], k: int = 10) -> list[list[Hit]]:
        """At most `k` hits for each query from these scopes, best first, one a document."""
        return self.ranked_together(queries, self.embedded(queries), list(scopes), k)

    def read(self, query: str, scopes: Sequence[Scope]) -> str:
        """A question as it is embedded, looked up and judged: with its sure slips mended."""
        return corrected(query, self.index.postings(scopes), self.is_common)

    def is_common(self, word: str) -> bool:
        """Whether the model knows a word as one, as it does the some 20,000 most frequent."""
        return self.embedder.count_tokens(word) == 1

    def embedded(self, queries: Sequence[str]) -> NDArray[np.float32]:
        """The vectors of queries, (n, d) float32 with rows of unit length."""
        return self.embedder.embed_queries(list(map(spelt_out, queries)))

    def ranked(
        self,
        query: str,
        vector: NDArray[np.float32],
        scopes: Sequence[Scope],
        k: int,
        *,
        among: Ids | None = None,
    ) -> list[Hit]:
        """The best hits for a query that is embedded already; `among` as in `ranked_together`."""
        return self.ranked_together([query], vector[np.newaxis], scopes, k, among=among)[0]

    def ranked_together(
        self,
        queries: Sequence[str],
        vectors: NDArray[np.float32],
        scopes: Sequence[Scope],
        k: int,
        *,
        share: float | None = None,
        among: Ids | None = None,
    ) -> list[list[Hit]]:
        """The best hits for each of many queries, no two of one document; the file is asked once.

        Args:
            queries: as they were asked.
            vectors: of the queries, (n, d) float32 of unit length.
            scopes: what the askers may see.
            k: at most this many for each.
            share: of the reranker's budget, which is one for all that wait together, for each
                query; these are all, unless it is said.
            among: ids of the only passages that are searched, if not all are: among the nearest of
                the whole index, there need be none of them.
        """
        reranking = self.reranking
        fitting = reranking.fitting(share or 1 / max(len(queries), 1)) if reranking else 0
        tokens = tokens_of(self.embedder)
        most = max(k, fitting, BEST if tokens is not None else 0)
        fused = self.fused_together(queries, vectors, scopes, most, among=among)
        found = fused if tokens is None else interacted(self.index, tokens, queries, fused, scopes)
        if reranking is None or not fitting:
            return [hits[:k] for hits in found]
        return [
            _first(k, [*reordered(reranking, spelt_out(query), hits[:fitting]), *hits[fitting:]])
            for query, hits in zip(queries, found, strict=True)
        ]

    def fused_together(
        self,
        queries: Sequence[str],
        vectors: NDArray[np.float32],
        scopes: Sequence[Scope],
        k: int,
        *,
        among: Ids | None = None,
    ) -> list[list[Hit]]:
        """The best hits by their fused scores alone, whatever is said of them afterwards."""
        legs, most = [], candidates(k)
        dense = self.index.nearest_many(vectors, most, scopes, among)
        for query, (ids, _) in zip(queries, dense, strict=True):
            near = ids.tolist()
            lexical = self.index.matching(query, most, scopes, near, among)
            legs.append(Legs(near, dict(lexical), [key for key, _ in lexical[:most]]))
        cosines = self.cosines(vectors, [found.candidates for found in legs])
        legs = [found.in_order(one) for found, one in zip(legs, cosines, strict=True)]
        ranked = [Ranked.of(*both) for both in zip(cosines, legs, strict=True)]
        may_be_named = list(map(looked_at, ranked, legs))
        # Read in one go, whatever most of the queries will need.
        self.index.passages(
            [
                passage_id
                for one, found, others in zip(ranked, legs, may_be_named, strict=True)
                for passage_id in (*one.ids[: k + 2], *found.near[:1], *others)
            ]
        )
        together = zip(queries, ranked, legs, may_be_named, strict=True)
        return [self._hits(*one, k) for one in together]

    def _hits(
        self, query: str, ranked: Ranked, legs: Legs, may_be_named: Sequence[int], k: int
    ) -> list[Hit]:
        first = {
            name: {passage.document_id for passage in self.index.passages(ids[:1]).values()}
            for name, ids in ((MEANING, legs.near), (WORDS, legs.worded))
        }
        sets = {MEANING: frozenset(legs.near), WORDS: frozenset(legs.worded)}
        best = best_of_each(self.index.passages, ranked.ids, k)
        wanted = named(query, self.index.passages(may_be_named).values())
        if wanted is not None:
            best = with_first(best, wanted, ranked.ids.index(wanted.id))[:k]
        highest = max((ranked.scores[one.rank] for one in best), default=0.0)
        every = [part for one in best for part in (one, *one.also)]
        places = [ranked.places[one.rank] for one in every]
        wholes = ranked.cosines.wholes[places].tolist()
        windows = ranked.cosines.windows[places].tolist()
        hits = {
            one.passage.id: Hit(
                one.passage,
                highest if one.passage is wanted else ranked.scores[one.rank],
                whole,
                window,
                legs.coverages.get(one.passage.id, 0.0),
                tuple([name for name, ids in sets.items() if one.passage.id in ids]),
                tuple([name for name, ids in first.items() if one.passage.document_id in ids]),
                best_window,
                named=one.passage is wanted,
            )
            for one, whole, window, best_window in zip(
                every, wholes, windows, ranked.cosines.best_windows(places), strict=True
            )
        }
        return [
            replace(hits[one.passage.id], also=tuple([hits[part.passage.id] for part in one.also]))
            for one in best
        ]

    def evidence(self, query: str, hits: Sequence[Hit], scopes: Sequence[Scope]) -> Evidence:
        """How well the hits support an answer to the query.

        Whether it is foreign is judged by the hit with the best score, wherever a reranker put it:
        so on every path the same questions are refused.
        """
        return self.judged(query, hits, scopes)[0]

    def judged(
        self, query: str, hits: Sequence[Hit], scopes: Sequence[Scope]
    ) -> tuple[Evidence, dict[str, float]]:
        """The evidence, and what it was judged by, to be recorded: nothing where nothing was found.

        That is every signal by name, `relatedness` and the `floor` that it is compared with,
        `probability`, where `strong` begins and where `none` ends.
        """
        support = self.support(query, hits, scopes)
        if support is None:
            return Evidence.NONE, {}
        values = nearest = features(support)
        by_score = sorted(hits, key=lambda hit: hit.score, reverse=True)
        if by_score[0].score > hits[0].score:
            also = self.support(query, by_score, scopes)
            nearest = features(also) if also is not None else values
        least = self.floor(scopes, language_of_question(query))
        judged_by = {
            # A signal that is absent is 0, not the -0 that counting against something gives.
            **dict(zip(FEATURES, (values + 0.0).tolist(), strict=True)),
            "relatedness": relatedness(nearest),
            "floor": least,
            "probability": float(self.calibration.probability(values)),
            "strong": self.calibration.strong,
            "none": self.calibration.none,
        }
        if hits[0].named:
            return Evidence.STRONG, judged_by
        return self.calibration.verdict(values, least, nearest), judged_by

    def strength(self, query: str, hits: Sequence[Hit], scopes: Sequence[Scope]) -> float:
        """The probability that the best hit answers the query; 0 without any."""
        support = self.support(query, hits, scopes)
        if support is None:
            return 0.0
        return float(self.calibration.probability(features(support)))

    def floor(self, scopes: Sequence[Scope], language: str = "") -> float:
        """The least relatedness in these scopes that is more than chance.

        Measured against everyday questions in the question's own language, where that is told.
        Those in a language that the model can't read are near nothing, which is no reason to ask
        for less.
        """
        least = self._measured_floor(scopes, everyday_language(language))
        if self.languages and language not in (*self.languages, ""):
            least = max(least, self._measured_floor(scopes, "en"))
        return least

    def _measured_floor(self, scopes: Sequence[Scope], asked_in: str) -> float:
        """The floor for one language of everyday questions.

        Measured when the scopes are first searched, if not ahead (`measure_floors`), which takes
        as long as several questions, and again when their size has changed by a tenth.
        """
        seen, size = self._weighty(scopes)
        if self._drifted(asked_in, seen, size):
            least = floor(self.everyday_relatedness(seen, asked_in))
            self._floors[asked_in, seen] = (size, least)
        return self._floors[asked_in, seen][1]

    def _weighty(self, scopes: Iterable[Scope]) -> tuple[tuple[Scope, ...], int]:
        return weighty((self.index.size([one]), one) for one in set(scopes))

    def _drifted(self, asked_in: str, seen: tuple[Scope, ...], size: int) -> bool:
        """Whether a floor is not measured, or was when there was a tenth more or less."""
        measured_at, _ = self._floors.get((asked_in, seen), (0, 0.0))
        return abs(size - measured_at) > size * FLOOR_DRIFT or not measured_at

    def measure_floors(self, asked: Iterable[tuple[Sequence[Scope], str]]) -> Iterator[None]:
        """Measure ahead, for scopes and a language, what is not known; a step each."""
        known = [(seen, language) for language, seen in self._floors]
        for scopes, language in [*known, *asked]:
            if self._drifted(everyday_language(language), *self._weighty(scopes)):
                self.floor(scopes, language)
                yield

    def everyday_relatedness(self, scopes: Sequence[Scope], language: str = "en") -> list[float]:
        """How near everyday questions in a language come to what is in these scopes."""
        texts = everyday_questions(language)
        ranked = self.fused_together(texts, self._everyday_vectors(language), scopes, 2)
        supports = [
            self.support(text, hits, scopes) for text, hits in zip(texts, ranked, strict=True)
        ]
        return [relatedness(features(support)) for support in supports if support is not None]

    def cosines(
        self, vectors: NDArray[np.float32], wanted: Sequence[Sequence[int]]
    ) -> list[Cosines]:
        """The exact cosines of passages to each of many queries, on the default model's scale.

        The queries' vectors are (n, d) float32 of unit length; ids that are gone are left out.
        """
        own = self.index.own_vectors(chain.from_iterable(wanted))
        found, scale = cosines_of(vectors, wanted, own), self.cosine_scale()
        if scale.factor == 1:
            return found
        return [
            replace(one, wholes=scale.of(one.wholes), windows=scale.of(one.windows))
            for one in found
        ]

    def cosine_scale(self) -> CosineScale:
        """How the model's cosines become those that the constants were found with."""
        if self._scale is None:
            self._scale = cosine_scale(self._everyday_vectors("en"))
        return self._scale

    def _everyday_vectors(self, language: str) -> NDArray[np.float32]:
        if language not in self._everyday:
            self._everyday[language] = self.embedded(everyday_questions(language))
        return self._everyday[language]

    def support(self, query: str, hits: Sequence[Hit], scopes: Sequence[Scope]) -> Support | None:
        """What evidence is judged by, of a query and its best hit; None without any."""
        if not hits:
            return None
        best = hits[0]
        passage = best.passage
        plain = without_link_targets(passage.text)
        windows = text_windows(plain)
        window = windows[best.window] if best.window < len(windows) else plain
        return Support(
            question=spelt_out(query).lower(),
            weights=self.index.idfs(query, scopes),
            passage=with_titles(passage.title, passage.heading, plain),
            window=with_titles(passage.title, passage.heading, window),
            cosine=best.window_cosine,
            scores=[hit.score for hit in hits],
            agreement=len(best.first) == len((MEANING, WORDS)),
            late=known_late(hits),
        )

    def deciding_sentence(
        self, query: str, vector: NDArray[np.float32], hit: Hit, scopes: Sequence[Scope]
    ) -> tuple[int, int] | None:
        """The span of the sentence in the hit's text that answers.

        None where there is nothing to single out: one sentence.
        """
        passage = hit.passage
        own = self.index.own_vectors([passage.id]).get(passage.id, b"")
        windows = np.array(window_cosines(vector, own), np.float32)
        return highlighted(
            spelt_out(query).lower(),
            passage.text,
            self.cosine_scale().of(windows).tolist(),
            self.index.idfs(query, scopes),
            f"{passage.title}\n{passage.heading}",
        )


def _first(k: int, hits: Sequence[Hit]) -> list[Hit]:
    """The first `k` hits, among them the one with the best score, which evidence is judged by."""
    kept, best = list(hits[:k]), max(hits, key=lambda hit: hit.score, default=None)
    if best is not None and k > 1 and best not in kept:
        kept[-1] = best
    return kept
