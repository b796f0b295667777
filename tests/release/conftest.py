"""The default model, as all tests of the release tool share it."""

from pathlib import Path

import pytest

from indexer.embedding.embedder import DEFAULT_MODEL
from indexer.embedding.installed_models import installed_models
from indexer.embedding.onnx_model import RuntimeModel


@pytest.fixture(scope="session")
def derived() -> Path:
    """The folder of the default model."""
    return installed_models()[DEFAULT_MODEL].folder


@pytest.fixture(scope="session")
def minilm(derived: Path) -> RuntimeModel:
    return RuntimeModel.open(derived)
