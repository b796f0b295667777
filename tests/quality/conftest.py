"""The bundled articles, indexed with the derived model and with the reference, and asked by all."""

import hashlib
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from bot.config.sections import DataSettings
from bot.config.settings import Settings
from bot.core import index_updates
from bot.core.core import Core
from bot.core.index_updates import run_to_end
from bot.storage.data_folder import model_cache
from indexer.embedding.embedder import (
    SMALL_MODEL,
    Embedder,
    SentenceTransformerEmbedder,
    open_embedder,
)
from indexer.embedding.shipped_models import shipped_models
from tests.shared_folders import shared_folder


@pytest.fixture(scope="session", params=["derived", "reference"])
def model(request: pytest.FixtureRequest) -> Embedder:
    """Both, so that a loss under either is seen on whatever processor the tests meet."""
    if request.param == "reference":
        return SentenceTransformerEmbedder(str(shipped_models()[SMALL_MODEL].source(Path())))
    return open_embedder(SMALL_MODEL, model_cache())


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
    """A folder as `index` leaves it, which is done once for all that run tests.

    The reference takes a minute for the vectors of a development set.
    """
    digest = hashlib.sha256(model.model.encode()).hexdigest()
    made = shared_folder(factory, f"{name}-{digest}", index)
    return shutil.copytree(made, factory.mktemp(name) / "data")


def opened(folder: Path, model: Embedder) -> Core:
    return Core(Settings(data=DataSettings(folder=folder)), model)
