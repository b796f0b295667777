"""Data folder: its mark, files and file locks, and functions to open its store and indexes.

A folder is Commonplace's if it has the mark, a community database, a backup, tombstones or the
pointer to the serving model. Any other folder that isn't empty is refused before anything in it is
changed.

`run` and `preview` hold a lock on the folder, so that only one bot at a time uses the folder. Other
commands can run at the same time. The operating system releases a lock when its process ends. The
lock's file remains, but doesn't mean that the folder is locked.

Only the folder's owner can read and write its files: `main` sets the umask for new files, and
opening the folder restricts files copied into it.

Errors:
    Exception
    └── DataFolderError           the data folder can't be made or written, or isn't Commonplace's
        └── DataFolderHeldError   another bot runs on the data folder
"""

import json
import logging
import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from filelock import FileLock, Timeout

from bot.storage.derived_data import INDEX, explain_missing_driver, index_place
from indexer.embedding.embedder import Embedder
from indexer.index.index import Index
from knowledge.files.scan import DATA_MARK
from knowledge.store.database import Database
from knowledge.store.database_url import database_label
from knowledge.store.erasure.tombstones import FILE as TOMBSTONES
from knowledge.store.erasure.tombstones import are_tombstones
from knowledge.store.sqlite_database import SqliteDatabase, is_community_database, is_empty
from knowledge.store.store import Store, StoreError
from knowledge.text import count_of

if TYPE_CHECKING:
    from knowledge.store.postgres.database import PostgresDatabase

BOT_LOCK: Final = "bot.lock"
COMMUNITY: Final = "community.db"
BACKUPS: Final = "backups"
_MARK_TEXT: Final = "Data folder of Commonplace. Only its owner may read these files.\n"
# Names the serving model and its index (`bot.models.serving_model`).
POINTER: Final = "model.json"
_POINTER_CHARACTERS: Final = 100_000
# Held while another index is built, or the serving one is changed.
MODEL_LOCK: Final = "model.lock"

_logger = logging.getLogger(__name__)


class DataFolderError(Exception):
    """The data folder can't be used; the message says what to do."""


class DataFolderHeldError(DataFolderError):
    """Another bot runs on the data folder; the message says what to do."""


def data_folder(folder: Path) -> Path:
    """Create a data folder unless it exists, restrict its permissions, and return its path.

    DataFolderError if the folder can't be made, or holds only foreign files.
    """
    folder = checked_data_folder(folder, may_begin=True)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _mark(folder)
    except OSError as error:
        raise DataFolderError(
            f"The data folder {folder} can't be made: {error.strerror or error}. Name another one "
            "with --data or COMMONPLACE_DATA."
        ) from error
    if closed := restrict_to_owner(folder):
        _logger.warning(
            "Other users of this machine could read %s in %s; now only the owner can.",
            count_of(closed, "file or folder", "files and folders"),
            folder,
        )
    return folder


def checked_data_folder(folder: Path, *, may_begin: bool) -> Path:
    """Return a data folder's path, with `~` expanded. Nothing is created or changed.

    With `may_begin`, the folder may be missing or empty. DataFolderError if the folder can't be
    read or used.
    """
    names: set[str] | None = None
    try:
        folder = folder.expanduser()
        with suppress(FileNotFoundError):
            # A new file system has `lost+found`.
            names = {path.name for path in folder.iterdir()} - {"lost+found"}
        is_foreign = bool(names) and not _is_own(folder)
    # `expanduser` raises RuntimeError for an unknown user, and a NUL in a path is a ValueError.
    except (OSError, RuntimeError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error).removesuffix(".")
        raise DataFolderError(
            f"The data folder {folder} can't be read: {reason}. Name another one with --data or "
            "COMMONPLACE_DATA."
        ) from error
    if is_foreign:
        raise DataFolderError(
            f"{folder} has other files and no data of Commonplace, so nothing there was changed. "
            "Name the bot's data folder, or a new one, with --data or COMMONPLACE_DATA."
        )
    if not names and not may_begin:
        problem = (
            f"There is no data folder {folder}."
            if names is None
            else f"The data folder {folder} is empty. Check that its disk is mounted."
        )
        raise DataFolderError(
            f"{problem} Name the bot's with --data or COMMONPLACE_DATA; `commonplace run` and "
            "`commonplace index` begin a new one."
        )
    return folder


