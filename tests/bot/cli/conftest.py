"""A data folder that commands with the real model begin with."""

from pathlib import Path

import pytest

from tests.fork_server import ForkServer
from tests.shared_folders import shared_folder


@pytest.fixture(scope="session")
def started_folder(commands: ForkServer, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """It is as the first command leaves it, which indexes the articles."""

    def index(data: Path) -> None:
        assert commands.run("index", "--data", data).returncode == 0

    return shared_folder(tmp_path_factory, "started", index)
