"""Evidence: features of the best passage, an abstention floor, and one calibrated probability.

Two things are judged. *Is this corpus about it at all?* A question is foreign if its best passage
is no nearer to it than the best passages are to everyday questions that have nothing to do with
anything: that floor is measured on the very index that is searched, so it holds for a hundred
passages on one topic and for a hundred thousand on all. *Does this passage answer it?* A logistic
function of signals that cost no model call; each can only raise it. Its parameters are fitted on
judged sets and stand in a small file with where they come from; a server can fit its own
(`commonplace calibrate`).

What the verdicts mean, on the sets that the parameters were fitted on:

- *strong*: at least nine in ten such answers are right;
- *partial*: about the right thing, but it may not be the answer;
- *none*: no nearer than an everyday question that has nothing to do with it, or so unlikely to be
  the answer that hardly any right one is lost by not showing it.

Errors:
    Exception
    └── CalibrationError    the parameters' file can't be used
"""

import hashlib
import json
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cache, lru_cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from indexer.retrieval.hit import LateScore
from indexer.retrieval.late_interaction import BEST
from indexer.text.analyzer import word_set
from indexer.text.answer_conditions import lacking
from indexer.text.answer_signals import fitting, missing, names, opposed
from indexer.text.symbols import symbols
from knowledge.model.documents import Scope
from knowledge.model.questions import Evidence

FEATURES: Final = (
    "cosine",
    "margin",
    "lead",
    "weakest",
    "coverage",
    "focus",
    "agreement",
    "consistency",
    "familiarity",
    "fit",
)

_DEFAULT: Final = "calibration.toml"
_SHIPPED: Final = "calibration*.toml"
_EVERYDAY: Final = "everyday.txt"
_EVERYDAY_IN: Final = "everyday.{}.txt"

# What relatedness adds to the cosine of the best window: the shares of the question's words that
# passage and window have.
COVERAGE_SHARE: Final = 0.1
FOCUS_SHARE: Final = 0.05

# By which share the passages may change before the floor is measured again.
FLOOR_DRIFT: Final = 0.1

# How far above the median of everyday questions the floor is, in standard deviations read off the
# upper quartile. On four judged sets and the articles, 2 keeps 0.976 and refuses 0.967 of foreign
# questions, each on average (docs/decisions.md, evidence); quartiles are not moved by the few
# everyday questions that a corpus does answer.
FLOOR_DEVIATIONS: Final = 2.2
_QUARTILE_OF_NORMAL: Final = 0.6745

# In a corpus about everyday life, everyday questions come near, and the floor is high.
FOREIGN_BELOW: Final = 0.4

# In a small corpus hardly anything comes second, and the margin of the best would be its score.
# So what is behind it counts at least as much as the tenth in a larger corpus, and a rank that
# nothing takes as what is not written yet: the more, the fewer of the question's words the best
# passage has.
LEAST_RIVAL: Final = 0.15
UNWRITTEN_RIVAL: Final = 0.45
UNWRITTEN_SHARE: Final = 0.5
RIVALS: Final = 9

# What `fit` is where the passage lacks what no answer can lack.
LACKING: Final = -2.0

# From where on, and up to where, it counts how far the late score of the best is ahead: others may
# answer as well, so that less is no bad sign, and more is no surer. In a small corpus, what is not
# written yet counts as much as the best of the others does in larger ones.
LEADS: Final = (0.03, 0.1)
LATE_RIVAL: Final = 0.4
# About what questions have on the mean, where the tokens of a passage are not known.
UNKNOWN_LEAD, UNKNOWN_WEAKEST = 0.05, -0.06

# In a tiny corpus everyday questions come near nothing, and nothing would be a low bar.
LEAST_FLOOR: Final = 0.15


class CalibrationError(Exception):
    """The parameters' file can't be used; the message says what to do."""


