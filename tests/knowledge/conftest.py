"""Fixtures for tests of the store on SQLite and on PostgreSQL."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from knowledge.backup import backups
from knowledge.store.store import Store
from tests.knowledge.two_guilds import ELSEWHERE, GUILD, approved, asked
from tests.stores import FILE, Place


@pytest.fixture(params=["sqlite", "postgres"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    """The test's database."""
    folder = tmp_path / "data"
    folder.mkdir()
    in_a_file = request.param == "sqlite"
    return Place(folder, "" if in_a_file else request.getfixturevalue("community_url"))


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
