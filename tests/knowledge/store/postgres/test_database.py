"""A community database in PostgreSQL: schema, ids, limits."""

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from knowledge.store import migrations
from knowledge.store.database import row_counts
from knowledge.store.postgres.database import PostgresDatabase

LINE = {"at": "2026", "number": 1, "event": "e", "subject": "s", "detail": "{}", "digest": "d"}


@pytest.fixture
def database(community_url: str, tmp_path: Path) -> Iterator[PostgresDatabase]:
    opened = PostgresDatabase(community_url, tmp_path)
    yield opened
    opened.close()


def test_ids_that_were_given_elsewhere_are_not_given_again(database: PostgresDatabase) -> None:
    assert database.last_ids() == {}
    database.insert("members", {"key": 5, "user_id": 50})
    assert database.last_ids() == {"members": 5}
    database.skip_ids({"members": 3, "notes": 9, "elsewhere": 1})
    assert database.last_ids() == {"members": 5, "notes": 9}
    assert database.insert_id("members", {"user_id": 60}, "key") == 6
    # A deleted row's id isn't given again.
    database.run("delete from members where key = 6")
    assert database.last_ids()["members"] == 6
    database.skip_ids(None, 100)
    assert database.insert_id("members", {"user_id": 70}, "key") == 107


def test_what_it_is_made_of(database: PostgresDatabase) -> None:
    assert database.keys("digests") == ["guild_id", "edition"]
    assert database.keys("recent_questions") == []
    assert database.columns("memory") == ["key", "value"]
    assert "rules" in database.tables("guild_id")
    assert "memory" not in database.tables("guild_id")
    database.insert("memory", {"key": "a", "value": "b"})
    assert row_counts(database) == {"memory": 1}
    assert database.integrity_problem() == ""
    assert "PostgreSQL 1" in database.description()
    assert f"UTF8, {len(migrations.names())} migrations" in database.description()


def test_rows_may_refer_ahead_in_a_transaction(database: PostgresDatabase) -> None:
    check = "insert into gap_checks (note_id, revision_id) values (7, 7)"
    with pytest.raises(psycopg.IntegrityError):
        database.run(check)

    def write_it_alone() -> None:
        with database.writing():
            database.defer_references()
            database.run(check)

    with pytest.raises(psycopg.IntegrityError):
        write_it_alone()
    with database.writing():
        database.defer_references()
        database.run(check)
        database.run("delete from gap_checks")


@pytest.mark.parametrize(
    "statement", ["update log set event = 'x'", "delete from log", "truncate log"]
)
def test_the_log_is_append_only(database: PostgresDatabase, statement: str) -> None:
    database.insert("log", LINE)
    with pytest.raises(psycopg.IntegrityError, match="append-only"):
        database.run(statement)


def test_who_lets_nobody_write_is_named(database: PostgresDatabase, tmp_path: Path) -> None:
    other = PostgresDatabase(database.url, tmp_path)
    assert database.holders(0) == []
    for guild_id in (None, 42):
        with other.writing(guild_id):
            [found] = database.holders(0)
            assert found.startswith("commonplace ")
            assert database.holders(3_600) == []
    with other.reading():
        other.rows("select 1 as one")
        assert database.holders(0) == []
    other.close()


def test_rows_are_deleted_with_the_log_and_ids_stay_given(database: PostgresDatabase) -> None:
    database.insert_id("members", {"user_id": 50}, "key")
    database.insert("log", LINE)
    with database.writing():
        database.delete_rows()
    assert row_counts(database) == {}
    assert database.rows("select * from log") == []
    assert database.insert_id("members", {"user_id": 50}, "key") == 2
    database.insert("log", LINE)
    with pytest.raises(psycopg.IntegrityError, match="append-only"):
        database.run("delete from log")


def test_ids_that_are_reserved_are_given_to_nobody_else(database: PostgresDatabase) -> None:
    assert database.reserve_ids("questions", 3) == [1, 2, 3]
    assert database.reserve_ids("questions", 2) == [4, 5]
    assert database.last_ids() == {"questions": 5}
