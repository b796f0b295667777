"""The packaged model, derived, as all tests of embedding share it."""

from pathlib import Path

import pytest

from indexer.embedding.onnx_model import FORMAT, RuntimeModel


@pytest.fixture(scope="session")
def derived(models: Path) -> Path:
    """The folder that was derived from the packaged model."""
    [folder] = models.glob(f"*-{FORMAT}")
    return folder


@pytest.fixture(scope="session")
def minilm(derived: Path) -> RuntimeModel:
    return RuntimeModel.open(derived)
