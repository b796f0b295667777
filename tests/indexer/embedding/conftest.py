"""The smaller shipped model, as all tests of embedding share it."""

from pathlib import Path

import pytest

from indexer.embedding.embedder import DEFAULT_MODEL
from indexer.embedding.onnx_model import RuntimeModel
from indexer.embedding.shipped_models import shipped_models


@pytest.fixture(scope="session")
def derived() -> Path:
    """The folder of the smaller shipped model."""
    return shipped_models()[DEFAULT_MODEL].folder


@pytest.fixture(scope="session")
def minilm(derived: Path) -> RuntimeModel:
    return RuntimeModel.open(derived)