@dataclass(frozen=True, slots=True)
class Support:
    """What the retriever knows about a question and its best passage.

    Attributes:
        question: spelt out and in lower case: how it is typed must tell nothing.
        weights: the query's words, each by its forms, with their inverse document frequency.
        passage: the best passage's text with title and heading.
        window: its best window's text with title and heading; the passage itself if short.
        cosine: of the question and that window.
        scores: fused scores of the best ten documents, best first; at least one.
        agreement: whether meaning and words put the same document first.
        late: late scores of the best documents in the same order; none where they are not known.
    """

    question: str
    weights: Sequence[tuple[tuple[str, ...], float]]
    passage: str
    window: str
    cosine: float
    scores: Sequence[float]
    agreement: bool
    late: Sequence[LateScore] = ()


def features(support: Support) -> NDArray[np.float64]:
    """The signals in the order of `FEATURES`, larger always meaning better support.

    * `cosine`: of the question and the best window.
    * `margin`: best score less the mean of ranks 2 to 10, with what is absent as `_rivals` has it.
    * `lead`: late score of the best less that of the best of the others, if they are known.
    * `weakest`: 0 if the tokens of the best come near every word of the question, else the less the
      farther the weakest is, and the fewer words there are.
    * `coverage`, `focus`: share of the question's words, by rarity, in the passage and window.
    * `agreement`: 1 if both legs put the same document first.
    * `consistency`: 0, or -1 for each way in which the window says the opposite.
    * `familiarity`: 0 if the passage has all words with digits and symbols of the question, -1 if
      none.
    * `fit`: 1 if the window has a new span of the kind asked for, -1 if not, 0 if unknown; -2 if
      the passage lacks what no answer can lack, and is never *strong*.
    """
    asked = word_set(support.question)
    passage = word_set(support.passage)
    window = word_set(support.window)
    return np.array(
        [
            support.cosine,
            support.scores[0] - _rivals(support, passage),
            _lead([one.score for one in support.late]),
            -support.late[0].unmet if support.late else UNKNOWN_WEAKEST,
            _share(support.weights, passage),
            _share(support.weights, window),
            float(support.agreement),
            -opposed(support.question, asked, support.window, window),
            -missing([*names(support.question), *symbols(support.question)], passage),
            _fit(support, asked),
        ]
    )


def _lead(late: Sequence[float]) -> float:
    if not late:
        return UNKNOWN_LEAD
    best, *others = late
    unwritten = [LATE_RIVAL] if len(late) < BEST else []
    least, most = LEADS
    return min(max(best - max([*others, *unwritten]), least), most)


def _fit(support: Support, asked: AbstractSet[str]) -> float:
    if lacking(support.question, support.passage):
        return LACKING
    return fitting(support.question, asked, support.window)


def _rivals(support: Support, passage: AbstractSet[str]) -> float:
    """The mean score of ranks 2 to 10, or what they would have in a larger corpus."""
    present = [max(score, LEAST_RIVAL) for score in support.scores[1 : RIVALS + 1]]
    has = [not passage.isdisjoint(forms) for forms, _ in support.weights]
    unwritten = UNWRITTEN_RIVAL - UNWRITTEN_SHARE * sum(has) / max(len(has), 1)
    return (sum(present) + (RIVALS - len(present)) * unwritten) / RIVALS


def relatedness(values: NDArray[np.float64]) -> float:
    """How near the best passage is to the question, of its features (f,)."""
    by_name = dict(zip(FEATURES, values.tolist(), strict=True))
    return float(
        by_name["cosine"] + COVERAGE_SHARE * by_name["coverage"] + FOCUS_SHARE * by_name["focus"]
    )


def weighty(sizes: Iterable[tuple[int, Scope]]) -> tuple[tuple[Scope, ...], int]:
    """The largest of some scopes, given with their passages, and how many passages they have.

    What is left out is less than a tenth of all, for which no floor is measured again either.
    So the guilds that have little of their own share one floor, that of the shared documents.
    """
    largest = sorted(sizes, reverse=True)
    least = (1 - FLOOR_DRIFT) * sum(size for size, _ in largest)
    kept: list[Scope] = []
    covered = 0
    for size, scope in largest:
        if kept and covered >= least:
            break
        kept.append(scope)
        covered += size
    return tuple(sorted(kept)), covered


