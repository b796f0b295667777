from collections.abc import Iterator
from pathlib import Path

import pytest

from knowledge.store.database import DerivedKind, DerivedTablesError, is_away
from knowledge.store.postgres.connection import Connection
from knowledge.store.postgres.database import DerivedSchema
from tests.postgres import Cluster


def opened(url: str, folder: Path) -> DerivedSchema:
    script = folder / "postgres_tables.sql"
    script.write_text("create table boats (name text primary key)")
    return DerivedSchema(url, DerivedKind("harbour", folder, 1, 99, ""))


@pytest.fixture
def tables(postgres_url: str, tmp_path: Path) -> Iterator[DerivedSchema]:
    made = opened(postgres_url, tmp_path)
    yield made
    made.close()


def test_its_tables_are_made_once(tables: DerivedSchema, postgres_url: str, tmp_path: Path) -> None:
    assert tables.insert_new("boats", {"name": "Duck"})

    other = opened(postgres_url, tmp_path)

    assert other.rows("select name from boats") == [{"name": "Duck"}]
    other.close()


def test_other_tables_are_refused(tables: DerivedSchema, postgres_url: str, tmp_path: Path) -> None:
    tables.insert_new("boats", {"name": "Duck"})
    tables.run("update writes set format = 99")

    with pytest.raises(DerivedTablesError, match="drop schema harbour cascade"):
        opened(postgres_url, tmp_path)

    assert tables.rows("select name from boats") == [{"name": "Duck"}]


def test_version_tells_whose_change(
    tables: DerivedSchema, postgres_url: str, tmp_path: Path
) -> None:
    other = opened(postgres_url, tmp_path)
    with tables.writing():
        tables.insert_new("boats", {"name": "Duck"})
        with tables.writing():
            tables.insert_new("boats", {"name": "Goose"})
    assert (tables.version, tables.version_of_others) == (1, 0)
    assert (other.version, other.version_of_others) == (1, 1)
    other.close()


def test_what_is_not_kept_counts_for_nothing(tables: DerivedSchema) -> None:
    def begin() -> None:
        with tables.writing():
            tables.insert_new("boats", {"name": "Duck"})
            raise DerivedTablesError

    with pytest.raises(DerivedTablesError):
        begin()

    assert (tables.version, tables.version_of_others) == (0, 0)


def test_exclusive_work_is_serial(tables: DerivedSchema, postgres_url: str, tmp_path: Path) -> None:
    other = opened(postgres_url, tmp_path)
    with tables.try_lock(1) as mine, other.try_lock(1) as theirs, other.try_lock(2) as another:
        assert (mine, theirs, another) == (True, False, True)
    with other.try_lock(1) as after_it:
        assert after_it
    other.close()


def test_ended_process_frees_others(
    tables: DerivedSchema, postgres: Cluster, postgres_url: str, tmp_path: Path
) -> None:
    with tables.try_lock(1) as mine:
        assert mine
        postgres.cut(postgres_url)
        other = opened(postgres_url, tmp_path)
        with other.try_lock(1) as theirs:
            assert theirs
        other.close()


def test_a_guard_refuses_what_may_not_be_written(tables: DerivedSchema) -> None:
    def refuse() -> None:
        raise DerivedTablesError("not yours")

    def guard(connection: Connection) -> None:
        connection.fence = refuse

    tables.guard(guard)
    with pytest.raises(DerivedTablesError, match="not yours"), tables.writing():
        raise AssertionError("it was begun")


def test_a_server_that_is_away_is_told_apart(postgres_url: str, tmp_path: Path) -> None:
    with pytest.raises(DerivedTablesError) as refused:
        opened("postgresql://bot@/harbour?host=/nowhere", tmp_path)

    assert is_away(refused.value)
