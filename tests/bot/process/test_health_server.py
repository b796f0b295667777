"""`/healthz` and `/metrics` of a bot, over HTTP."""

import asyncio
import contextlib
import logging
import socket
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from simcord import Env

from bot.config.settings import HealthSettings, ModelSettings, Settings
from bot.core.core import Core
from bot.core.job_queue import Priority
from bot.core.worker import Worker
from bot.process import background, health_server
from bot.process.client import Bot, start_worker
from bot.process.health_server import MOST_WAITING, Health, HealthError, serving
from bot.storage.data_folder import data_folder
from indexer.embedding.embedder import ModelError
from tests.bot.conftest import settings_for
from tests.bot.process.served import metrics, prepared, served
from tests.bot.world import World
from tests.fakes import WordEmbedder


async def report(bot: Bot) -> tuple[int, str, list[str]]:
    async with (
        served(bot) as address,
        aiohttp.ClientSession() as session,
        session.get(f"{address}/healthz") as response,
    ):
        sent = await response.json()
        return response.status, sent["status"], sent["reasons"]


# Health.


async def test_health_follows_connections_and_degradations(world: World) -> None:
    bot = world.bot
    await prepared(bot)
    assert await report(bot) == (200, "ok", [])

    bot.degradations.leave_out("phrasing", "The endpoint does not answer.")
    assert await report(bot) == (200, "degraded", ["The endpoint does not answer."])
    _, samples = await metrics(bot)
    assert samples["commonplace_degraded", ""] == samples["commonplace_healthy", ""] == 1

    bot.dispatch("shard_disconnect", 0)
    await world.env.settle()
    reasons = ["Discord is not connected.", "The endpoint does not answer."]
    assert await report(bot) == (503, "unavailable", reasons)

    bot.degradations.restore("phrasing")
    bot.dispatch("shard_resumed", 0)
    await world.env.settle()
    assert await report(bot) == (200, "ok", [])
    assert (await metrics(bot))[1]["commonplace_degraded", ""] == 0

    bot.shard_count = 3
    bot.dispatch("shard_connect", 2)
    await world.env.settle()
    missing = ["Discord is not connected: 1 of 3 shards."]
    assert await report(bot) == (503, "unavailable", missing)


async def test_starting_bot_is_unhealthy(settings: Settings) -> None:
    async with Bot(settings) as bot:
        reported = await report(bot)
    reasons = ["The bot has not logged in yet.", "Discord is not connected."]
    assert reported == (503, "unavailable", reasons)


async def test_opening_core_is_a_reason(settings: Settings) -> None:
    may_open = threading.Event()

    def open_slowly() -> Core:
        assert may_open.wait(10)
        return Core(settings, WordEmbedder())

    async with Bot(settings, Worker(open_slowly, Core.close)) as bot:
        status, _, reasons = await report(bot)
        may_open.set()
    assert status == 503
    assert "The data folder is being opened." in reasons


async def test_failed_core_is_a_reason_with_a_remedy(tmp_path: Path) -> None:
    (data_folder(tmp_path) / "community.db").write_bytes(b"not a database " * 100)
    settings = settings_for(tmp_path)
    async with Bot(settings, start_worker(settings, WordEmbedder())) as bot:
        with pytest.raises(Exception, match="Restore it from a backup"):
            await bot.worker.call(lambda core: core.index.generation, priority=Priority.ASKING)
        status, _, reasons = await report(bot)
    assert status == 503
    assert "Restore it from a backup" in reasons[0]


@asynccontextmanager
async def _new_bot(
    env: Env, folder: Path, embedder: WordEmbedder, **settings: Any
) -> AsyncIterator[Bot]:
    """A prepared bot in the place of the one of `env`, on a new data folder."""
    assert env.bot is not None
    await env.bot.close()
    changed = settings_for(folder / "new").model_copy(update=settings)
    async with Bot(changed, start_worker(changed, embedder)) as bot:
        await env.restart_bot(bot)
        await prepared(bot)
        yield bot


async def test_missing_reranker_degrades_the_bot(simcord_env: Env, tmp_path: Path) -> None:
    model = ModelSettings(reranker="no/such-model")
    async with _new_bot(simcord_env, tmp_path, WordEmbedder(), model=model) as bot:
        status, said, [reason] = await report(bot)
    assert (status, said) == (200, "degraded")
    assert "There is no reranker 'no/such-model' on this machine" in reason


class Wordless(WordEmbedder):
    """Fails to embed passages."""

    def embed_passages(self, texts: Any) -> Any:
        raise ModelError("The model is worn out. Buy another.")


async def test_outdated_index_is_a_reason(simcord_env: Env, tmp_path: Path) -> None:
    async with _new_bot(simcord_env, tmp_path, Wordless()) as bot:
        reported = await report(bot)
        _, samples = await metrics(bot)
    worn = "The index could not be updated: The model is worn out. Buy another."
    assert reported == (503, "unavailable", [worn])
    assert samples["commonplace_errors_total", "ModelError"] == 1


class Overflowing(WordEmbedder):
    """Raises an unexpected error."""

    failures = 1

    def embed_passages(self, texts: Any) -> Any:
        if self.failures:
            self.failures -= 1
            raise OverflowError("Python int too large to convert to SQLite INTEGER")
        return super().embed_passages(texts)


