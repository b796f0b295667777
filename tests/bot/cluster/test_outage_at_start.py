"""Outages of PostgreSQL while a process starts: it answers soon after them, or it ends."""

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Iterator

import pytest

from bot.cli.run import UNREACHABLE
from bot.config.settings import Settings
from tests.bot.cluster.processes import SHARDS, Processes, processes
from tests.bot.discord_server import SECONDS, BotProcess
from tests.bot.outages import Departing, departing
from tests.bot.wire.server import wire_server
from tests.bot.wire.state import Json
from tests.bot.world import text_of
from tests.postgres import Cluster

pytestmark = pytest.mark.slow

MOMENTS = 20
ASKED_AGAIN_SECONDS = 3


@pytest.fixture
def database(postgres: Cluster, postgres_url: str) -> Iterator[Departing]:
    with departing(postgres, postgres_url) as made:
        yield made


@pytest.fixture
async def bot(database: Departing, settings: Settings) -> AsyncIterator[Processes]:
    async with (
        wire_server() as server,
        processes(server, database.postgres, database.url, settings) as made,
    ):
        yield made


async def _answers_or_ends(bot: Processes, process: BotProcess) -> None:
    """Ask in every server in turn until each has an answer, or the process has ended."""
    unanswered, asked = set(range(SHARDS)), dict[int, list[Json]]()

    def look() -> bool:
        for shard, questions in asked.items():
            replies = [reply for said in questions for reply in bot.replies(shard, said)]
            if any("> " in text_of(reply) for reply in replies):
                unanswered.discard(shard)
        return not unanswered or process.returncode is not None

    asking = asyncio.create_task(_ask_again(bot, asked, unanswered))
    try:
        await bot.until(look, f"an answer in {unanswered}, or an end", process)
    finally:
        asking.cancel()
    assert process.returncode in (None, UNREACHABLE)


async def _ask_again(bot: Processes, asked: dict[int, list[Json]], unanswered: set[int]) -> None:
    """Ask in every server without an answer, again and again: nobody is told what was missed."""
    while True:
        for shard in sorted(unanswered):
            asked.setdefault(shard, []).append(await bot.ask(shard))
        await asyncio.sleep(ASKED_AGAIN_SECONDS)


async def test_process_answers_or_ends_wherever_the_server_is_killed_during_its_start(
    bot: Processes, database: Departing
) -> None:
    """The moments are messages to the server, evenly spread from the first one to an answer."""
    cutting, server = database.cutting, database.postgres
    database.postgres.execute("checkpoint")
    process, _ = await bot.launch()
    await _answers_or_ends(bot, process)
    messages = cutting.sent
    await _stop(process)
    ends = 0
    for moment in range(MOMENTS):
        killed = threading.Event()

        def kill() -> None:
            cutting.refuse(refusing=True)
            server.kill()
            killed.set()

        cutting.at_message(1 + moment * messages // MOMENTS, kill)
        process, _ = await bot.launch()
        try:
            await bot.until(killed.is_set, "the server's death", process)
            refused = cutting.refused
            await bot.until(
                lambda: cutting.refused > refused or process.returncode is not None,
                "an attempt to reach the server",
                process,
            )
        finally:
            server.start()
            cutting.refuse(refusing=False)
        began = time.monotonic()
        await _answers_or_ends(bot, process)
        print(moment, process.returncode, round(time.monotonic() - began, 1))
        ends += process.returncode is not None
        await _stop(process)
    assert ends < MOMENTS


async def _stop(process: BotProcess) -> None:
    process.terminate()
    await asyncio.wait_for(process.communicate(), SECONDS)
