"""A scripted endpoint, and a phraser that asks it."""

from collections.abc import AsyncIterator, Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from bot.phrasing.endpoint import Endpoint, EndpointSettings
from bot.phrasing.phraser import Phraser
from tests.bot.phrasing.scripted_endpoint import KEY, MODEL, ScriptedEndpoint, scripted_endpoint
from tests.fakes import WordEmbedder

_embedder = WordEmbedder()


async def embed(texts: Sequence[str]) -> NDArray[np.float32]:
    return _embedder.embed_passages(texts)


@pytest.fixture
async def scripted() -> AsyncIterator[ScriptedEndpoint]:
    async with scripted_endpoint() as endpoint:
        yield endpoint


@pytest.fixture
async def endpoint(scripted: ScriptedEndpoint) -> AsyncIterator[Endpoint]:
    opened = Endpoint(EndpointSettings(scripted.url, MODEL, seconds=60), KEY)
    yield opened
    await opened.close()


@pytest.fixture
def phraser(endpoint: Endpoint) -> Phraser:
    return Phraser(endpoint, embed)
