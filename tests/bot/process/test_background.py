"""What a bot does by itself after its start: the index has what an earlier release left out."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from bot.client import Bot, start_worker
from bot.config import Settings
from bot.engine.core import Core
from tests.bot.process.served import prepared
from tests.bot.world import World
from tests.fakes import CodedEmbedder, WordEmbedder


def _lacking(core: Core) -> int:
    return len(core.index.tables.without_token_codes())


@pytest.fixture
async def simcord_bot(settings: Settings) -> AsyncIterator[Bot]:
    """A bot whose index was made by a release that knew no codes."""
    with Core(settings, WordEmbedder()) as core:
        assert _lacking(core) == len(core.index.tables.db.rows("select 1 from passages")) > 0
    bot = Bot(settings, start_worker(settings, CodedEmbedder(model=WordEmbedder().model)))
    yield bot
    await bot.close()


async def test_passages_of_an_earlier_release_have_codes_once_all_is_in_step(
    world: World,
) -> None:
    await prepared(world.bot)
    async with asyncio.timeout(60):
        while await world.bot.worker.call(_lacking):  # noqa: ASYNC110 - nothing tells its end
            await asyncio.sleep(0.02)
    assert (await world.bot.health()).reasons == ()
