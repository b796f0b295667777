"""The commands `model` and `dev eval`: list and measure models and rerankers, and choose one.

Long work runs in this process, at the lowest priority while a bot runs. The bot takes the choice at
its next start. A reranker needs no index.
"""

import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from functools import partial
from itertools import chain, groupby
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.progress import BarColumn, DownloadColumn, TextColumn, TransferSpeedColumn
from rich.progress import Progress as Bar
from rich.text import Text

from bot.cli import console
from bot.config import settings as config
from bot.config.settings import Settings
from bot.core.core import Core
from bot.core.index_updates import build
from bot.models import choice, comparison, serving_model
from bot.models.calibrations import chosen_calibration
from bot.models.choice import ModelChoiceError, Row, inventory
from bot.models.comparison import Figure, Side
from bot.models.serving_model import (
    Opener,
    choose_reranker,
    chosen_model,
    chosen_reranker,
    previous_reranker,
)
from bot.storage.data_folder import (
    checked_data_folder,
    data_folder,
    is_bot_running,
    open_store,
)
from bot.storage.derived_data import open_entries
from bot.text.languages import languages_read
from indexer.embedding.embedder import ModelError, is_reference
from indexer.embedding.installed_models import named_folder
from indexer.embedding.model_records import ModelRecord, RecordedModel, open_record
from indexer.evaluation.judged_sets import COMMITTED, JudgedSet, JudgedSetError, harvest, judged_set
from indexer.evaluation.metrics import mean
from indexer.evaluation.runner import Evaluation, Order
from indexer.index.index import Index
from indexer.retrieval.reranker import open_reranking
from knowledge.corpus import documents
from knowledge.text import count_of
from knowledge.values.documents import Document

# Lowest priority.
_NICE: Final = 19
# The name for no reranker.
NONE: Final = "none"

RUNS_ON_PYTORCH: Final = (
    "It has no package, so sentence-transformers runs it on PyTorch: slower, with more memory, "
    "without late interaction, and judged by a general calibration."
)

model = console.plain_group("List and choose embedding models.")

RerankerOption = Annotated[
    bool, typer.Option("--reranker", help="Choose the reranker instead; may be `none`.")
]


@model.command("list", cls=console.PlainCommand)
@console.with_settings(console.Begins.DEFAULT)
def list_models(settings: Settings, as_json: console.JsonOption = False) -> None:
    """List packages and the models on this machine, with their measurements.

    Example:
        commonplace model list
    """
    rows = inventory(checked_data_folder(settings.data.folder, may_begin=True), settings.model.name)
    console.show([asdict(row) if as_json else _row(row) for row in rows], as_json=as_json)
    if not as_json:
        console.out.print("`commonplace model use NAME` compares a model with the serving one.")


def _row(row: Row) -> console.Record:
    size = "" if row.megabytes is None else f", {row.megabytes:,} MB"
    ndcg = ", ".join(f"{value:.3f} on {name}" for name, value in row.ndcg.items())
    languages = languages_read(row.languages)
    facts = [
        row.name if row.name != row.key else "",
        f"{row.where.value}{size}",
        row.about,
        f"{row.licence or 'licence: see its card'}{f'; reads {languages}' if languages else ''}",
        f"speed: {row.speed or 'not measured'}",
        f"quality: {f'nDCG@10 {ndcg}' if ndcg else 'not measured here'}",
    ]
    standing = f"\n{row.standing.value}" if row.standing is not None else ""
    name = f"{row.key or Path(row.name).name}{standing}"
    return {"model": name, "what is known": "\n".join(filter(None, facts))}


