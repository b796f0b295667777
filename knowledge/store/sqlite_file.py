"""SQLite files: opening, write transactions, and recovery of damaged derived files.

Every write transaction takes the write lock first (`begin immediate`), so the rows it reads can't
change. A connection belongs to the thread that opened it.
"""

import logging
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, ClassVar, Final

from filelock import FileLock, Timeout
from sqlite_utils import Database

from knowledge.store.database import DerivedKind, DerivedTablesError
from knowledge.store.rows import RowQueries, RowStatements, insertion, slices

# Time limit of a write's wait for another process (`commonplace index` beside a running bot).
BUSY_SECONDS: Final = 10
# Time limit of an opening's wait for another one, which may be migrating a large file.
OPENING_SECONDS: Final = 600
OPENING_LOCK: Final = "opening.lock"

_logger = logging.getLogger(__name__)

sqlite3.register_adapter(datetime, datetime.isoformat)


def connect(path: Path) -> Database:
    return Database(sqlite3.connect(path, timeout=BUSY_SECONDS))


@contextmanager
def opening(path: Path) -> Iterator[None]:
    """Hold a lock, so that no other process makes or changes the file's tables.

    Raises sqlite3.OperationalError if the lock can't be acquired.
    """
    try:
        # FileLock would create a missing folder.
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
        db.enable_wal()
        # Derived data can be rebuilt, so losing the last transaction to a power cut is harmless.
        db.execute("pragma synchronous = normal")
        # Deleted rows are overwritten, not only unlinked.
        db.execute("pragma secure_delete = on").fetchone()
        prepare(db)
    except BaseException:
        db.close()
        raise
    return db


def open_derived(
    path: Path, prepare: Callable[[Database], None], made_from_it: str = ""
) -> Database:
    """Open a derived file; a damaged file is deleted and made anew.

    `prepare` makes its tables, and raises `sqlite3.DatabaseError` for another format. Files in the
    same folder that match the glob pattern `made_from_it` are deleted together with the file.
    Raises sqlite3.OperationalError if the file can't be opened or locked; the file is kept.
    """
    with opening(path):
        try:
            return _open(path, prepare)
        except sqlite3.OperationalError:
            raise
        except sqlite3.DatabaseError as error:
            _logger.warning("%s is damaged (%s) and is made anew.", path, error)
            own = [path.with_name(f"{path.name}{end}") for end in ("", "-wal", "-shm", "-journal")]
            for file in (*own, *(path.parent.glob(made_from_it) if made_from_it else ())):
                file.unlink(missing_ok=True)
            return _open(path, prepare)


def statements(script: Path) -> Iterator[str]:
    """The statements of an SQL file, each with the comment above it.

    `executescript` would commit first, so a crash could leave half a migration.
    """
    statement = ""
    for line in script.read_text(encoding="utf-8").splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""
    if statement.strip():
        raise ValueError(f"{script} ends within a statement.")


def make_tables(db: Database, script: Path, file_format: int) -> None:
    """Make the tables of an empty derived file, with its format as `user_version`.

    A file of the format before is upgraded by `upgrade_N.sql` beside the script, if there is one.
    Raises sqlite3.DatabaseError if the file has another format.
    """
    found = db.execute("pragma user_version").fetchone()[0]
    if found == file_format:
        return
    if found or db.table_names():
        script = script.with_name(f"upgrade_{file_format}.sql")
        if found != file_format - 1 or not script.exists():
            raise sqlite3.DatabaseError(f"format {found}")
    with transaction(db):
        for statement in statements(script):
            db.execute(statement)
        db.execute(f"pragma user_version = {file_format}")


@contextmanager
def transaction(db: Database) -> Iterator[None]:
    """A write transaction, rolled back on errors; joins a transaction in progress."""
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


class OpenedFile(RowStatements):
    """An opened SQLite file, with methods to run statements."""

    _db: Database

    def close(self) -> None:
        self._db.close()

    def run(self, sql: str, values: Sequence[Any] = ()) -> int:
        statements = slices(sql, values)
        return sum(int(self._db.execute(part, tuple(own)).rowcount) for part, own in statements)

    def run_many(self, sql: str, values: Iterable[Sequence[Any]]) -> int:
        return int(self._db.conn.executemany(sql, values).rowcount)

    def insert_id(self, table: str, row: Mapping[str, Any], key: str = "id") -> int:
        sql = f"{insertion(table, row)} returning {key}"
        return int(self._db.execute(sql, tuple(row.values())).fetchall()[0][0])


class DerivedFile(OpenedFile):
    """An opened file whose content can be rebuilt.

    `error` is raised if the file can't be opened or written. `advice` ends a write error's message.
    """

    error: ClassVar[type[Exception]]
    advice: ClassVar[str] = "Check free space and permissions."

    def __init__(
        self, path: Path, prepare: Callable[[Database], None], made_from_it: str = ""
    ) -> None:
        """Open the file with `open_derived`.

        Raises `error` if the file can't be opened or locked.
        """
        self._path = path
        try:
            self._db = open_derived(path, prepare, made_from_it)
        except sqlite3.OperationalError as error:
            raise self.error(f"{path} can't be opened: {error}.") from error

    @contextmanager
    def writing(self) -> Iterator[None]:
        """A write transaction; joins a transaction in progress.

        Raises `error` if the file can't be written; nothing was changed.
        """
        try:
            with transaction(self._db):
                yield
        except sqlite3.Error as error:
            raise self.error(
                f"{self._path} can't be written: {error}. Nothing was changed. {self.advice}"
            ) from error


class DerivedTablesFile(DerivedFile, RowQueries):
    """`knowledge.store.database.DerivedTables` in a file."""

    error = DerivedTablesError

    def __init__(self, folder: Path, kind: DerivedKind) -> None:
        """Open the folder's file of derived data of this kind, or make it.

        Raises DerivedTablesError if the file can't be opened or locked.
        """
        self._remedy = kind.remedy
        super().__init__(
            folder / kind.file,
            lambda db: make_tables(db, kind.scripts / "tables.sql", kind.file_format),
        )

    def rows(self, sql: str, values: Sequence[Any] = ()) -> list[dict[str, Any]]:
        try:
            return [row for part in slices(sql, values) for row in self._db.query(*part)]
        except sqlite3.Error as error:
            raise self.error(f"{self._path} can't be read: {error}. {self._remedy}") from error

    @property
    def version(self) -> tuple[int, int]:
        return self.version_of_others, self._db.conn.total_changes

    @property
    def version_of_others(self) -> int:
        return int(self._db.execute("pragma data_version").fetchone()[0])

    def bytes_of(self, text_column: str) -> str:
        return f"length(cast({text_column} as blob))"

    @contextmanager
    def try_lock(self, number: int) -> Iterator[bool]:
        del number
        yield True
