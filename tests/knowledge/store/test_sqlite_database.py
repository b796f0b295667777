"""The community database: messages about damaged files, full disks and locks."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from sqlite_utils import Database

from knowledge.store.sqlite_database import SqliteDatabase
from knowledge.store.store import Store, StoreError
from knowledge.values.notes import Member, Note
from knowledge.values.submissions import Submission

GUILD = 10

MIRA, ADA = Member(1, "Mira"), Member(2, "Ada")

TEXT = Submission("GPU hours", "The club has 40 GPU hours a month.", ("gpu",), "https://a.org/")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "community.db"


@pytest.fixture
def store(path: Path) -> Iterator[Store]:
    with Store(path) as opened:
        yield opened


def _proposed(store: Store, guild_id: int = GUILD, submission: Submission = TEXT) -> Note:
    return store.contributions.propose(guild_id, MIRA, 77, submission).note


@pytest.mark.parametrize("content", [b"This is not a database. " * 100, b"\x00\xff" * 5_000])
def test_a_file_that_is_no_database_is_explained_and_left_alone(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    with pytest.raises(StoreError, match=r"not a usable database.*Restore it from a backup"):
        Store(path)
    assert path.read_bytes() == content


def test_a_folder_that_is_not_there_is_explained(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="can't be opened"):
        Store(tmp_path / "missing" / "community.db")


def test_a_full_disk_changes_nothing_and_is_explained(path: Path, store: Store) -> None:
    _fill(store)
    before = _dump(path)
    with pytest.raises(
        StoreError, match=r"can't be written.*full.*Nothing was changed.*free space"
    ):
        _proposed(store, submission=replace(TEXT, text="x" * 4_000))
    assert _dump(path) == before


def test_a_store_works_on_once_the_disk_has_room_again(store: Store) -> None:
    _fill(store)
    with pytest.raises(StoreError):
        _proposed(store, submission=replace(TEXT, text="x" * 4_000))
    _file(store).execute("pragma max_page_count = 100000")
    assert _proposed(store).revision.submission == TEXT
    assert store.audit_log.breaks() == []


def test_a_database_that_another_process_keeps_locked_is_explained(
    path: Path, store: Store
) -> None:
    _file(store).execute("pragma busy_timeout = 20")
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("begin immediate")
        with pytest.raises(StoreError, match="locked"):
            _proposed(store)
        other.execute("rollback")
    assert store.notes.pending(GUILD) == []


def test_a_sound_database_has_no_problem(store: Store) -> None:
    _proposed(store)
    assert store.database.integrity_problem() == ""


def test_a_reference_to_a_row_that_is_gone_is_a_problem(path: Path, store: Store) -> None:
    _proposed(store)
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
