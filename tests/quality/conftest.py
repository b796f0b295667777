"""The bundled articles, indexed once with the real model, and asked by everybody."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.config import DataSettings, Settings
from bot.engine import index_updates
from bot.engine.core import Core
from bot.engine.index_updates import run_to_end
from indexer.embedding.embedder import Embedder


@pytest.fixture(scope="session")
def core(tmp_path_factory: pytest.TempPathFactory, model: Embedder) -> Iterator[Core]:
    """A core as it is after the first start."""
    with opened(tmp_path_factory.mktemp("articles"), model) as made:
        run_to_end(index_updates.update_quickly(made))
        yield made


def opened(folder: Path, model: Embedder) -> Core:
    return Core(Settings(data=DataSettings(folder=folder)), model)
