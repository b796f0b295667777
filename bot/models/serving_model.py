"""Serving model: the pointer file `model.json`, and the opening of the model and its index.

The pointer names the serving model, the previous model, and their indexes. The model chosen by
`commonplace model use` serves until `model.name` in config.toml changes, and then until the index
of the newly named model is complete. All commands open the serving index by `open_serving`.
"""

import hashlib
import json
import logging
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Final

from bot.storage.data_folder import (
    MODEL_LOCK,
    POINTER,
    DataFolderError,
    open_index,
    try_lock,
)
from bot.storage.index_places import INDEX, delete_index, index_names, index_place
from bot.storage.json_file import write_json
from indexer.embedding.embedder import Embedder, ModelError
from indexer.embedding.installed_models import installed_models
from indexer.embedding.model_records import ModelRecord, RecordedModel, open_record
from indexer.index.database import StaleIndexError
from indexer.index.index import Index

FORMAT: Final = 1
# The largest number of passages in an index rebuilt at the start, which takes half a minute.
SMALL_PASSAGES: Final = 2_000

_logger = logging.getLogger(__name__)

# Opens a recorded model.
Opener = Callable[[ModelRecord], RecordedModel]


@dataclass(frozen=True, slots=True)
class Served:
    """A model, and the name of its index."""

    model: ModelRecord
    index: str = INDEX


@dataclass(frozen=True, slots=True)
class Pointer:
    """Content of the pointer file.

    Attributes:
        configured: the model in config.toml when `serving` was chosen.
        serving: the serving model.
        previous: the model that served before, if any.
    """

    configured: str
    serving: Served
    previous: Served | None = None


@dataclass(frozen=True, slots=True)
class Opened:
    """A model and its index, both open.

    `wanted` is the model that will serve instead as soon as its own index is complete, or None.
    """

    served: Served
    embedder: Embedder
    index: Index
    wanted: ModelRecord | None = None


# The pointer.


def read_pointer(folder: Path) -> Pointer | None:
    """Read the pointer; None in a new data folder.

    Raises:
        DataFolderError: if the file can't be read; the message says what to do.
    """
    path = folder / POINTER
    try:
        fields = json.loads(path.read_text(encoding="utf-8"))
        if fields["format"] != FORMAT:
            raise ValueError(f"format {fields['format']}")
        previous = _served(fields["previous"]) if fields["previous"] else None
        return Pointer(str(fields["configured"]), _served(fields["serving"]), previous)
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise DataFolderError(
            f"{path}, which names the serving model, can't be read ({error}). Delete it: the model "
            "of config.toml then serves, from its index or from a new one."
        ) from error


def _served(fields: dict[str, Any]) -> Served:
    model = dict(fields["model"])
    languages = tuple(map(str, model.pop("languages")))
    record = ModelRecord(languages=languages, **{key: str(value) for key, value in model.items()})
    index = str(fields["index"])
    if Path(index).name != index or not index.startswith(INDEX):
        raise ValueError(f"{index!r} is no index")
    return Served(record, index)


def write_pointer(folder: Path, pointer: Pointer, *, only_first: bool = False) -> None:
    """Replace the pointer atomically. With `only_first`, write it only if there is no pointer yet.

    Raises:
        DataFolderError: if the pointer can't be written; nothing was changed.
    """
    fields = {"format": FORMAT, **asdict(pointer)}
    try:
        write_json(folder / POINTER, fields, only_first=only_first)
    except OSError as error:
        raise DataFolderError(
            f"The choice of the model can't be saved in {folder}: {error.strerror or error}. "
            "Nothing was changed."
        ) from error


def switch_to(folder: Path, configured: str, serving: Served) -> None:
    """Point to a model with a complete index. The replaced model becomes the previous model."""
    before = read_pointer(folder)
    previous = before.previous if before is not None else None
    if before is not None and before.serving.index != serving.index:
        previous = before.serving
    after = Pointer(configured, serving, previous)
    if after != before:
        write_pointer(folder, after)


def delete_leftover_indexes(folder: Path, database: str = "") -> None:
    """Delete all indexes except the serving and the previous index.

    The caller holds `MODEL_LOCK`. A process that still has a deleted index open keeps working until
    it switches to the serving index.
    """
    for name in other_indexes(folder, database):
        delete_index(index_place(folder, name, database))


def retained_indexes(folder: Path) -> list[str]:
    """Return the names of the serving and the previous index."""
    pointer = read_pointer(folder)
    if pointer is None:
        return [INDEX]
    before = [] if pointer.previous is None else [pointer.previous.index]
    return [pointer.serving.index, *before]


def other_indexes(folder: Path, database: str = "") -> list[str]:
    """Return the names of the other indexes, which are unfinished or left over."""
    kept = retained_indexes(folder)
    return [name for name in index_names(folder, database) if name not in kept]


