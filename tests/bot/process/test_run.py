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
from tests.bot.launcher import BotProcess, bot_process, run_bot
from tests.bot.wire.server import SECONDS, WireServer
from tests.bot.wire.state import LOADING, TOKEN, Interaction
from tests.fakes import WordEmbedder

OTHER_TOKEN = "another-token"  # noqa: S105 - of a Discord that is none


@pytest.mark.parametrize(
    "number", [signal.SIGTERM, pytest.param(signal.SIGINT, marks=pytest.mark.slow)]
)
async def test_stopping_bot_finishes_acknowledged_work(
    server: WireServer, settings: Settings, number: signal.Signals
) -> None:
    async with run_bot(server, settings) as process:
        asked = await _promised(server)
        process.send_signal(number)
        _, err = await asyncio.wait_for(process.communicate(), SECONDS)
    assert not _is_promise(server, asked)
    assert [message["id"] for message in server.bot_messages(server.general)] == [
        str(asked.original)
    ]
    assert process.returncode == 0, err
    assert b"Stopping" in err
    assert b"Traceback" not in err


async def _promised(server: WireServer) -> Interaction:
    """Ask what takes a moment; returns it once *thinking…* is shown."""
    question = "Slowly now: what is open source AI? Answer slowly."
    asked = await server.mia.slash(server.general, "ask", question=question)
    await server.until(lambda: asked.original, "the acknowledgement")
    assert _is_promise(server, asked)
    return asked


def _is_promise(server: WireServer, asked: Interaction) -> bool:
    return bool(server.state.messages[asked.original or 0]["flags"] & LOADING)


@pytest.mark.slow
async def test_second_signal_skips_the_wait(server: WireServer, settings: Settings) -> None:
    async with run_bot(server, settings) as process:
        asked = await _promised(server)
        process.terminate()
        await _logged(process, b"Stopping")
        process.terminate()
        await asyncio.wait_for(process.wait(), SECONDS)
    assert _is_promise(server, asked)
    assert process.returncode == 0


@pytest.mark.slow
async def test_idle_bot_stops_immediately(server: WireServer, settings: Settings) -> None:
    async with run_bot(server, settings) as process:
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
async def test_health_is_served_while_the_bot_runs(
    server: WireServer, settings: Settings, tmp_path: Path
) -> None:
    config = tmp_path / "config.toml"
    config.write_text('[log]\nformat = "json"\n[health]\nport = 0\n')
    async with (
        run_bot(server, settings, "--config", config) as process,
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
async def test_running_bot_indexes_changed_files(
    server: WireServer, settings: Settings, tmp_path: Path
) -> None:
    guides = tmp_path / "guides"
    guides.mkdir()
    with Core(settings, WordEmbedder()) as core:
        add_paths(core.store, [guides])
    arguments = ("run", "--data", settings.data.folder)
    async with bot_process(server, *arguments, CLOCK_SPEED="30") as process:
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


async def _ended(server: WireServer, *arguments: str | Path, token: str) -> tuple[int, str]:
    async with bot_process(server, *arguments, token=token, connected=False) as process:
        _, err = await asyncio.wait_for(process.communicate(), SECONDS)
    assert process.returncode is not None
    assert b"Traceback" not in err
    return process.returncode, err.decode().splitlines()[-1]


async def test_a_refused_token_has_a_remedy(server: WireServer, settings: Settings) -> None:
    code, line = await _ended(server, "run", "--data", settings.data.folder, token=OTHER_TOKEN)
    assert code == UNUSABLE
    assert "Copy a new one from the Bot page" in line
    assert OTHER_TOKEN not in line


async def test_unreachable_discord_has_its_own_exit_code(
    server: WireServer, settings: Settings
) -> None:
    """A service manager starts again then, and only then."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        server.state.address = f"http://127.0.0.1:{free.getsockname()[1]}"
    code, line = await _ended(server, "run", "--data", settings.data.folder, token=TOKEN)
    assert code == UNREACHABLE
    assert "Discord can't be reached" in line


@pytest.mark.slow
async def test_a_taken_port_is_a_sentence(
    server: WireServer, settings: Settings, tmp_path: Path
) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        config = tmp_path / "config.toml"
        config.write_text(f"[health]\nport = {taken.getsockname()[1]}\n")
        arguments = ("run", "--data", settings.data.folder, "--config", config)
        code, line = await _ended(server, *arguments, token=TOKEN)
    assert code == UNUSABLE
    assert "/healthz can't be served" in line
