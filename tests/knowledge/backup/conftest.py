"""A database with rows in every table, and its backup and export: made once, copied by tests."""

import shutil
from pathlib import Path

import pytest

from knowledge.backup import backups
from knowledge.store.store import Store
from tests.knowledge.full_store import exported, lived
from tests.stores import FILE


@pytest.fixture(scope="session")
def _lived_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("lived")
    (made / "data").mkdir()
    with Store(made / "data" / FILE) as store:
        lived(store)
        exported(store, made / "export")
    backups.back_up(made / "data" / FILE, made / "backup.db")
    return made


@pytest.fixture
def full_path(_lived_once: Path, tmp_path: Path) -> Path:
    """A closed database with rows in every table."""
    shutil.copytree(_lived_once / "data", tmp_path / "data")
    return tmp_path / "data" / FILE


@pytest.fixture
def full_backup(_lived_once: Path, tmp_path: Path) -> Path:
    """The backup of that database."""
    return Path(shutil.copy(_lived_once / "backup.db", tmp_path))


@pytest.fixture
def full_export(_lived_once: Path, tmp_path: Path) -> Path:
    """The export of that database."""
    return Path(shutil.copytree(_lived_once / "export", tmp_path / "export"))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The folder of an export."""
    return tmp_path / "export"
