"""Model records, for opening the same model again.

A recorded model is opened from its derived folder, or else from its recorded folder, from its
downloaded revision, or by its name. The model must produce the recorded vectors, because vectors of
different models never mix in one index.
"""

import logging
from dataclasses import dataclass, replace
from pathlib import Path

from indexer.embedding.derivation import derived_folder
from indexer.embedding.embedder import (
    Embedder,
    ModelError,
    RuntimeEmbedder,
    SentenceTransformerEmbedder,
    open_embedder,
)
from indexer.embedding.installed_models import installed_models
from indexer.embedding.model_files import downloaded_folder, model_folder, model_languages
from indexer.embedding.onnx_model import RuntimeModel, RuntimeModelError, source_digest

_logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ModelRecord:
    """Record of an opened model; everything but the name may be empty.

    Attributes:
        name: a hub name or a folder, as it was given.
        folder: the folder of the model's files.
        revision: the commit on the hub that was downloaded.
        digest: the `source_digest` of the folder.
        vectors: the identity of the model's vectors (`Embedder.model`).
        languages: the languages on the model's card.
    """

    name: str
    folder: str = ""
    revision: str = ""
    digest: str = ""
    vectors: str = ""
    languages: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RecordedModel:
    """An opened model with its complete record."""

    embedder: Embedder
    record: ModelRecord


def recorded_model(record: ModelRecord, cache: Path, embedder: Embedder) -> RecordedModel:
    """An opened model with its record brought up to date."""
    if record.vectors == embedder.model:
        return RecordedModel(embedder, record)
    installed = installed_models().get(record.name)
    if installed is not None:
        return RecordedModel(
            embedder,
            # A release of its package may hold other files than the recorded ones.
            replace(
                record,
                folder="",
                digest=installed.digest,
                vectors=embedder.model,
                languages=installed.languages,
            ),
        )
    found = recorded_folder(record) or model_folder(record.name)
    if found is None:
        return RecordedModel(embedder, replace(record, vectors=embedder.model))
    filled = replace(
        record,
        folder=str(found.resolve()),
        digest=source_digest(found, cache),
        vectors=embedder.model,
        languages=tuple(sorted(model_languages(str(found)))),
    )
    return RecordedModel(embedder, filled)


def open_record(record: ModelRecord, cache: Path) -> RecordedModel:
    """Open a recorded model again; a record with only a name accepts any model of that name.

    Raises:
        ModelError: if the recorded model is missing, or another model is in its place.
    """
    return recorded_model(record, cache, _derived(record, cache) or _opened(record, cache))


def _opened(record: ModelRecord, cache: Path) -> Embedder:
    folder = recorded_folder(record)
    found = str(folder) if folder is not None else record.name
    if not found:
        raise ModelError(
            f"The model with the vectors {record.vectors!r} is no longer on this machine."
        )
    if folder is not None and record.digest:
        check_digest(folder, record.digest, cache)
    embedder = open_embedder(found, cache)
    if record.vectors.endswith(" torch") and embedder.model != record.vectors:
        # It could not be derived when its index was built.
        embedder = SentenceTransformerEmbedder(found)
    if record.vectors and embedder.model != record.vectors:
        raise ModelError(
            f"The model {record.name!r} makes other vectors ({embedder.model}) than the index was "
            f"built with ({record.vectors})."
        )
    return embedder


def recorded_folder(record: ModelRecord) -> Path | None:
    """The recorded folder, or else the downloaded revision's folder; None if neither exists."""
    folder = Path(record.folder) if record.folder else None
    if folder is not None and folder.is_dir():
        return folder
    return downloaded_folder(record.name, record.revision) if record.revision else None


def check_digest(folder: Path, digest: str, cache: Path) -> None:
    """Compare a model's files with the recorded digest.

    Raises:
        ModelError: if the digests differ.
    """
    try:
        found = source_digest(folder, cache)
    except FileNotFoundError as error:
        raise ModelError(str(error)) from error
    if found != digest:
        raise ModelError(
            f"The files of the model in {folder} are not the chosen ones: their digest is "
            f"{found[:16]}…, not {digest[:16]}…. Choose it again with `commonplace model use` if "
            "you mean them."
        )


def _derived(record: ModelRecord, cache: Path) -> RuntimeEmbedder | None:
    """The derived embedder of a recorded model; None if it is missing or changed."""
    digest = record.digest or record.vectors.split(" ")[0]
    if not (record.vectors and digest):
        return None
    folder = derived_folder(digest, cache)
    if not folder.is_dir():
        return None
    try:
        embedder = RuntimeEmbedder(RuntimeModel.open(folder))
    except RuntimeModelError as error:
        _logger.warning("The fast model can't be used: %s", error)
        return None
    return embedder if embedder.model == record.vectors else None
