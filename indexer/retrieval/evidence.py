"""Evidence: four features of the best passage, and a calibrated probability that it answers.

The features are the passage's margins over the next documents and over the next sections, the
cosine of its best window, and the nearness of the question's weakest word to the passage's tokens.
The probability is a logistic function of the features, fitted on judged sets. It never falls when a
feature rises. Its parameters are in a small file with their origin; `benchmarks/fitting.py`
fits a server's own. Other features gained nothing on sets they were not fitted on
(docs/decisions.md, evidence).

The verdicts on the sets that the parameters were fitted on:

- *strong*: at least nine in ten such answers are right;
- *none*: too unlikely, and not near enough to look at;
- *partial*: between the two.

A passage without a proper name of the question is never *strong*; nor is one without an identifier
of the log whose lines the question has.

Errors:
    Exception
    └── CalibrationError    the parameters' file can't be used
"""

import hashlib
import json
import math
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from indexer.embedding.installed_models import models_in_order
from indexer.retrieval.hit import LateScore
from indexer.text.analyzer import topic, word_set
from knowledge.dependencies import has_modules, install_hint
from knowledge.languages.detection import language_of, language_of_question
from knowledge.values.questions import Evidence

FEATURES: Final = ("cosine", "margin", "weakest", "sections")

# In the folder of an installed model.
_FILE: Final = "calibration.toml"
_WITHOUT_TOKENS: Final = "without_tokens.toml"

# The next documents, or sections, of a margin. One alone may be a twin of the best.
RIVALS: Final = 3
# A larger lead counts as this one. A single document gets about the mean margin of right and wrong
# answers.
MOST_AHEAD: Final = 0.4
UNRIVALLED: Final = 0.25
# The distance of a missing word if the passage's tokens aren't known.
ELSEWHERE: Final = 0.2


class CalibrationError(Exception):
    """The parameters' file can't be used; the message gives the remedy."""


@dataclass(frozen=True, slots=True)
class Support:
    """Input of `features`: a question with its best passage and scores.

    Attributes:
        question: normalized (`indexer.text.query_normalization`) and in lower case.
        passage: the best passage's text with title and heading.
        cosine: the cosine of the question and the passage's best window.
        scores: the scores of the best documents, best first; at least one.
        other_sections: the scores of the best other sections of all documents, best first.
        late: the late score of the best passage, if its tokens are known.
        unread: the question's language if the model doesn't read it, otherwise empty.
        missing: the proper names of the question missing from the passage.
        is_changelog: whether the passage is of a changelog.
        is_contents: whether the passage only leads to other text.
        unidentified: whether the question has lines of a log, and the passage no identifier of
            theirs.
    """

    question: str
    passage: str
    cosine: float
    scores: Sequence[float]
    other_sections: Sequence[float] = ()
    late: LateScore | None = None
    unread: str = ""
    missing: tuple[str, ...] = ()
    unidentified: bool = False
    is_changelog: bool = False
    is_contents: bool = False

    @property
    def at_most_partial(self) -> bool:
        """Whether the evidence can't be *strong*.

        It can't if the passage is of a changelog or only leads to other text, or lacks a proper
        name, or every identifier of a log. Nor can it if question and passage are in a language
        that the model doesn't read, or surely in two languages. The question's language is not
        enough, because it may be guessed wrongly: "wat is" occurs in English chats.
        """
        is_unread = self.unread and language_of(self.passage) == self.unread
        leads = self.is_changelog or self.is_contents
        is_barred = self.missing or self.unidentified or leads or is_unread
        return bool(is_barred) or self._is_translated()

    def _is_translated(self) -> bool:
        asked_in = language_of_question(self.question)
        return bool(asked_in) and language_of_question(self.passage) not in ("", asked_in)


def features(support: Support) -> NDArray[np.float64]:
    """The features in the order of `FEATURES`; larger always means better support.

    * `cosine`: the cosine of the question and the best window.
    * `margin`: the mean of the best score's leads over the scores of the next documents.
    * `weakest`: the negative of `LateScore.unmet`, so 0 if every word of the question has a near
      token.
    * `sections`: the same mean for the next sections, of the best document, too.
    """
    best, *others = support.scores
    return np.array(
        [
            support.cosine,
            _mean_lead(best, others),
            -(_unmet_word(support) if support.late is None else support.late.unmet),
            _mean_lead(best, support.other_sections),
        ]
    )


