"""Outages of Discord's gateway under a real process, whose clock is 60 times as fast."""

import asyncio
from pathlib import Path

import pytest

from bot.config.settings import Settings
from tests.bot.discord_server import bot_process
from tests.bot.wire.server import wire_server

SPEED = 60
SHARDS = 4
AWAY_SECONDS = 1_800


@pytest.mark.slow
@pytest.mark.parametrize(
    ("refusing", "keeping", "most_identifies"),
    [(4000, True, 0), (4000, False, 30), (503, True, 0)],
    ids=["closing", "forgetful", "refusing"],
)
async def test_a_bot_outlives_an_outage_with_few_connections(
    settings: Settings, tmp_path: Path, refusing: int, keeping: bool, most_identifies: int
) -> None:
    log = tmp_path / "log"
    async with wire_server() as server:
        gateway = server.gateway
        gateway.shards = gateway.max_concurrency = SHARDS
        gateway.heartbeat_ms = 10_000 // SPEED
        arguments = ("run", "--data", settings.data.folder)
        with log.open("wb") as file:
            async with bot_process(server, *arguments, log=file, CLOCK_SPEED=str(SPEED)):
                await server.until(lambda: server.state.commands, "commands")
                gateway.connections = gateway.identified = 0
                if not keeping:
                    gateway.sessions.clear()
                await gateway.go_away(refusing)
                await asyncio.sleep(AWAY_SECONDS / SPEED)
                assert 6 * SHARDS <= gateway.connections <= 60 * SHARDS
                assert gateway.identified <= most_identifies * SHARDS
                gateway.refusing = 0
                await server.until(server.connected.is_set, "every shard")
    assert log.read_text().count("Discord can't be reached, or ends each connection") == 1
