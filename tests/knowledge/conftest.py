"""Fixtures for tests of the store."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from knowledge.backup import backups
from knowledge.store.store import Store
from tests.fork_server import ForkServer, fork_server
from tests.knowledge.decided_notes import ELSEWHERE, GUILD
from tests.knowledge.two_guilds import approved, asked
from tests.stores import FILE, Place


@pytest.fixture
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    """The test's database: a file, or what `in_both` says.

    The SQL of both is the same: `store/test_store_in_both.py` compares their results.
    """
    folder = tmp_path / "data"
    folder.mkdir()
    in_postgres = getattr(request, "param", "sqlite") == "postgres"
    return Place(folder, request.getfixturevalue("community_url") if in_postgres else "")


@pytest.fixture
def store(place: Place) -> Iterator[Store]:
    with place.store() as opened:
        yield opened


@pytest.fixture
def path(place: Place) -> Path:
    """The database's file."""
    return place.folder / FILE


@pytest.fixture
def backup(tmp_path: Path, path: Path, store: Store) -> Path:
    """A backup with one live note in each of two guilds; the database is open."""
    for guild_id in (GUILD, ELSEWHERE):
        approved(store, guild_id)
        asked(store, guild_id)
    target = tmp_path / "backups" / "one.db"
    backups.back_up(path, target)
    return target


@pytest.fixture(scope="session")
def store_processes() -> Iterator[ForkServer]:
    """Starts the tasks of `store_processes.py` as processes of their own."""
    with fork_server("tests.knowledge.store_processes") as server:
        yield server