@model.command("use", cls=console.PlainCommand)
@console.with_settings(console.Begins.DEFAULT)
def use_model(
    context: typer.Context,
    settings: Settings,
    name: Annotated[
        str,
        typer.Argument(metavar="NAME|FOLDER", help="An installed model, a folder, or owner/model."),
    ],
    reranker: RerankerOption = False,
) -> None:
    """Build another model's index, compare it with the serving model, and choose it.

    It serves from the bot's next start. Run the command again to resume a build.

    Example:
        commonplace model use multilingual
        commonplace model use --reranker none
    """
    folder = data_folder(settings.data.folder)
    opener: serving_model.Opener = context.obj or open_record
    with _explain_errors(), choice.hold_model_lock(folder):
        if is_bot_running(folder) and hasattr(os, "nice"):
            os.nice(_NICE - os.nice(0))
        if reranker:
            _use_reranker(settings, folder, opener, name)
            return
        record = _find_or_download(name)
        with Core(settings, opener=opener) as core:
            console.err.print(f"Opening {record.name}…")
            found = core.opener(record)
            if found.record.vectors == core.served.model.vectors:
                serving_model.switch_to(folder, settings.model.name, core.served)
                console.say(f"{core.served.model.name} serves already.")
                return
            if is_reference(found.embedder):
                console.say(f"{record.name}: {RUNS_ON_PYTORCH}", console.err)
            _use(settings, core, found)


@model.command("back", cls=console.PlainCommand)
@console.with_settings()
def back(settings: Settings, reranker: RerankerOption = False) -> None:
    """Go back to the previous model, from the bot's next start.

    Example:
        commonplace model back
    """
    folder = data_folder(settings.data.folder)
    with _explain_errors(), choice.hold_model_lock(folder):
        if reranker:
            name = previous_reranker(folder, settings.model.reranker)
            if name is None:
                raise ModelChoiceError(
                    "There is no earlier reranker: `commonplace model use --reranker` never "
                    "changed it."
                )
            _choose_reranker(settings, folder, name)
            return
        pointer = choice.go_back(folder, settings.model.name, settings.data.database)
    console.say(f"{pointer.serving.model.name} serves from the bot's next start.")


@contextmanager
def _explain_errors() -> Iterator[None]:
    try:
        yield
    except (ModelChoiceError, ModelError) as error:
        console.fail(str(error))


def _find_or_download(name: str) -> ModelRecord:
    """Return the model, with a progress bar while it is downloaded."""
    with Bar(
        TextColumn("Downloading {task.description}", markup=False),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        console=console.err,
        transient=True,
        disable=not console.err.is_terminal,
    ) as bar:
        task = bar.add_task(name, total=None)
        return choice.find_or_download(
            name, lambda done, total: bar.update(task, completed=done, total=total or None)
        )


def _use(settings: Settings, core: Core, found: RecordedModel) -> None:
    """Build a model's index, print a comparison with the serving model, and choose the model."""
    dimensions = found.embedder.dimension / core.embedder.dimension
    # The free space of a database server is unknown.
    if not core.database:
        choice.check_disk_space(core.folder, core.served, max(dimensions, 0.5))
    serving = RecordedModel(core.embedder, core.served.model)
    sides = [side_of(settings, core.folder, model) for model in (serving, found)]
    successor = serving_model.open_successor(core.folder, found, core.database)
    with successor.index as index:
        started = time.monotonic()
        console.run_with_progress(
            build(core, index, found.embedder), f"Indexing for {found.record.name}"
        )
        seconds = time.monotonic() - started
        figures = _figures(core, sides, (core.index, index))
        # Changes since the first pass.
        console.run_with_progress(build(core, index, found.embedder), "Indexing recent changes")
        index.tables.prune_vectors()
        index.save_snapshots()
    before = core.served.model.name
    serving_model.switch_to(core.folder, settings.model.name, successor.served)
    serving_model.delete_leftover_indexes(core.folder, core.database)
    print_comparison(figures, before, found.record.name)
    console.say(
        f"{found.record.name} serves from the bot's next start; its index took {seconds:,.0f} s. "
        "`commonplace model back` undoes this."
    )
    chosen = chosen_calibration(core.folder, found.record)
    if chosen.ignored:
        console.say(f"{chosen.description()}.")


