"""Contents of the log, and texts that must never be in it."""

import asyncio
import io
import json
import logging
import re
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest
from numpy.typing import NDArray
from rich.console import Console
from simcord import Env

from bot.config.settings import LogSettings, Settings
from bot.process import logs
from bot.process.client import Bot, start_worker
from bot.storage.data_folder import DataFolderError
from tests.bot.launcher import run_bot
from tests.bot.message_parts import text_of
from tests.bot.wire.server import WireServer
from tests.bot.wire.state import TOKEN
from tests.bot.world import QUESTION, TEXT, TITLE, UNKNOWN, World, build_world
from tests.fakes import WordEmbedder

BREAKS = "Xylophones at Ouagadougou"
Configure = Callable[..., io.StringIO]


class BreakingEmbedder(WordEmbedder):
    """Fails on one text, and quotes it in the message, as many libraries do."""

    def embed_queries(self, texts: Sequence[str]) -> NDArray[np.float32]:
        if any(BREAKS in text for text in texts):
            raise ValueError(f"can't embed {texts!r}")
        return super().embed_queries(texts)


@pytest.fixture
def configure() -> Iterator[Configure]:
    """Configures the log into a string; everything is as before afterwards."""
    root = logging.getLogger()
    before, level = list(root.handlers), root.level

    def into_a_string(
        form: Literal["text", "json"] = "json", *secrets: str, terminal: bool = False
    ) -> io.StringIO:
        written = io.StringIO()
        console = Console(file=written, force_terminal=terminal, color_system=None, width=200)
        logs.configure(LogSettings(level="debug", format=form), console, secrets)
        return written

    yield into_a_string
    logging.captureWarnings(False)
    root.handlers[:] = before
    root.setLevel(level)


def _records(written: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in written.getvalue().splitlines()]


@pytest.mark.parametrize("form", ["text", "json"])
async def test_log_has_no_text_of_members(
    configure: Configure, simcord_env: Env, settings: Settings, form: Literal["text", "json"]
) -> None:
    """Questions, a note, a rejection with its reason, and an error that quotes a question."""
    world = build_world(simcord_env)
    await world.bot.close()
    bot = Bot(settings, start_worker(settings, BreakingEmbedder()))
    written = configure(form, TOKEN)
    await world.restart(bot)
    try:
        await world.set_up()
        await _use_everything(world)
        said = await _told_after_an_error(world)
        await world.member.send(world.general, f"<@{world.bot.user.id}> {BREAKS}")  # type: ignore[union-attr]
    finally:
        await bot.close()
    log = written.getvalue()
    assert said in log
    assert log.count("ValueError") >= 2
    for text in (TITLE, TEXT, QUESTION, UNKNOWN, BREAKS, "Because of Wagadugu", "Rua Augusta"):
        assert text not in log
        assert text.split()[-1] not in log


async def _use_everything(world: World) -> None:
    await world.propose(TITLE, TEXT)
    await world.moderator.click(world.card, label="Approve")
    await world.propose("Another title about Wagadugu", "Another text about Wagadugu.")
    form = await world.moderator.click(world.card, label="Reject")
    await world.moderator.submit_modal(form, {"reason": "Because of Wagadugu"})
    await world.ask(QUESTION)
    await world.ask(UNKNOWN)


async def _told_after_an_error(world: World) -> str:
    """The error id shown to the member."""
    result = await world.ask(BREAKS)
    assert result.acknowledged
    told = "".join(text_of(part) for part in (result.response, *result.followups) if part)
    [number] = re.findall(r"`([0-9a-f]{8})`", told)
    # Looked at, so that they don't fail the test.
    assert world.env.errors
    return str(number)


@pytest.mark.slow
async def test_log_of_a_running_bot_has_no_secrets(
    server: WireServer, settings: Settings, tmp_path: Path
) -> None:
    """A real process at level debug."""
    config = tmp_path / "config.toml"
    config.write_text('[log]\nlevel = "debug"\nformat = "json"\n')
    async with run_bot(server, settings, "--config", config) as process:
        asked = await server.mia.slash(server.general, "ask", question=QUESTION)
        await server.answered(asked)
        process.terminate()
        _, err = await process.communicate()
    records = [json.loads(line) for line in err.decode().splitlines()]
    assert {"event", "level", "logger", "timestamp"} <= set.intersection(*map(set, records))
    assert "bot.process.client" in {record["logger"] for record in records}
    for secret in (TOKEN, asked.token, QUESTION, "Augusta"):
        assert secret not in err.decode()


