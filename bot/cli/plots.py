"""Plots of an evaluation, drawn by matplotlib, an optional extra.

Errors:
    Exception
    └── PlotError    a plot can't be drawn or written; says why and what to do
"""

import importlib.util
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

from indexer.evaluation.metrics import kept_and_refused, question_ndcgs
from indexer.evaluation.runner import Evaluation
from knowledge.dependencies import needed

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SUFFIXES: Final = (".png", ".svg", ".pdf")

# One line style for each evaluation, readable without colours.
_STYLES: Final = ("-", "--")

# Colours for kept, refused and all else, safe for colour-blind readers (Okabe and Ito, "Color
# universal design", 2008).
_KEPT, _REFUSED, _PLAIN = "#0072b2", "#d55e00", "#009e73"

_THRESHOLDS: Final = np.linspace(0, 1, 201)
_BINS: Final = np.linspace(0, 1, 11)


class PlotError(Exception):
    """A plot can't be drawn or written; the message says what to do."""


def check(path: Path) -> None:
    """Check that a plot can be drawn and written, before anything is measured for it.

    Raises:
        PlotError: if matplotlib is missing, or the name or the folder can't be used.
    """
    if importlib.util.find_spec("matplotlib") is None:
        raise PlotError(f"A plot needs {needed('plot')}.")
    if path.suffix.lower() not in SUFFIXES:
        raise PlotError(f"{path} can't be a plot: its name must end in {' or '.join(SUFFIXES)}.")
    if not path.parent.is_dir():
        raise PlotError(f"{path} can't be written: there is no folder {path.parent}.")


def draw(path: Path, title: str, evaluations: Mapping[str, Evaluation]) -> None:
    """Draw ranking and latency of one or two evaluations, and abstention if it was measured.

    Raises:
        PlotError: if the file can't be written.
    """
    from matplotlib.figure import Figure

    panels = [_ranking, _latency]
    if any(evaluation.unanswerable for evaluation in evaluations.values()):
        panels.insert(0, _abstention)
    figure = Figure(figsize=(5 * len(panels), 4.6), layout="constrained")
    # A $ in a folder's name is no formula.
    figure.suptitle(title, parse_math=False)
    axes = figure.subplots(1, len(panels))
    for panel, place in zip(panels, axes, strict=True):
        panel(place, evaluations)
    try:
        figure.savefig(path, dpi=120)
    except OSError as error:
        raise PlotError(f"{path} can't be written: {error.strerror or error}.") from error


def _abstention(axes: "Axes", evaluations: Mapping[str, Evaluation]) -> None:
    for (name, evaluation), style in zip(evaluations.items(), _STYLES, strict=False):
        answerable = [evaluation.strengths[key] for key in evaluation.judgements]
        unanswerable = list(evaluation.unanswerable_strengths.values())
        kept, refused = kept_and_refused(answerable, unanswerable, _THRESHOLDS)
        mark = _mark(name, evaluations)
        threshold = evaluation.threshold
        axes.plot(_THRESHOLDS, kept, style, color=_KEPT, label=f"{mark}answerable, at least")
        axes.plot(_THRESHOLDS, refused, style, color=_REFUSED, label=f"{mark}unanswerable, below")
        axes.axvline(
            threshold, color="grey", linestyle=style, label=f"{mark}strong from {threshold:.2f}"
        )
    axes.set(
        title="How well the strength of evidence tells",
        xlabel="strength of evidence",
        ylabel="share of questions",
        xlim=(0, 1),
        ylim=(0, 1.02),
    )
    _explain(axes, evaluations)


def _ranking(axes: "Axes", evaluations: Mapping[str, Evaluation]) -> None:
    for (name, evaluation), style in zip(evaluations.items(), _STYLES, strict=False):
        scores = list(question_ndcgs(evaluation.run, evaluation.judgements).values())
        mean = sum(scores) / max(len(scores), 1)
        _histogram(axes, scores, _BINS, style, f"{_mark(name, evaluations)}mean {mean:.3f}")
    axes.set(
        title="How well it ranks",
        xlabel="nDCG@10 (1: the relevant documents first)",
        ylabel="questions",
    )
    _explain(axes, evaluations)


def _latency(axes: "Axes", evaluations: Mapping[str, Evaluation]) -> None:
    """Plot latencies, cut off at the 99th percentile."""
    times = {name: evaluation.milliseconds for name, evaluation in evaluations.items()}
    everything = [value for measured in times.values() for value in measured]
    longest = float(np.percentile(everything, 99)) if everything else 1.0
    bins = np.linspace(0, max(math.ceil(longest), 1), 31)
    for (name, measured), style in zip(times.items(), _STYLES, strict=False):
        p50, p95 = np.percentile(measured, [50, 95]) if measured else (0.0, 0.0)
        label = f"{_mark(name, evaluations)}p50 {p50:.1f} ms, p95 {p95:.1f} ms"
        _histogram(axes, np.minimum(measured, bins[-1]).tolist(), bins, style, label)
    axes.set(title="How fast it is", xlabel="milliseconds a question", ylabel="questions")
    _explain(axes, evaluations)


def _mark(name: str, evaluations: Mapping[str, Evaluation]) -> str:
    return f"{name}: " if len(evaluations) > 1 else ""


def _explain(axes: "Axes", evaluations: Mapping[str, Evaluation]) -> None:
    """Put the legend below the plot, a column for each evaluation."""
    axes.legend(
        loc="upper center",
        bbox_to_anchor=(0.5, -0.16),
        ncols=len(evaluations),
        fontsize="small",
        frameon=False,
    )


def _histogram(
    axes: "Axes", values: Sequence[float], bins: np.ndarray, style: str, label: str
) -> None:
    first = style == _STYLES[0]
    axes.hist(
        values,
        bins=bins.tolist(),
        histtype="stepfilled" if first else "step",
        color=_PLAIN if first else "black",
        alpha=0.6 if first else 1.0,
        linestyle=style,
        label=label,
    )
    axes.locator_params(axis="y", integer=True)
