"""A data folder that commands with the real model begin with."""

import shutil
from pathlib import Path

import pytest

from bot.engine.data_folder import MODELS
from bot.engine.file_permissions import close_to_others
from tests.fork_server import ForkServer


@pytest.fixture(scope="session")
def started_folder(
    models: Path, commands: ForkServer, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """It is as the first command leaves it, which indexes the articles."""
    data = tmp_path_factory.mktemp("started") / "data"
    shutil.copytree(models, data / MODELS)
    close_to_others(data)
    assert commands.run("index", "--data", data).returncode == 0
    return data
