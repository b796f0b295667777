"""Cores and data folders for what is served to other programs."""

import shutil
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path

import pytest

from bot.config import Settings
from bot.engine.core import Core
from bot.engine.data_folder import MODELS
from bot.engine.file_permissions import close_to_others
from bot.engine.worker import Worker
from tests.bot.programs.quokkas import filled


@pytest.fixture
async def worker(settings: Settings) -> AsyncIterator[Worker[Core]]:
    made = Worker(partial(filled, settings), Core.close)
    yield made
    await made.stop()


@pytest.fixture
def models_folder(tmp_path: Path, models: Path) -> Path:
    """A data folder with the model, and nothing else."""
    shutil.copytree(models, tmp_path / "data" / MODELS)
    close_to_others(tmp_path / "data")
    return tmp_path / "data"
