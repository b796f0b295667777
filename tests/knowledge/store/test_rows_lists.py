"""Lists of values: each value is found once, in as many statements as needed."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from knowledge.store.database import Database
from knowledge.store.rows import MOST, rows_among, run_among
from knowledge.store.sqlite_database import SqliteDatabase

_FOUND = "select member_id from quiet_members where member_id > ? and member_id in (?) and ? = 1"


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    """A database with the even members, up to three lists' length."""
    path: Path = tmp_path_factory.mktemp("lists") / "community.db"
    opened = SqliteDatabase(path)
    with opened.writing():
        opened.run_many(
            "insert into quiet_members (member_id) values (?)",
            [(one,) for one in range(0, 3 * MOST, 2)],
        )
    yield opened
    opened.close()


@given(listed=st.lists(st.integers(-5, 4 * MOST), max_size=50), above=st.integers(-10, MOST))
def test_what_is_listed_and_there_is_found_once(
    database: Database, listed: list[int], above: int
) -> None:
    found = rows_among(database, _FOUND, listed, before=[above], after=[1])
    there = {one for one in listed if one > above and one % 2 == 0 and 0 <= one < 3 * MOST}
    assert sorted(row["member_id"] for row in found) == sorted(there)


def test_a_list_of_any_length_is_found_whole_and_an_empty_one_asks_nothing(
    database: Database,
) -> None:
    for length in (1, 2, 3, MOST - 1, MOST, MOST + 1, 2 * MOST + 1):
        listed = [2 * one for one in range(length)]
        found = [row["member_id"] for row in rows_among(database, _FOUND, listed, [-1], [1])]
        assert sorted(found) == [one for one in listed if one < 3 * MOST]
    assert rows_among(database, "this is no statement in (?)", []) == []


def test_so_many_rows_change_as_are_listed_and_there(database: Database) -> None:
    with database.writing():
        changed = run_among(
            database,
            "update quiet_members set member_id = member_id where member_id in (?)",
            range(0, 4 * MOST),
        )
    assert changed == 3 * MOST // 2


def test_a_statement_of_no_list_is_refused(database: Database) -> None:
    with pytest.raises(ValueError, match="once"):
        rows_among(database, "select 1", [1])
