"""The index database as a SQLite file.

A file of another model or format is refused. A damaged file is replaced by an empty one, because
its content is derived.
"""

import logging
import sqlite3
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from sqlite_utils import Database

from indexer.index.database import (
    SECTION_COLUMNS,
    IndexWriteError,
    Statement,
    check_manifest,
    write_manifest,
)
from knowledge.store.sqlite_file import BUSY_SECONDS, DerivedFile, statements, transaction

FILE: Final = "index.db"
# This keeps the inner pages of the largest tables in memory: 3 MB for a million passages.
CACHE_KILOBYTES: Final = 16_384

_TABLES: Final = Path(__file__).with_name("tables.sql")

_logger = logging.getLogger(__name__)


class SQLiteConnection(DerivedFile):
    """Connection to a SQLite file; implements `indexer.index.database.Connection`."""

    error = IndexWriteError
    advice = (
        "Check free space and permissions, then run `commonplace index` again: it goes on where it "
        "stopped."
    )

    def __init__(self, folder: Path, expected: Mapping[str, str]) -> None:
        """Open the file in `folder`; create it if it is missing or damaged.

        Raises StaleIndexError if the manifest is not as `expected`, and IndexWriteError if the
        folder or file can't be written.
        """
        self._folder = folder
        self._expected = expected
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise IndexWriteError(f"{folder} can't be opened: {error}.") from error
        super().__init__(folder / FILE, self._prepare, "*.snapshot")
        try:
            check_manifest(self, expected, lambda: _size(self._db))
        except BaseException:
            self.close()
            raise

    def _prepare(self, db: Database) -> None:
        self._db = db
        db.execute("pragma foreign_keys = on")
        db.execute(f"pragma cache_size = -{CACHE_KILOBYTES}")
        if not db["manifest"].exists():
            with transaction(db):
                for statement in statements(_TABLES):
                    db.execute(statement)
                write_manifest(self, self._expected)
        elif "section" not in db["passages"].columns_dict:
            with transaction(db):
                for statement in SECTION_COLUMNS:
                    db.execute(statement)
        # Damage further in is found when it is read; this reads the roots of all tables.
        db.execute("select count(*) from removed, manifest where removed.id < 0").fetchone()

    @property
    def place(self) -> str:
        return str(self._folder)

    def rows(self, sql: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        return self._db.execute(sql, values).fetchall()

    def one(self, sql: str, values: Sequence[Any] = ()) -> tuple[Any, ...] | None:
        found: tuple[Any, ...] | None = self._db.execute(sql, values).fetchone()
        return found

    def together(self, statements: Iterable[Statement]) -> list[list[tuple[Any, ...]]]:
        return [self.rows(*statement) for statement in statements]

    @contextmanager
    def writing(self, *, alone: bool = True) -> Iterator[None]:
        del alone
        with super().writing():
            yield

    def forget_deleted(self) -> None:
        """Empty the write-ahead log, which still contains deleted text.

        The log stays while the file is being read. The next deletion or `close` then empties it.
        """
        self.rows("pragma busy_timeout = 0")
        try:
            self.rows("pragma wal_checkpoint(truncate)")
        except sqlite3.OperationalError as error:
            _logger.info("The write-ahead log of the index could not be emptied yet: %s", error)
        finally:
            self.rows(f"pragma busy_timeout = {BUSY_SECONDS * 1_000}")


def _size(db: Database) -> int:
    """The number of passages in a file of any format; a large number if they can't be counted."""
    try:
        return int(db.execute("select count(*) from passages").fetchone()[0])
    except sqlite3.Error:
        return sys.maxsize
