"""SQLite files: damage, other formats, derived files, transactions."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from sqlite_utils import Database

from knowledge.store.sqlite_file import OPENING_LOCK, make_tables, open_derived, transaction

TABLES = "create table ducks (id integer primary key, name text not null) strict;"


Prepare = Callable[[Database], None]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ducks.db"


@pytest.fixture
def db(path: Path, prepare: Prepare) -> Iterator[Database]:
    opened = open_derived(path, prepare)
    yield opened
    opened.close()


@pytest.fixture
def prepare(tmp_path_factory: pytest.TempPathFactory) -> Prepare:
    script = tmp_path_factory.mktemp("sql") / "tables.sql"
    script.write_text(TABLES.replace("table", "table if not exists"))
    return lambda db: make_tables(db, script, 1)


def names(db: Database) -> list[str]:
    return [row["name"] for row in db.query("select name from ducks order by id")]


def test_damaged_file_is_begun_anew(path: Path, prepare: Prepare) -> None:
    path.write_bytes(b"This is no database. " * 1_000)
    (path.parent / "a.snapshot").touch()
    (path.parent / "other.txt").touch()

    db = open_derived(path, prepare, "*.snapshot")

    assert names(db) == []
    db.close()
    left = {each.name for each in path.parent.iterdir()}
    assert left == {"ducks.db", "other.txt", OPENING_LOCK}


def test_a_file_of_another_format_is_begun_anew(path: Path, db: Database, prepare: Prepare) -> None:
    db.execute("insert into ducks (name) values (?)", ["Ada"])
    db.execute("pragma user_version = 2")
    db.close()

    again = open_derived(path, prepare)

    assert names(again) == []
    again.close()


def test_a_file_that_the_system_refuses_is_not_deleted(tmp_path: Path, prepare: Prepare) -> None:
    with pytest.raises(sqlite3.OperationalError):
        open_derived(tmp_path / "missing" / "ducks.db", prepare)


def test_what_a_transaction_did_before_an_error_is_undone(db: Database) -> None:
    with suppress(ZeroDivisionError), transaction(db):
        db.execute("insert into ducks (name) values (?)", ["Ada"])
        raise ZeroDivisionError

    assert names(db) == []


def test_a_transaction_inside_another_one_is_a_part_of_it(db: Database) -> None:
    with suppress(ZeroDivisionError), transaction(db):
        with transaction(db):
            db.execute("insert into ducks (name) values (?)", ["Ada"])
        raise ZeroDivisionError

    assert names(db) == []


def test_nobody_writes_inside_a_transaction(path: Path, db: Database) -> None:
    with sqlite3.connect(path, timeout=0) as other, transaction(db):
        assert names(db) == []
        with pytest.raises(sqlite3.OperationalError, match="locked"):
            other.execute("insert into ducks (name) values ('Ben')")
    other.close()
