"""The command `model`: list models, choose a better one, and go back.

Long work runs in this process, at the lowest priority while a bot runs. The bot takes the choice at
its next start.
"""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.progress import BarColumn, DownloadColumn, TextColumn, TransferSpeedColumn
from rich.progress import Progress as Bar

from bot.cli import model_output, rerankers
from bot.cli.console import (
    Begins,
    JsonOption,
    err,
    fail,
    out,
    print_json,
    run_with_progress,
    with_settings,
)
from bot.cli.help_text import PlainCommand, plain_group
from bot.cli.model_comparison import compare_on_accepted_answers, compare_on_shipped_sets
from bot.config.settings import Settings
from bot.core.core import Core
from bot.core.shadow_index import build
from bot.models import choice
from bot.models.calibrations import chosen_calibration
from bot.models.choice import ModelChoiceError
from bot.models.comparison import Side
from bot.models.inventory import inventory
from bot.models.serving_model import (
    Opener,
    delete_leftover_indexes,
    open_successor,
    switch_to,
)
from bot.models.serving_reranker import chosen_reranker
from bot.storage.data_folder import (
    checked_data_folder,
    data_folder,
    is_bot_running,
)
from indexer.embedding.embedder import ModelError, is_reference
from indexer.embedding.model_records import ModelRecord, RecordedModel, open_record
from indexer.retrieval.reranker import open_reranking

# Lowest priority.
_NICE: Final = 19

model = plain_group("List and choose embedding models.")

NameArgument = Annotated[
    str, typer.Argument(metavar="NAME|FOLDER", help="An installed model, a folder, or owner/model.")
]

RerankerOption = Annotated[
    bool,
    typer.Option("--reranker", help="Choose the reranker instead; may be `none`."),
]


@model.command("list", cls=PlainCommand)
@with_settings(Begins.DEFAULT)
def list_models(
    settings: Settings,
    as_json: JsonOption = False,
) -> None:
    """List packages and the models on this machine, with their measurements.

    Example:
        commonplace model list
    """
    rows = inventory(checked_data_folder(settings.data.folder, may_begin=True), settings.model.name)
    if as_json:
        for row in rows:
            print_json(asdict(row))
    else:
        out.print(model_output.models_text(rows), soft_wrap=True)


@model.command("use", cls=PlainCommand)
@with_settings(Begins.DEFAULT)
def use_model(
    context: typer.Context,
    settings: Settings,
    name: NameArgument,
    reranker: RerankerOption = False,
) -> None:
    """Build another model's index, compare it with the serving model, and choose it.

    It serves from the bot's next start. Run the command again to resume a build.

    Example:
        commonplace model use multilingual
        commonplace model use --reranker none
    """
    folder = data_folder(settings.data.folder)
    opener: Opener = context.obj or open_record
    with _explained():
        lower_priority(folder)
        if reranker:
            rerankers.use_reranker(settings, opener, name)
            return
        with choice.hold_model_lock(folder):
            record = _find_or_download(name)
            with Core(settings, opener=opener) as core:
                err.print(f"Opening {record.name}…")
                found = core.opener(record)
                if found.record.vectors == core.served.model.vectors:
                    switch_to(folder, settings.model.name, core.served)
                    out.print(f"{core.served.model.name} serves already.", soft_wrap=True)
                    return
                if is_reference(found.embedder):
                    err.print(model_output.runs_on_pytorch_text(record.name), soft_wrap=True)
                _use(settings, core, found)


@model.command("back", cls=PlainCommand)
@with_settings()
def back(
    settings: Settings,
    reranker: RerankerOption = False,
) -> None:
    """Go back to the previous model, from the bot's next start.

    Example:
        commonplace model back
    """
    folder = data_folder(settings.data.folder)
    with _explained():
        if reranker:
            rerankers.back_to_reranker(settings)
            return
        with choice.hold_model_lock(folder):
            pointer = choice.go_back(folder, settings.model.name, settings.data.database)
    out.print(f"{pointer.serving.model.name} serves from the bot's next start.", soft_wrap=True)


@contextmanager
def _explained() -> Iterator[None]:
    try:
        yield
    except (ModelChoiceError, ModelError) as error:
        fail(str(error))


def lower_priority(folder: Path) -> None:
    """Lower the priority of this process if a bot runs on the data folder."""
    if is_bot_running(folder) and hasattr(os, "nice"):
        os.nice(_NICE - os.nice(0))


def _find_or_download(name: str) -> ModelRecord:
    """Return the model, with a progress bar while it is downloaded."""
    columns = (
        TextColumn("Downloading {task.description}", markup=False),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
    )
    with Bar(*columns, console=err, transient=True, disable=not err.is_terminal) as bar:
        task = bar.add_task(name, total=None)

        def show(done: int, total: int) -> None:
            bar.update(task, completed=done, total=total or None)

        return choice.find_or_download(name, show)


def _use(settings: Settings, core: Core, found: RecordedModel) -> None:
    """Build a model's index, print a comparison with the serving model, and choose the model."""
    dimensions = found.embedder.dimension / core.embedder.dimension
    # The free space of a database server is unknown.
    if not core.database:
        choice.check_disk_space(core.folder, core.served, max(dimensions, 0.5))
    serving = RecordedModel(core.embedder, core.served.model)
    sides = [_side(settings, core, model) for model in (serving, found)]
    names = core.served.model.name, found.record.name
    successor = open_successor(core.folder, found, core.database)
    with successor.index as index:
        started = time.monotonic()
        run_with_progress(build(core, index, found.embedder), f"Indexing for {names[1]}")
        seconds = time.monotonic() - started
        figures = [
            *compare_on_shipped_sets(sides),
            *compare_on_accepted_answers(core, sides, (core.index, index)),
        ]
        # Changes since the first pass.
        run_with_progress(build(core, index, found.embedder), "Indexing recent changes")
        index.tables.prune_vectors()
        index.save_snapshots()
    switch_to(core.folder, settings.model.name, successor.served)
    delete_leftover_indexes(core.folder, core.database)
    out.print(model_output.comparison_text(figures, *names), soft_wrap=True)
    out.print(model_output.choice_text(names[1], seconds), soft_wrap=True)
    chosen = chosen_calibration(core.folder, found.record)
    if chosen.ignored:
        out.print(f"{chosen.description()}.", soft_wrap=True, markup=False)


def _side(settings: Settings, core: Core, found: RecordedModel) -> Side:
    name = chosen_reranker(core.folder, settings.model.reranker)
    reranking = open_reranking(name, settings.model.reranker_ms)
    return Side(found, chosen_calibration(core.folder, found.record).calibration, reranking)