def _is_own(folder: Path) -> bool:
    """Whether a file proves by its content that Commonplace made this folder's files."""
    if (folder / DATA_MARK).is_file():
        with (folder / DATA_MARK).open(encoding="utf-8", errors="replace") as file:
            # A process may be writing it.
            if _MARK_TEXT.startswith(file.read(len(_MARK_TEXT))):
                return True
    databases = chain(folder.glob("community*.db"), (folder / BACKUPS).glob("community*.db"))
    return (
        any(map(is_community_database, databases))
        or are_tombstones(folder / TOMBSTONES)
        # After a kill, all of a young database may still be in its write-ahead log.
        or _is_pointer(folder / POINTER)
    )


def _is_pointer(path: Path) -> bool:
    if not path.is_file():
        return False
    with path.open(encoding="utf-8", errors="replace") as file:
        text = file.read(_POINTER_CHARACTERS)
    try:
        return bool({"format", "configured", "serving"} <= json.loads(text).keys())
    except (ValueError, AttributeError, RecursionError):
        return False


def _mark(folder: Path) -> None:
    """Mark a data folder before anything else is written there."""
    try:
        with (folder / DATA_MARK).open("x", encoding="utf-8") as file:
            file.write(_MARK_TEXT)
    except FileExistsError:
        return
    except OSError:
        # Without the mark, the other files still prove a folder that can't be written.
        if not _is_own(folder):
            raise


def open_store(folder: Path, url: str = "") -> Store:
    """Open the database at `url` or in the folder, or create it in one that never had one.

    StoreError if the database can't be opened, or is lost.
    """
    if not url:
        refuse_lost_database(folder)
    database = open_database(folder, url)
    if url and not is_empty(folder / COMMUNITY) and not database.last_ids():
        database.close()
        raise StoreError(
            f"The database {database_label(url)} is empty, but {folder / COMMUNITY} is not. "
            "Move its content with `commonplace cluster migrate --to URL`, without "
            "`data.database`; or move the file away to begin with an empty database."
        )
    return Store(database)


def open_database(
    folder: Path, url: str = "", *, schema: str = "", though_marked: bool = False
) -> Database:
    """Open the community database without checking whether it was lost.

    An empty `schema` is the bot's. With `though_marked`, open a database marked as moved, too.
    StoreError if the database can't be opened.
    """
    if not url:
        return SqliteDatabase(folder / COMMUNITY, though_marked=though_marked)
    return open_server(folder, url, schema=schema, though_marked=though_marked)


def open_server(
    folder: Path, url: str, *, schema: str = "", though_marked: bool = False
) -> "PostgresDatabase":
    """Open the community database in PostgreSQL, as `open_database` does.

    StoreError if the database can't be opened.
    """
    with explain_missing_driver():
        from knowledge.store.postgres.database import SCHEMA, PostgresDatabase
    return PostgresDatabase(url, folder, schema=schema or SCHEMA, though_marked=though_marked)


def check_database_server(folder: Path, url: str) -> None:
    """Check that the database server answers, before the bot logs in to Discord.

    Also check that all machines with this database have the same key in their data folders. With
    this key, the bot recognizes members who opted out of quotation. StoreError if a check fails;
    the message says what to do.
    """
    if url:
        with open_store(folder, url) as store:
            store.tombstones.check_key()


def refuse_lost_database(folder: Path) -> None:
    """Refuse to create a new community database in place of a lost one.

    Otherwise, backups of the new database would replace the backups of the lost one. StoreError if
    the database is lost; the message says what to do.
    """
    # Look for these before the database, which a process that makes the folder creates first.
    others = [folder / name for name in (INDEX, POINTER, TOMBSTONES, BACKUPS)]
    left = [
        other for other in others if other.is_file() or (other.is_dir() and any(other.iterdir()))
    ]
    path = folder / COMMUNITY
    if left and is_empty(path):
        raise StoreError(
            f"{path} is missing or empty, but there was one: {' and '.join(map(str, left))} "
            f"{'is' if len(left) == 1 else 'are'} there. Check that its disk is mounted. To "
            "restore a backup, use `commonplace restore FILE`; an export, `commonplace import "
            "DIR`. To begin with an empty database, move these away."
        )


