"""How good it is: metrics (pure), and the run over judged questions.

A judged set is in BEIR's layout: `corpus.jsonl`, `queries.jsonl`, `qrels.tsv` (or
`qrels/test.tsv`), and optionally `unanswerable.jsonl`, or is harvested from answers that people
accepted. It is indexed and asked through the very same passages, index and retriever that members'
questions go through.

Errors:
    Exception
    └── JudgedSetError    a judged set that can't be read or harvested; what was found and expected
"""

import json
import math
import resource
import sys
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from indexer.embedder import Embedder
from indexer.evidence import Calibration
from indexer.evidence import calibration as default_calibration
from indexer.index import Index
from indexer.pipeline import Progress, update
from indexer.reranker import Reranking
from indexer.retriever import Hit, Retriever
from knowledge.model import SHARED, Document, Evidence, Kind, Question, Scope

K: Final = 10

# Questions embedded together, as they would be by a busy bot.
_BATCH: Final = 32

# A harvested set of fewer questions says nothing: one of 20 is already a twentieth of every figure.
LEAST_HARVEST: Final = 20

# Sign flips of the randomisation test: a p of 0.05 is then known to ±0.004 (two standard errors).
FLIPS: Final = 10_000

# Flips computed together; all at once would take 80 kB a question.
_FLIPS_TOGETHER: Final = 500

Run = Mapping[str, Sequence[str]]
"""For each question's id the ids of the documents retrieved, best first."""

Judgements = Mapping[str, Mapping[str, int]]
"""For each question's id the grade of every relevant document; an absent one is not relevant."""


class JudgedSetError(Exception):
    """A judged set can't be read; the message names the file and what was expected."""


def ndcg(run: Run, judgements: Judgements, k: int = K) -> float:
    """Normalised discounted cumulative gain over the first `k`, averaged over the judged questions.

    DCG = Σ grade / log2(rank + 1), divided by the DCG of the best possible order.

    Source:
        Järvelin and Kekäläinen, "Cumulated gain-based evaluation of IR techniques", TOIS 2002;
        linear gain, as in trec_eval and BEIR.
    """
    return _mean(list(question_ndcgs(run, judgements, k).values()))


def question_ndcgs(run: Run, judgements: Judgements, k: int = K) -> dict[str, float]:
    """For each judged question's id the `ndcg` of that question alone."""
    return {q: _ndcg(run.get(q, ()), grades, k) for q, grades in judgements.items()}


def _ndcg(found: Sequence[str], grades: Mapping[str, int], k: int) -> float:
    gain = sum(
        grades.get(document, 0) / math.log2(rank + 1)
        for rank, document in enumerate(found[:k], start=1)
    )
    best = sorted(grades.values(), reverse=True)[:k]
    ideal = sum(grade / math.log2(rank + 1) for rank, grade in enumerate(best, start=1))
    return gain / ideal if ideal else 0.0


def recall(run: Run, judgements: Judgements, k: int) -> float:
    """The share of relevant documents among the first `k`, averaged over the judged questions."""
    shares = []
    for question, grades in judgements.items():
        relevant = {document for document, grade in grades.items() if grade > 0}
        if relevant:
            shares.append(len(relevant & set(run.get(question, ())[:k])) / len(relevant))
    return _mean(shares)


def mrr(run: Run, judgements: Judgements, k: int = K) -> float:
    """1 / rank of the first relevant document among the first `k`, else 0; averaged."""
    ranks = []
    for question, grades in judgements.items():
        hits = [
            rank
            for rank, document in enumerate(run.get(question, ())[:k], start=1)
            if grades.get(document, 0) > 0
        ]
        ranks.append(1 / hits[0] if hits else 0.0)
    return _mean(ranks)


def auroc(positive: Sequence[float], negative: Sequence[float]) -> float:
    """The chance that a positive scores above a negative, ties counting half; NaN without both.

    Source:
        Hanley and McNeil, "The meaning and use of the area under a receiver operating
        characteristic (ROC) curve", Radiology 1982.
    """
    if not positive or not negative:
        return math.nan
    below = np.sort(np.asarray(negative, dtype=float))
    above = np.asarray(positive, dtype=float)
    smaller = np.searchsorted(below, above, side="left")
    smaller_or_equal = np.searchsorted(below, above, side="right")
    return float((smaller + smaller_or_equal).mean() / 2 / len(below))


