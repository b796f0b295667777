"""Records of models: what was opened once is found again, and is known to be the same.

A model is found by what was derived from it, else by its folder, else as a revision that was
downloaded, else by its name. What is found must make the vectors that the record says: those of
different models never mix in one index.
"""

import logging
from dataclasses import dataclass, replace
from pathlib import Path

from indexer.embedding.embedder import (
    Embedder,
    ModelError,
    RuntimeEmbedder,
    SentenceTransformerEmbedder,
    open_embedder,
)
from indexer.embedding.model_files import downloaded, model_folder, model_languages
from indexer.embedding.onnx_model import RuntimeModel, RuntimeModelError, source_digest
from indexer.embedding.shipped_models import derived_folder, shipped_models

_logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ModelRecord:
    """A model as it was opened.

    `name` is what somebody called it: a hub name or a folder. `folder` is where its files were,
    `revision` the hub's commit that they were downloaded as, `digest` theirs (`source_digest`), and
    `vectors` what the embedder called itself. All but the name may be unknown. `languages` are what
    its card says it is for.
    """

    name: str
    folder: str = ""
    revision: str = ""
    digest: str = ""
    vectors: str = ""
    languages: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RecordedModel:
    """An opened model, and everything that its record is to say."""

    embedder: Embedder
    record: ModelRecord


def recorded(record: ModelRecord, cache: Path, embedder: Embedder) -> RecordedModel:
    """A model that was just opened, with its record filled in."""
    if record.vectors == embedder.model:
        return RecordedModel(embedder, record)
    shipped = shipped_models().get(record.name)
    if shipped is not None:
        return RecordedModel(
            embedder,
            # A new release brings its own files.
            replace(
                record,
                folder="",
                digest=shipped.digest,
                vectors=embedder.model,
                languages=shipped.languages,
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
    """Open a model again as it was recorded; of one with a name alone, whatever has that name.

    Raises:
        ModelError: if it is not there, or is not the one that was recorded.
    """
    return recorded(record, cache, _derived(record, cache) or _opened(record, cache))


def _opened(record: ModelRecord, cache: Path) -> Embedder:
    folder = recorded_folder(record)
    found = str(folder) if folder is not None else record.name
    if not found:
        raise ModelError(
            f"The model whose vectors are {record.vectors!r} is not on this machine any more."
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
    """Where a recorded model's files are now; None where its name alone can tell."""
    folder = Path(record.folder) if record.folder else None
    if folder is not None and folder.is_dir():
        return folder
    return downloaded(record.name, record.revision) if record.revision else None


def check_digest(folder: Path, digest: str, cache: Path) -> None:
    """Compare a model's files with those that were recorded.

    Raises:
        ModelError: if they are others.
    """
    try:
        found = source_digest(folder, cache)
    except FileNotFoundError as error:
        raise ModelError(str(error)) from error
    if found != digest:
        raise ModelError(
            f"The files of the model in {folder} are not those that were chosen: their digest is "
            f"{found[:16]}…, not {digest[:16]}…. Choose it again with `commonplace model use` if "
            "you mean them."
        )


def _derived(record: ModelRecord, cache: Path) -> RuntimeEmbedder | None:
    """What was derived from a model, if that is still there as it was made."""
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
