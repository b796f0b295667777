"""Several processes of the bot share the shards, and one of them leads."""

import signal
from collections.abc import AsyncIterator

import pytest

from bot.config import Settings
from tests.bot.cluster.processes import SHARDS, Processes, processes
from tests.bot.wire.server import wire_server
from tests.postgres import Cluster


@pytest.fixture
async def bot(postgres: Cluster, postgres_url: str, settings: Settings) -> AsyncIterator[Processes]:
    async with wire_server() as server, processes(server, postgres, postgres_url, settings) as made:
        yield made


async def test_each_server_is_answered_by_one_process_and_after_its_death_by_another(
    bot: Processes,
) -> None:
    first = await bot.start()
    second = await bot.start()
    await bot.shared(first, second)
    asked = [await bot.answered(shard) for shard in range(SHARDS)]
    await bot.until(lambda: bot.leader() == first, "the first process leads")
    lost, before = bot.shards_of(first), bot.held()
    bot.running[first].kill()
    await bot.until(lambda: bot.leader() == second, "the other one leads")
    await bot.shared(second)
    for shard in lost:
        assert bot.held()[shard][1] == before[shard][1] + 1
    asked_again = [await bot.answered(shard) for shard in range(SHARDS)]
    for shard in range(SHARDS):
        assert len(bot.replies(shard, asked[shard])) == 1
        assert len(bot.replies(shard, asked_again[shard])) == 1
    assert bot.questions() == 2 * SHARDS
    assert bot.server.rest.puts == 1


async def test_a_process_that_stood_still_answers_and_writes_nothing_of_what_it_was_told(
    bot: Processes,
) -> None:
    first, second = await bot.start(), await bot.start()
    await bot.shared(first, second)
    lost = bot.shards_of(first)
    stopped = bot.running[first]
    stopped.send_signal(signal.SIGSTOP)
    await bot.shared(second)
    await bot.until(lambda: bot.leader() == second, "the other one leads")
    # Discord tells the connections that stand still, too.
    asked = {shard: await bot.answered(shard) for shard in lost}
    stopped.send_signal(signal.SIGCONT)
    # It finds out, closes its shards, joins anew and gets its share.
    await bot.shared(first, second)
    again = [await bot.answered(shard) for shard in range(SHARDS)]
    for shard, question in [*asked.items(), *enumerate(again)]:
        assert len(bot.replies(shard, question)) == 1
    assert bot.questions() == len(asked) + len(again)


async def test_a_process_that_is_stopped_hands_over_at_once_and_gets_its_share_back(
    bot: Processes,
) -> None:
    bot.lease_seconds = 3_600
    first, second = await bot.start(), await bot.start()
    await bot.shared(first, second)
    bot.running[first].terminate()
    await bot.shared(second)
    third = await bot.start()
    await bot.shared(second, third)
    for shard in range(SHARDS):
        await bot.answered(shard)
    assert bot.questions() == SHARDS
    assert bot.running[first].returncode in {0, None}
