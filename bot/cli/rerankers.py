"""The command `model use --reranker` and its way back: compare with and without the reranker.

A reranker needs no index. The committed sets and the server's accepted answers are ranked both
ways, and it is chosen only if nothing gets worse.
"""

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from bot.cli import model_output
from bot.cli.console import err, fail, out, run_with_progress
from bot.config.settings import Settings
from bot.core.core import Core
from bot.models import gate
from bot.models.choice import ModelChoiceError, hold_model_lock
from bot.models.gate import Figure
from bot.models.serving_model import Opener
from bot.models.serving_reranker import choose_reranker, chosen_reranker, previous_reranker
from bot.storage.data_folder import data_folder, model_cache, open_index
from indexer.embedding.model_files import named_folder
from indexer.evaluation.judged_sets import COMMITTED, JudgedSet, JudgedSetError, judged_set
from indexer.evaluation.runner import Evaluation, Evaluator
from indexer.index.index import Index
from indexer.retrieval.reranker import Reranking, open_reranking

# The name for no reranker.
NONE: Final = "none"


def use_reranker(settings: Settings, opener: Opener, name: str, *, anyway: bool) -> None:
    """Choose a reranker on this machine, or `none`, unless results get worse.

    Raises:
        ModelChoiceError, ModelError, DataFolderError: with the remedy.
    """
    folder = data_folder(settings.data.folder)
    name = _as_kept(name)
    with hold_model_lock(folder):
        if name == chosen_reranker(folder, settings.model.reranker):
            out.print(f"{name or NONE} serves already.", soft_wrap=True)
            return
        err.print("Opening the reranker; deriving a fast form takes a minute at first…")
        other = open_reranking(name, settings.model.reranker_ms, model_cache())
        if other is not None and not other.fitting():
            raise ModelChoiceError(
                f"{name} can't read two passages in {settings.model.reranker_ms} ms here, so it "
                "would never be used. Raise `model.reranker_ms`, or use a smaller reranker."
            )
        with Core(settings, opener=opener) as core:
            if core.problems():
                err.print(*core.problems(), soft_wrap=True)
            figures = _measured(core, [core.retriever.reranking, other])
        before = chosen_reranker(folder, settings.model.reranker)
        out.print(model_output.gate_text(figures, before or NONE, name or NONE), soft_wrap=True)
        if not anyway and gate.worse_figures([*figures, *gate.pooled(figures)]):
            fail(
                f"{name or NONE} is worse, as the table shows; nothing was changed. To use it "
                "nevertheless, add --anyway.",
                model_output.WORSE,
            )
        choose_reranker(folder, settings.model.reranker, name)
    _say_chosen(name)


def back_to_reranker(settings: Settings) -> None:
    """Go back to the reranker before the last choice, or to none.

    Raises:
        ModelChoiceError, DataFolderError: with the remedy.
    """
    folder = data_folder(settings.data.folder)
    with hold_model_lock(folder):
        name = previous_reranker(folder, settings.model.reranker)
        if name is None:
            raise ModelChoiceError(
                "There is no earlier reranker: `commonplace model use --reranker` never changed it."
            )
        choose_reranker(folder, settings.model.reranker, name)
    _say_chosen(name)


def _say_chosen(name: str) -> None:
    out.print(
        f"The reranker is {name or NONE} once the bot is restarted. "
        "`commonplace model back --reranker` undoes this.",
        soft_wrap=True,
    )


def _as_kept(name: str) -> str:
    """Make a folder absolute, so that the name works from everywhere."""
    if name == NONE:
        return ""
    folder = named_folder(name)
    return name if folder is None else str(folder.resolve())


def _measured(core: Core, rerankings: Sequence[Reranking | None]) -> list[Figure]:
    """Compare both on each committed set and on the server's accepted answers."""
    figures: list[Figure] = []
    for name in COMMITTED:
        judged = judged_set(COMMITTED[name])
        with (
            tempfile.TemporaryDirectory(prefix="commonplace-reranker-") as temporary,
            open_index(Path(temporary), core.embedder) as index,
        ):
            evaluators = _evaluators(core, index, judged, rerankings)
            run_with_progress(evaluators[0].index(), f"Measuring on {name}")
            figures += gate.figures(name, *_evaluations(evaluators))
    try:
        judged = gate.accepted_answers(core.store, core.index.tables)
    except JudgedSetError as error:
        err.print(f"Not measured on this server's answers: {error}", soft_wrap=True)
        return figures
    own = _evaluations(_evaluators(core, core.index, judged, rerankings))
    return [*figures, *gate.figures(gate.OWN, *own)]


def _evaluators(
    core: Core, index: Index, judged: JudgedSet, rerankings: Sequence[Reranking | None]
) -> list[Evaluator]:
    retriever = core.retriever
    return [
        Evaluator(
            index,
            core.embedder,
            judged,
            retriever.calibration,
            one,
        )
        for one in rerankings
    ]


def _evaluations(evaluators: Sequence[Evaluator]) -> tuple[Evaluation, Evaluation]:
    serving, other = (one.evaluate() for one in evaluators)
    return serving, other
