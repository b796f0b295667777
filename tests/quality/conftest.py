"""The bundled articles, indexed once for all tests and asked by all."""

import hashlib
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from bot.config.settings import DataSettings, Settings
from bot.core import index_updates
from bot.core.core import Core
from bot.core.index_updates import run_to_end
from indexer.embedding.embedder import DEFAULT_MODEL, Embedder, open_embedder
from tests.shared_folders import shared_folder


@pytest.fixture(scope="session")
def model() -> Embedder:
    return open_embedder(DEFAULT_MODEL)


@pytest.fixture(scope="session")
def core(tmp_path_factory: pytest.TempPathFactory, model: Embedder) -> Iterator[Core]:
    """A core as it is after the first start."""

    def index(folder: Path) -> None:
        with opened(folder, model) as made:
            run_to_end(index_updates.update_quickly(made))

    with opened(indexed(tmp_path_factory, "articles", model, index), model) as made:
        yield made


def indexed(
    factory: pytest.TempPathFactory, name: str, model: Embedder, index: Callable[[Path], object]
) -> Path:
    """A copy of the folder that `index` leaves, made once for all test processes."""
    digest = hashlib.sha256(model.model.encode()).hexdigest()
    made = shared_folder(factory, f"{name}-{digest}", index)
    return shutil.copytree(made, factory.mktemp(name) / "data")


def opened(folder: Path, model: Embedder) -> Core:
    return Core(Settings(data=DataSettings(folder=folder)), model)
