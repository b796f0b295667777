"""Hybrid retriever: dense and BM25 candidates, fused scores, one hit per document, evidence.

Three signals are blended as scores, not as ranks (`indexer.retrieval.fusion`): the query's cosine
with the whole passage, its cosine with the best window, and its word coverage. If the model has
token vectors, they reorder the best passages (`indexer.retrieval.late_interaction`). If the
operator names a reranker, it then reorders as many of the best hits as its budget allows.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain
from typing import Final

import numpy as np
from numpy.typing import NDArray

from indexer.embedding.embedder import Embedder, TokenVectors, tokens_of
from indexer.index.bm25 import Ids
from indexer.index.index import Index
from indexer.index.stored_passage import StoredPassage
from indexer.index.what_if import IndexOverlay
from indexer.retrieval.best_lines import CHARACTERS, best_lines
from indexer.retrieval.best_passages import best_of_each, with_first
from indexer.retrieval.changelogs import is_changelog
from indexer.retrieval.error_identifiers import (
    error_identifiers,
    identified_passage,
    lacks_identifier,
    log_lines,
)
from indexer.retrieval.evidence import (
    FEATURES,
    UNRIVALLED,
    Calibration,
    Support,
    default_calibration,
    features,
)
from indexer.retrieval.fusion import (
    LATE_WEIGHT,
    WHOLE_WEIGHT,
    WINDOW_WEIGHT,
    WORDS_BESIDE_LATE,
    WORDS_UNREAD,
    WORDS_WEIGHT,
    Cosines,
    CosineScale,
    Legs,
    Ranked,
    cosine_scale,
    cosines_of,
    everyday_questions,
)
from indexer.retrieval.hit import MEANING, WORDS, Hit
from indexer.retrieval.late_interaction import late_scores_by_query
from indexer.retrieval.named_passages import (
    defining_passage,
    named_passage,
    naming_candidates,
)
from indexer.retrieval.names import missing_names, missing_nouns
from indexer.retrieval.reranker import Reranking, rerank
from indexer.retrieval.spelling import respell
from indexer.text.passages import HEADING_SEPARATOR
from indexer.text.query_normalization import spelt_out
from knowledge.languages.detection import language_of_question
from knowledge.values.documents import Kind, Scope
from knowledge.values.questions import Evidence

# How many passages each leg puts forward at least; with twice as many nothing changed by 0.0005.
CANDIDATES: Final = 50
# How many passages with the words of small talk are compared with it.
NAMESAKES: Final = 20


def candidates(k: int) -> int:
    """The number of candidates of each leg in a search for `k` documents."""
    return max(CANDIDATES, 2 * k)


@dataclass(eq=False, slots=True)
class Retriever:
    """Retriever over one index, with the embedder that made its vectors.

    Attributes:
        index: the searched index.
        embedder: embeds the queries.
        calibration: the parameters of evidence.
        reranking: reorders the best hits; without it they keep the order of their scores.
        languages: the languages that the embedder reads; empty if unknown.
    """

    index: Index | IndexOverlay
    embedder: Embedder
    calibration: Calibration = field(default_factory=default_calibration)
    reranking: Reranking | None = None
    languages: frozenset[str] = frozenset()
    _scale: CosineScale | None = field(default=None, kw_only=True, repr=False)

    def over(self, index: IndexOverlay) -> "Retriever":
        """A copy of this retriever for an overlay of the index."""
        return replace(self, index=index)

    @property
    def identity(self) -> str:
        """The model, weights and parameters that determine hits and evidence, as text."""
        parts = [
            f"model {self.embedder.model}",
            f"blend {WHOLE_WEIGHT} {WINDOW_WEIGHT} {WORDS_WEIGHT} {WORDS_UNREAD}",
            f"calibration {self.calibration.digest[:16]}",
        ]
        if tokens_of(self.embedder) is not None:
            parts.append(f"late {LATE_WEIGHT} {WORDS_BESIDE_LATE}")
        if self.reranking is not None and not self.reranking.problem:
            parts.append(f"reranker {self.reranking.name}")
        return ", ".join(parts)

    def hits(self, queries: Sequence[str], scopes: Iterable[Scope], k: int = 10) -> list[list[Hit]]:
        """For each query at most `k` hits from these scopes, best first, one per document."""
        return self.rank_together(queries, self.embed(queries), list(scopes), k)

    def respell(self, query: str, scopes: Sequence[Scope]) -> str:
        """The query with its spelling corrected by the words of the passages in these scopes."""
        return respell(query, self.index.postings(scopes), self.is_common)

    def unread_language(self, query: str) -> str:
        """The query's language if the embedder doesn't read it, otherwise empty."""
        language = language_of_question(query)
        return language if self.languages and language not in (*self.languages, "") else ""

    def is_common(self, word: str) -> bool:
        """Whether a word is a single token of the model, like some 20,000 frequent words."""
        return self.embedder.count_tokens(word) == 1

    def has_note_named(self, text: str, scopes: Sequence[Scope]) -> bool:
        """Whether a text is the title or a wording of a note, as found by its words."""
        ids = [passage_id for passage_id, _ in self.index.matching(text, NAMESAKES, scopes)]
        found = self.index.passages(ids).values()
        notes = [passage for passage in found if passage.kind is Kind.NOTE]
        return named_passage(text, notes) is not None

    def embed(self, queries: Sequence[str]) -> NDArray[np.float32]:
        """The vectors of queries, (n, d) float32 with rows of unit length."""
        return self.embedder.embed_queries(list(map(spelt_out, queries)))

    def rank(
        self,
        query: str,
        vector: NDArray[np.float32],
        scopes: Sequence[Scope],
        k: int,
        *,
        among: Ids | None = None,
    ) -> list[Hit]:
        """The best hits for an embedded query; `among` as in `rank_together`."""
        return self.rank_together([query], vector[np.newaxis], scopes, k, among=among)[0]

    def rank_together(
        self,
        queries: Sequence[str],
        vectors: NDArray[np.float32],
        scopes: Sequence[Scope],
        k: int,
        *,
        share: float | None = None,
        among: Ids | None = None,
    ) -> list[list[Hit]]:
        """The best hits of each query, one per document; passages are read for all at once.

        Args:
            queries: the queries' texts.
            vectors: the queries' vectors, (n, d) float32 of unit length.
            scopes: the scopes that the askers may see.
            k: the largest number of hits for a query.
            share: the share of the reranker's budget for each query; by default these queries split
                the budget.
            among: the ids of the passages to search; by default all. Filtering the hits afterwards
                might leave none.
        """
        reranking = self.reranking
        fitting = reranking.fitting(share or 1 / max(len(queries), 1)) if reranking else 0
        most = max(k, fitting)
        tokens = tokens_of(self.embedder)
        found = self.fuse_together(queries, vectors, scopes, most, among, tokens)
        if reranking is None or not fitting:
            return [hits[:k] for hits in found]
        return [
            _first_hits(k, [*rerank(reranking, spelt_out(query), hits[:fitting]), *hits[fitting:]])
            for query, hits in zip(queries, found, strict=True)
        ]

    def fuse_together(
        self,
        queries: Sequence[str],
        vectors: NDArray[np.float32],
        scopes: Sequence[Scope],
        k: int,
        among: Ids | None = None,
        tokens: TokenVectors | None = None,
    ) -> list[list[Hit]]:
        """The best hits by cosines and words, and by `tokens` if given; without reranker."""
        legs, identified, most = [], [], candidates(k)
        dense = self.index.nearest_many(vectors, most, scopes, among)
        for query, (ids, _) in zip(queries, dense, strict=True):
            near = ids.tolist()
            exact: list[int] = []
            if identifiers := " ".join(sorted(error_identifiers(log_lines(query)))):
                found_exactly = self.index.matching(identifiers, NAMESAKES, scopes, (), among)
                exact = [passage_id for passage_id, _ in found_exactly]
            identified.append(exact)
            lexical = self.index.matching(query, most, scopes, [*near, *exact], among)
            legs.append(Legs(near, dict(lexical), [key for key, _ in lexical[:most]]))
        cosines = self.cosines(vectors, [found.candidates for found in legs])
        legs = [found.in_order(near) for found, near in zip(legs, cosines, strict=True)]
        read = [not self.unread_language(query) for query in queries]
        ranked = [
            Ranked.of(near, found, words=WORDS_WEIGHT if known else WORDS_UNREAD)
            for near, found, known in zip(cosines, legs, read, strict=True)
        ]
        if tokens is not None:
            best = [
                ranking.ids if known else [] for ranking, known in zip(ranked, read, strict=True)
            ]
            late = late_scores_by_query(self.index, tokens, queries, best, scopes)
            ranked = [
                Ranked.of(near, found, scores) if scores else ranking
                for ranking, near, found, scores in zip(ranked, cosines, legs, late, strict=True)
            ]
        may_be_named = [
            [*naming_candidates(ranking, found), *(key for key in exact if key in found.coverages)]
            for ranking, found, exact in zip(ranked, legs, identified, strict=True)
        ]
        # Read in one go, whatever most of the queries will need.
        self.index.passages(
            [
                passage_id
                for ranking, found, others in zip(ranked, legs, may_be_named, strict=True)
                for passage_id in (*ranking.ids[: k + 2], *found.near[:1], *others)
            ]
        )
        together = zip(queries, ranked, legs, may_be_named, strict=True)
        return [self._hits(*found, k) for found in together]

    def _hits(
        self, query: str, ranked: Ranked, legs: Legs, may_be_named: Sequence[int], k: int
    ) -> list[Hit]:
        first = {
            name: {passage.document_id for passage in self.index.passages(ids[:1]).values()}
            for name, ids in ((MEANING, legs.near), (WORDS, legs.worded))
        }
        sets = {MEANING: frozenset(legs.near), WORDS: frozenset(legs.worded)}
        best = best_of_each(self.index.passages, ranked.ids, k)
        passages = list(self.index.passages(may_be_named).values())
        named = named_passage(query, passages) or defining_passage(query, passages)
        wanted = identified_passage(query, passages) or named
        if wanted is not None:
            best = with_first(best, wanted, ranked.ids.index(wanted.id))[:k]
        highest = max((ranked.scores[entry.rank] for entry in best), default=0.0)
        if log_lines(query):
            # Exact words of a log that one document alone has are a lead.
            highest += UNRIVALLED
        every = [part for entry in best for part in (entry, *entry.also)]
        places = [ranked.places[entry.rank] for entry in every]
        wholes = ranked.cosines.wholes[places].tolist()
        windows = ranked.cosines.windows[places].tolist()
        hits = {
            entry.passage.id: Hit(
                entry.passage,
                highest if entry.passage is wanted else ranked.scores[entry.rank],
                whole,
                window,
                legs.coverages.get(entry.passage.id, 0.0),
                tuple([name for name, ids in sets.items() if entry.passage.id in ids]),
                tuple([name for name, ids in first.items() if entry.passage.document_id in ids]),
                best_window,
                ranked.late.get(entry.passage.id),
                named=entry.passage is named,
            )
            for entry, whole, window, best_window in zip(
                every, wholes, windows, ranked.cosines.best_windows(places), strict=True
            )
        }
        return [
            replace(
                hits[entry.passage.id], also=tuple([hits[part.passage.id] for part in entry.also])
            )
            for entry in best
        ]

    def evidence(self, query: str, hits: Sequence[Hit]) -> Evidence:
        """How well the hits support an answer to the query.

        The evidence is *none* only if both the first hit and the hit with the best score are too
        weak. So a reranker, which may put another hit first, never causes a refusal.
        """
        return self.judge(query, hits)[0]

    def judge(self, query: str, hits: Sequence[Hit]) -> tuple[Evidence, dict[str, float]]:
        """The evidence, and the numbers that it was judged by.

        The numbers are each feature by name, `probability`, and the thresholds `strong` and `none`.
        Without hits, there are no numbers.
        """
        if not hits:
            return Evidence.NONE, {}
        support = self.support(query, hits)
        values = features(support)
        probability = float(self.calibration.probability(values))
        judged_by = {
            **dict(zip(FEATURES, values.tolist(), strict=True)),
            "probability": probability,
            "strong": self.calibration.strong,
            "none": self.calibration.none,
        }
        # A question with a second part may repeat a title, too.
        barred = support.missing or support.unidentified or support.is_contents
        if hits[0].named and not barred:
            return Evidence.STRONG, judged_by
        by_score = sorted(hits, key=lambda hit: -hit.score)
        # Only a reranker, or a review date, puts another one first.
        likeliest = probability if by_score[0] is hits[0] else self.strength(query, by_score)
        return self.calibration.verdict(probability, likeliest, support), judged_by

    def strength(self, query: str, hits: Sequence[Hit]) -> float:
        """The probability that the first hit answers the query; 0 without hits."""
        if not hits:
            return 0.0
        return float(self.calibration.probability(features(self.support(query, hits))))

    def cosines(
        self, vectors: NDArray[np.float32], wanted: Sequence[Sequence[int]]
    ) -> list[Cosines]:
        """The exact cosines of each query and its `wanted` passages, on the default model's scale.

        `vectors` are the queries' vectors, (n, d) float32 of unit length. Ids that are missing from
        the index are left out.
        """
        own, scale = self.index.own_vectors(chain.from_iterable(wanted)), self.cosine_scale()
        return [
            replace(
                cosines,
                wholes=scale.of_own_part(cosines.wholes),
                windows=scale.of_own_part(cosines.windows),
            )
            for cosines in cosines_of(scale.own_part(vectors), wanted, own)
        ]

    def cosine_scale(self) -> CosineScale:
        """The map from the model's cosines to the default model's, computed once."""
        if self._scale is None:
            self._scale = cosine_scale(self.embed(everyday_questions()))
        return self._scale

    def support(self, query: str, hits: Sequence[Hit]) -> Support:
        """The input of the evidence for a query and at least one hit."""
        best = hits[0]
        return Support(
            question=spelt_out(query).lower(),
            passage=best.passage.embedded,
            cosine=best.window_cosine,
            scores=[hit.score for hit in hits],
            other_sections=_other_sections(hits),
            late=best.late,
            unread=self.unread_language(query),
            missing=_missing_names(query, best.passage),
            unidentified=lacks_identifier(query, best.passage.embedded),
            is_changelog=is_changelog(best.passage.title),
            is_contents=best.passage.is_contents,
        )

    def missing_terms(self, query: str, passage: StoredPassage) -> frozenset[str]:
        """The names and rare nouns in a query, without those in a passage."""
        language = passage.document_language
        nouns = missing_nouns(query, passage.embedded, self.is_common, language=language)
        return frozenset((*_missing_names(query, passage), *nouns))

    def best_lines(
        self, query: str, hit: Hit, scopes: Sequence[Scope], characters: int = CHARACTERS
    ) -> list[str]:
        """The best lines of a hit's passage (`indexer.retrieval.best_lines`)."""
        passage = hit.passage
        return best_lines(
            passage.text,
            self.index.idfs(query, scopes),
            heading=f"{passage.title}\n{passage.heading}",
            window=hit.window,
            language=passage.document_language,
            characters=characters,
        )


def _missing_names(query: str, passage: StoredPassage) -> tuple[str, ...]:
    last_heading = passage.heading.rpartition(HEADING_SEPARATOR)[2]
    titles = passage.title, last_heading, *passage.wordings
    return missing_names(query, titles, passage.embedded, language=passage.document_language)


def _other_sections(hits: Sequence[Hit]) -> list[float]:
    """The score of each found section but the first hit's, best first."""
    best: dict[tuple[str, str], float] = {}
    for hit in chain.from_iterable((hit, *hit.also) for hit in hits):
        section = hit.passage.document_id, hit.passage.heading
        best[section] = max(best.get(section, hit.score), hit.score)
    del best[hits[0].passage.document_id, hits[0].passage.heading]
    return sorted(best.values(), reverse=True)


def _first_hits(k: int, hits: Sequence[Hit]) -> list[Hit]:
    """The first `k` hits, where the hit with the best score replaces the last hit if it is missing.

    Evidence needs the hit with the best score. But a single hit (`k` = 1) isn't replaced.
    """
    kept, best = list(hits[:k]), max(hits, key=lambda hit: hit.score, default=None)
    if best is not None and k > 1 and best not in kept:
        kept[-1] = best
    return kept
