"""A data folder that commands with the real model begin with."""

import shutil
from pathlib import Path

import pytest

from bot.engine.data_folder import MODELS
from bot.engine.file_permissions import close_to_others
from tests.fork_server import ForkServer
from tests.shared_folders import shared_folder


@pytest.fixture(scope="session")
def started_folder(
    models: Path, commands: ForkServer, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """It is as the first command leaves it, which indexes the articles."""

    def index(data: Path) -> None:
        shutil.copytree(models, data / MODELS)
        close_to_others(data)
        assert commands.run("index", "--data", data).returncode == 0

    return shared_folder(tmp_path_factory, "started", index)
