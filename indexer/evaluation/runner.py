"""Evaluation runner: indexes, asks and measures a judged set.

The questions go through the same passages, index and retriever as members' questions.
"""

import resource
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from indexer.embedding.embedder import Embedder
from indexer.evaluation.judged_sets import JudgedSet
from indexer.evaluation.metrics import Judgements, K, Run, auroc, mean, ranking
from indexer.index.index import Index
from indexer.ingest.pipeline import Progress, update
from indexer.retrieval.evidence import Calibration, default_calibration
from indexer.retrieval.hit import Hit
from indexer.retrieval.reranker import Reranking
from indexer.retrieval.retriever import Retriever
from knowledge.values.documents import SHARED, Scope
from knowledge.values.questions import Evidence

Order = Callable[[str, Sequence[Hit]], Sequence[Hit]]
"""A question and its hits to the same hits in another order."""

# Questions embedded together, as they would be by a busy bot.
_BATCH: Final = 32


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Measurements of a run over a judged set.

    `strengths` are the probabilities that a question's best hit answers the question. Evidence is
    strong if this probability is at least `threshold`.
    """

    run: Run
    judgements: Judgements
    legs: Mapping[str, Run]
    evidence: Mapping[str, Evidence]
    strengths: Mapping[str, float]
    unanswerable: Mapping[str, Evidence]
    unanswerable_strengths: Mapping[str, float]
    milliseconds: Sequence[float]
    passages_per_second: float
    threshold: float

    def to_dict(self) -> dict[str, object]:
        """Every figure by name. Figures of unanswerable questions are None if the set has none."""
        answered = [self.evidence[q] is not Evidence.NONE for q in self.judgements]
        refused = [found is Evidence.NONE for found in self.unanswerable.values()]
        known = [self.strengths[q] for q in self.judgements]
        unknown = list(self.unanswerable_strengths.values())
        figures: dict[str, object] = {
            "questions": len(self.judgements),
            **ranking(self.run, self.judgements),
            "answered_rate": mean(answered),
            "refused_rate": mean(refused) if refused else None,
            "evidence_auroc": auroc(known, unknown) if refused else None,
            "query_p50_ms": _percentile(self.milliseconds, 50),
            "query_p95_ms": _percentile(self.milliseconds, 95),
            "passages_per_second": self.passages_per_second,
            "peak_rss_mb": peak_rss_mb(),
        }
        if self.legs:
            figures["legs"] = {
                name: ranking(run, self.judgements) for name, run in self.legs.items()
            }
        return figures


def _percentile(values: Sequence[float], percent: int) -> float:
    return float(np.percentile(values, percent)) if values else 0.0


def peak_rss_mb() -> float:
    """The largest amount of memory that this process has held, in megabytes (10⁶ bytes)."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak * (1 if sys.platform == "darwin" else 1024) / 1e6


@dataclass(frozen=True, slots=True)
class _Asked:
    hits: Sequence[Hit]
    evidence: Evidence
    strength: float
    milliseconds: float


class Evaluator:
    """Evaluates a retriever: indexes a judged set's documents, asks its questions, and measures."""

    def __init__(
        self,
        index: Index,
        embedder: Embedder,
        judged: JudgedSet,
        calibration: Calibration | None = None,
        reranking: Reranking | None = None,
        *,
        order: Order | None = None,
    ) -> None:
        """Evaluate on an index that holds only the judged set.

        The shipped calibration is the default. With a reranker, the legs that `evaluate` measures
        include `fused`: the order by vectors and words together. `order` rearranges the final
        hits; evidence doesn't depend on it.
        """
        self._order = order
        self._reranking = reranking
        self._index = index
        self._embedder = embedder
        self._judged = judged
        self._calibration = calibration or default_calibration()
        self._retriever = Retriever(index, embedder, self._calibration, reranking)
        self._passages_per_second = 0.0

    def index(self) -> Iterator[Progress]:
        started = time.perf_counter()
        passages = 0
        for progress in update(self._index, self._embedder, self._judged.documents):
            passages = progress.report.passages
            yield progress
        self._passages_per_second = passages / max(time.perf_counter() - started, 1e-9)

    def evaluate(self, *, legs: bool = False) -> Evaluation:
        """Ask each question alone, as a member would, and measure the results.

        With `legs`, the order by vectors alone and the order by words alone are measured, too.
        """
        # Apart, because a question may have the id of an unanswerable one.
        asked = {key: self._retrieve(key, text) for key, text in self._judged.queries.items()}
        others = {key: self._retrieve(key, text) for key, text in self._judged.unanswerable.items()}
        return Evaluation(
            run={key: _documents(answer.hits) for key, answer in asked.items()},
            judgements=self._judged.judgements,
            legs=self._legs() if legs else {},
            evidence={key: answer.evidence for key, answer in asked.items()},
            strengths={key: answer.strength for key, answer in asked.items()},
            unanswerable={key: answer.evidence for key, answer in others.items()},
            unanswerable_strengths={key: answer.strength for key, answer in others.items()},
            milliseconds=[answer.milliseconds for answer in (*asked.values(), *others.values())],
            passages_per_second=self._passages_per_second,
            threshold=self._calibration.strong,
        )

    def _retrieve(self, key: str, text: str) -> _Asked:
        scopes = self._scopes(key)
        started = time.perf_counter()
        text = self._retriever.respell(text, scopes)
        vector = self._retriever.embed([text])[0]
        hits = self._retriever.rank(text, vector, scopes, K)
        evidence = self._retriever.evidence(text, hits)
        shown = self._order(text, hits) if self._order is not None else hits
        milliseconds = (time.perf_counter() - started) * 1_000
        strength = self._retriever.strength(text, hits)
        return _Asked(shown, evidence, strength, milliseconds)

    def _scopes(self, key: str) -> Sequence[Scope]:
        return self._judged.scopes.get(key, (SHARED,))

    def _legs(self) -> dict[str, Run]:
        keys = list(self._judged.queries)
        dense: dict[str, list[str]] = {}
        lexical: dict[str, list[str]] = {}
        fused: dict[str, list[str]] = {}
        for start in range(0, len(keys), _BATCH):
            some = keys[start : start + _BATCH]
            vectors = self._retriever.embed([self._judged.queries[key] for key in some])
            for key, vector in zip(some, vectors, strict=True):
                scopes = self._scopes(key)
                dense[key] = self._places(self._index.nearest(vector, K * 5, scopes))
                text = self._judged.queries[key]
                lexical[key] = self._places(self._index.matching(text, K * 5, scopes))
                if self._reranking is not None:
                    [hits] = self._retriever.fuse_together([text], vector[np.newaxis], scopes, K)
                    fused[key] = _documents(hits)
        legs: dict[str, Run] = {"dense": dense, "lexical": lexical}
        return {**legs, "fused": fused} if fused else legs

    def _places(self, ranked: Sequence[tuple[int, float]]) -> list[str]:
        """The ids of the ranked passages' documents, each once, best first."""
        stored = self._index.passages([passage_id for passage_id, _ in ranked])
        return list(dict.fromkeys(stored[key].document_id for key, _ in ranked if key in stored))[
            :K
        ]


def _documents(hits: Sequence[Hit]) -> list[str]:
    return [hit.passage.document_id for hit in hits]
