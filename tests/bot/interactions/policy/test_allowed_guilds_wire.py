"""Operators are told where anybody can add the bot to a server."""

import asyncio
from pathlib import Path

import pytest

from bot.config.settings import ANYBODY, Settings
from tests.bot.launcher import bot_process
from tests.bot.wire.server import SECONDS, wire_server


@pytest.mark.slow
@pytest.mark.parametrize(
    ("public", "named", "told"),
    [(True, False, 1), (False, False, 0), (True, True, 0)],
    ids=["public", "private", "named servers"],
)
async def test_a_bot_that_anybody_can_add_says_so_in_one_line_at_the_start(
    settings: Settings, tmp_path: Path, public: bool, named: bool, told: int
) -> None:
    config, log = tmp_path / "config.toml", tmp_path / "log"
    async with wire_server() as server:
        config.write_text(f"[guilds]\nallowed = [{server.guild['id']}]\n" if named else "")
        server.rest.public = public
        arguments = ("run", "--config", config, "--data", settings.data.folder)
        with log.open("wb") as file:
            async with bot_process(server, *arguments, log=file) as process:
                await server.until(lambda: server.state.commands, "commands")
                process.terminate()
                await asyncio.wait_for(process.wait(), SECONDS)
    assert log.read_text().count(ANYBODY) == told
