"""Metrics of retrieval and abstention: nDCG, recall, MRR, AUROC, a randomisation test. Pure."""

import math
from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

K: Final = 10


# Sign flips of the randomisation test: a p of 0.05 is then known to ±0.004 (two standard errors).
FLIPS: Final = 10_000

# Flips computed together; all at once would take 80 kB a question.
_FLIPS_TOGETHER: Final = 500

Run = Mapping[str, Sequence[str]]
"""For each question's id the ids of the documents retrieved, best first."""

Judgements = Mapping[str, Mapping[str, int]]
"""For each question's id the grade of every relevant document; an absent one is not relevant."""


def ndcg(run: Run, judgements: Judgements, k: int = K) -> float:
    """Normalised discounted cumulative gain over the first `k`, averaged over the judged questions.

    DCG = Σ grade / log2(rank + 1), divided by the DCG of the best possible order.

    Source:
        Järvelin and Kekäläinen, "Cumulated gain-based evaluation of IR techniques", TOIS 2002;
        linear gain, as in trec_eval and BEIR.
    """
    return mean(list(question_ndcgs(run, judgements, k).values()))


def question_ndcgs(run: Run, judgements: Judgements, k: int = K) -> dict[str, float]:
    """The `ndcg` of each judged question alone, by the question's id."""
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
    return mean(shares)


def mrr(run: Run, judgements: Judgements, k: int = K) -> float:
    """The mean over questions of 1 / rank of the first relevant document, or 0 beyond rank `k`."""
    ranks = []
    for question, grades in judgements.items():
        hits = [
            rank
            for rank, document in enumerate(run.get(question, ())[:k], start=1)
            if grades.get(document, 0) > 0
        ]
        ranks.append(1 / hits[0] if hits else 0.0)
    return mean(ranks)


def auroc(positive: Sequence[float], negative: Sequence[float]) -> float:
    """The chance that a positive scores above a negative, where ties count half; NaN if undefined.

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
    """The chance of a difference this large between two equally good runs: a two-sided p.

    Between equally good runs, each question's difference could as well have the other sign. So the
    signs are flipped at random `FLIPS` times. p is the share of flips whose mean difference is at
    least as large as the observed difference. The observed difference counts as a flip, so p is
    never 0. For identical runs, p is 1. The random signs depend only on `seed`.

    Args:
        current: a figure for each question.
        other: the figures of the same questions in the same order.
        seed: the seed of the random signs.

    Source:
        Fisher, "The Design of Experiments", 1935, section 21; its use for retrieval: Smucker, Allan
        and Carterette, "A comparison of statistical significance tests for information retrieval
        evaluation", CIKM 2007. Counting the observed difference: Phipson and Smyth, "Permutation
        p-values should never be zero", 2010.
    """
    differences = np.asarray(other, dtype=float) - np.asarray(current, dtype=float)
    # Zero differences have no sign to flip.
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
    """The shares of questions kept and refused if evidence weaker than a threshold is refused.

    Returns:
        For each threshold, the share of answerable questions that are kept, (t,), and the share of
        unanswerable questions that are refused, (t,).
    """
    low = np.searchsorted(np.sort(np.asarray(answerable, dtype=float)), thresholds, side="left")
    refused = np.searchsorted(np.sort(np.asarray(unanswerable, dtype=float)), thresholds, "left")
    return 1 - low / max(len(answerable), 1), refused / max(len(unanswerable), 1)


def mean(values: Sequence[float]) -> float:
    """The mean; 0 for no values."""
    return sum(values) / len(values) if values else 0.0


def ranking(run: Run, judgements: Judgements) -> dict[str, float]:
    return {
        "ndcg_at_10": ndcg(run, judgements),
        "recall_at_5": recall(run, judgements, 5),
        "recall_at_10": recall(run, judgements, 10),
        "mrr_at_10": mrr(run, judgements),
    }
