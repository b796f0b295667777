"""The commands `eval` and `calibrate`: measure answers on judged sets, and fit a calibration."""

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Final

import typer

from bot.cli import evaluation_output, plots
from bot.cli.console import (
    Begins,
    ConfigOption,
    DataOption,
    JsonOption,
    err,
    fail,
    out,
    print_json,
    run_with_progress,
    settings_from,
    with_settings,
)
from bot.cli.plots import PlotError
from bot.config import settings as config
from bot.config.settings import Settings
from bot.models.calibrations import (
    CALIBRATION,
    chosen_calibration,
    fitted_for,
    save_calibration,
)
from bot.models.serving_model import Opener, chosen_model
from bot.models.serving_reranker import chosen_reranker
from bot.storage.data_folder import (
    checked_data_folder,
    data_folder,
    open_index,
    open_store,
)
from bot.storage.derived_data import open_entries
from indexer.embedding.embedder import Embedder
from indexer.embedding.model_records import RecordedModel, open_record
from indexer.evaluation.calibration import (
    Rows,
    check_rows,
    collect_rows,
    cross_fit,
    fit_calibration,
)
from indexer.evaluation.judged_sets import JudgedSet, JudgedSetError, harvest, judged_set
from indexer.evaluation.runner import Comparison, Evaluation, Evaluator, Order
from indexer.retrieval.evidence import require_scipy
from indexer.retrieval.reranker import Reranking, open_reranking
from indexer.retrieval.retriever import Retriever
from knowledge.corpus import documents
from knowledge.text import counted
from knowledge.values.documents import Document

# Name of the set made from accepted answers.
ACCEPTED: Final = "accepted answers"

CommunityOption = Annotated[
    bool,
    typer.Option("--from-community", help="Use answers that members found helpful."),
]


def evaluate(
    context: typer.Context,
    folder: Annotated[
        Path | None,
        typer.Argument(metavar="DIR", help="A judged set in BEIR's layout.", show_default=False),
    ] = None,
    config_file: ConfigOption = None,
    data: DataOption = None,
    as_json: JsonOption = False,
    legs: Annotated[bool, typer.Option("--legs", help="Also measure each leg alone.")] = False,
    compare: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Compare with the settings in this file."),
    ] = None,
    from_community: CommunityOption = False,
    plot: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Draw a picture: .png, .svg or .pdf.")
    ] = None,
) -> None:
    """Measure retrieval and abstention on a judged set, in a temporary folder.

    Example:
        commonplace eval judged/ --compare other.toml
    """
    begins = Begins.NONE if from_community else Begins.DEFAULT
    settings = {"current": settings_from(config_file, data, begins)}
    if compare is not None:
        settings["other"] = settings_from(compare, data, begins)
    try:
        if plot is not None:
            plots.check(plot)
        name, judged = _judged(folder, settings["current"], from_community=from_community)
        evaluations = _evaluations(settings, name, judged, context.obj or open_record, legs=legs)
        _show_evaluations(name, judged, evaluations, as_json=as_json)
        if plot is not None:
            plots.draw(plot, name, evaluations)
    except (JudgedSetError, PlotError) as error:
        fail(str(error))


def _show_evaluations(
    name: str, judged: JudgedSet, evaluations: Mapping[str, Evaluation], *, as_json: bool
) -> None:
    if len(evaluations) > 1:
        comparison = Comparison(**evaluations, queries=judged.queries)
        record, shown = (
            comparison.to_dict(),
            evaluation_output.comparison_text(name, comparison),
        )
    else:
        record = evaluations["current"].to_dict()
        shown = evaluation_output.figures_table(name, record)
    if as_json:
        print_json(record)
    else:
        out.print(shown)


def _judged(
    folder: Path | None, settings: Settings, *, from_community: bool
) -> tuple[str, JudgedSet]:
    if (folder is None) is not from_community:
        raise JudgedSetError("Name a judged set's folder, or --from-community, not both.")
    if folder is not None:
        return folder.name, judged_set(folder)
    return ACCEPTED, _accepted(settings)


def _accepted(settings: Settings) -> JudgedSet:
    data = data_folder(settings.data.folder)
    url = settings.data.database
    with open_store(data, url) as store, open_entries(data, url) as pages:
        found = [item for item in documents(store, pages) if isinstance(item, Document)]
        return harvest(store.question_records.judged_helpful(), found)


