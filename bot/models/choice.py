"""Choice of the serving model: the list of models, a named model, and the previous one."""

import shutil
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path
from typing import Final

from bot.models.serving_model import (
    Pointer,
    Served,
    prune_closed_indexes,
    read_pointer,
    write_pointer,
)
from bot.storage.data_folder import MODEL_LOCK, is_bot_running, try_lock
from bot.storage.derived_data import has_index, index_place
from indexer.embedding import hub
from indexer.embedding.embedder import not_installed, require_libraries
from indexer.embedding.hub import Show
from indexer.embedding.installed_models import (
    PACKAGES,
    downloaded_folder,
    installed_models,
    model_languages,
    models_in_order,
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

    ModelChoiceError or ModelError if that fails; the message says what to do.
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
    `model.name`, stored so that a change can be noticed. ModelChoiceError if there is no previous
    model, or its index is gone.
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


class Where(StrEnum):
    """Where a model's files are."""

    INSTALLED = "installed"
    DOWNLOADED = "downloaded"
    FOLDER = "folder"
    MISSING = "not installed"


class Standing(StrEnum):
    """Standing of a model: it serves, it served before, or it will serve next."""

    SERVING = "serves"
    BEFORE = "served before"
    WANTED = "named in config.toml"


@dataclass(frozen=True, slots=True)
class Row:
    """A model in the list of `commonplace model list`, with its size on this machine.

    `key` is the name of a package's model, or "". `ndcg` has nDCG@10 by judged set, measured in
    this repository.
    """

    name: str
    where: Where
    key: str = ""
    standing: Standing | None = None
    megabytes: int | None = None
    licence: str = ""
    languages: tuple[str, ...] = ()
    about: str = ""
    speed: str = ""
    ndcg: Mapping[str, float] = field(default_factory=dict)


def inventory(folder: Path, configured: str, cache: str | None = None) -> list[Row]:
    """Return the serving model, then those of packages, then the others on this machine.

    `configured` is the model in config.toml. `cache` is the hub's download folder; None means the
    default folder.
    """
    listed = [
        Row(
            model.name,
            Where.INSTALLED,
            model.name,
            megabytes=model.megabytes,
            licence=model.licence,
            languages=model.languages,
            about=f"{model.names[0]}; {model.about}",
            speed=f"{model.texts_per_second:.0f} texts a second, {model.question_ms} ms a question",
            ndcg=model.ndcg,
        )
        for model in models_in_order()
    ]
    missing = [name for name in PACKAGES if name not in installed_models()]
    listed += [Row(name, Where.MISSING, name, about=not_installed(name)) for name in missing]
    rows: dict[str, Row] = {}
    for row in (*listed, *_downloads(cache)):
        rows.setdefault(row.name, row)
    pointer = read_pointer(folder)
    for served, standing in _standings(pointer, configured):
        installed = installed_models().get(served.model.name)
        name = served.model.name if installed is None else installed.name
        row = rows.get(name, Row(name, Where.FOLDER))
        languages = row.languages or served.model.languages
        rows[row.name] = replace(row, standing=standing, languages=languages)
    return sorted(
        rows.values(), key=lambda row: (row.standing is not Standing.SERVING, not row.key)
    )


def _standings(pointer: Pointer | None, configured: str) -> Iterator[tuple[Served, Standing]]:
    if pointer is None:
        return
    if pointer.previous is not None:
        yield pointer.previous, Standing.BEFORE
    yield pointer.serving, Standing.SERVING
    if configured not in (pointer.configured, pointer.serving.model.name):
        model = replace(pointer.serving.model, name=configured)
        yield replace(pointer.serving, model=model), Standing.WANTED


def _downloads(cache: str | None) -> Iterator[Row]:
    """Downloaded models of the hub that sentence-transformers can open."""
    from huggingface_hub import scan_cache_dir
    from huggingface_hub.errors import CacheNotFound

    try:
        repos = scan_cache_dir(cache).repos
    except CacheNotFound:
        return
    for repo in sorted(repos, key=lambda repo: repo.repo_id):
        commits = [
            revision
            for revision in repo.revisions
            if (revision.snapshot_path / "modules.json").exists()
        ]
        if repo.repo_type != "model" or not commits:
            continue
        newest = max(commits, key=lambda commit: commit.last_modified)
        yield Row(
            repo.repo_id,
            Where.DOWNLOADED,
            megabytes=round(repo.size_on_disk / 1e6),
            languages=tuple(sorted(model_languages(str(newest.snapshot_path)))),
        )
