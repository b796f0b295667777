"""Inventory of the models on this machine, and of the packages that could be installed."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path

from bot.models.serving_model import Pointer, Served, read_pointer
from indexer.embedding.embedder import not_installed
from indexer.embedding.installed_models import (
    PACKAGES,
    InstalledModel,
    installed_models,
    model_languages,
    models_in_order,
)


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
    missing = [name for name in PACKAGES if name not in installed_models()]
    rows: dict[str, Row] = {}
    for row in (
        *map(_row, models_in_order()),
        *(Row(name, Where.MISSING, name, about=not_installed(name)) for name in missing),
        *_downloads(cache),
    ):
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


def _row(model: InstalledModel) -> Row:
    return Row(
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
