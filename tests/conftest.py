"""What is slow to make and the same for every test."""

from pathlib import Path

import pytest
from hypothesis import settings

from indexer.embedder import DEFAULT_MODEL, Embedder, open_embedder
from tests.models import save_cross_encoder

# What is tested is what is right, not how fast a busy machine is.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")


@pytest.fixture(scope="session")
def models(pytestconfig: pytest.Config) -> Path:
    """A folder with the default model, derived. It is kept from one run of the tests to the next.

    Its entries are named by what they were derived from, so a stale one is never used.
    """
    if pytestconfig.cache is None:
        raise RuntimeError("The tests need pytest's cache: don't switch it off.")
    folder = pytestconfig.cache.mkdir("models")
    open_embedder(DEFAULT_MODEL, folder)
    return folder


@pytest.fixture(scope="session")
def model(models: Path) -> Embedder:
    """The model as members' questions meet it."""
    return open_embedder(DEFAULT_MODEL, models)


@pytest.fixture(scope="session")
def cross_encoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a tiny cross-encoder, whose opinions are random and always the same."""
    folder = tmp_path_factory.mktemp("cross-encoder")
    save_cross_encoder(folder)
    return folder
