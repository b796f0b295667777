"""The commands `model use --reranker` and `model back --reranker`.

A reranker needs no index. The serving and the new reranker rank the shipped judged sets and the
server's accepted answers, for a table.
"""

from typing import Final

from bot.cli import model_output
from bot.cli.console import err, out
from bot.cli.model_comparison import compare_on_accepted_answers, compare_on_shipped_sets
from bot.config.settings import Settings
from bot.core.core import Core
from bot.models.choice import ModelChoiceError, hold_model_lock
from bot.models.comparison import Side
from bot.models.serving_model import Opener
from bot.models.serving_reranker import choose_reranker, chosen_reranker, previous_reranker
from bot.storage.data_folder import data_folder
from indexer.embedding.model_files import named_folder
from indexer.embedding.model_records import RecordedModel
from indexer.retrieval.reranker import open_reranking

# The name for no reranker.
NONE: Final = "none"


def use_reranker(settings: Settings, opener: Opener, name: str) -> None:
    """Compare a reranker with the serving one, and choose it; the name `none` is for no reranker.

    Raises:
        ModelChoiceError, ModelError, DataFolderError: with the remedy.
    """
    folder = data_folder(settings.data.folder)
    name = _stored_name(name)
    with hold_model_lock(folder):
        if name == chosen_reranker(folder, settings.model.reranker):
            out.print(f"{name or NONE} serves already.", soft_wrap=True)
            return
        err.print("Opening the reranker…")
        other = open_reranking(name, settings.model.reranker_ms)
        if other is not None and not other.fitting():
            raise ModelChoiceError(
                f"{name} can't read two passages in {settings.model.reranker_ms} ms here, so it "
                "would never be used. Raise `model.reranker_ms`, or use a smaller reranker."
            )
        with Core(settings, opener=opener) as core:
            if core.problems():
                err.print(*core.problems(), soft_wrap=True)
            model = RecordedModel(core.embedder, core.served.model)
            sides = [
                Side(model, core.retriever.calibration, one)
                for one in (core.retriever.reranking, other)
            ]
            figures = [
                *compare_on_shipped_sets(sides),
                *compare_on_accepted_answers(core, sides, [core.index] * 2),
            ]
        names = chosen_reranker(folder, settings.model.reranker) or NONE, name or NONE
        out.print(model_output.comparison_text(figures, *names), soft_wrap=True)
        choose_reranker(folder, settings.model.reranker, name)
    _say_chosen(name)


def back_to_reranker(settings: Settings) -> None:
    """Undo the last choice of a reranker.

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


def _stored_name(name: str) -> str:
    """The name to store: "" for `none`, and an absolute path for a folder."""
    if name == NONE:
        return ""
    folder = named_folder(name)
    return name if folder is None else str(folder.resolve())