def test_tokens_are_hidden_in_each_record(configure: Configure) -> None:
    written = configure("json", "s3cret")
    logging.getLogger("discord.http").warning(
        "%s responded with 429; Bot s3cret", "https://x/api/webhooks/12/aW50ZXI.x-y_z/messages/@me"
    )
    [record] = _records(written)
    assert record["event"] == (
        "https://x/api/webhooks/12/(hidden)/messages/@me responded with 429; Bot (hidden)"
    )


def test_libraries_never_log_at_debug(configure: Configure) -> None:
    """discord.py logs every event with its content then."""
    written = configure()
    logging.getLogger("discord.gateway").debug("WebSocket Event: %s", {"content": "a secret"})
    logging.getLogger("bot.process.client").debug("ours")
    assert [record["event"] for record in _records(written)] == ["ours"]


def test_traceback_has_no_foreign_message(configure: Configure) -> None:
    written = configure()
    try:
        try:
            raise KeyError("what somebody wrote")
        except KeyError as error:
            raise DataFolderError("The folder is full.") from error
    except DataFolderError:
        logging.getLogger("bot").exception("It failed.", extra={"error_id": "abc"})
    [record] = _records(written)
    assert record["error_id"] == "abc"
    told = record["exception"]
    assert told.index("KeyError") < told.index("which led to:")
    assert told.endswith("DataFolderError: The folder is full.")
    assert f'File "{__file__}"' in told
    assert "what somebody wrote" not in told.replace('KeyError("what somebody wrote")', "")


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (DataFolderError("The folder is full."), "DataFolderError: The folder is full."),
        (PermissionError(13, "Permission denied", "x.db"), "Permission denied: 'x.db'"),
        (sqlite3.OperationalError("near 'a question'"), "failed: OperationalError"),
        (ValueError("a question"), "failed: ValueError"),
    ],
)
def test_foreign_exceptions_stay_out(configure: Configure, error: Exception, said: str) -> None:
    written = configure()
    logging.getLogger("bot").warning("It failed: %s", error)
    [record] = _records(written)
    assert record["event"].endswith(said)


def test_failed_task_is_logged_without_its_message(configure: Configure) -> None:
    written = configure()

    async def fail() -> None:
        raise ValueError("a question")

    async def main() -> None:
        asyncio.get_running_loop().set_exception_handler(logs.log_failed_task)
        task = asyncio.create_task(fail())
        await asyncio.wait([task])
        del task

    asyncio.run(main())
    [record] = _records(written)
    assert record["event"] == "A task failed that nobody waits for."
    assert "ValueError" in record["exception"]


@pytest.mark.parametrize("terminal", [True, False])
def test_text_line_has_logger_event_and_fields(configure: Configure, *, terminal: bool) -> None:
    written = configure("text", terminal=terminal)
    logging.getLogger("bot.process.client").info("Answered.", extra={"evidence": "strong"})
    [line] = written.getvalue().splitlines()
    assert "bot.process.client: Answered. evidence=strong" in line
    assert "info" in line.lower()
    assert re.match(r"\d{4}-\d\d-\d\dT.*Z info", line) is None if terminal else True


def test_line_of_a_file_begins_with_the_time(configure: Configure) -> None:
    written = configure("text")
    logging.getLogger("bot.process.client").warning("Full.")
    assert re.fullmatch(
        r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z warning bot\.process\.client: Full\.\n",
        written.getvalue(),
    )


def test_outage_of_the_network_takes_one_line(configure: Configure) -> None:
    written = configure()
    try:
        raise ConnectionResetError("away")
    except OSError:
        logging.getLogger("discord.shard").exception(
            "Failed to connect for shard_id: %s. Retrying...", 2
        )
    [line] = written.getvalue().splitlines()
    record = json.loads(line)
    assert record["level"] == "warning"
    assert record["event"] == (
        "Failed to connect for shard_id: 2. Retrying... (ConnectionResetError: away)"
    )
    assert "exception" not in record
