"""The index database as a file: its schema, its manifest, and how it is opened.

A file of another model or format is refused, a damaged one is rebuilt: all of it is derived.

Errors:
    Exception
    └── IndexError_           base of what can be wrong with an index
        ├── StaleIndexError   it was made by another model or format, and what to do
        ├── IndexWriteError   it can't be written (full disk, permissions)
        └── MissingVectorError    a vector was dropped by another process before it was used
"""

import logging
import secrets
import sqlite3
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from sqlite_utils import Database

from indexer.index import file_records, passage_lines
from knowledge.store.sqlite_file import BUSY_SECONDS, insert, open_derived, transaction

FORMAT: Final = 2
# What brings a file of the format before to this one, with all that is in it.
_UPGRADE: Final = Path(__file__).with_name("upgrade.sql")

# So the inner pages of the largest tables stay in memory: those of a million passages are 3 MB.
CACHE_KILOBYTES: Final = 16_384

_TABLES: Final = Path(__file__).with_name("tables.sql")

_logger = logging.getLogger(__name__)


class IndexError_(Exception):  # noqa: N801, N818 - the builtin's name is taken
    """Something is wrong with the index; the message says what to do."""


class StaleIndexError(IndexError_):
    """The index was made by another model or format.

    `passages` says how much it holds, `model` what made its vectors, `same_model` whether only how
    the model is run differs.
    """

    def __init__(
        self, message: str, passages: int = 0, *, model: str = "", same_model: bool = False
    ) -> None:
        super().__init__(message)
        self.passages = passages
        self.model = model
        self.same_model = same_model


class IndexWriteError(IndexError_):
    """The index can't be written; nothing was changed."""


class MissingVectorError(IndexError_):
    """A vector was dropped by another process before it was used; nothing was changed."""


def opened(folder: Path, expected: Mapping[str, str]) -> Database:
    """The index's file in `folder`, made if it is missing, begun anew if it is damaged.

    Raises:
        StaleIndexError: if the manifest says something else than is `expected`.
        IndexWriteError: if the folder or file can't be written.
    """
    path = folder / "index.db"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        db = open_derived(path, lambda db: _prepare(db, expected), "*.snapshot")
    except (OSError, sqlite3.OperationalError) as error:
        raise IndexWriteError(f"The index in {folder} can't be opened: {error}.") from error
    try:
        _check_manifest(db, folder, expected)
    except BaseException:
        db.close()
        raise
    return db


def _prepare(db: Database, expected: Mapping[str, str]) -> None:
    db.execute("pragma foreign_keys = on")
    db.enable_wal()
    # The index can be rebuilt, so a lost last transaction after a power cut is no loss.
    db.execute("pragma synchronous = normal")
    db.execute(f"pragma cache_size = -{CACHE_KILOBYTES}")
    # SQLite's own knows the capitals of English alone.
    db.conn.create_function("casefold", 1, str.casefold, deterministic=True)
    # What somebody deleted is overwritten, not only left out.
    db.execute("pragma secure_delete = on").fetchone()
    if not db["manifest"].exists():
        with transaction(db):
            for statement in _TABLES.read_text(encoding="utf-8").split(";\n"):
                db.execute(statement)
            # Tells it apart from others, whose snapshots must not be taken for its own.
            own = {"generation": "0", "identity": secrets.token_hex(8), "symbols": "1"}
            for key, value in {**expected, **own}.items():
                insert(db, "manifest", {"key": key, "value": value})
    _upgrade(db)
    file_records.create(db)
    passage_lines.create(db)
    # Damage further in is found when it is read; this reads the roots of all tables.
    db.execute("select count(*) from removed, manifest where removed.id < 0").fetchone()


def _upgrade(db: Database) -> None:
    """Bring a file of the format before to this one."""
    if _format(db) != str(FORMAT - 1):
        return
    with transaction(db):
        # Another process may have done it meanwhile.
        if _format(db) == str(FORMAT - 1):
            for statement in _UPGRADE.read_text(encoding="utf-8").split(";\n"):
                db.execute(statement)


def _format(db: Database) -> str:
    row = db.execute("select value from manifest where key = 'format'").fetchone()
    return str(row[0]) if row else ""


def empty_log(db: Database) -> None:
    """Keep nothing of what was deleted in the write-ahead log.

    Where somebody is reading it at this moment, the next deletion empties it, or closing the file.
    """
    db.execute("pragma busy_timeout = 0").fetchone()
    try:
        db.execute("pragma wal_checkpoint(truncate)").fetchone()
    except sqlite3.OperationalError as error:
        _logger.info("The write-ahead log of the index could not be emptied yet: %s", error)
    finally:
        db.execute(f"pragma busy_timeout = {BUSY_SECONDS * 1_000}").fetchone()


def _check_manifest(db: Database, folder: Path, expected: Mapping[str, str]) -> None:
    manifest = dict(db.execute("select key, value from manifest").fetchall())
    for key, value in expected.items():
        if manifest.get(key) != value:
            raise StaleIndexError(
                f"The index in {folder} was made with {key} {manifest.get(key)!r}, but now it is "
                f"{value!r}. Run `commonplace index` to build it anew; the notes and everything "
                "else people contributed are kept elsewhere.",
                _size(db),
                model=manifest.get("model", ""),
                same_model=key == "model" and manifest["model"].split()[0] == value.split()[0],
            )


def _size(db: Database) -> int:
    """How many passages a file of any format holds; many where it can't be told."""
    try:
        return int(db.execute("select count(*) from passages").fetchone()[0])
    except sqlite3.Error:
        return sys.maxsize