def floor(everyday: Sequence[float]) -> float:
    """The least relatedness that is more than chance, from that of everyday questions."""
    if not everyday:
        return LEAST_FLOOR
    median, upper = np.quantile(everyday, [0.5, 0.75])
    chance = median + FLOOR_DEVIATIONS * (upper - median) / _QUARTILE_OF_NORMAL
    return max(float(chance), LEAST_FLOOR)


@lru_cache
def everyday_language(language: str) -> str:
    """The language of the everyday questions for questions in a language; English where it lacks.

    Questions in another language than the corpus come less near to all of it, relevant or not, and
    some models put all texts of one language near each other: so a question is measured against
    everyday ones in its own language.
    """
    own = files("indexer.retrieval").joinpath(_EVERYDAY_IN.format(language or "en"))
    return language if own.is_file() else "en"


def everyday_questions(language: str = "en") -> list[str]:
    """Questions and small talk on everything under the sun, none of it likely in a corpus.

    Args:
        language: one that `everyday_language` gives.
    """
    name = _EVERYDAY if language == "en" else _EVERYDAY_IN.format(language)
    text = files("indexer.retrieval").joinpath(name).read_text(encoding="utf-8")
    return [line for line in text.splitlines() if line.strip()]


def _share(weights: Sequence[tuple[tuple[str, ...], float]], found: AbstractSet[str]) -> float:
    total = sum(weight for _, weight in weights)
    covered = sum(weight for forms, weight in weights if not found.isdisjoint(forms))
    return covered / total if total else 0.0


@dataclass(frozen=True, slots=True)
class FittedFor:
    """The model whose cosines parameters were fitted on.

    `name` is what it is called, `digest` the beginning of its files' (`Embedder.model`); how it is
    run makes no difference. Either may be unknown, but not both.
    """

    name: str
    digest: str = ""


