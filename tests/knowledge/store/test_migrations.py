"""Migrations: tables are made once, upgraded from 1.0.0, and refused from other versions."""

import re
import sqlite3
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlite_utils import Database

from knowledge.backup import backups
from knowledge.backup.backups import BackupError
from knowledge.store import migrations
from knowledge.store.database import StoreError, StoreVersionError
from knowledge.store.sqlite_file import statements
from knowledge.store.store import Store
from tests.knowledge.versions import (
    BEFORE_1_0_0,
    NEXT,
    add_next_migration,
    of_1_0_0,
    of_before_1_0_0,
)

FIRST = migrations.names()[0]


def schema(path: Path) -> dict[str, list[tuple[Any, ...]]]:
    """Every table's columns, types and constraints, every index and trigger."""
    with closing(sqlite3.connect(path)) as connection:
        found: dict[str, list[tuple[Any, ...]]] = {}
        for kind, name in connection.execute("select type, name from sqlite_master").fetchall():
            about = "pragma_table_xinfo" if kind == "table" else "pragma_index_xinfo"
            rows = connection.execute(f"select * from {about}(?)", [name]).fetchall()  # noqa: S608
            keys = connection.execute("select * from pragma_foreign_key_list(?)", [name]).fetchall()
            found[f"{kind} {name}"] = [*sorted(map(repr, rows)), *sorted(map(repr, keys))]  # type: ignore[list-item]
        return found


def content(path: Path) -> dict[str, list[dict[str, Any]]]:
    with closing(sqlite3.connect(path)) as connection:
        database = Database(connection)
        return {
            table: list(database.query(f"select * from {table}"))  # noqa: S608
            for table in database.table_names()
            if not table.startswith("_")
        }


