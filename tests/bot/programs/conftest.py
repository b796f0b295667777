"""Cores and data folders for the interfaces of other programs."""

import asyncio
import shutil
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from bot.core.core import Core
from bot.core.worker import Worker
from tests.bot.conftest import settings_for
from tests.bot.programs.quokkas import filled


@pytest.fixture(scope="module")
def worker(
    indexed_articles: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Worker[Core]]:
    """A core for all tests of a file: programs only read."""
    folder = shutil.copytree(indexed_articles, tmp_path_factory.mktemp("programs") / "data")
    made = Worker(partial(filled, settings_for(folder)), Core.close)
    yield made
    asyncio.run(made.stop())


@pytest.fixture
def models_folder(tmp_path: Path) -> Path:
    """An empty data folder."""
    return tmp_path / "data"
