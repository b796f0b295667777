"""The bundled articles, indexed with the derived model and with the reference, and asked by all."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.config import Settings
from bot.config_sections import DataSettings
from bot.engine import index_updates
from bot.engine.core import Core
from bot.engine.index_updates import run_to_end
from indexer.embedding.embedder import (
    DEFAULT_MODEL,
    Embedder,
    SentenceTransformerEmbedder,
    open_embedder,
)


@pytest.fixture(scope="session", params=["derived", "reference"])
def model(request: pytest.FixtureRequest, models: Path) -> Embedder:
    """Both, so that a loss under either is seen on whatever processor the tests meet."""
    if request.param == "reference":
        return SentenceTransformerEmbedder()
    return open_embedder(DEFAULT_MODEL, models)


@pytest.fixture(scope="session")
def core(tmp_path_factory: pytest.TempPathFactory, model: Embedder) -> Iterator[Core]:
    """A core as it is after the first start."""
    with opened(tmp_path_factory.mktemp("articles"), model) as made:
        run_to_end(index_updates.update_quickly(made))
        yield made


def opened(folder: Path, model: Embedder) -> Core:
    return Core(Settings(data=DataSettings(folder=folder)), model)
