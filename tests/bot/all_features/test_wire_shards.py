"""A bot of several shards against a strict Discord: each server has its own connection."""

import asyncio
from functools import partial

import pytest

from bot.cli.run import UNREACHABLE
from bot.config.settings import Settings
from tests.bot.launcher import bot_process, run_bot
from tests.bot.message_parts import text_of
from tests.bot.wire.server import SECONDS, wire_server
from tests.bot.wire.state import APPLICATION

pytestmark = pytest.mark.slow

QUESTION = "What is open source AI?"
SHARDS = 3


async def test_a_lost_shard_hinders_no_other_and_loses_nothing(settings: Settings) -> None:
    async with wire_server() as server:
        gateway = server.gateway
        gateway.shards = gateway.max_concurrency = SHARDS
        members = [server.in_shard(shard) for shard in range(SHARDS)]
        async with run_bot(server, settings):
            for member, channel in members:
                asked = await member.slash(channel, "ask", question=QUESTION)
                assert "> " in text_of(await server.answered(asked))
            gateway.refusing = 503
            gateway.cut(1)
            member, channel = members[1]
            missed = await member.say(channel, f"<@{APPLICATION}> {QUESTION}")
            for member, elsewhere in (members[0], members[2]):
                said = await member.say(elsewhere, f"<@{APPLICATION}> What is a model licence?")
                await server.until(partial(server.replies, elsewhere, said), "a reply")
            assert server.replies(channel, missed) == []
            gateway.refusing = 0
            await server.until(lambda: server.replies(channel, missed), "a reply to the missed")
        assert len(server.replies(channel, missed)) == 1
        assert sorted(shard for shard, _ in gateway.identifies) == list(range(SHARDS))
        assert gateway.resumed == 1


async def test_shards_of_a_bucket_begin_five_seconds_apart(settings: Settings) -> None:
    async with wire_server() as server:
        server.gateway.shards = 2
        async with run_bot(server, settings):
            (first, began), (second, later) = server.gateway.identifies
    assert (first, second) == (0, 1)
    assert later - began >= 5


async def test_exhausted_sessions_end_the_bot_with_a_time(settings: Settings) -> None:
    async with wire_server() as server:
        server.gateway.shards, server.gateway.remaining = 2, 1
        process = bot_process(server, "run", "--data", settings.data.folder, connected=False)
        async with process as bot:
            _, err = await asyncio.wait_for(bot.communicate(), SECONDS)
        assert server.gateway.identified == 0
    assert bot.returncode == UNREACHABLE
    assert "Start it again in 240 minutes." in err.decode()
