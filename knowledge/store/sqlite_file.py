"""SQLite files: opening, write transactions, and a new beginning for damaged derived ones.

Every write transaction begins as a writer (`begin immediate`), so that what it reads can't change
under it. A connection belongs to the thread that opened it.
"""

import dataclasses
import logging
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, Literal, TypeVar

from filelock import FileLock, Timeout
from sqlite_utils import Database

# How long a write waits for another process (`commonplace index` beside a running bot).
BUSY_SECONDS: Final = 10
# How long an opening waits for another one, which may be copying and migrating a large file.
OPENING_SECONDS: Final = 600
OPENING_LOCK: Final = "opening.lock"

_T = TypeVar("_T")

_logger = logging.getLogger(__name__)


def connect(path: Path) -> Database:
    """Open a file, or make an empty one."""
    return Database(sqlite3.connect(path, timeout=BUSY_SECONDS))


@contextmanager
def opening(path: Path) -> Iterator[None]:
    """Look at a file's tables, and make or change them, while no other process does.

    Raises:
        sqlite3.OperationalError: if the lock can't be had.
    """
    try:
        # A folder that is missing would be made for the lock.
        path.parent.stat()
        with FileLock(path.with_name(OPENING_LOCK), timeout=OPENING_SECONDS):
            yield
    except (Timeout, OSError) as error:
        refused = sqlite3.OperationalError(f"its folder can't be locked: {error}")
        refused.sqlite_errorcode = sqlite3.SQLITE_CANTOPEN
        raise refused from error


def _open(path: Path, prepare: Callable[[Database], None]) -> Database:
    db = connect(path)
    try:
        prepare(db)
    except BaseException:
        db.close()
        raise
    return db


def open_derived(
    path: Path, prepare: Callable[[Database], None], made_from_it: str = ""
) -> Database:
    """Open a file whose content can be made again: a damaged one is deleted and begun anew.

    Args:
        path: the file.
        prepare: makes its tables; raises `sqlite3.DatabaseError` for one of another format.
        made_from_it: a pattern of files beside it that are deleted with it.

    Raises:
        sqlite3.OperationalError: if the system refuses; the file itself may be sound.
    """
    with opening(path):
        try:
            return _open(path, prepare)
        except sqlite3.OperationalError:
            raise
        except sqlite3.DatabaseError as error:
            _logger.warning("%s is damaged (%s); it is begun anew.", path, error)
            own = [path.with_name(f"{path.name}{end}") for end in ("", "-wal", "-shm", "-journal")]
            for each in (*own, *(path.parent.glob(made_from_it) if made_from_it else ())):
                each.unlink(missing_ok=True)
            return _open(path, prepare)


def make_tables(db: Database, script: str, file_format: int) -> None:
    """Make the tables of a derived file, whose format is its `user_version`.

    Raises:
        sqlite3.DatabaseError: if the file has another format.
    """
    found = db.execute("pragma user_version").fetchone()[0]
    if found not in (0, file_format):
        raise sqlite3.DatabaseError(f"format {found}")
    db.enable_wal()
    db.executescript(script)
    db.execute(f"pragma user_version = {file_format}")


@contextmanager
def transaction(db: Database) -> Iterator[None]:
    """One write transaction, rolled back where it fails; inside another one, a part of it."""
    if db.conn.in_transaction:
        yield
        return
    try:
        db.execute("begin immediate")
        yield
        db.execute("commit")
    except BaseException:
        if db.conn.in_transaction:
            db.rollback()
        raise


def insert(
    db: Database,
    table: str,
    row: Mapping[str, Any],
    conflict: Literal["", "or ignore", "or replace"] = "",
) -> int:
    """Insert a row, given by column; returns its rowid."""
    columns = ", ".join(row)
    marks = ", ".join("?" for _ in row)
    # Table and column names are the callers' own; every value is bound.
    sql = f"insert {conflict} into {table} ({columns}) values ({marks})"  # noqa: S608
    return int(db.execute(sql, tuple(row.values())).lastrowid or 0)


def record(kind: type[_T], row: Mapping[str, Any], **values: Any) -> _T:
    """A dataclass from a row whose columns are called like its fields.

    Args:
        kind: the dataclass.
        row: of its columns, those that are no field are passed over.
        values: fields that are not simply the column of their name.
    """
    fields = {field.name for field in dataclasses.fields(kind)}  # type: ignore[arg-type]
    return kind(**{key: value for key, value in row.items() if key in fields} | values)
