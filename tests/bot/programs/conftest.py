"""Cores and data folders for what is served to other programs."""

from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path

import pytest

from bot.config.settings import Settings
from bot.core.core import Core
from bot.core.worker import Worker
from tests.bot.programs.quokkas import filled


@pytest.fixture
async def worker(settings: Settings) -> AsyncIterator[Worker[Core]]:
    made = Worker(partial(filled, settings), Core.close)
    yield made
    await made.stop()


@pytest.fixture
def models_folder(tmp_path: Path) -> Path:
    """An empty data folder."""
    return tmp_path / "data"