@dataclass(frozen=True, slots=True)
class Calibration:
    """Parameters of the probability, and where *strong* begins.

    Attributes:
        weights: (f,) one per feature, none negative, for the feature divided by its scale.
        scales: (f,) the standard deviation of each feature where the weights were fitted.
        bias: log-odds where every feature is zero.
        strong: the least probability called strong.
        provenance: what it was fitted on, and what was measured there.
        none: answers of a lower probability are not shown; 0 shows them all.
        model: what they were fitted for, if that is known.
    """

    weights: NDArray[np.float64]
    scales: NDArray[np.float64]
    bias: float
    strong: float
    provenance: str = ""
    none: float = 0.0
    model: FittedFor | None = None

    @property
    def digest(self) -> str:
        """What tells these parameters apart from all others, wherever they came from."""
        numbers = [*self.weights, *self.scales, self.bias, self.strong, self.none]
        return hashlib.sha256(np.array(numbers, np.float64).tobytes()).hexdigest()

    def probability(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """How likely the best passage is to answer, for (n, f) or (f,) features."""
        logits = values @ (self.weights / self.scales) + self.bias
        return np.asarray(1.0 / (1.0 + np.exp(-logits)))

    def verdict(
        self,
        values: NDArray[np.float64],
        least: float,
        nearest: NDArray[np.float64] | None = None,
    ) -> Evidence:
        """What features (f,) mean where the floor of relatedness is `least`.

        Args:
            values: of the passage that is shown first.
            least: the floor.
            nearest: features of the nearest passage where that is not the one shown first; whether
                there is any evidence is judged by it.
        """
        shown = values if nearest is None else nearest
        likely = float(self.probability(shown))
        # What is more likely an answer than not is shown, however near everyday questions come.
        if likely < self.none or (relatedness(shown) < least and likely < FOREIGN_BELOW):
            return Evidence.NONE
        if relatedness(shown) < least or values[FEATURES.index("fit")] == LACKING:
            return Evidence.PARTIAL
        strong = self.probability(values) >= self.strong
        return Evidence.STRONG if strong else Evidence.PARTIAL

    def to_toml(self) -> str:
        comment = "\n".join(f"# {line}".rstrip() for line in self.provenance.splitlines())
        lines = [
            comment,
            "",
            f"bias = {self.bias:.4f}",
            f"strong = {self.strong:.4f}",
            f"none = {self.none:.4f}",
            "",
        ]
        if self.model is not None:
            lines += ["[model]", f"name = {_quoted(self.model.name)}"]
            lines += [f"digest = {_quoted(self.model.digest)}", ""]
        lines += ["# For each signal: its weight, for the signal divided by its scale."]
        for name, weight, scale in zip(FEATURES, self.weights, self.scales, strict=True):
            lines += ["", f"[{name}]", f"weight = {weight:.4f}", f"scale = {scale:.4f}"]
        return "\n".join(lines) + "\n"


def _quoted(text: str) -> str:
    """A string of TOML, which is one of JSON but for one character."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


@cache
def shipped_calibrations() -> tuple[Calibration, ...]:
    """The parameters that come with the program, each for a model; those of the small one first."""
    others = (
        entry
        for entry in files("indexer.retrieval").iterdir()
        if fnmatchcase(entry.name, _SHIPPED) and entry.name != _DEFAULT
    )
    return (calibration(), *map(calibration, sorted(others, key=lambda entry: entry.name)))


def calibration(source: Traversable | None = None) -> Calibration:
    """Read parameters from a file, or those of the small model, which come with the program.

    Raises:
        CalibrationError: if the file can't be read or lacks a signal.
    """
    source = source or files("indexer.retrieval").joinpath(_DEFAULT)
    try:
        values = tomllib.loads(source.read_text(encoding="utf-8"))
        return Calibration(
            weights=np.array([float(values[name]["weight"]) for name in FEATURES]),
            scales=np.array([float(values[name]["scale"]) for name in FEATURES]),
            bias=float(values["bias"]),
            strong=float(values["strong"]),
            none=float(values["none"]),
            model=_model(values),
        )
    except (OSError, tomllib.TOMLDecodeError, KeyError, TypeError, ValueError) as error:
        raise CalibrationError(
            f"{source} can't be used ({type(error).__name__}: {error}). Delete it to judge by the "
            "parameters that come with Commonplace, or run `commonplace calibrate` again."
        ) from error


def _model(values: Mapping[str, Any]) -> FittedFor | None:
    """The model that a file was fitted for, if it names one."""
    if "model" not in values:
        return None
    return FittedFor(str(values["model"]["name"]), str(values["model"]["digest"]))


def fit(
    values: NDArray[np.float64],
    answered: NDArray[np.bool_],
    importance: NDArray[np.float64],
    *,
    penalty: float = 0.001,
) -> tuple[NDArray[np.float64], NDArray[np.float64], float]:
    """Fit a logistic regression whose weights are not negative, by L-BFGS-B.

    The loss is convex and the features are few, so the result is the same on every run: weights,
    scales and bias, as `Calibration` takes them.

    Args:
        values: (n, f) features.
        answered: (n,) whether the best passage answers.
        importance: (n,) how much each row counts; only ratios matter.
        penalty: L2 on the weights of standardised features.
    """
    # Imported here: only fitting needs it, and it is a quarter of what starting any command takes.
    from scipy.optimize import minimize

    share = importance / importance.sum()
    standard, centre, scales = _standardised(values, share)

    def loss(point: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        weights, bias = point[:-1], point[-1]
        logits = standard @ weights + bias
        lost = share @ (np.logaddexp(0.0, logits) - answered * logits)
        error = share * (1.0 / (1.0 + np.exp(-logits)) - answered)
        gradient = np.append(standard.T @ error + penalty * weights, error.sum())
        return float(lost + penalty / 2 * weights @ weights), gradient

    bounds = [(0.0, None)] * values.shape[1] + [(None, None)]
    exactly = {"ftol": 1e-15, "gtol": 1e-10, "maxiter": 10_000}
    found = minimize(
        loss, np.zeros(len(bounds)), jac=True, method="L-BFGS-B", bounds=bounds, options=exactly
    )
    weights = found.x[:-1]
    return weights, scales, float(found.x[-1] - weights @ (centre / scales))


def _standardised(
    values: NDArray[np.float64], share: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Features with mean 0 and deviation 1, with their means and deviations."""
    centre = share @ values
    scales = np.sqrt(share @ (values - centre) ** 2)
    scales[scales == 0.0] = 1.0
    return (values - centre) / scales, centre, scales
