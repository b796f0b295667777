"""Model records, for opening the same model again.

An installed model is opened by its name, any other from its recorded folder, from its downloaded
revision, or by its name. The model must produce the recorded vectors, because vectors of different
models never mix in one index.
"""

from dataclasses import dataclass, replace
from pathlib import Path

from indexer.embedding.embedder import Embedder, ModelError, open_embedder
from indexer.embedding.installed_models import (
    downloaded_folder,
    installed_models,
    model_folder,
    model_languages,
)
from indexer.embedding.onnx_model import source_digest


@dataclass(frozen=True, slots=True)
class ModelRecord:
    """Record of an opened model; everything but the name may be empty.

    The name is a hub name or a folder, as it was given. `vectors` is `Embedder.model`, `digest` the
    `source_digest` of the folder, `revision` the downloaded commit on the hub.
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


def open_record(record: ModelRecord) -> RecordedModel:
    """Open a recorded model again; a record with only a name accepts any model of that name.

    Raises ModelError if the recorded model is missing, or another model is in its place.
    """
    if not record.name:
        raise ModelError(
            f"The model with the vectors {record.vectors!r} is no longer on this machine."
        )
    installed = installed_models().get(record.name)
    folder = None if installed is not None else recorded_folder(record)
    if folder is not None and record.digest:
        check_digest(folder, record.digest)
    embedder = open_embedder(record.name if folder is None else str(folder))
    if record.vectors and embedder.model != record.vectors:
        raise ModelError(
            f"The model {record.name!r} makes other vectors ({embedder.model}) than the index was "
            f"built with ({record.vectors})."
        )
    if record.vectors == embedder.model:
        return RecordedModel(embedder, record)
    if installed is not None:
        filled = replace(record, digest=installed.digest, languages=installed.languages)
    elif (found := folder or model_folder(record.name)) is not None:
        filled = replace(
            record,
            folder=str(found.resolve()),
            digest=source_digest(found),
            languages=tuple(sorted(model_languages(str(found)))),
        )
    else:
        filled = record
    return RecordedModel(embedder, replace(filled, vectors=embedder.model))


def recorded_folder(record: ModelRecord) -> Path | None:
    """The recorded folder, or else the downloaded revision's folder; None if neither exists."""
    folder = Path(record.folder) if record.folder else None
    if folder is not None and folder.is_dir():
        return folder
    return downloaded_folder(record.name, record.revision) if record.revision else None


def check_digest(folder: Path, digest: str) -> None:
    """Compare a model's files with the recorded digest; raises ModelError if the digests differ."""
    try:
        found = source_digest(folder)
    except FileNotFoundError as error:
        raise ModelError(str(error)) from error
    if found != digest:
        raise ModelError(
            f"The files of the model in {folder} are not the chosen ones: their digest is "
            f"{found[:16]}…, not {digest[:16]}…. Choose it again with `commonplace model use` if "
            "you mean them."
        )
