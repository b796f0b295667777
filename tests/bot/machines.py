"""Machines that share one database in PostgreSQL: data folders of their own."""

from collections.abc import Callable
from pathlib import Path

import pytest

from bot.config.settings import DataSettings, Settings
from bot.core.core import Core
from tests.fakes import WordEmbedder
from tests.stores import take_tombstones

OpenMachine = Callable[[str], Core]


@pytest.fixture
def machine(tmp_path: Path, postgres_url: str) -> OpenMachine:
    """Opens a core on a machine, which is a data folder."""

    def opened(name: str) -> Core:
        if name == "second":
            take_tombstones(tmp_path / "first", tmp_path / name)
        data = DataSettings(folder=tmp_path / name, database=postgres_url)
        return Core(Settings(data=data), WordEmbedder())

    return opened
