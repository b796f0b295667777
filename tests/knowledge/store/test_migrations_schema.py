"""The tables: what a migration makes, and what is done with a database of another release."""

import sqlite3
from pathlib import Path

import pytest
from sqlite_utils import Database

from knowledge.store.migrations import MIGRATIONS
from knowledge.store.store import Store, StoreTooNewError


def test_a_database_of_a_later_release_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "community.db"
    Store(path).close()
    with sqlite3.connect(path) as connection:
        connection.execute(
            "insert into _sqlite_migrations (migration_set, name, applied_at) "
            "values ('commonplace', 'm999_from_the_future', '2030-01-01')"
        )
    connection.close()
    before = path.read_bytes()
    with pytest.raises(StoreTooNewError, match="m999_from_the_future"):
        Store(path)
    assert path.read_bytes() == before


def test_every_table_is_strict() -> None:
    database = _migrated()
    loose = [
        name
        for name, strict in database.execute("select name, strict from pragma_table_list")
        if not strict and not name.startswith(("sqlite_", "_sqlite_"))
    ]
    assert loose == []


def test_migrations_run_once() -> None:
    database = _migrated()
    before = database.schema
    MIGRATIONS.apply(database)
    assert database.schema == before
    assert MIGRATIONS.pending(database) == []


def test_a_migration_that_stops_half_way_leaves_nothing_behind() -> None:
    database = Database(memory=True)
    # The last table of the first migration is there already, so that it stops at its end.
    database.execute("create table log (id integer)")
    with pytest.raises(sqlite3.OperationalError):
        MIGRATIONS.apply(database)
    assert set(database.table_names()) == {"log", "_sqlite_migrations"}
    assert MIGRATIONS.applied(database) == []


@pytest.mark.parametrize(
    "statement",
    [
        "insert into revisions (note_id, number, title, text, tags, link, state, created_at) "
        "values (99, 1, 't', 't', '[]', '', 'pending', 'now')",
        "insert into reviews (revision_id, moderator_id, moderator, decision, reason, created_at) "
        "values (99, 1, 'm', 'approve', '', 'now')",
    ],
)
def test_a_row_that_refers_to_nothing_is_refused(statement: str) -> None:
    database = _migrated()
    database.execute("pragma foreign_keys = on")
    with pytest.raises(sqlite3.IntegrityError, match="FOREIGN KEY"):
        database.execute(statement)


def test_a_state_that_does_not_exist_is_refused() -> None:
    database = _migrated()
    database.execute(
        "insert into notes (guild_id, contributor_id, contributor, channel_id, created_at) "
        "values (1, 1, 'm', 1, 'now')"
    )
    with pytest.raises(sqlite3.IntegrityError, match="CHECK"):
        database.execute(
            "insert into revisions (note_id, number, title, text, tags, link, state, created_at) "
            "values (1, 1, 't', 't', '[]', '', 'published', 'now')"
        )


def _migrated() -> Database:
    database = Database(memory=True)
    MIGRATIONS.apply(database)
    return database
