"""Outages of PostgreSQL while a process starts: it answers soon after them, or it ends."""

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator

import pytest

from bot.cli.run import UNREACHABLE
from bot.config.settings import Settings
from tests.bot.cluster.processes import SHARDS, Processes, processes
from tests.bot.launcher import BotProcess
from tests.bot.message_parts import text_of
from tests.bot.outages import Departing, departing
from tests.bot.wire.server import SECONDS, wire_server
from tests.bot.wire.state import Json
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


async def test_a_killed_server_ends_or_delays_a_start(bot: Processes, database: Departing) -> None:
    """The moments are messages to the server, evenly spread from the first one to an answer."""
    messages = 0
    # The first start makes the tables.
    for _ in range(2):
        database.cutting.sent = 0
        process, _ = await bot.launch()
        await _answers_or_ends(bot, process)
        messages = database.cutting.sent
        await _stop(process)
    database.postgres.execute("checkpoint")
    went_on = 0
    for moment in range(MOMENTS):
        process = await _start_through_a_kill(bot, database, 1 + moment * messages // MOMENTS)
        await _answers_or_ends(bot, process)
        went_on += process.returncode is None
        await _stop(process)
    # Most of a start comes after the checks that end the process.
    assert went_on > MOMENTS // 2


async def _start_through_a_kill(bot: Processes, database: Departing, number: int) -> BotProcess:
    """Start a process; kill the server at a message, and start it again once that is noticed."""
    cutting, killed = database.cutting, threading.Event()

    def kill() -> None:
        cutting.refuse(refusing=True)
        database.postgres.kill()
        cutting.refused = 0
        killed.set()

    cutting.at_message(number, kill)
    process, _ = await bot.launch()
    try:
        await bot.until(
            lambda: killed.is_set() and (cutting.refused or process.returncode is not None),
            "an attempt to reach the server that was killed, or an end",
            process,
        )
    finally:
        await asyncio.to_thread(database.postgres.start)
        cutting.refuse(refusing=False)
    return process


async def _stop(process: BotProcess) -> None:
    process.terminate()
    await asyncio.wait_for(process.communicate(), SECONDS)
