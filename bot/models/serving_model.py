"""Serving model: its pointer file, the opening of the model, and its index and kept indexes.

The pointer `model.json` names the serving model, the previous model, and their indexes. The model
chosen by `commonplace model use` serves from the bot's next start until `model.name` in config.toml
changes. All commands open the serving index by `open_serving`. A document deleted from the serving
index is deleted from the kept indexes, too, so that none answers from it when it serves again.

A reranker chosen by `commonplace model use --reranker` is kept in `reranker.json`, and holds until
`model.reranker` in config.toml changes. If the file can't be read, it is ignored, because the bot
must start even without its optional reranker.
"""

import hashlib
import json
import logging
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Final, NamedTuple

from bot.storage.data_folder import (
    MODEL_LOCK,
    POINTER,
    DataFolderError,
    open_index,
    try_lock,
    write_json,
)
from bot.storage.derived_data import INDEX, delete_index, has_index, index_names, index_place
from indexer.embedding.embedder import Embedder, ModelError
from indexer.embedding.installed_models import installed_models, model_folder
from indexer.embedding.model_records import ModelRecord, RecordedModel, open_record, recorded_folder
from indexer.index.database import FORMAT as INDEX_FORMAT
from indexer.index.database import IndexError_, Place, StaleIndexError
from indexer.index.index import Index
from indexer.index.tables import IndexTables
from knowledge.values.documents import Kind

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
    """Read the pointer; None in a new data folder. DataFolderError if it can't be read."""
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

    DataFolderError if it can't be written; nothing was changed.
    """
    fields = {"format": FORMAT, **asdict(pointer)}
    _save_choice(folder / POINTER, "model", fields, only_first=only_first)


def _save_choice(
    path: Path, thing: str, fields: Mapping[str, Any], *, only_first: bool = False
) -> None:
    try:
        write_json(path, fields, only_first=only_first)
    except OSError as error:
        raise DataFolderError(
            f"The choice of the {thing} can't be saved in {path.parent}: {error.strerror or error}."
            " Nothing was changed."
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
    built. `database` is the URL of the database with the indexes, if there is one. ModelError,
    StaleIndexError, IndexWriteError, DataFolderError the message says what to do.
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
    """Open the model of the serving index; ModelError, with the remedy, if that is impossible."""
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

    If this model served before, its previous index is opened. IndexWriteError if the index can't be
    written.
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


# Kept indexes.

# Documents deleted in one transaction.
_SLICE: Final = 200


def prune_index(serving: IndexTables, other: IndexTables) -> list[str]:
    """Delete the documents of another index that the serving index lacks or has changed.

    The next update of the other index reads the files with these documents again. Returns the ids
    of the deleted documents.
    """
    digests = serving.document_digests(Kind)
    theirs = other.document_digests(Kind)
    gone = [key for key, digest in theirs.items() if digests.get(key) != digest]
    if gone:
        lost = set(gone)
        paths = [path for path, record in other.files().items() if lost & set(record.documents)]
        # Delete the records of files first: after an interruption, none may claim lost documents.
        other.apply([], (), forgotten=paths)
        for start in range(0, len(gone), _SLICE):
            other.apply([], gone[start : start + _SLICE])
    return gone


def prune_closed_indexes(serving: IndexTables, places: Sequence[Place]) -> int:
    """Run `prune_index` on each closed index in `places`; return the number of deleted documents.

    Places without an index, and indexes that can't be opened, are skipped.
    """
    count = 0
    for place in filter(has_index, places):
        try:
            # Nothing is embedded or searched, so model and dimension don't matter.
            tables = IndexTables(place, {"format": str(INDEX_FORMAT)}, 0)
        except IndexError_ as error:
            _logger.warning("A kept index can't be opened: %s", error)
            continue
        with closing(tables):
            count += len(prune_index(serving, tables))
    return count


# The reranker.

RERANKER: Final = "reranker.json"


class _RerankerChoice(NamedTuple):
    """Content of `reranker.json`; each name is "" for no reranker.

    `configured` is the reranker in config.toml at the time of the choice.
    """

    configured: str
    serving: str
    previous: str


def _reranker_choice(folder: Path, configured: str) -> _RerankerChoice | None:
    """Read the choice; None if there is none, it can't be read, or config.toml has changed."""
    path = folder / RERANKER
    try:
        fields = json.loads(path.read_text(encoding="utf-8"))
        choice = _RerankerChoice(**{key: str(value) for key, value in fields.items()})
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError, AttributeError) as error:
        _logger.warning("%s can't be read; config.toml chooses the reranker: %s", path, error)
        return None
    return choice if choice.configured == configured else None


def chosen_reranker(folder: Path, configured: str) -> str:
    """Return the name of the reranker to serve, or "" for none.

    `configured` is the present `model.reranker` in config.toml, also below.
    """
    choice = _reranker_choice(folder, configured)
    return configured if choice is None else choice.serving


def choose_reranker(folder: Path, configured: str, name: str) -> None:
    """Save the choice of the reranker `name`, or "" for none. It applies from the next start.

    DataFolderError if it can't be saved; nothing was changed.
    """
    choice = _RerankerChoice(configured, name, chosen_reranker(folder, configured))
    _save_choice(folder / RERANKER, "reranker", choice._asdict())


def previous_reranker(folder: Path, configured: str) -> str | None:
    """Return the reranker that served before the last choice, or "" if none did.

    None if no reranker was chosen since the setting changed.
    """
    choice = _reranker_choice(folder, configured)
    return None if choice is None else choice.previous