def is_serving(folder: Path, served: Served) -> bool:
    """Whether this model and index still serve."""
    pointer = read_pointer(folder)
    return pointer is None or pointer.serving.index == served.index


def is_building(folder: Path) -> bool:
    """Whether a process is building another index."""
    with try_lock(folder, MODEL_LOCK) as mine:
        return not mine


def chosen_model(folder: Path, name: str) -> ModelRecord:
    """Return the model that is to serve; `name` is the model in config.toml.

    This is the model in the pointer, chosen by `commonplace model use`. If `name` has changed since
    that choice, the model in config.toml is returned instead.
    """
    pointer = read_pointer(folder)
    if pointer is None:
        return ModelRecord(name)
    serving, installed = pointer.serving.model, installed_models().get(name)
    same = installed is not None and installed is installed_models().get(serving.name)
    return serving if same or pointer.configured == name else ModelRecord(name)


# Opening.


def open_serving(
    folder: Path,
    name: str,
    opener: Opener = open_record,
    *,
    rebuild: bool = False,
    database: str = "",
) -> Opened:
    """Open the serving model with its index.

    Args:
        folder: the data folder.
        name: the model in config.toml.
        opener: opens models; tests pass another function.
        rebuild: whether to open the chosen model even if its index isn't complete.
        database: URL of the database with the indexes, if they aren't in the data folder.

    Raises:
        ModelError, StaleIndexError, IndexWriteError, DataFolderError: the message says what to do.
    """
    kept = read_pointer(folder)
    wanted = chosen_model(folder, name)
    serving = kept.serving if kept is not None else Served(wanted)
    if wanted != serving.model and not rebuild:
        old = _reopened(folder, serving, opener, database)
        if old is not None:
            return replace(old, wanted=wanted)
    found = _opened_wanted(wanted, opener)
    try:
        index = _open_or_replace(folder, found.embedder, serving.index, database)
    except StaleIndexError as error:
        if rebuild:
            return open_successor(folder, found, database)
        made_by = Served(ModelRecord("", vectors=error.model), serving.index)
        old = _reopened(folder, made_by, opener, database)
        if old is None:
            raise
        return replace(old, wanted=wanted)
    served = Served(found.record, serving.index)
    if kept is None or kept.serving != served or kept.configured != name:
        previous = kept.previous if kept is not None else None
        # The first model, or a new name of the serving model.
        write_pointer(folder, Pointer(name, served, previous), only_first=kept is None)
    return Opened(served, found.embedder, index)


def _opened_wanted(wanted: ModelRecord, opener: Opener) -> RecordedModel:
    """Open the wanted model. If the recorded runtime fails, open it with another runtime."""
    try:
        return opener(wanted)
    except ModelError:
        if not wanted.vectors or not wanted.name:
            raise
        return opener(replace(wanted, vectors=""))


def _reopened(folder: Path, served: Served, opener: Opener, database: str) -> Opened | None:
    """Open a previous model and its index, or return None if one of them can't be opened."""
    try:
        embedder = opener(served.model).embedder
        if embedder.model != served.model.vectors:
            return None
        return Opened(served, embedder, open_index(folder, embedder, served.index, database))
    except (ModelError, StaleIndexError) as error:
        _logger.debug("The index's own model can't be opened: %s", error)
        return None


def _open_or_replace(folder: Path, embedder: Embedder, name: str, database: str) -> Index:
    """Open an embedder's index. A small index of another runtime is replaced by an empty index.

    The bot derives a fast form of a model, if it can. The derivation may work at one start and fail
    at the next. Then the runtime has changed, and the old index is stale. A small index
    (`SMALL_PASSAGES`) is soon built again, but a larger index raises `StaleIndexError`.
    """
    try:
        return open_index(folder, embedder, name, database)
    except StaleIndexError as error:
        if not error.same_model or error.passages > SMALL_PASSAGES:
            raise
        _logger.info("The index was made by another backend of the model; it is begun anew.")
        delete_index(index_place(folder, name, database))
        return open_index(folder, embedder, name, database)


def open_successor(folder: Path, found: RecordedModel, database: str = "") -> Opened:
    """Open or create the index of the model that will serve next, beside the serving index.

    If this model served before, its previous index is opened.

    Raises:
        IndexWriteError: if the index can't be written.
    """
    embedder = found.embedder
    pointer = read_pointer(folder)
    previous = pointer.previous if pointer is not None else None
    name = index_name(embedder)
    if previous is not None and previous.model.vectors == embedder.model:
        name = previous.index
    try:
        index = open_index(folder, embedder, name, database)
    except StaleIndexError:
        # Another format, or another passage length.
        delete_index(index_place(folder, name, database))
        index = open_index(folder, embedder, name, database)
    return Opened(Served(found.record, name), embedder, index)


def index_name(embedder: Embedder) -> str:
    told = f"{embedder.model} {embedder.dimension} {embedder.max_tokens}"
    return f"{INDEX}.{hashlib.sha256(told.encode()).hexdigest()[:8]}"