@contextmanager
def try_lock(folder: Path, name: str) -> Iterator[bool]:
    """Hold a file lock in a data folder; yields False if another process holds it.

    DataFolderError if the folder can't be written.
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
def hold_bot_lock(folder: Path, *, shared: bool = False) -> Iterator[None]:
    """Lock a data folder for a running bot. With `shared`, several processes of a bot may run.

    Raises:
        DataFolderHeldError: if another bot holds the lock.
        DataFolderError: if the folder can't be written.
    """
    with try_lock(folder, BOT_LOCK) as mine:
        if not mine and not shared:
            raise DataFolderHeldError(
                f"Another bot is running on the data folder {folder}. Stop that one, or name "
                "another folder with --data or COMMONPLACE_DATA."
            )
        yield


def empty_data_folder(folder: Path) -> None:
    """Delete everything but the mark in a data folder held by this process.

    DataFolderError if a file can't be deleted.
    """
    for path in folder.iterdir():
        try:
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            elif path.name not in {BOT_LOCK, DATA_MARK}:
                path.unlink()
        except OSError as error:
            raise DataFolderError(
                f"{path} can't be deleted: {error.strerror or error}. Delete {folder} yourself."
            ) from error


def is_bot_running(folder: Path) -> bool:
    """Whether a bot on this machine uses a data folder."""
    with try_lock(folder, BOT_LOCK) as alone:
        return not alone


def open_index(folder: Path, embedder: Embedder, name: str = INDEX, database: str = "") -> Index:
    """Open or create an embedder's index, in the data folder or in a PostgreSQL database.

    Raises:
        StaleIndexError: if another model or release made the index.
        IndexWriteError: if the index can't be opened or created.
    """
    return Index(
        index_place(folder, name, database),
        model=embedder.model,
        dimension=embedder.dimension,
        max_tokens=embedder.max_tokens,
    )


def write_json(path: Path, fields: Any, *, only_first: bool = False) -> None:
    """Write fields as JSON, atomically and durably.

    With `only_first`, an existing file is kept, even if another process creates it meanwhile.
    OSError if the file can't be written; nothing was changed.
    """
    descriptor, name = tempfile.mkstemp(prefix=f"{path.name}.", dir=path.parent)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(json.dumps(fields, indent=1, ensure_ascii=False))
            file.flush()
            os.fsync(file.fileno())
        if not only_first:
            Path(name).replace(path)
        elif not path.exists():
            try:
                # Fails if another process was first.
                os.link(name, path)
            except FileExistsError:
                return
    finally:
        Path(name).unlink(missing_ok=True)


# Permissions.

# Everything for the owner, nothing for the group and for others.
UMASK: Final = 0o077

_FILES: Final = (
    DATA_MARK,
    "community*.db*",
    "channels.db*",
    "web.db*",
    "machine.json*",
    "tombstones.jsonl",
    "calibration*.toml",
    "model*.json*",
    "reranker.json*",
    "*.lock",
)
_FOLDERS: Final = ("index", "index.*", "backups")


def paths_open_to_others(folder: Path) -> list[Path]:
    """Paths of a data folder that other users may use, the folder itself first."""
    if os.name != "posix":
        return []
    return [path for path in _own_paths(folder) if _mode(path) & UMASK]


def restrict_to_owner(folder: Path) -> int:
    """Remove other users' permissions where possible, and return the number of changed paths."""
    closed = 0
    for path in paths_open_to_others(folder):
        try:
            path.chmod(_mode(path) & ~UMASK)
        except OSError:
            # It belongs to another user; `doctor` says so.
            continue
        closed += not _mode(path) & UMASK
    return closed


def _own_paths(folder: Path) -> Iterator[Path]:
    # A shared folder such as /tmp must stay open.
    if not folder.stat().st_mode & stat.S_ISVTX:
        yield folder
    for pattern in _FILES:
        yield from (path for path in folder.glob(pattern) if not path.is_symlink())
    for top in (top for pattern in _FOLDERS for top in folder.glob(pattern)):
        if top.is_symlink():
            continue
        for above, folders, files in os.walk(top):
            here = Path(above)
            yield here
            yield from (path for file in files if not (path := here / file).is_symlink())
            folders[:] = [folder for folder in folders if not (here / folder).is_symlink()]


def _mode(path: Path) -> int:
    """The permissions of a file; 0 if it was deleted meanwhile."""
    try:
        return stat.S_IMODE(path.stat().st_mode)
    except FileNotFoundError:
        return 0
