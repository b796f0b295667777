"""The community database: messages about damaged files, full disks and locks."""

import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from sqlite_utils import Database

from knowledge.store.sqlite_database import SqliteDatabase
from knowledge.store.store import Store, StoreError
from tests.knowledge.decided_notes import FIRST, GUILD, proposed

LONG = replace(FIRST, text="x" * 4_000)


@pytest.mark.parametrize("content", [b"This is not a database. " * 100, b"\x00\xff" * 5_000])
def test_a_file_that_is_no_database_is_explained_and_left_alone(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    with pytest.raises(StoreError, match=r"not a usable database.*Restore it from a backup"):
        Store(path)
    assert path.read_bytes() == content


def test_a_folder_that_is_not_there_is_explained(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="can't be opened"):
        Store(tmp_path / "missing" / "community.db")


def test_a_full_disk_changes_nothing_and_is_explained_until_it_has_room_again(
    path: Path, store: Store
) -> None:
    _fill(store)
    before = _dump(path)
    with pytest.raises(
        StoreError, match=r"can't be written.*full.*Nothing was changed.*free space"
    ):
        proposed(store, LONG)
    assert _dump(path) == before
    _file(store).execute("pragma max_page_count = 100000")
    assert proposed(store, LONG).revision.submission == LONG
    assert store.audit_log.contradicted_notes() == []


def test_a_database_that_another_process_keeps_locked_is_explained(
    path: Path, store: Store
) -> None:
    _file(store).execute("pragma busy_timeout = 20")
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("begin immediate")
        with pytest.raises(StoreError, match="locked"):
            proposed(store)
        other.execute("rollback")
    assert store.notes.pending(GUILD) == []


def test_a_reference_to_a_row_that_is_gone_is_a_problem(path: Path, store: Store) -> None:
    proposed(store)
    assert store.database.integrity_problem() == ""
    with closing(sqlite3.connect(path)) as other:
        other.execute("delete from notes")
        other.commit()
    assert "1 rows refer to rows that are gone" in store.database.integrity_problem()


def _file(store: Store) -> Database:
    assert isinstance(store.database, SqliteDatabase)
    return store.database._db


def _fill(store: Store) -> None:
    """Leave no room for another page, as on a full disk."""
    # Migrations leave free pages behind.
    database = _file(store)
    database.execute("vacuum")
    pages = database.execute("pragma page_count").fetchone()[0]
    database.execute(f"pragma max_page_count = {pages}")


def _dump(path: Path) -> list[str]:
    with closing(sqlite3.connect(path)) as connection:
        return list(connection.iterdump())
