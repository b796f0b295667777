"""Tests of the store run on a file of SQLite and on PostgreSQL."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from knowledge.store.store import Store
from tests.postgres import Cluster
from tests.stores import EMPTY_TABLES, FILE, Place, make_tables


@pytest.fixture(params=["sqlite", "postgres"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    """Where the test's database is."""
    folder = tmp_path / "data"
    folder.mkdir()
    if request.param == "sqlite":
        yield Place(folder)
        return
    cluster: Cluster = request.getfixturevalue("postgres")
    url = cluster.shared("community", make_tables)
    yield Place(folder, url)
    cluster.execute(EMPTY_TABLES, url)


@pytest.fixture
def store(place: Place) -> Iterator[Store]:
    with place.store() as opened:
        yield opened


@pytest.fixture
def path(place: Place) -> Path:
    """The file of a database that is one."""
    return place.folder / FILE
