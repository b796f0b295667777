"""Tables of one evaluation, or of two evaluations side by side. Pure."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from indexer.evaluation.runner import Comparison, RankingChange

# Changed questions shown in text, of each kind; JSON has all.
CHANGES_SHOWN: Final = 5
# Significance level.
HARDLY_CHANCE: Final = 0.05


def figures_table(name: str, figures: Mapping[str, Any]) -> RenderableType:
    table = Table("figure", "value", title=name)
    for key, value in _flat(figures).items():
        table.add_row(key, figure_text(value))
    return table


def _flat(figures: Mapping[str, Any]) -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in figures.items():
        if isinstance(value, dict):
            for leg, measured in value.items():
                flat.update({f"{leg} {figure}": number for figure, number in measured.items()})
        else:
            flat[key] = value
    return flat


def comparison_text(name: str, comparison: Comparison) -> RenderableType:
    """Two evaluations side by side, with a significance test and the largest changes.

    Both evaluations run in one process, so peak memory can't be compared.
    """
    table = Table("figure", "current", "other", "difference", title=name)
    other = _flat(comparison.other.to_dict())
    for key, value in _flat(comparison.current.to_dict()).items():
        difference = None if key == "peak_rss_mb" else _difference(value, other[key])
        table.add_row(key, figure_text(value), figure_text(other[key]), difference or "–")
    changed = comparison.changed()
    gained = [change for change in reversed(changed) if change.gain > 0]
    lost = [change for change in changed if change.gain < 0]
    return Group(
        table,
        _verdict_text(comparison.p_value()),
        _changes_text("gained", gained),
        _changes_text("lost", lost),
    )


def _verdict_text(p: float) -> Text:
    verdict = "is significant" if p < HARDLY_CHANCE else "may be chance"
    return Text(f"p = {p:.4f} (paired randomisation test): the difference in nDCG@10 {verdict}.")


def _difference(current: object, other: object) -> str | None:
    if not isinstance(current, int | float) or not isinstance(other, int | float):
        return None
    difference = other - current
    return f"{difference:+,.3f}" if isinstance(difference, float) else f"{difference:+,}"


def _changes_text(verb: str, changes: Sequence[RankingChange]) -> Text:
    """The number of questions with a better or worse ranking, and the largest changes."""
    questions = "question" if len(changes) == 1 else "questions"
    text = Text(f"{len(changes)} {questions} {verb}" + (":" if changes else "."))
    for change in changes[:CHANGES_SHOWN]:
        scores = f"{change.current:.3f} → {change.other:.3f}"
        text.append(f"\n  {change.gain:+.3f}  {scores}  {change.question}")
    if len(changes) > CHANGES_SHOWN:
        text.append(f"\n  … and {len(changes) - CHANGES_SHOWN} more; --json lists all.")
    return text


def figure_text(value: object) -> str:
    if value is None:
        return "–"
    return f"{value:,.3f}" if isinstance(value, float) else str(value)
