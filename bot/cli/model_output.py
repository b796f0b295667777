"""Output of the command `model`: lists, and comparisons of two models. Pure."""

from collections.abc import Sequence
from pathlib import Path

from rich.box import SIMPLE
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from bot.models import comparison
from bot.models.comparison import Figure
from bot.models.inventory import Row
from bot.text.languages import languages_read
from indexer.evaluation.metrics import mean
from knowledge.values.guilds import Language


def models_text(rows: Sequence[Row]) -> RenderableType:
    """A table of models."""
    table = Table("model", "what is known", show_lines=True)
    for row in rows:
        name = Text(row.key or Path(row.name).name, style="bold")
        if row.standing is not None:
            name.append(f"\n{row.standing.value}", style="green")
        table.add_row(name, Text("\n".join(_facts(row))))
    return Group(
        table,
        Text("`commonplace model use NAME` compares a model with the serving one, and chooses it."),
    )


def _facts(row: Row) -> list[str]:
    size = "" if row.megabytes is None else f", {row.megabytes:,} MB"
    facts = [f"{row.where.value}{size}"]
    if row.name != row.key:
        facts.insert(0, row.name)
    if row.about:
        facts.append(row.about)
    said = [row.licence or "licence: see its card"]
    if row.languages:
        said.append(f"reads {languages_read(row.languages, Language.ENGLISH)}")
    return [
        *facts,
        "; ".join(said),
        f"speed: {row.speed or 'not measured'}",
        f"quality: {_quality(row)}",
    ]


def _quality(row: Row) -> str:
    if not row.ndcg:
        return "not measured here"
    return "nDCG@10 " + ", ".join(f"{value:.3f} on {name}" for name, value in row.ndcg.items())


def comparison_text(figures: Sequence[Figure], serving: str, other: str) -> RenderableType:
    """A table of two models' figures on each judged set, with a verdict on `other`."""
    # Fits 80 columns.
    table = Table("set", "figure", "serving", "other", "p", "", box=SIMPLE, padding=(0, 1))
    for figure in (*figures, *comparison.pooled(figures)):
        told = Text(_verdict(figure))
        table.add_row(
            Text(figure.judged),
            f"{figure.name} of {len(figure.serving)}",
            f"{mean(figure.serving):.3f}",
            f"{mean(figure.other):.3f}",
            "<0.001" if figure.p < 0.001 else f"{figure.p:.3f}",
            told,
        )
    return Group(
        Text(f"serving: {serving}\nother:   {other}"),
        table,
        Text(
            "nDCG@10: quality of the ranking. found: questions with an accepted document among "
            "the first ten. answered: answerable questions that get an answer. refused: "
            "unanswerable questions that are refused. p: probability of such a difference between "
            "equally good models (paired randomisation test)."
        ),
    )


def _verdict(figure: Figure) -> str:
    if abs(figure.gain) < 1e-9:
        return "the same"
    if figure.p >= comparison.HARDLY_CHANCE:
        return "may be chance"
    return "better" if figure.gain > 0 else "worse"


def runs_on_pytorch_text(name: str) -> str:
    return (
        f"{name} has no package, so sentence-transformers runs it on PyTorch: slower, with more "
        "memory, without late interaction, and judged by a general calibration."
    )


def choice_text(name: str, seconds: float) -> RenderableType:
    return Text(
        f"{name} serves from the bot's next start; its index took {seconds:,.0f} s. "
        "`commonplace model back` undoes this."
    )