async def test_unexpected_error_stops_only_its_own_step(
    simcord_env: Env, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Such an error once stopped updates of sources until the next start."""
    monkeypatch.setattr(background, "RETRY_SECONDS", 0)
    async with _new_bot(simcord_env, tmp_path, Overflowing()) as bot, asyncio.timeout(60):
        while (await bot.health()).reasons:  # noqa: ASYNC110 - nothing tells its end
            await asyncio.sleep(0.02)


async def test_stuck_worker_is_a_reason(world: World) -> None:
    await prepared(world.bot)
    begun, go_on = threading.Event(), threading.Event()

    def hold(_core: Core) -> None:
        begun.set()
        go_on.wait(30)

    stuck = asyncio.ensure_future(world.bot.worker.call(hold, priority=Priority.ASKING))
    try:
        # Health goes before waiting jobs, so the worker must be in one.
        assert await asyncio.to_thread(begun.wait, 60)
        reported = await report(world.bot)
    finally:
        go_on.set()
        await stuck
    assert reported == (503, "unavailable", ["The worker has not answered for 5 s."])


# Serving.


async def test_health_without_a_port_is_off(settings: Settings) -> None:
    async with Bot(settings) as bot, served(bot, settings.health) as address:
        assert address == ""


async def test_health_is_served_locally_by_default(settings: Settings) -> None:
    async with Bot(settings) as bot, served(bot) as address:
        assert address.startswith("http://127.0.0.1:")


@pytest.mark.parametrize(("path", "status"), [("", 404), ("/", 404), ("/healthz/x", 404)])
async def test_unknown_requests_are_refused(settings: Settings, path: str, status: int) -> None:
    async with Bot(settings) as bot, served(bot) as address, aiohttp.ClientSession() as session:
        async with session.get(address + path) as response:
            assert response.status == status
        async with session.post(f"{address}/metrics", data=b"x") as response:
            assert response.status == 405


async def _well() -> Health:
    return Health()


async def _nothing() -> bytes:
    return b""


async def test_taken_port_is_an_error_with_a_remedy() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        settings = HealthSettings(port=taken.getsockname()[1])
        with pytest.raises(HealthError, match=r"Choose another `health\.port`"):
            async with serving(settings, _well, _nothing):
                pass


# Connections without a request.


async def _ended(reader: asyncio.StreamReader) -> bool:
    """Whether a connection was ended from the other side."""
    try:
        return await reader.read() == b""
    except ConnectionError:
        return True


@asynccontextmanager
async def _serving(host: str = "127.0.0.1") -> AsyncIterator[tuple[str, int]]:
    settings = HealthSettings(host=host, port=0)
    async with serving(settings, _well, _nothing) as address:
        yield "127.0.0.1", int(address.rpartition(":")[2])


async def _status(address: tuple[str, int], name: str = "localhost") -> bytes:
    """The status line of a request on its own connection."""
    reader, writer = await asyncio.open_connection(*address)
    try:
        writer.write(f"GET /healthz HTTP/1.1\r\nHost: {name}\r\n\r\n".encode())
        return await reader.readline()
    finally:
        writer.close()


async def test_half_sent_requests_block_nobody() -> None:
    async with _serving() as address:
        halves = []
        for _ in range(MOST_WAITING + 20):
            reader, writer = await asyncio.open_connection(*address)
            writer.write(b"GET /healthz HT")
            halves.append((reader, writer))
        # The oldest ones make room for later ones.
        for reader, _ in halves[:20]:
            assert await _ended(reader)
        assert await _status(address) == b"HTTP/1.1 200 OK\r\n"
        for _, writer in halves:
            writer.close()


async def test_silent_connections_block_nobody() -> None:
    left = iter(range(20 * MOST_WAITING))

    async def come_again(address: tuple[str, int]) -> None:
        for _ in left:
            reader, writer = await asyncio.open_connection(*address)
            try:
                await _ended(reader)
            finally:
                writer.close()

    async with _serving() as address:
        strangers = [asyncio.create_task(come_again(address)) for _ in range(2 * MOST_WAITING)]
        statuses = {await _status(address) for _ in left}
        for task in strangers:
            task.cancel()
        await asyncio.gather(*strangers, return_exceptions=True)
    assert statuses == {b"HTTP/1.1 200 OK\r\n"}


async def test_foreign_host_name_reads_nothing() -> None:
    async with _serving() as address:
        for name in ("localhost", "127.0.0.1:8080", "[::1]"):
            assert (await _status(address, name)).startswith(b"HTTP/1.1 200 ")
        for name in ("evil.example", "127.0.0.1.evil.example", ""):
            assert (await _status(address, name)).startswith(b"HTTP/1.1 421 ")
    async with _serving("0.0.0.0") as address:  # noqa: S104 - for as long as this test
        assert (await _status(address, "bot.example")).startswith(b"HTTP/1.1 200 ")


async def test_half_sent_request_times_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health_server, "CONNECTION_SECONDS", 0)
    async with _serving() as address:
        reader, writer = await asyncio.open_connection(*address)
        writer.write(b"GET /healthz HT")
        assert await _ended(reader)
        writer.close()


async def test_malformed_requests_are_not_logged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "aiohttp")
    async with _serving() as address:
        for sent in (b"\x16\x03\x01\r\n\r\n", b"GET / HTTP/9\r\n: x\r\n\r\n", b"G" * 20_000):
            reader, writer = await asyncio.open_connection(*address)
            writer.write(sent)
            writer.write_eof()
            with contextlib.suppress(ConnectionError):
                await reader.read()
            writer.close()
    assert [record.message for record in caplog.records if record.name.startswith("aiohttp")] == []
    assert [record for record in caplog.records if record.exc_info] == []


async def test_failing_check_is_logged_and_answered(caplog: pytest.LogCaptureFixture) -> None:
    async def broken() -> Health:
        raise RuntimeError("unforeseen")

    async with (
        serving(HealthSettings(port=0), broken, _nothing) as address,
        aiohttp.ClientSession() as session,
        session.get(f"{address}/healthz") as answer,
    ):
        assert answer.status == 500
    assert "A request to /healthz failed." in caplog.text
