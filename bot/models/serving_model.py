"""Serving model: the pointer file `model.json`, and the opening of the model and its index.

The pointer names the serving model, the previous model, and their indexes. The model chosen by
`commonplace model use` serves from the bot's next start until `model.name` in config.toml changes.
All commands open the serving index by `open_serving`.
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
from indexer.embedding.installed_models import installed_models, model_folder
from indexer.embedding.model_records import (
    ModelRecord,
    RecordedModel,
    open_record,
    recorded_folder,
)
from indexer.index.database import StaleIndexError
from indexer.index.index import Index

FORMAT: Final = 1
BEGUN_ANEW: Final = (
    "The index of %s can't serve %s, so a new one is built. Meanwhile, questions are answered from "
    "what it has so far: articles and notes first, then the sources."
)

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

    `configured` is the model in config.toml when `serving` was chosen. `previous` served before.
    """

    configured: str
    serving: Served
    previous: Served | None = None


@dataclass(frozen=True, slots=True)
class Opened:
    """A model and its index, both open."""

    served: Served
    embedder: Embedder
    index: Index


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
        previous = _serving(fields["previous"]) if fields["previous"] else None
        return Pointer(str(fields["configured"]), _serving(fields["serving"]), previous)
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise DataFolderError(
            f"{path}, which names the serving model, can't be read ({error}). Delete it: the model "
            "of config.toml then serves, from its index or from a new one."
        ) from error


def _serving(fields: dict[str, Any]) -> Served:
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

    `name` is the model in config.toml. With `rebuild`, it is to serve, even if its index must be
    built. `database` is the URL of the database with the indexes, if there is one.

    Raises:
        ModelError, StaleIndexError, IndexWriteError, DataFolderError: the message says what to do.
    """
    pointer = read_pointer(folder)
    chosen = chosen_model(folder, name)
    before = Served(chosen) if pointer is None else pointer.serving
    found = _open_again(chosen, opener) if rebuild else _open_model_before(before, chosen, opener)
    try:
        index = open_index(folder, found.embedder, before.index, database)
        opened = Opened(Served(found.record, before.index), found.embedder, index)
    except StaleIndexError:
        if not rebuild:
            raise
        opened = open_successor(folder, found, database)
        _logger.warning(BEGUN_ANEW, before.model.name, found.record.name)
    if rebuild or pointer is None:
        # Whether the files of the model are on this machine.
        model = before.model
        own = installed_models().get(model.name) or recorded_folder(model)
        here = bool(own or (model.name and model_folder(model.name)))
        switch_to(folder, name, opened.served, keep_previous=here)
        if opened.served.index != before.index and not here:
            delete_index(index_place(folder, before.index, database))
    return opened


def _open_model_before(before: Served, chosen: ModelRecord, opener: Opener) -> RecordedModel:
    """Open the model of the serving index.

    Raises:
        ModelError: if it can't be opened; the message gives the remedy.
    """
    try:
        return _open_again(before.model, opener)
    except ModelError as error:
        if chosen == before.model:
            raise
        raise ModelError(
            f"The index was built with the model {before.model.name!r}, which can't be opened. "
            f"`commonplace index`, or the bot's next start, builds an index for {chosen.name!r}."
        ) from error


def _open_again(model: ModelRecord, opener: Opener) -> RecordedModel:
    """Open a recorded model, even if it makes other vectors than recorded.

    An earlier release derived a fast form of it, for instance.
    """
    try:
        return opener(model)
    except ModelError:
        if not model.vectors or not model.name:
            raise
        return opener(replace(model, vectors=""))


def switch_to(
    folder: Path, configured: str, serving: Served, *, keep_previous: bool = True
) -> None:
    """Point to a model. With `keep_previous`, the model before becomes the previous one."""
    before = read_pointer(folder)
    if before is None:
        write_pointer(folder, Pointer(configured, serving), only_first=True)
        return
    previous = before.previous
    if before.serving.index != serving.index:
        previous = before.serving if keep_previous else None
    after = Pointer(configured, serving, previous)
    if after != before:
        write_pointer(folder, after)


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
