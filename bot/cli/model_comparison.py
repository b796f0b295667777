"""Comparison of two models or rerankers on judged sets, with progress bars."""

from collections.abc import Iterator, Sequence
from itertools import chain, groupby

from bot.cli.console import err, run_with_progress
from bot.core.core import Core
from bot.models import comparison
from bot.models.comparison import Figure, Side
from indexer.evaluation.judged_sets import COMMITTED, JudgedSetError, judged_set
from indexer.evaluation.runner import Evaluation
from indexer.index.index import Index
from indexer.ingest.pipeline import Progress


def compare_on_shipped_sets(sides: Sequence[Side]) -> list[Figure]:
    """Measure both models or rerankers on each judged set that comes with the project."""
    figures: list[Figure] = []
    for name in COMMITTED:
        by_model = groupby(sides, key=lambda side: side.model.embedder)
        serving, other = chain.from_iterable(_evaluated([*same], name) for _, same in by_model)
        figures += comparison.figures(name, serving, other)
    return figures


def _evaluated(sides: Sequence[Side], name: str) -> list[Evaluation]:
    """Measure the sides with one embedder, such as two rerankers, on the judged set `name`."""
    found: list[Evaluation] = []

    def steps() -> Iterator[Progress]:
        for step in comparison.measure(sides, judged_set(COMMITTED[name])):
            if isinstance(step, Progress):
                yield step
            else:
                found.append(step)

    run_with_progress(steps(), f"Measuring {sides[0].model.record.name} on {name}")
    return found


def compare_on_accepted_answers(
    core: Core, sides: Sequence[Side], indexes: Sequence[Index]
) -> list[Figure]:
    """Measure each side on the server's accepted answers, in the side's own index."""
    try:
        judged = comparison.accepted_answers(core.store, core.index.tables)
    except JudgedSetError as error:
        err.print(f"Not measured on this server's answers: {error}", soft_wrap=True)
        return []
    serving, other = (
        side.evaluator(index, judged).evaluate() for side, index in zip(sides, indexes, strict=True)
    )
    return comparison.figures(comparison.OWN, serving, other)
