"""Calibration of the evidence's parameters on judged sets: rows, weights of kinds, cross-fitting.

A row is a question with the features of its best passage, and whether that passage is right. Each
judged set gives four kinds of rows:

- its questions, right if the best passage belongs to a relevant document and to the answering
  section;
- the same questions with the relevant documents removed from the results, never right;
- near misses, if the set has any, never right;
- foreign questions, of unrelated sets or marked as foreign in this one, never right.

Errors:
    JudgedSetError    the sets are too small to fit parameters on
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from indexer.evaluation.judged_sets import JudgedSet, JudgedSetError
from indexer.evaluation.metrics import auroc
from indexer.retrieval.evidence import Calibration, features, fit
from indexer.retrieval.retriever import Retriever
from knowledge.values.documents import SHARED
from knowledge.values.questions import Evidence

# The weight of each kind, as on a server, where most questions have some answer. Within a kind
# every set counts the same.
IMPORTANCE: Final[Mapping[str, float]] = {
    "answerable": 0.65,
    "removed": 0.05,
    "near": 0.2,
    "foreign": 0.1,
}

# The precision of *strong*, of all kinds mixed, averaged over the sets: a little above the promise,
# since it is measured on the fitted sets.
STRONG_PRECISION: Final = 0.93

# The share of right answers that are shown, averaged over the sets. With more, most near misses are
# quoted (table in docs/benchmarks.md, evidence).
RIGHT_SHOWN: Final = 0.93

# With fewer questions in all, every figure is chance.
LEAST_QUESTIONS: Final = 20

# Foreign questions taken of each other set; more changed nothing.
FOREIGN: Final = 60


_THRESHOLDS: Final = np.arange(0.05, 1.0, 0.01).tolist()


@dataclass(slots=True)
class Rows:
    """Rows of each kind and set: features, (n, f), and whether each row's best passage answers.

    `related_sets` maps a set's name to the names of related sets; see the function `related_sets`.
    """

    values: dict[tuple[str, str], NDArray[np.float64]] = field(default_factory=dict)
    right: dict[tuple[str, str], NDArray[np.bool_]] = field(default_factory=dict)
    related_sets: dict[str, frozenset[str]] = field(default_factory=dict)

    def add(self, kind: str, name: str, found: Sequence[tuple[NDArray[np.float64], bool]]) -> None:
        if found:
            self.values[kind, name] = np.array([row for row, _ in found])
            self.right[kind, name] = np.array([right for _, right in found])

    def of(self, keep: Callable[[str], bool]) -> "Rows":
        return Rows(
            {key: rows for key, rows in self.values.items() if keep(key[1])},
            {key: right for key, right in self.right.items() if keep(key[1])},
            {name: others for name, others in self.related_sets.items() if keep(name)},
        )

    def halves(self) -> "Rows":
        """The same rows with each set split in two, `NAME (1)` and `NAME (2)`, alternately."""
        cut = Rows()
        for (kind, name), rows in self.values.items():
            for number in (1, 2):
                half = f"{name} ({number})"
                cut.values[kind, half] = rows[number - 1 :: 2]
                cut.right[kind, half] = self.right[kind, name][number - 1 :: 2]
        return cut

    def stack(self) -> tuple[NDArray[np.float64], NDArray[np.bool_], NDArray[np.float64]]:
        """The features of all rows, whether each is right, and the weight of each."""
        kinds = [kind for kind, _ in self.values]
        importance = [
            np.full(len(rows), IMPORTANCE[kind] / kinds.count(kind) / len(rows))
            for (kind, _), rows in self.values.items()
        ]
        return (
            np.concatenate(list(self.values.values())),
            np.concatenate(list(self.right.values())),
            np.concatenate(importance),
        )


def collect_rows(
    rows: Rows, name: str, retriever: Retriever, sets: Mapping[str, JudgedSet]
) -> None:
    """Add the rows of one judged set. `retriever` searches an index of the set's documents.

    Answerable questions are asked from their own scopes, all others from every scope of the set.
    """
    judged = sets[name]
    everything = sorted({scope for scopes in judged.scopes.values() for scope in scopes}) or [
        SHARED
    ]
    rows.related_sets[name] = related_sets(name, sets)
    foreign = [
        text
        for other, theirs in sets.items()
        if other not in rows.related_sets[name]
        for text in list(theirs.queries.values())[:FOREIGN]
    ]
    answerable, removed = [], []
    for key, text in judged.queries.items():
        scopes = judged.scopes.get(key, [SHARED])
        hits = retriever.hits([text], scopes)[0]
        relevant = judged.judgements[key]
        if hits:
            right = judged.is_answered_by(key, hits[0].passage)
            answerable.append((features(retriever.support(text, hits)), right))
        rest = [hit for hit in hits if hit.passage.document_id not in relevant]
        if rest:
            removed.append((features(retriever.support(text, rest)), False))
    rows.add("answerable", name, answerable)
    rows.add("removed", name, removed)
    near = [text for key, text in judged.unanswerable.items() if key not in judged.foreign]
    foreign += [judged.unanswerable[key] for key in judged.unanswerable if key in judged.foreign]
    for kind, texts in (("near", near), ("foreign", foreign)):
        found = []
        for text in texts:
            [hits] = retriever.hits([text], everything)
            if hits:
                found.append((features(retriever.support(text, hits)), False))
        rows.add(kind, name, found)


def related_sets(name: str, sets: Mapping[str, JudgedSet]) -> frozenset[str]:
    """The set itself, its translations, and the sets with some of the same documents.

    Translations of a set have the same name up to the first hyphen, such as `faq-en` and `faq-de`.
    """
    own = _texts(sets[name])
    return frozenset(
        other
        for other, theirs in sets.items()
        if other.split("-")[0] == name.split("-")[0] or own & _texts(theirs)
    )


def _texts(judged: JudgedSet) -> set[str]:
    return {" ".join(document.text.split()).casefold() for document in judged.documents}


def check_rows(rows: Rows, accepted: str) -> None:
    """Require enough questions, with both right and wrong first passages.

    `accepted` is the name of the set harvested from accepted answers. If too many of these answers
    are the first result, nearly every first result would become *strong*. Raises JudgedSetError if
    the rows don't suffice.
    """
    questions = sum(len(found) for (kind, _), found in rows.right.items() if kind == "answerable")
    if questions < LEAST_QUESTIONS:
        raise JudgedSetError(
            f"{questions} judged questions found anything; parameters can be fitted on "
            f"{LEAST_QUESTIONS} at least. Name a larger judged set, or several."
        )
    right = np.concatenate(list(rows.right.values()))
    if right.all() or not right.any():
        raise JudgedSetError(
            f"The first passages are all {'right' if right.all() else 'wrong'}: there is nothing "
            "to tell apart. Name a judged set of more documents, or several sets."
        )
    first = rows.right.get(("answerable", accepted))
    if first is not None and first.mean() >= STRONG_PRECISION:
        raise JudgedSetError(
            f"{first.sum()} of {len(first)} {accepted} come first anyway: fitted on these, nearly "
            f"everything would be strong. Less than {STRONG_PRECISION:.0%} may. Name judged sets "
            "alone until members have picked more answers among other passages."
        )


def fit_calibration(rows: Rows, provenance: str) -> tuple[Calibration, dict[str, float]]:
    """Fit the parameters and the two thresholds, and measure them on the same rows.

    The threshold of *strong* is the smallest probability that leaves at least `STRONG_PRECISION` of
    the *strong* answers right, counting all kinds of questions. The threshold of *none* is the
    largest probability that at least `RIGHT_SHOWN` of the right answers reach. Both shares are
    averaged over the sets.
    """
    values, right, importance = rows.stack()
    weights, scales, bias = fit(values, right, importance)
    draft = Calibration(weights, scales, bias, 1.0, provenance)
    probabilities = {key: draft.probability(found) for key, found in rows.values.items()}
    names = dict.fromkeys(name for _, name in rows.values)

    def precision(least: float) -> float:
        strong = {key: found >= least for key, found in probabilities.items()}
        return float(np.mean([_mixed_precision(rows, name, strong) for name in names]))

    strong = next((least for least in _THRESHOLDS if precision(least) >= STRONG_PRECISION), 1.0)
    right_ones = [probabilities[key][own] for key, own in rows.right.items() if own.any()]
    none = next(
        (
            least
            for least in reversed(_THRESHOLDS)
            if np.mean([(found >= least).mean() for found in right_ones]) >= RIGHT_SHOWN
        ),
        0.0,
    )
    calibration = replace(draft, strong=strong, none=min(none, strong))
    return calibration, measure(rows, calibration)


def cross_fit(rows: Rows) -> dict[str, float]:
    """The measurements on each set, with parameters fitted on unrelated sets.

    They estimate the results on an unseen server. If a set has no unrelated set, every set is
    halved, and each half is measured with parameters fitted without it.
    """
    names = list(dict.fromkeys(name for _, name in rows.values))
    related = rows.related_sets
    without = {name: {*names} - {name} - related.get(name, frozenset()) for name in names}
    if not all(without.values()):
        return cross_fit(rows.halves())
    found: dict[str, float] = {}
    for name in names:
        calibration, _ = fit_calibration(rows.of(without[name].__contains__), "")
        figures = measure(rows.of({name}.__contains__), calibration)
        found.update({f"cross-fitted {key}": value for key, value in figures.items()})
    return found


def measure(rows: Rows, calibration: Calibration) -> dict[str, float]:
    """Rates and precisions that the parameters reach on each kind of question of each set.

    *Strong precision* is the share of *strong* answers that are right. It is measured twice for
    each set: on answerable questions only, and on all kinds of questions, weighted by `IMPORTANCE`.
    """
    found: dict[str, float] = {}
    strong: dict[tuple[str, str], NDArray[np.bool_]] = {}
    for (kind, name), values in rows.values.items():
        chances = calibration.probability(values)
        verdicts = [calibration.verdict(chance) for chance in chances.tolist()]
        shown = np.array([verdict is not Evidence.NONE for verdict in verdicts])
        strong[kind, name] = np.array([verdict is Evidence.STRONG for verdict in verdicts])
        if kind == "answerable":
            found[f"{name} answerable kept"] = float(shown.mean())
            kept = shown[rows.right[kind, name]]
            found[f"{name} right kept"] = float(kept.mean()) if len(kept) else 1.0
            found[f"{name} strong share"] = float(strong[kind, name].mean())
            right = rows.right[kind, name][strong[kind, name]]
            found[f"{name} strong precision"] = float(right.mean()) if len(right) else 1.0
        else:
            found[f"{name} {kind} refused"] = 1 - float(shown.mean())
            answerable = calibration.probability(rows.values["answerable", name])
            found[f"{name} {kind} auroc"] = auroc(answerable.tolist(), chances.tolist())
    for name in dict.fromkeys(name for _, name in rows.values):
        found[f"{name} strong precision, all kinds"] = _mixed_precision(rows, name, strong)
    return found


def _mixed_precision(
    rows: Rows, name: str, chosen: Mapping[tuple[str, str], NDArray[np.bool_]]
) -> float:
    """The weighted share of right answers among one set's `chosen` questions of all kinds."""
    said = right = 0.0
    for kind, importance in IMPORTANCE.items():
        if (kind, name) in chosen:
            weight = importance / len(chosen[kind, name])
            said += weight * float(chosen[kind, name].sum())
            right += weight * float((chosen[kind, name] & rows.right[kind, name]).sum())
    return right / said if said else 1.0
