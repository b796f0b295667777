"""Choice of the serving model: finding a named model, and going back to the previous one."""

import shutil
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Final

from bot.models.index_pruning import prune_closed_indexes
from bot.models.serving_model import Pointer, Served, read_pointer, write_pointer
from bot.storage.data_folder import MODEL_LOCK, is_bot_running, try_lock
from bot.storage.index_places import has_index, index_place
from indexer.embedding import hub
from indexer.embedding.embedder import not_installed, require_libraries
from indexer.embedding.hub import Show
from indexer.embedding.installed_models import (
    PACKAGES,
    downloaded_folder,
    installed_models,
    named_folder,
)
from indexer.embedding.model_records import ModelRecord
from indexer.index.database import FORMAT as INDEX_FORMAT
from indexer.index.tables import IndexTables

# A model's folder has one of these files.
_OF_A_MODEL: Final = ("modules.json", "config.json")


class ModelChoiceError(Exception):
    """The model can't be chosen; the message says why and what to do."""


@contextmanager
def hold_model_lock(folder: Path) -> Iterator[None]:
    """Hold the lock for building an index or switching models; ModelChoiceError if it's taken."""
    with try_lock(folder, MODEL_LOCK) as mine:
        if not mine:
            raise ModelChoiceError(
                f"Another model's index is being built in {folder}, by `commonplace model use` or "
                "by the bot. Try again when it is done."
            )
        yield


def find_local_model(name: str) -> ModelRecord | None:
    """Find a model on this machine by its short name, folder or hub name; None if it isn't here.

    ModelChoiceError if the folder holds no model.
    """
    installed = installed_models().get(name)
    if installed is not None:
        return ModelRecord(installed.name)
    folder = named_folder(name)
    if folder is not None:
        if not any((folder / file).is_file() for file in _OF_A_MODEL):
            raise ModelChoiceError(
                f"{folder} holds neither modules.json nor config.json: it is no model's folder. "
                "Name a folder as sentence-transformers saves one."
            )
        return ModelRecord(str(folder.resolve()), str(folder.resolve()))
    found = downloaded_folder(name)
    # The hub's cache keeps each commit in a folder named after it.
    return None if found is None else ModelRecord(name, str(found), found.name)


def find_or_download(name: str, show: Show) -> ModelRecord:
    """Find a model as `find_local_model` does, or else download the model.

    Raises:
        ModelChoiceError, ModelError: if that fails; the message says what to do.
    """
    found = find_local_model(name)
    if found is not None:
        return found
    if name in PACKAGES:
        raise ModelChoiceError(not_installed(name))
    if "/" not in name or name.startswith((".", "/", "~")):
        raise ModelChoiceError(
            f"There is no model {name!r}. Choose one of `commonplace model list`, a folder, or a "
            "model of the hub as owner/model."
        )
    # Before the download, which takes minutes.
    require_libraries(name)
    fetched = hub.fetch(name, "", show)
    return ModelRecord(name, str(fetched.folder), fetched.revision)


def check_disk_space(folder: Path, serving: Served, ratio: float) -> None:
    """Check the space for an index `ratio` times as large as the serving one; ModelChoiceError."""
    own = folder / serving.index
    size = sum(path.stat().st_size for path in own.rglob("*") if path.is_file())
    free = shutil.disk_usage(folder).free
    if free < size * ratio:
        raise ModelChoiceError(
            f"The new index needs about {size * ratio / 1e6:,.0f} MB beside the old one, but "
            f"{folder} has {free / 1e6:,.0f} MB left. Make room first."
        )


def go_back(folder: Path, configured: str, database: str = "") -> Pointer:
    """Choose the previous model, until `model.name` in config.toml changes.

    Documents that were deleted meanwhile are first deleted from the previous model's index. A
    running bot does so by itself, and may be serving either index. `configured` is the present
    `model.name`, stored so that a change can be noticed.

    Raises:
        ModelChoiceError: if there is no previous model, or its index is gone.
    """
    pointer = read_pointer(folder)
    previous = pointer.previous if pointer is not None else None
    if pointer is None or previous is None:
        raise ModelChoiceError(
            "No other model has served here before, so there is nothing to go back to."
        )
    kept = index_place(folder, previous.index, database)
    if not has_index(kept):
        raise ModelChoiceError(
            f"The index of {previous.model.name} is gone. Use `commonplace model use "
            f"{previous.model.name}`, which builds it again."
        )
    if not is_bot_running(folder):
        place = index_place(folder, pointer.serving.index, database)
        with closing(IndexTables(place, {"format": str(INDEX_FORMAT)}, 0)) as serving:
            prune_closed_indexes(serving, [kept])
    back = Pointer(configured, previous, pointer.serving)
    write_pointer(folder, back)
    return back
