"""Start and end of the bot's process, with real processes and a fake Discord."""

import asyncio
import json
import logging
import signal
import socket
from pathlib import Path

import aiohttp
import pytest

from bot.cli.console import UNUSABLE
from bot.cli.run import UNREACHABLE
from bot.config.settings import Settings
from bot.core.core import Core
from bot.process.client import Bot
from knowledge.sources.addition import add_paths
from tests.bot.discord_server import (
    SECONDS,
    TOKEN,
    BotProcess,
    DiscordServer,
    bot_process,
    discord_server,
)
from tests.fakes import WordEmbedder

OTHER_TOKEN = "another-token"  # noqa: S105 - of a Discord that is none


@pytest.mark.parametrize(
    "number", [signal.SIGTERM, pytest.param(signal.SIGINT, marks=pytest.mark.slow)]
)
async def test_stopping_bot_finishes_acknowledged_work(
    settings: Settings, number: signal.Signals
) -> None:
    async with (
        discord_server() as discord,
        bot_process(discord, "run", "--data", settings.data.folder) as process,
    ):
        await discord.ask("Slowly now: what is open source AI? Answer slowly.")
        await asyncio.wait_for(discord.acknowledged.wait(), SECONDS)
        assert discord.said.empty()
        process.send_signal(number)
        _, err = await asyncio.wait_for(process.communicate(), SECONDS)
        assert discord.said.qsize() == 1
    assert process.returncode == 0, err
    assert b"Stopping" in err
    assert b"Traceback" not in err


@pytest.mark.slow
async def test_second_signal_skips_the_wait(settings: Settings) -> None:
    async with (
        discord_server() as discord,
        bot_process(discord, "run", "--data", settings.data.folder) as process,
    ):
        await discord.ask("Answer slowly: what is open source AI?")
        await asyncio.wait_for(discord.acknowledged.wait(), SECONDS)
        process.terminate()
        await _logged(process, b"Stopping")
        process.terminate()
        await asyncio.wait_for(process.wait(), SECONDS)
        assert discord.said.empty()
    assert process.returncode == 0


@pytest.mark.slow
async def test_idle_bot_stops_immediately(settings: Settings) -> None:
    async with (
        discord_server() as discord,
        bot_process(discord, "run", "--data", settings.data.folder) as process,
    ):
        process.terminate()
        _, err = await asyncio.wait_for(process.communicate(), SECONDS)
    assert process.returncode == 0
    assert b"Traceback" not in err


@pytest.mark.slow
async def test_wait_for_acknowledged_work_ends(
    settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    async def work(bot: Bot) -> None:
        bot.track()
        await asyncio.Event().wait()

    async with Bot(settings) as bot:
        endless = asyncio.create_task(work(bot))
        await asyncio.sleep(0)
        with caplog.at_level(logging.WARNING):
            async with asyncio.timeout(SECONDS):
                await bot.finish(0.05)
        endless.cancel()
    assert "Not finished in time: 1." in caplog.text


@pytest.mark.slow
async def test_health_is_served_while_the_bot_runs(settings: Settings, tmp_path: Path) -> None:
    config = tmp_path / "config.toml"
    config.write_text('[log]\nformat = "json"\n[health]\nport = 0\n')
    async with (
        discord_server() as discord,
        bot_process(discord, "run", "--data", settings.data.folder, "--config", config) as process,
        aiohttp.ClientSession() as session,
    ):
        line = await _logged(process, b"Health and metrics are served.")
        address = json.loads(line)["address"]
        await _logged(process, b"Everything is indexed")
        async with session.get(f"{address}/healthz") as response:
            assert response.status == 200, await response.text()
        async with session.get(f"{address}/metrics") as response:
            assert "commonplace_healthy 1.0" in await response.text()
        process.terminate()
        await asyncio.wait_for(process.communicate(), SECONDS)
        with pytest.raises(aiohttp.ClientConnectorError):
            await session.get(f"{address}/healthz")


@pytest.mark.slow
async def test_running_bot_indexes_changed_files(settings: Settings, tmp_path: Path) -> None:
    guides = tmp_path / "guides"
    guides.mkdir()
    with Core(settings, WordEmbedder()) as core:
        add_paths(core.store, [guides])
    async with (
        discord_server() as discord,
        bot_process(discord, "run", "--data", settings.data.folder, CLOCK_SPEED="30") as process,
    ):
        await _logged(process, b"Everything is indexed")
        (guides / "lab.md").write_text("The printer is called Gutenberg.")
        line = await _logged(process, b"The imported files have changed")
        assert b"1 added, 0 changed, 0 removed" in line
        (guides / "lab.md").unlink()
        line = await _logged(process, b"The imported files have changed")
        assert b"0 added, 0 changed, 1 removed" in line
        process.terminate()
        await asyncio.wait_for(process.communicate(), SECONDS)


async def _logged(process: BotProcess, what: bytes) -> bytes:
    """Wait for a line of the log."""
    assert process.stderr is not None
    async with asyncio.timeout(SECONDS):
        async for line in process.stderr:
            if what in line:
                return line
    raise AssertionError(f"The log ended without {what!r}.")


# A failed start ends in one sentence.


async def _ended(discord: DiscordServer, *arguments: str | Path, token: str) -> tuple[int, str]:
    async with bot_process(discord, *arguments, token=token, connected=False) as process:
        _, err = await asyncio.wait_for(process.communicate(), SECONDS)
    assert process.returncode is not None
    assert b"Traceback" not in err
    return process.returncode, err.decode().splitlines()[-1]


async def test_a_refused_token_has_a_remedy(settings: Settings) -> None:
    async with discord_server() as discord:
        code, line = await _ended(discord, "run", "--data", settings.data.folder, token=OTHER_TOKEN)
    assert code == UNUSABLE
    assert "Copy a new one from the Bot page" in line
    assert OTHER_TOKEN not in line


@pytest.mark.parametrize(
    "missing", ["everything", pytest.param("the gateway", marks=pytest.mark.slow)]
)
async def test_unreachable_discord_has_its_own_exit_code(settings: Settings, missing: str) -> None:
    """A service manager starts again then, and only then."""
    async with discord_server() as discord:
        if missing == "everything":
            with socket.socket() as free:
                free.bind(("127.0.0.1", 0))
                discord.address = f"http://127.0.0.1:{free.getsockname()[1]}"
        else:
            discord.gateway_is_there = False
        code, line = await _ended(discord, "run", "--data", settings.data.folder, token=TOKEN)
    assert code == UNREACHABLE
    assert "Discord can't be reached" in line


@pytest.mark.slow
async def test_a_taken_port_is_a_sentence(settings: Settings, tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        config = tmp_path / "config.toml"
        config.write_text(f"[health]\nport = {taken.getsockname()[1]}\n")
        arguments = ("run", "--data", settings.data.folder, "--config", config)
        async with discord_server() as discord:
            code, line = await _ended(discord, *arguments, token=TOKEN)
    assert code == UNUSABLE
    assert "/healthz can't be served" in line
