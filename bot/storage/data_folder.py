"""The data folder: where its files are, its file locks, and how an index of it is opened.

`run` and `preview` hold the folder while they live, so that there is one bot a folder; everything
else may be used beside them. A lock is the operating system's: it ends with the process that holds
it, however that ends, so nothing has to be cleaned up. The file stays, and means nothing by itself.

Errors:
    Exception
    └── DataFolderError           the data folder can't be made or written
        └── DataFolderHeldError   another bot runs on the data folder
"""

import logging
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

from filelock import FileLock, Timeout

from bot.config.settings import Settings
from bot.storage.derived_data import driver_needed
from bot.storage.file_permissions import close_to_others
from bot.storage.index_places import INDEX, index_place
from indexer.embedding.embedder import Embedder
from indexer.index.index import Index
from knowledge.store.database import Database
from knowledge.store.database_url import shown_database_url
from knowledge.store.erasure.tombstones import FILE as TOMBSTONES
from knowledge.store.sqlite_database import SqliteDatabase, is_empty
from knowledge.store.store import Store, StoreError
from knowledge.text import counted

if TYPE_CHECKING:
    from knowledge.store.postgres.database import PostgresDatabase

BOT_LOCK: Final = "bot.lock"
COMMUNITY: Final = "community.db"
BACKUPS: Final = "backups"
# Which model serves, and from which index (`bot.models.serving_model`).
POINTER: Final = "model.json"
# Held by whoever builds another index, or changes which one serves.
MODEL_LOCK: Final = "model.lock"

_logger = logging.getLogger(__name__)


class DataFolderError(Exception):
    """The data folder can't be made or written; the message says what to do."""


class DataFolderHeldError(DataFolderError):
    """Another bot runs on the data folder; the message says what to do."""


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
            "Other users of this machine could read %s in %s; now only the owner can.",
            counted(closed, "file or folder", "files and folders"),
            folder,
        )
    return folder


def model_cache() -> Path:
    """The user's folder of derived models, which all data folders share; it can be deleted.

    Source:
        XDG Base Directory Specification, "Environment variables".
    """
    named = Path(os.environ.get("XDG_CACHE_HOME", ""))
    # The specification has relative paths ignored.
    base = named if named.is_absolute() else Path.home() / ".cache"
    return base / "commonplace" / "models"


def open_store(folder: Path, url: str = "") -> Store:
    """Open the community database, or begin it in a folder that has never had one.

    Args:
        folder: the data folder.
        url: of the PostgreSQL database that is used instead of a file in it, if one is.

    Raises:
        StoreError: if it can't be opened, or is lost.
    """
    if not url:
        refuse_lost(folder)
    database = open_database(folder, url)
    if url and not is_empty(folder / COMMUNITY) and not database.last_ids():
        database.close()
        raise StoreError(
            f"The database {shown_database_url(url)} is empty, but {folder / COMMUNITY} is not. "
            "Bring what is in it over with `commonplace migrate --to URL`, run without "
            "`data.database`; or move it away to begin with an empty database."
        )
    return Store(database)


def open_database(
    folder: Path, url: str = "", *, schema: str = "", though_marked: bool = False
) -> Database:
    """Open what the community's data is in, without asking what there was before.

    Args:
        folder: the data folder.
        url: of the PostgreSQL database that is used instead of a file in it, if one is.
        schema: where its tables are there, if not where a bot looks for them.
        though_marked: whether it is opened all the same if it was moved.

    Raises:
        StoreError: if it can't be opened.
    """
    if not url:
        return SqliteDatabase(folder / COMMUNITY, though_marked=though_marked)
    return open_server(folder, url, schema=schema, though_marked=though_marked)


def open_server(
    folder: Path, url: str, *, schema: str = "", though_marked: bool = False
) -> "PostgresDatabase":
    """Open the PostgreSQL database that the community's data is in, as `open_database` does.

    Raises:
        StoreError: if it can't be opened.
    """
    with driver_needed():
        from knowledge.store.postgres.database import SCHEMA, PostgresDatabase
    return PostgresDatabase(url, folder, schema=schema or SCHEMA, though_marked=though_marked)


def refuse_unreachable(settings: Settings) -> None:
    """Refuse to start where a server has to be reached and can't be, before Discord is connected.

    So is a machine that could recognise nobody who is not to be quoted.

    Raises:
        StoreError: with the remedy.
    """
    if settings.data.database:
        with open_store(data_folder(settings), settings.data.database) as store:
            store.tombstones.share_key()


def refuse_lost(folder: Path) -> None:
    """Refuse to begin anew where a community database was: its backups would be rotated away.

    Raises:
        StoreError: with the remedy.
    """
    # A database is begun before anything beside it, so this is looked at first.
    left = [
        folder / name for name in (INDEX, POINTER, TOMBSTONES, BACKUPS) if _is_there(folder / name)
    ]
    path = folder / COMMUNITY
    if left and is_empty(path):
        raise StoreError(
            f"{path} is missing or empty, but there was one: {' and '.join(map(str, left))} "
            f"{'is' if len(left) == 1 else 'are'} there. Look whether its disk is mounted; or put "
            "a backup back with `commonplace restore FILE`, or an export with `commonplace import "
            "DIR`. To begin with an empty one all the same, move these away."
        )


def _is_there(path: Path) -> bool:
    """Whether this is a file, or a folder with anything in it."""
    return path.is_file() or (path.is_dir() and any(path.iterdir()))


@contextmanager
def exclusive(folder: Path, name: str) -> Iterator[bool]:
    """Hold a file lock in a data folder; False if another process holds it.

    Raises:
        DataFolderError: if the folder can't be written.
    """
    lock = FileLock(folder / name)
    try:
        lock.acquire(blocking=False)
    except Timeout:
        yield False
        return
    except OSError as error:
        raise DataFolderError(
            f"The data folder {folder} can't be written: {error.strerror or error}. Make it "
            "writable, or name another one with --data or COMMONPLACE_DATA."
        ) from error
    try:
        yield True
    finally:
        lock.release()


@contextmanager
def held(folder: Path, *, shared: bool = False) -> Iterator[None]:
    """Hold a data folder for as long as a bot runs on it; `shared` with others that do, too.

    Raises:
        DataFolderHeldError: if another bot does.
        DataFolderError: if the folder can't be written.
    """
    with exclusive(folder, BOT_LOCK) as mine:
        if not mine and not shared:
            raise DataFolderHeldError(
                f"Another bot is running on the data folder {folder}. Stop that one, or name "
                "another folder with --data or COMMONPLACE_DATA."
            )
        yield


def empty(folder: Path) -> None:
    """Delete everything in a data folder that this process holds.

    Raises:
        DataFolderError: if something can't be deleted.
    """
    for path in folder.iterdir():
        try:
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            elif path.name != BOT_LOCK:
                path.unlink()
        except OSError as error:
            raise DataFolderError(
                f"{path} can't be deleted: {error.strerror or error}. Delete {folder} yourself."
            ) from error


def is_held(folder: Path) -> bool:
    """Whether a bot runs on a data folder, on this machine."""
    with exclusive(folder, BOT_LOCK) as alone:
        return not alone


def open_index(folder: Path, embedder: Embedder, name: str = INDEX, database: str = "") -> Index:
    """An embedder's index: in a folder, or in the database of a URL.

    Raises:
        StaleIndexError: if it was made by another model, or another release.
        IndexWriteError: if it can't be opened or made.
    """
    return Index(
        index_place(folder, name, database),
        model=embedder.model,
        dimension=embedder.dimension,
        max_tokens=embedder.max_tokens,
    )
