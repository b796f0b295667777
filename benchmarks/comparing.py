"""A judged set measured with one configuration, or with two side by side.

    python -m benchmarks.comparing DIR [OTHER.toml] [--config FILE] [--data DIR] [--legs]
        [--json] [--plot FILE.png]

`commonplace dev eval` prints the same figures. Two configurations are compared with a paired
randomisation test, and question by question. A plot shows evidence, ranking and latency.
"""

import argparse
import importlib.util
import math
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from bot.cli.console import Begins, out, settings_from, show
from bot.cli.models import measure, serving_side
from bot.models.comparison import HARDLY_CHANCE
from bot.models.serving_model import Opener
from indexer.embedding.model_records import open_record
from indexer.evaluation.judged_sets import judged_set
from indexer.evaluation.metrics import kept_and_refused, question_ndcgs, randomisation_p
from indexer.evaluation.runner import Evaluation
from knowledge.dependencies import install_hint

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Changed questions printed, of each kind; JSON has all.
CHANGES_SHOWN: Final = 5
SUFFIXES: Final = (".png", ".svg", ".pdf")

# One line style for each evaluation, readable without colours.
_STYLES: Final = ("-", "--")

# Colours for kept, refused and all else, safe for colour-blind readers (Okabe and Ito, "Color
# universal design", 2008).
_KEPT, _REFUSED, _PLAIN = "#0072b2", "#d55e00", "#009e73"

_THRESHOLDS: Final = np.linspace(0, 1, 201)
_BINS: Final = np.linspace(0, 1, 11)


@dataclass(frozen=True, slots=True)
class RankingChange:
    """A question ranked differently in two evaluations, with its nDCG@10 in each."""

    question: str
    current: float
    other: float

    @property
    def gain(self) -> float:
        return self.other - self.current


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two evaluations of one judged set; `queries` are its questions by id."""

    current: Evaluation
    other: Evaluation
    queries: Mapping[str, str]

    def p_value(self) -> float:
        return randomisation_p(*(list(scores.values()) for scores in self._ndcgs()))

    def changed(self) -> list[RankingChange]:
        """Questions with another nDCG@10: the largest loss first, the largest gain last."""
        current, other = self._ndcgs()
        changes = [
            RankingChange(self.queries[key], current[key], other[key])
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
        return {
            "current": self.current.to_dict(),
            "other": self.other.to_dict(),
            "p_value": self.p_value(),
            "changed": [asdict(change) for change in self.changed()],
        }


def check(path: Path) -> None:
    """Refuse a plot without matplotlib, or under an impossible name, before measuring."""
    if importlib.util.find_spec("matplotlib") is None:
        sys.exit(f"A plot needs {install_hint('plot')}.")
    if path.suffix.lower() not in SUFFIXES:
        sys.exit(f"{path} can't be a plot: its name must end in {' or '.join(SUFFIXES)}.")
    if not path.parent.is_dir():
        sys.exit(f"{path} can't be written: there is no folder {path.parent}.")


def draw(path: Path, title: str, evaluations: Mapping[str, Evaluation]) -> None:
    """Draw ranking and latency of one or two evaluations, and abstention if it was measured."""
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
    figure.savefig(path, dpi=120)


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


def rows(comparison: Comparison) -> list[dict[str, object]]:
    """The figures of both evaluations; peak memory can't be compared in one process."""
    current, other = (_flat(side.to_dict()) for side in (comparison.current, comparison.other))
    return [
        {
            "figure": key,
            "current": value,
            "other": other[key],
            "difference": None if key == "peak_rss_mb" else _difference(value, other[key]),
        }
        for key, value in current.items()
    ]


def _flat(figures: Mapping[str, Any]) -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in figures.items():
        if isinstance(value, dict):
            for leg, measured in value.items():
                flat.update({f"{leg} {figure}": number for figure, number in measured.items()})
        else:
            flat[key] = value
    return flat


def _difference(current: object, other: object) -> str | None:
    if not isinstance(current, int | float) or not isinstance(other, int | float):
        return None
    difference = other - current
    return f"{difference:+,.3f}" if isinstance(difference, float) else f"{difference:+,}"


def print_comparison(comparison: Comparison, title: str) -> None:
    show(rows(comparison), title=title)
    verdict = "is significant" if comparison.p_value() < HARDLY_CHANCE else "may be chance"
    out.print(
        f"p = {comparison.p_value():.4f} (paired randomisation test): the difference in nDCG@10 "
        f"{verdict}."
    )
    changed = comparison.changed()
    gained = [change for change in reversed(changed) if change.gain > 0]
    lost = [change for change in changed if change.gain < 0]
    for verb, changes in (("gained", gained), ("lost", lost)):
        out.print(f"{len(changes)} {verb}" + (":" if changes else "."))
        for change in changes[:CHANGES_SHOWN]:
            scores = f"{change.current:.3f} → {change.other:.3f}"
            out.print(f"  {change.gain:+.3f}  {scores}  {change.question}", markup=False)


def main(arguments: Sequence[str] | None = None, opener: Opener = open_record) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="a judged set in BEIR's layout")
    parser.add_argument("other", type=Path, nargs="?", help="a configuration to compare with")
    parser.add_argument("--config", type=Path)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--legs", action="store_true", help="also measure each leg alone")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--plot", type=Path, metavar="FILE", help="a .png, .svg or .pdf to draw")
    asked = parser.parse_args(arguments)
    if asked.plot is not None:
        check(asked.plot)
    files = {"current": asked.config} | ({"other": asked.other} if asked.other else {})
    chosen = {name: settings_from(file, asked.data, Begins.DEFAULT) for name, file in files.items()}
    judged = judged_set(asked.folder)
    # All models are opened first, to notice a missing one before an hour of measuring.
    sides = {name: serving_side(settings, opener) for name, settings in chosen.items()}
    evaluations = {
        name: measure(chosen[name], side, asked.folder.name, judged, legs=asked.legs)
        for name, side in sides.items()
    }
    title = asked.folder.name
    if len(evaluations) == 1:
        show(evaluations["current"].to_dict(), as_json=asked.json, title=title)
    else:
        comparison = Comparison(**evaluations, queries=judged.queries)
        if asked.json:
            show(comparison.to_dict(), as_json=True)
        else:
            print_comparison(comparison, title)
    if asked.plot is not None:
        draw(asked.plot, title, evaluations)


if __name__ == "__main__":
    main()