def randomisation_p(current: Sequence[float], other: Sequence[float], *, seed: int = 0) -> float:
    """How often chance alone sets two runs as far apart as they are: a two-sided p.

    Were the runs equally good, each question's difference might as well have had the other sign.
    So the signs are flipped at random `FLIPS` times, and p is the share of flips whose mean
    difference is at least as large as the one seen, the seen one counted as one of them: p is
    never 0, and 1 for identical runs. The same figures give the same p on every run.

    Args:
        current: one figure a question.
        other: the figures of the same questions in the same order.
        seed: of the random signs.

    Source:
        Fisher, "The Design of Experiments", 1935, section 21; its use for retrieval: Smucker, Allan
        and Carterette, "A comparison of statistical significance tests for information retrieval
        evaluation", CIKM 2007. Counting the seen one: Phipson and Smyth, "Permutation p-values
        should never be zero", 2010.
    """
    differences = np.asarray(other, dtype=float) - np.asarray(current, dtype=float)
    # A difference of nought stays nought whatever its sign.
    differences = differences[differences != 0.0]
    # Sums of the same numbers in another order differ in the last digits.
    seen = abs(float(differences.sum())) - 1e-9
    random = np.random.default_rng(seed)
    as_far = 0
    for _ in range(FLIPS // _FLIPS_TOGETHER):
        signs = random.integers(0, 2, (_FLIPS_TOGETHER, len(differences))) * 2 - 1
        as_far += int((np.abs(signs @ differences) >= seen).sum())
    return (as_far + 1) / (FLIPS + 1)


def kept_and_refused(
    answerable: Sequence[float], unanswerable: Sequence[float], thresholds: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """What refusing below each threshold would do.

    Args:
        answerable: the strength of the evidence for each question that has an answer.
        unanswerable: the same for those that have none.
        thresholds: (t,) strengths.

    Returns:
        (t,) the share of answerable questions that is kept, and (t,) the share of unanswerable
        ones that is refused.
    """
    low = np.searchsorted(np.sort(np.asarray(answerable, dtype=float)), thresholds, side="left")
    refused = np.searchsorted(np.sort(np.asarray(unanswerable, dtype=float)), thresholds, "left")
    return 1 - low / max(len(answerable), 1), refused / max(len(unanswerable), 1)


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values) if values else 0.0


@dataclass(frozen=True, slots=True)
class JudgedSet:
    """Documents, questions and what is relevant to what.

    `scopes` says from which scopes a question is asked; one that is absent is asked from `SHARED`.
    """

    documents: Sequence[Document]
    queries: Mapping[str, str]
    judgements: Judgements
    unanswerable: Mapping[str, str] = field(default_factory=dict)
    scopes: Mapping[str, Sequence[Scope]] = field(default_factory=dict)


def judged_set(folder: Path) -> JudgedSet:
    """Read a judged set.

    Raises:
        JudgedSetError: if a file is missing or a line is not what it should be.
    """
    documents = [
        Document(
            id=str(row["_id"]),
            scope=SHARED,
            kind=Kind.FILE,
            title=str(row.get("title") or ""),
            text=str(row.get("text") or ""),
        )
        for row in _json_lines(folder / "corpus.jsonl")
    ]
    queries = _texts(folder / "queries.jsonl")
    judgements = _judgements(folder)
    unanswerable = folder / "unanswerable.jsonl"
    return JudgedSet(
        documents=documents,
        queries={key: text for key, text in queries.items() if key in judgements},
        judgements=judgements,
        unanswerable=_texts(unanswerable) if unanswerable.exists() else {},
    )


def _texts(path: Path) -> dict[str, str]:
    return {str(row["_id"]): str(row.get("text") or "") for row in _json_lines(path)}


def _json_lines(path: Path) -> Iterator[dict[str, object]]:
    for number, line in enumerate(_lines(path), start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except json.JSONDecodeError as error:
            raise JudgedSetError(f"{path}, line {number}, is not JSON: {error}.") from error
        if not isinstance(row, dict) or "_id" not in row:
            raise JudgedSetError(f"{path}, line {number}, has no `_id`.")
        yield row


def _lines(path: Path) -> list[str]:
    try:
        # Not splitlines: a text may hold a line separator of another kind.
        return path.read_text(encoding="utf-8").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise JudgedSetError(
            f"{path} can't be read ({error}). A judged set is a folder with corpus.jsonl, "
            "queries.jsonl and qrels.tsv."
        ) from error


def _judgements(folder: Path) -> dict[str, dict[str, int]]:
    paths = [
        path for path in (folder / "qrels.tsv", folder / "qrels" / "test.tsv") if path.exists()
    ]
    if not paths:
        raise JudgedSetError(f"{folder} has neither qrels.tsv nor qrels/test.tsv.")
    judgements: dict[str, dict[str, int]] = {}
    for number, line in enumerate(_lines(paths[0]), start=1):
        fields = line.split("\t")
        if len(fields) < 3 or (number == 1 and not fields[2].strip().isdigit()):
            continue
        if not fields[2].strip().lstrip("-").isdigit():
            raise JudgedSetError(f"{paths[0]}, line {number}: the grade is {fields[2]!r}.")
        if int(fields[2]) > 0:
            judgements.setdefault(fields[0], {})[fields[1]] = int(fields[2])
    return judgements


def harvested(accepted: Iterable[Question], documents: Sequence[Document]) -> JudgedSet:
    """A judged set of answers that people accepted: each first hit's document is relevant.

    Questions asked in the same words in the same guild are one, so that a popular one does not
    decide alone. One whose document is gone, or can't be seen from there any more, is passed over.
    What people accepted is what the retriever of that time put first: such a set shows whether a
    change loses good answers, hardly whether it finds better ones.

    Args:
        accepted: as `Store.accepted_questions` gives them.
        documents: the corpus as it is now.

    Raises:
        JudgedSetError: if fewer than `LEAST_HARVEST` questions are left.
    """
    scope_of = {document.id: document.scope for document in documents}
    ids: dict[tuple[str, int | None], str] = {}
    queries: dict[str, str] = {}
    judgements: dict[str, dict[str, int]] = {}
    scopes: dict[str, Sequence[Scope]] = {}
    for question in accepted:
        document = question.hits[0].document_id if question.hits else ""
        seen = (SHARED,) if question.guild_id is None else (SHARED, Scope(question.guild_id))
        if scope_of.get(document) not in seen:
            continue
        words = " ".join(question.text.casefold().split())
        key = ids.setdefault((words, question.guild_id), str(question.id))
        queries.setdefault(key, question.text)
        judgements.setdefault(key, {})[document] = 1
        scopes[key] = seen
    if len(queries) < LEAST_HARVEST:
        raise JudgedSetError(
            f"{len(queries)} answers have been found helpful, by somebody and unhelpful by nobody, "
            f"whose documents are still there: a set needs {LEAST_HARVEST} different questions. "
            "Ask members to press Helpful, or name a judged set's folder."
        )
    return JudgedSet(documents, queries, judgements, scopes=scopes)


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What a run over a judged set measured; `to_dict` gives the names that programs read.

    `strengths` are probabilities that the best hit answers; from `threshold` on they are strong.
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
        """Every figure by name; rates are shares of 1, NaN where there is nothing to measure."""
        answered = [self.evidence[q] is not Evidence.NONE for q in self.judgements]
        refused = [found is Evidence.NONE for found in self.unanswerable.values()]
        figures: dict[str, object] = {
            "questions": len(self.judgements),
            **_ranking(self.run, self.judgements),
            "answered_rate": _mean(answered),
            "refused_rate": _mean(refused) if refused else None,
            "evidence_auroc": self._auroc() if refused else None,
            "query_p50_ms": _percentile(self.milliseconds, 50),
            "query_p95_ms": _percentile(self.milliseconds, 95),
            "passages_per_second": self.passages_per_second,
            "peak_rss_mb": peak_rss_mb(),
        }
        if self.legs:
            figures["legs"] = {
                name: _ranking(run, self.judgements) for name, run in self.legs.items()
            }
        return figures

    def _auroc(self) -> float:
        return auroc(
            [self.strengths[q] for q in self.judgements], list(self.unanswerable_strengths.values())
        )


def _ranking(run: Run, judgements: Judgements) -> dict[str, float]:
    return {
        "ndcg_at_10": ndcg(run, judgements),
        "recall_at_5": recall(run, judgements, 5),
        "recall_at_10": recall(run, judgements, 10),
        "mrr_at_10": mrr(run, judgements),
    }


def _percentile(values: Sequence[float], percent: int) -> float:
    return float(np.percentile(values, percent)) if values else 0.0


def peak_rss_mb() -> float:
    """The most memory this process has held, in megabytes (10⁶ bytes)."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak * (1 if sys.platform == "darwin" else 1024) / 1e6


@dataclass(frozen=True, slots=True)
class Change:
    """A question that two evaluations rank differently, with its nDCG@10 in each."""

    question: str
    current: float
    other: float

    @property
    def gain(self) -> float:
        """How much better the other one ranks it."""
        return self.other - self.current


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two evaluations of one judged set; `queries` are its questions by id."""

    current: Evaluation
    other: Evaluation
    queries: Mapping[str, str]

    def p_value(self) -> float:
        """`randomisation_p` of the two, over nDCG@10 a question."""
        return randomisation_p(*(list(scores.values()) for scores in self._ndcgs()))

    def changed(self) -> list[Change]:
        """The questions whose nDCG@10 differs: the largest loss first, the largest gain last."""
        current, other = self._ndcgs()
        changes = [
            Change(self.queries[key], current[key], other[key])
            for key in current
            if not math.isclose(current[key], other[key], abs_tol=1e-9)
        ]
        return sorted(changes, key=lambda change: change.gain)

    def _ndcgs(self) -> tuple[dict[str, float], dict[str, float]]:
        judgements = self.current.judgements
        return (
            question_ndcgs(self.current.run, judgements),
            question_ndcgs(self.other.run, judgements),
        )

    def to_dict(self) -> dict[str, object]:
        """Both with every figure, the p-value, and every question that changed."""
        return {
            "current": self.current.to_dict(),
            "other": self.other.to_dict(),
            "p_value": self.p_value(),
            "changed": [asdict(change) for change in self.changed()],
        }


class Evaluator:
    """A judged set, indexed in a folder and asked through the retriever."""

    def __init__(
        self,
        index: Index,
        embedder: Embedder,
        judged: JudgedSet,
        calibration: Calibration | None = None,
        reranking: Reranking | None = None,
        *,
        languages: frozenset[str] = frozenset(),
    ) -> None:
        """Evaluate on an index that holds the judged set and nothing else.

        Evidence is judged by `calibration`, or by the one that comes with the program. With
        `reranking`, what is measured is the reranked order, and the fused one is a leg of it.
        `languages` are those that the model is made for, if that is known.
        """
        self._reranking = reranking
        self._index = index
        self._embedder = embedder
        self._judged = judged
        self._calibration = calibration or default_calibration()
        self._retriever = Retriever(
            index, embedder, self._calibration, reranking, languages=languages
        )
        self._passages_per_second = 0.0

    def index(self) -> Iterator[Progress]:
        """Index the set's documents, in slices."""
        started = time.perf_counter()
        passages = 0
        for progress in update(self._index, self._embedder, self._judged.documents):
            passages = progress.report.passages
            yield progress
        self._passages_per_second = passages / max(time.perf_counter() - started, 1e-9)

    def evaluate(self, *, legs: bool = False) -> Evaluation:
        """Ask every question, one at a time as members do, and measure."""
        milliseconds: list[float] = []
        asked: dict[str, list[Hit]] = {}
        evidence: dict[str, Evidence] = {}
        strengths: dict[str, float] = {}
        everything = {**self._judged.queries, **self._judged.unanswerable}
        for key, text in everything.items():
            scopes = self._scopes(key)
            started = time.perf_counter()
            vector = self._retriever.embedded([text])[0]
            asked[key] = self._retriever.ranked(text, vector, scopes, K)
            evidence[key] = self._retriever.evidence(text, asked[key], scopes)
            milliseconds.append((time.perf_counter() - started) * 1_000)
            strengths[key] = self._retriever.strength(text, asked[key], scopes)
        unanswerable = self._judged.unanswerable
        return Evaluation(
            run={key: _documents(asked[key]) for key in self._judged.queries},
            judgements=self._judged.judgements,
            legs=self._legs() if legs else {},
            evidence=evidence,
            strengths=strengths,
            unanswerable={key: evidence[key] for key in unanswerable},
            unanswerable_strengths={key: strengths[key] for key in unanswerable},
            milliseconds=milliseconds,
            passages_per_second=self._passages_per_second,
            threshold=self._calibration.strong,
        )

    def _scopes(self, key: str) -> Sequence[Scope]:
        return self._judged.scopes.get(key, (SHARED,))

    def _legs(self) -> dict[str, Run]:
        """What each leg alone retrieves."""
        keys = list(self._judged.queries)
        dense: dict[str, list[str]] = {}
        lexical: dict[str, list[str]] = {}
        fused: dict[str, list[str]] = {}
        for start in range(0, len(keys), _BATCH):
            some = keys[start : start + _BATCH]
            vectors = self._retriever.embedded([self._judged.queries[key] for key in some])
            for key, vector in zip(some, vectors, strict=True):
                scopes = self._scopes(key)
                dense[key] = self._places(self._index.nearest(vector, K * 5, scopes))
                text = self._judged.queries[key]
                lexical[key] = self._places(self._index.matching(text, K * 5, scopes))
                if self._reranking is not None:
                    [hits] = self._retriever.fused_together([text], vector[np.newaxis], scopes, K)
                    fused[key] = _documents(hits)
        legs: dict[str, Run] = {"dense": dense, "lexical": lexical}
        return {**legs, "fused": fused} if fused else legs

    def _places(self, ranking: Sequence[tuple[int, float]]) -> list[str]:
        """The documents of ranked passages, each once, best first."""
        stored = self._index.passages([passage_id for passage_id, _ in ranking])
        return list(dict.fromkeys(stored[key].document_id for key, _ in ranking if key in stored))[
            :K
        ]


def _documents(hits: Sequence[Hit]) -> list[str]:
    return [hit.passage.document_id for hit in hits]