def _evaluations(
    settings: Mapping[str, Settings],
    name: str,
    judged: JudgedSet,
    opener: Opener,
    *,
    legs: bool,
) -> dict[str, Evaluation]:
    """Measure the judged set with each of the settings.

    All models are opened first, so that a missing model is noticed before an hour of measuring.
    Tests pass another `opener`.
    """
    models = {key: _opened(one, opener) for key, one in settings.items()}
    rerankings = {key: _reranking(one) for key, one in settings.items()}
    evaluations: dict[str, Evaluation] = {}
    for key, model in models.items():
        calibration = chosen_calibration(_folder(settings[key]), model.record).calibration
        with (
            tempfile.TemporaryDirectory(prefix="commonplace-eval-") as temporary,
            open_index(Path(temporary), model.embedder) as judged_index,
            _endpoint_order(key, settings[key]) as order,
        ):
            evaluator = Evaluator(
                judged_index,
                model.embedder,
                judged,
                calibration,
                rerankings[key],
                order=order,
            )
            run_with_progress(evaluator.index(), f"Indexing {name}")
            evaluations[key] = evaluator.evaluate(legs=legs)
    return evaluations


@contextmanager
def _endpoint_order(key: str, settings: Settings) -> Iterator[Order | None]:
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
                err.print(f"{key}: {counted(count, 'question')} in the same order ({outcome}).")
    except EndpointError as error:
        fail(str(error))


def _folder(settings: Settings) -> Path:
    """The data folder, which may be missing: a judged set is measured elsewhere."""
    return checked_data_folder(settings.data.folder, may_begin=True)


def _opened(settings: Settings, opener: Opener) -> RecordedModel:
    """Open the model that a bot with these settings uses."""
    return opener(chosen_model(_folder(settings), settings.model.name))


def _reranking(settings: Settings) -> Reranking | None:
    """Open the reranker that a bot with these settings uses."""
    name = chosen_reranker(_folder(settings), settings.model.reranker)
    return open_reranking(name, settings.model.reranker_ms)


@with_settings(Begins.DEFAULT)
def calibrate(
    context: typer.Context,
    settings: Settings,
    folders: Annotated[
        list[Path] | None,
        typer.Argument(metavar="DIR…", help="Judged sets in BEIR's layout.", show_default=False),
    ] = None,
    from_community: CommunityOption = False,
    to: Annotated[
        Path | None,
        typer.Option("--to", metavar="FILE", help="The output file; else in the data folder."),
    ] = None,
) -> None:
    """Fit the serving model's evidence calibration on judged sets; restart the bot to use it.

    Example:
        commonplace calibrate judged/
    """
    require_scipy()
    folder = data_folder(settings.data.folder) if to is None else _folder(settings)
    target = to or folder / CALIBRATION
    opener: Opener = context.obj or open_record
    try:
        if not target.parent.is_dir():
            raise JudgedSetError(f"{target} can't be written: there is no folder {target.parent}.")
        sets = _sets(folders or [], {ACCEPTED: _accepted(settings)} if from_community else {})
        model = _opened(settings, opener)
        rows = _rows(sets, model.embedder, _reranking(settings))
        check_rows(rows, ACCEPTED)
    except JudgedSetError as error:
        fail(str(error))
    vectors = model.embedder.model
    found, figures = fit_calibration(rows, _provenance(sets, vectors))
    figures = {**figures, **cross_fit(rows)}
    found = replace(found, model=fitted_for(replace(model.record, vectors=vectors)))
    if to is None:
        save_calibration(folder, found)
    else:
        to.write_text(found.to_toml(), encoding="utf-8")
    out.print(evaluation_output.figures_table("calibration", figures))
    out.print(f"Written to {target}.", soft_wrap=True)


def _provenance(sets: Mapping[str, JudgedSet], vectors: str) -> str:
    named = " ".join("--from-community" if name == ACCEPTED else name for name in sets)
    sizes = [f"{name}: {counted(len(each.queries), 'question')}" for name, each in sets.items()]
    return "\n".join([f"Fitted by `commonplace calibrate {named}` with {vectors}.", *sizes])


def _sets(folders: Sequence[Path], others: Mapping[str, JudgedSet]) -> dict[str, JudgedSet]:
    """Read the judged sets in the folders, and add them to `others`, by name."""
    if not (folders or others):
        raise JudgedSetError("Name folders of judged sets, --from-community, or both.")
    sets = dict(others)
    for folder in folders:
        if folder.resolve().name in sets:
            raise JudgedSetError(f"Two sets are named {folder.resolve().name}: rename one of them.")
        sets[folder.resolve().name] = judged_set(folder)
    return sets


def _rows(sets: Mapping[str, JudgedSet], embedder: Embedder, reranking: Reranking | None) -> Rows:
    """Gather calibration rows from judged sets, each indexed in a temporary folder."""
    rows = Rows()
    for name in sets:
        with (
            tempfile.TemporaryDirectory(prefix="commonplace-calibrate-") as temporary,
            open_index(Path(temporary), embedder) as judged_index,
        ):
            run_with_progress(
                Evaluator(judged_index, embedder, sets[name]).index(), f"Indexing {name}"
            )
            collect_rows(rows, name, Retriever(judged_index, embedder, reranking=reranking), sets)
    return rows