def migrated() -> Database:
    database = Database(memory=True)
    migrations.apply(database)
    return database


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "community.db"


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The migrations of a later version, in use from here on."""
    return add_next_migration(monkeypatch)


# From 1.0.0 on.


def test_migrations_have_numbers_of_their_own_in_order() -> None:
    """Two with one number would run in an accidental order."""
    numbers = [int(name[1:4]) for name in migrations.names()]
    assert numbers == sorted(set(numbers))


def ends_like_a_fresh_one_with_its_rows(path: Path) -> None:
    before, fresh = content(path), path.with_name("fresh.db")
    assert all(before.values())
    with Store(path) as store:
        assert store.database.integrity_problem() == ""
        assert store.audit_log.contradicted_notes() == []
        assert store.audit_log.contradicted_notes() == []
    Store(fresh).close()
    assert schema(path) == schema(fresh)
    after = content(path)
    for table, rows in before.items():
        for old, new in zip(rows, after[table], strict=True):
            assert new.items() >= old.items(), table


def test_upgraded_1_0_0_equals_a_fresh_one(path: Path) -> None:
    of_1_0_0(path)
    ends_like_a_fresh_one_with_its_rows(path)


def test_a_later_version_opens_it_too(path: Path, later: list[str]) -> None:
    of_1_0_0(path)
    ends_like_a_fresh_one_with_its_rows(path)
    with Store(path) as store:
        assert store.database.migrations() == later
        assert "songs" in store.database.tables()


def test_it_is_kept_as_it_was_before_anything_is_changed(path: Path) -> None:
    of_1_0_0(path)
    before = content(path)
    Store(path).close()
    kept = path.with_name(f"community.{FIRST}.db")
    assert content(kept) == before
    assert sorted(each.name for each in path.parent.glob("*.db")) == sorted([kept.name, path.name])
    # The kept copy is a backup like any other.
    backups.verify(kept)


def test_current_database_is_not_copied(path: Path) -> None:
    for _ in range(2):
        Store(path).close()
    assert [each.name for each in path.parent.glob("*.db*")] == ["community.db"]


@pytest.mark.parametrize("is_there", [False, True])
def test_openings_at_once_all_succeed(path: Path, later: list[str], is_there: bool) -> None:
    together = threading.Barrier(4)
    if is_there:
        of_1_0_0(path)

    def opened(_number: int) -> list[str]:
        together.wait()
        with Store(path) as store:
            return store.database.migrations()

    with ThreadPoolExecutor(4) as threads:
        assert list(threads.map(opened, range(4))) == [later] * 4


def test_a_database_that_can_not_be_kept_is_not_changed(path: Path) -> None:
    of_1_0_0(path)
    before = schema(path)
    path.with_name(f"community.{FIRST}.part").mkdir()
    with pytest.raises(StoreError):
        Store(path)
    assert schema(path) == before


def test_backup_of_1_0_0_can_be_restored(tmp_path: Path, path: Path, later: list[str]) -> None:
    old, fresh = tmp_path / "old.db", tmp_path / "fresh.db"
    of_1_0_0(old)
    Store(fresh).close()
    backups.restore(old, path, datetime.now(UTC))
    assert schema(path) == schema(fresh)
    assert content(path)["log"][-1]["event"] == "restored"
    assert {row["song_id"] for row in content(path)["notes"]} == {7}


# Other versions.


def test_database_before_1_0_0_is_refused_untouched(path: Path) -> None:
    of_before_1_0_0(path)
    before = path.read_bytes()
    with pytest.raises(StoreVersionError) as error:
        Store(path)
    said = str(error.value)
    assert said.startswith(str(path))
    # The found version, the expected one, and the remedy.
    told = (BEFORE_1_0_0, FIRST, "`commonplace export`", "`commonplace import`")
    assert [each for each in told if each not in said] == []
    assert path.read_bytes() == before


def test_backup_before_1_0_0_is_refused(tmp_path: Path, path: Path) -> None:
    of_before_1_0_0(tmp_path / "old.db")
    Store(path).close()
    with pytest.raises(BackupError, match=re.escape(migrations.misfit([BEFORE_1_0_0]))):
        backups.restore(tmp_path / "old.db", path, datetime.now(UTC))


def test_later_database_is_refused_untouched(path: Path) -> None:
    with pytest.MonkeyPatch.context() as patched:
        add_next_migration(patched)
        Store(path).close()
    before = path.read_bytes()
    with pytest.raises(StoreVersionError, match=NEXT):
        Store(path)
    assert path.read_bytes() == before


# Promises.


def test_every_table_is_strict() -> None:
    loose = [
        name
        for name, strict in migrated().execute("select name, strict from pragma_table_list")
        if not strict and not name.startswith(("sqlite_", "_sqlite_"))
    ]
    assert loose == []


def test_migrations_run_once() -> None:
    database = migrated()
    before = database.schema
    migrations.apply(database)
    assert database.schema == before
    assert migrations.applied(database) == migrations.names()


def test_a_migration_that_stops_half_way_leaves_nothing_behind() -> None:
    database = Database(memory=True)
    # The first migration's last table exists already, so it stops at its end.
    database.execute("create table memory (id integer)")
    with pytest.raises(sqlite3.OperationalError):
        migrations.apply(database)
    assert set(database.table_names()) == {"memory", "_sqlite_migrations"}
    assert migrations.applied(database) == []


def test_sql_is_read_by_whole_statements(tmp_path: Path) -> None:
    script = tmp_path / "m001.sql"
    trigger = "create trigger t after insert on a begin\nselect 1;\nselect 2; end;\n"
    script.write_text(f"-- Why.\ncreate table a (b);\n{trigger}")
    assert list(statements(script)) == ["-- Why.\ncreate table a (b);\n", trigger]
    script.write_text("create table a (b)\n")
    with pytest.raises(ValueError, match="ends within a statement"):
        list(statements(script))


@pytest.mark.parametrize(
    ("note_id", "state", "refusal"), [(99, "pending", "FOREIGN KEY"), (1, "published", "CHECK")]
)
def test_row_with_an_unknown_state_is_refused(note_id: int, state: str, refusal: str) -> None:
    database = migrated()
    database.execute("pragma foreign_keys = on")
    database.execute(
        "insert into notes (guild_id, contributor_id, contributor, channel_id, created_at) "
        "values (1, 1, 'm', 1, 'now')"
    )
    with pytest.raises(sqlite3.IntegrityError, match=refusal):
        database.execute(
            "insert into revisions (note_id, number, title, text, tags, link, state, created_at) "
            "values (?, 1, 't', 't', '[]', '', ?, 'now')",
            [note_id, state],
        )
