"""An embedder without a model."""

import pytest

from tests.fakes import WordEmbedder


@pytest.fixture
def embedder() -> WordEmbedder:
    return WordEmbedder(64)