def _use_reranker(
    settings: Settings, folder: Path, opener: serving_model.Opener, name: str
) -> None:
    """Compare a reranker with the serving one, and choose it."""
    if name == NONE:
        name = ""
    elif (own := named_folder(name)) is not None:
        name = str(own.resolve())
    before = chosen_reranker(folder, settings.model.reranker)
    milliseconds = settings.model.reranker_ms
    if name == before:
        console.say(f"{name or NONE} serves already.")
        return
    console.err.print("Opening the reranker…")
    other = open_reranking(name, milliseconds)
    if other is not None and not other.fitting():
        raise ModelChoiceError(
            f"{name} can't read two passages in {milliseconds} ms here, so it would never be used. "
            "Raise `model.reranker_ms`, or use a smaller reranker."
        )
    with Core(settings, opener=opener) as core:
        if core.problems():
            console.err.print(*core.problems(), soft_wrap=True)
        serving = RecordedModel(core.embedder, core.served.model)
        sides = [
            Side(serving, core.retriever.calibration, reranking)
            for reranking in (core.retriever.reranking, other)
        ]
        figures = _figures(core, sides, [core.index] * 2)
    print_comparison(figures, before or NONE, name or NONE)
    _choose_reranker(settings, folder, name)


def _choose_reranker(settings: Settings, folder: Path, name: str) -> None:
    choose_reranker(folder, settings.model.reranker, name)
    console.say(
        f"The reranker is {name or NONE} once the bot is restarted. "
        "`commonplace model back --reranker` undoes this."
    )


# Comparison.


def _figures(core: Core, sides: Sequence[Side], indexes: Sequence[Index]) -> list[Figure]:
    """Measure two sides on the shipped judged sets, and on this server's accepted answers."""
    figures: list[Figure] = []
    for name in COMMITTED:
        # Two rerankers of one model share the index of a set.
        by_model = groupby(sides, key=lambda side: side.model.embedder)
        serving, other = chain.from_iterable(_evaluate([*same], name) for _, same in by_model)
        figures += comparison.figures(name, serving, other)
    try:
        judged = comparison.accepted_answers(core.store, core.index.tables)
    except JudgedSetError as error:
        console.say(f"Not measured on this server's answers: {error}", console.err)
        return figures
    serving, other = (
        side.evaluator(index, judged).evaluate() for side, index in zip(sides, indexes, strict=True)
    )
    return [*figures, *comparison.figures(comparison.OWN, serving, other)]


def _evaluate(sides: Sequence[Side], name: str) -> list[Evaluation]:
    """Measure the sides with one embedder on the judged set `name`."""
    run = partial(
        console.run_with_progress, title=f"Measuring {sides[0].model.record.name} on {name}"
    )
    with comparison.evaluators(sides, judged_set(COMMITTED[name]), run) as evaluators:
        return [evaluator.evaluate() for evaluator in evaluators]


def print_comparison(figures: Sequence[Figure], serving: str, other: str) -> None:
    """Print both sides' figures on each judged set, with a verdict on `other`."""
    console.out.print(Text(f"serving: {serving}\nother:   {other}"))
    console.show(
        [
            {
                "set": figure.judged,
                "figure": f"{figure.name} of {len(figure.serving)}",
                "serving": mean(figure.serving),
                "other": mean(figure.other),
                "p": "<0.001" if figure.p < 0.001 else figure.p,
                "": _verdict(figure),
            }
            for figure in (*figures, *comparison.pool(figures))
        ]
    )
    console.out.print(
        "nDCG@10: quality of the ranking. found: questions with an accepted document among the "
        "first ten. answered: answerable questions that get an answer. refused: unanswerable "
        "questions that are refused. p: probability of such a difference between equally good "
        "models (paired randomisation test)."
    )


def _verdict(figure: Figure) -> str:
    if abs(figure.gain) < 1e-9:
        return "the same"
    if figure.p >= comparison.HARDLY_CHANCE:
        return "may be chance"
    return "better" if figure.gain > 0 else "worse"


# Evaluation.

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
    run = partial(console.run_with_progress, title=f"Indexing {name}")
    with (
        _endpoint_order(settings) as order,
        comparison.evaluators([side], judged, run, order) as [evaluator],
    ):
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
