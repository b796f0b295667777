"""A bot's `/healthz` and `/metrics`, served and read over HTTP."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
from prometheus_client.parser import text_string_to_metric_families

from bot.config.settings import HealthSettings
from bot.process.client import Bot
from bot.process.health_server import serving

ANY = HealthSettings(port=0)
Samples = dict[tuple[str, str], float]


@asynccontextmanager
async def served(bot: Bot, settings: HealthSettings = ANY) -> AsyncIterator[str]:
    async with serving(settings, bot.health, bot.exposition) as address:
        yield address


async def metrics(bot: Bot) -> tuple[str, Samples]:
    """The text, and each sample by its name and the value of its one label."""
    async with (
        served(bot) as address,
        aiohttp.ClientSession() as session,
        session.get(f"{address}/metrics") as response,
    ):
        assert response.status == 200
        text = await response.text()
    return text, {
        (sample.name, next(iter(sample.labels.values()), "")): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if "le" not in sample.labels
    }


async def prepared(bot: Bot) -> None:
    """Wait until the bot has tried to update its index."""
    begun = "The index is being updated from its sources."
    async with asyncio.timeout(60):
        while begun in (await bot.health()).reasons:  # noqa: ASYNC110 - nothing tells its end
            await asyncio.sleep(0.02)
