"""Places of indexes, in a folder and in PostgreSQL."""

import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.indexer.small_index import Home, SchemaHome
from tests.postgres import Cluster

_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def index_database(postgres: Cluster) -> str:
    """The URL of a database for schemas of many tests."""
    return postgres.empty()


@pytest.fixture
def schema_home(postgres: Cluster, index_database: str) -> Iterator[SchemaHome]:
    home = SchemaHome(index_database, f"index_{next(_numbers)}")
    yield home
    for [name] in postgres.execute("select nspname from pg_namespace", index_database):
        if f"{name}_".startswith(f"{home.schema}_"):
            postgres.execute(f"drop schema {name} cascade", index_database)


@pytest.fixture(params=["sqlite", "postgres"])
def home(request: pytest.FixtureRequest, tmp_path: Path) -> Home:
    """A place for an index, and for others below it, with either database."""
    if request.param == "sqlite":
        return tmp_path
    found: SchemaHome = request.getfixturevalue("schema_home")
    return found
