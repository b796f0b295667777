"""What is where in a data folder, and which of the indexes in it is opened, begun anew or replaced.

Errors:
    Exception
    └── DataFolderError    the data folder can't be made or written
"""

import logging
import shutil
from pathlib import Path
from typing import Final

from bot.config import Settings
from bot.engine.file_permissions import close_to_others
from indexer.embedding.embedder import Embedder
from indexer.index.database import StaleIndexError
from indexer.index.index import Index
from indexer.retrieval.evidence import Calibration, calibration

COMMUNITY: Final = "community.db"
INDEX: Final = "index"
# So many passages are embedded in half a minute.
SMALL_PASSAGES: Final = 2_000

CALIBRATION: Final = "calibration.toml"
MODELS: Final = "models"
NEXT_INDEX: Final = "index.next"
STALE_INDEX: Final = "index.stale"

_logger = logging.getLogger(__name__)


class DataFolderError(Exception):
    """The data folder can't be made or written; the message says what to do."""


def data_folder(settings: Settings) -> Path:
    """The data folder, made if it is missing, and closed to everybody but its owner.

    Raises:
        DataFolderError: if it can't be made.
    """
    folder = settings.data.folder.expanduser()
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DataFolderError(
            f"The data folder {folder} can't be made: {error.strerror or error}. Name another one "
            "with --data or COMMONPLACE_DATA."
        ) from error
    if closed := close_to_others(folder):
        _logger.warning(
            "Other users of this machine could read %d files and folders in %s; now only their "
            "owner can.",
            closed,
            folder,
        )
    return folder


def current_index(folder: Path, embedder: Embedder, *, rebuild: bool) -> Index:
    """The data folder's index; where it is stale, what follows it.

    A small one of the same model, run another way, is begun anew at once: whether a fast model
    could be derived may change from start to start. Any other goes on serving the process that
    has it open while its successor is built beside it, which only `rebuild` begins.
    """
    try:
        return open_index(folder, embedder)
    except StaleIndexError as error:
        if error.same_model and error.passages <= SMALL_PASSAGES:
            _logger.info("The index was made by another backend of the model; it is begun anew.")
            shutil.rmtree(folder / INDEX)
            return open_index(folder, embedder)
        if not rebuild:
            raise
        _logger.info("The index was made by another model; a new one is built beside it.")
    try:
        return open_index(folder, embedder, NEXT_INDEX)
    except StaleIndexError:
        # An earlier rebuild for yet another model was never completed.
        shutil.rmtree(folder / NEXT_INDEX)
        return open_index(folder, embedder, NEXT_INDEX)


def take_next_index(folder: Path) -> None:
    """Put the index that was built beside a stale one in its place, if there is one."""
    following = folder / NEXT_INDEX
    if following.exists():
        stale = folder / STALE_INDEX
        shutil.rmtree(stale, ignore_errors=True)
        (folder / INDEX).replace(stale)
        following.replace(folder / INDEX)
        shutil.rmtree(stale, ignore_errors=True)


def open_index(folder: Path, embedder: Embedder, name: str = INDEX) -> Index:
    """The index in a data folder, for this embedder."""
    return Index(
        folder / name,
        model=embedder.model,
        dimension=embedder.dimension,
        max_tokens=embedder.max_tokens,
    )


def own_calibration(folder: Path) -> Calibration:
    """The calibration fitted in this data folder, or the one that comes with the program."""
    path = folder / CALIBRATION
    return calibration(path if path.exists() else None)