def _mean_lead(best: float, others: Sequence[float]) -> float:
    leads = [min(max(best - other, 0.0), MOST_AHEAD) for other in others[:RIVALS]]
    return sum(leads) / len(leads) if leads else UNRIVALLED


def _unmet_word(support: Support) -> float:
    """`LateScore.unmet`, estimated by comparing words.

    0 if question and passage are in different languages and the model reads both.
    """
    language = language_of_question(support.question)
    if not support.unread and language not in ("", language_of(support.passage)):
        return 0.0
    asked = topic(support.question)
    found = word_set(support.passage)
    missing = sum(found.isdisjoint(forms) for forms in asked)
    return ELSEWHERE * missing / max(len(asked), 1)


@dataclass(frozen=True, slots=True)
class FittedFor:
    """The model whose cosines the parameters were fitted on.

    `digest` is the beginning of the model's digest in `Embedder.model`, without the backend. Either
    `name` or `digest` may be empty, but not both.
    """

    name: str
    digest: str = ""


@dataclass(frozen=True, slots=True)
class Calibration:
    """Parameters of the probability, and the thresholds of the verdicts.

    Attributes:
        weights: (f,) for each feature divided by its scale, a weight of at least 0.
        scales: (f,) the standard deviation of each feature in the fitted rows.
        bias: the log-odds if every feature is zero.
        strong: the least probability of *strong* evidence.
        provenance: the fitted sets, and the measurements on them.
        none: the probability below which evidence is *none*, unless the passage is near; 0 rules
            *none* out.
        near: the cosine of a near passage's best window. Margins don't tell what is near, because
            one of several far passages may lead. With 1, no passage is near.
        model: the model that the parameters were fitted for, if known.
    """

    weights: NDArray[np.float64]
    scales: NDArray[np.float64]
    bias: float
    strong: float
    provenance: str = ""
    none: float = 0.0
    near: float = 1.0
    model: FittedFor | None = None

    @property
    def digest(self) -> str:
        """The digest of the parameters."""
        limits = self.strong, self.none, self.near
        numbers = [*self.weights, *self.scales, self.bias, *limits]
        return hashlib.sha256(np.array(numbers, np.float64).tobytes()).hexdigest()

    def probability(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """The probability that the best passage answers, for (n, f) or (f,) features."""
        logits = values @ (self.weights / self.scales) + self.bias
        return np.asarray(1.0 / (1.0 + np.exp(-logits)))

    @property
    def least_cosine(self) -> float:
        """The least cosine of a passage's best window with which evidence can exceed *none*."""
        cosine, margin, _, sections = (self.weights / self.scales).tolist()
        if not cosine or not self.none:
            return -1.0
        refused = math.log(self.none / (1 - self.none))
        least = (refused - self.bias - (margin + sections) * MOST_AHEAD) / cosine
        return min(self.near, float(least))

    def verdict(
        self, probability: float, likeliest: float = 0.0, support: Support | None = None
    ) -> Evidence:
        """The verdict of a probability.

        Args:
            probability: the probability of the passage shown first.
            likeliest: the probability of the passage with the best score. The verdict is *none*
                only if this and `probability` are both too low.
            support: what may exclude *strong* (`Support.at_most_partial`) or *none*. Its languages
                are only looked at if the probability suffices.
        """
        is_near = support is not None and support.cosine >= self.near
        if max(probability, likeliest) < self.none and not is_near:
            return Evidence.NONE
        if probability < self.strong or (support is not None and support.at_most_partial):
            return Evidence.PARTIAL
        return Evidence.STRONG

    def to_toml(self) -> str:
        """The text of a parameters' file, with the digest that `calibration` checks."""
        comment = "\n".join(f"# {line}".rstrip() for line in self.provenance.splitlines())
        lines = [
            f"bias = {self.bias:.4f}",
            f"strong = {self.strong:.4f}",
            f"none = {self.none:.4f}",
            f"near = {self.near:.4f}",
            "",
        ]
        if self.model is not None:
            lines += ["[model]", f"name = {_toml_string(self.model.name)}"]
            lines += [f"digest = {_toml_string(self.model.digest)}", ""]
        lines += ["# For each feature: its weight, for the feature divided by its scale."]
        for name, weight, scale in zip(FEATURES, self.weights, self.scales, strict=True):
            lines += ["", f"[{name}]", f"weight = {weight:.4f}", f"scale = {scale:.4f}"]
        values = "\n".join(lines) + "\n"
        digest = _digest_of(tomllib.loads(values))
        return f'{comment}\n\n{_ABOUT_DIGEST}\ndigest = "{digest}"\n\n{values}'


_ABOUT_DIGEST: Final = (
    "# Of the values below. After an edit by hand, the error about this file names the new digest."
)


def _digest_of(values: Mapping[str, Any]) -> str:
    """The digest of all values in a parameters' file, except the digest itself."""
    others = {key: value for key, value in values.items() if key != "digest"}
    return hashlib.sha256(json.dumps(others, sort_keys=True).encode()).hexdigest()[:16]


def _toml_string(text: str) -> str:
    """A text as a TOML string. JSON writes the same string, except for the character DEL."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


@cache
def shipped_calibrations() -> tuple[Calibration, ...]:
    """The parameters of the installed models, the one for English first."""
    return tuple(calibration(model.folder / _FILE) for model in models_in_order())


def default_calibration() -> Calibration:
    """The first installed model's parameters; without one, those for other models."""
    return next(iter(shipped_calibrations()), without_tokens())


@cache
def without_tokens() -> Calibration:
    """The shipped parameters for models without token vectors, whose cosines are rescaled."""
    return calibration(files("indexer.retrieval").joinpath(_WITHOUT_TOKENS))


def calibration(source: Traversable) -> Calibration:
    """Read parameters from a file.

    Raises CalibrationError if the file can't be read, lacks a parameter, or was changed after it
    was written, by hand or by a failing disk.
    """
    try:
        values = tomllib.loads(source.read_text(encoding="utf-8"))
        found = Calibration(
            weights=np.array([float(values[name]["weight"]) for name in FEATURES]),
            scales=np.array([float(values[name]["scale"]) for name in FEATURES]),
            bias=float(values["bias"]),
            strong=float(values["strong"]),
            none=float(values["none"]),
            near=float(values.get("near", 1.0)),
            model=_model(values),
        )
        digest = _digest_of(values)
    except (OSError, tomllib.TOMLDecodeError, KeyError, TypeError, ValueError) as error:
        raise CalibrationError(
            f"{source} can't be used ({type(error).__name__}: {error}). Delete it to judge by the "
            "parameters that come with Commonplace, or run `python -m benchmarks.fitting` again."
        ) from error
    if values.get("digest") != digest:
        raise CalibrationError(
            f"{source} was changed after it was written: its digest doesn't fit its values. If you "
            f'edited it, write `digest = "{digest}"` there. If not, its disk may be failing: '
            "delete a file in the data folder, or run `python -m benchmarks.fitting` again; "
            "install the package of a model again."
        )
    return found


def _model(values: Mapping[str, Any]) -> FittedFor | None:
    """The model named in a file, if any."""
    if "model" not in values:
        return None
    return FittedFor(str(values["model"]["name"]), str(values["model"]["digest"]))


def require_scipy() -> None:
    """Check that a calibration can be fitted; raises CalibrationError if scipy isn't installed."""
    if not has_modules("scipy"):
        raise CalibrationError(f"Fitting a calibration needs scipy, in {install_hint('models')}.")


def fit(
    values: NDArray[np.float64],
    answered: NDArray[np.bool_],
    importance: NDArray[np.float64],
    *,
    penalty: float = 0.001,
) -> tuple[NDArray[np.float64], NDArray[np.float64], float]:
    """Fit a logistic regression with non-negative weights, by L-BFGS-B.

    Return the weights, scales and bias of a `Calibration`. They are the same on every run, because
    the loss is convex and the features are few.

    Args:
        values: (n, f) features.
        answered: (n,) whether the best passage answers.
        importance: (n,) the weight of each row; only ratios matter.
        penalty: L2 on the weights of standardised features.
    """
    require_scipy()
    # Imported here, because scipy is in an extra.
    from scipy.optimize import minimize

    share = importance / importance.sum()
    standard, centre, scales = _standardise(values, share)

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


def _standardise(
    values: NDArray[np.float64], share: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Features scaled to mean 0 and deviation 1, with their original means and deviations.

    `share` is the weight of each row; the weights add up to 1.
    """
    centre = share @ values
    scales = np.sqrt(share @ (values - centre) ** 2)
    scales[scales == 0.0] = 1.0
    return (values - centre) / scales, centre, scales
