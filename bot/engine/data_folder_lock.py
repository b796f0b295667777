"""One bot a data folder: who holds it is told by a lock of the operating system.

`run` and `preview` hold the folder while they live; everything else may be used beside them. The
lock ends with the process that holds it, however that ends, so nothing has to be cleaned up: the
file stays, and means nothing by itself.

Errors:
    DataFolderError (bot.engine.data_folder)
    └── DataFolderHeldError    another bot runs on the data folder
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from filelock import FileLock, Timeout

from bot.engine.data_folder import DataFolderError

LOCK: Final = "bot.lock"


class DataFolderHeldError(DataFolderError):
    """Another bot runs on the data folder; the message says what to do."""


@contextmanager
def held(folder: Path) -> Iterator[None]:
    """Hold a data folder for as long as a bot runs on it.

    Raises:
        DataFolderHeldError: if another bot does.
        DataFolderError: if the folder can't be written.
    """
    lock = FileLock(folder / LOCK)
    try:
        lock.acquire(blocking=False)
    except Timeout as error:
        raise DataFolderHeldError(
            f"Another bot is running on the data folder {folder}. Stop that one, or name another "
            "folder with --data or COMMONPLACE_DATA."
        ) from error
    except OSError as error:
        raise DataFolderError(
            f"The data folder {folder} can't be written: {error.strerror or error}. Make it "
            "writable, or name another one with --data or COMMONPLACE_DATA."
        ) from error
    try:
        yield
    finally:
        lock.release()


def is_held(folder: Path) -> bool:
    """Whether a bot is running on a data folder at this moment."""
    if not (folder / LOCK).exists():
        return False
    try:
        with held(folder):
            return False
    except DataFolderHeldError:
        return True
