"""The command `dev eval`: measure retrieval and abstention on a judged set."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Final

import typer

from bot.cli import console
from bot.config import settings as config
from bot.config.settings import Settings
from bot.models.calibrations import chosen_calibration
from bot.models.comparison import Side
from bot.models.serving_model import Opener, chosen_model, chosen_reranker
from bot.storage.data_folder import checked_data_folder, data_folder, open_index, open_store
from bot.storage.derived_data import open_entries
from indexer.embedding.model_records import RecordedModel, open_record
from indexer.evaluation.judged_sets import JudgedSet, JudgedSetError, harvest, judged_set
from indexer.evaluation.runner import Evaluation, Order
from indexer.retrieval.reranker import open_reranking
from knowledge.corpus import documents
from knowledge.text import count_of
from knowledge.values.documents import Document

# Name of the set made from accepted answers.
ACCEPTED: Final = "accepted answers"


@console.with_settings(console.Begins.DEFAULT)
def evaluate(
    context: typer.Context,
    settings: Settings,
    folder: Annotated[
        Path | None,
        typer.Argument(metavar="DIR", help="A judged set in BEIR's layout.", show_default=False),
    ] = None,
    as_json: console.JsonOption = False,
    legs: Annotated[bool, typer.Option("--legs", help="Also measure each leg alone.")] = False,
    from_community: Annotated[
        bool, typer.Option("--from-community", help="Use answers that members found helpful.")
    ] = False,
) -> None:
    """Measure retrieval and abstention on a judged set, in a temporary folder.

    Example:
        commonplace dev eval judged/
    """
    if (folder is None) is not from_community:
        console.fail("Name a judged set's folder, or --from-community, not both.")
    try:
        name = ACCEPTED if folder is None else folder.name
        judged = accepted_answers(settings) if folder is None else judged_set(folder)
    except JudgedSetError as error:
        console.fail(str(error))
    side = serving_side(settings, context.obj or open_record)
    console.show(
        measure(settings, side, name, judged, legs=legs).to_dict(), as_json=as_json, title=name
    )


def accepted_answers(settings: Settings) -> JudgedSet:
    """A judged set of the answers found helpful; JudgedSetError if there are too few."""
    folder = data_folder(checked_data_folder(settings.data.folder, may_begin=False))
    url = settings.data.database
    with open_store(folder, url) as store, open_entries(folder, url) as entries:
        corpus = [item for item in documents(store, entries) if isinstance(item, Document)]
        return harvest(store.question_records.judged_helpful(), corpus)


def serving_side(settings: Settings, opener: Opener) -> Side:
    """Open the model and the reranker that a bot with these settings uses.

    The data folder may be missing: a judged set is measured elsewhere.
    """
    folder = checked_data_folder(settings.data.folder, may_begin=True)
    return side_of(settings, folder, opener(chosen_model(folder, settings.model.name)))


def side_of(settings: Settings, folder: Path, model: RecordedModel) -> Side:
    """A model with its calibration, and the reranker that serves."""
    reranker = chosen_reranker(folder, settings.model.reranker)
    return Side(
        model,
        chosen_calibration(folder, model.record).calibration,
        open_reranking(reranker, settings.model.reranker_ms),
    )


def measure(
    settings: Settings, side: Side, name: str, judged: JudgedSet, *, legs: bool = False
) -> Evaluation:
    """Index a judged set in a temporary folder, and ask its questions."""
    with (
        tempfile.TemporaryDirectory(prefix="commonplace-eval-") as temporary,
        open_index(Path(temporary), side.model.embedder) as index,
        _endpoint_order(settings) as order,
    ):
        evaluator = side.evaluator(index, judged, order)
        console.run_with_progress(evaluator.index(), f"Indexing {name}")
        return evaluator.evaluate(legs=legs)


@contextmanager
def _endpoint_order(settings: Settings) -> Iterator[Order | None]:
    """Open the language model that reorders hits, or None if the settings don't use it."""
    if not (settings.phrasing.is_on and settings.phrasing.reorder):
        yield None
        return
    # Imported only if a language model is used.
    from bot.phrasing.phraser import EndpointError, EndpointReranker

    try:
        with EndpointReranker(settings.phrasing, config.phrasing_key()) as order:
            yield order
            for outcome, count in order.kept.items():
                console.err.print(f"{count_of(count, 'question')} in the same order ({outcome}).")
    except EndpointError as error:
        console.fail(str(error))
