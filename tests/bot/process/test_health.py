"""What `/healthz` and `/metrics` say of a bot, over HTTP."""

import asyncio
import socket
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from prometheus_client.parser import text_string_to_metric_families
from simcord import Env

from bot.client import Bot, start_worker
from bot.config import HealthSettings, Settings
from bot.engine.core import Core
from bot.engine.worker import Priority, Worker
from bot.process.health import Health, HealthError, serving
from bot.process.metrics import CONTENT_TYPE, Metrics, Situation
from indexer.embedding.embedder import ModelError
from tests.bot.conftest import settings_for
from tests.bot.world import QUESTION, TEXT, TITLE, UNKNOWN, World
from tests.fakes import WordEmbedder

ANY = HealthSettings(port=0)

Samples = dict[tuple[str, str], float]


@asynccontextmanager
async def served(bot: Bot, settings: HealthSettings = ANY) -> AsyncIterator[str]:
    async with serving(settings, bot.health, bot.exposition, CONTENT_TYPE) as address:
        yield address


async def healthz(bot: Bot) -> tuple[int, dict[str, Any]]:
    async with (
        served(bot) as address,
        aiohttp.ClientSession() as session,
        session.get(f"{address}/healthz") as response,
    ):
        return response.status, await response.json()


async def metrics(bot: Bot) -> tuple[str, Samples]:
    """The text, and each sample by its name and the value of its one label."""
    async with (
        served(bot) as address,
        aiohttp.ClientSession() as session,
        session.get(f"{address}/metrics") as response,
    ):
        assert response.status == 200
        text = await response.text()
    return text, {
        (sample.name, next(iter(sample.labels.values()), "")): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if "le" not in sample.labels
    }


async def prepared(bot: Bot) -> None:
    """Wait until the bot has tried to bring its index in step."""
    begun = "The index is being brought in step with its sources."
    async with asyncio.timeout(60):
        while begun in (await bot.health()).reasons:  # noqa: ASYNC110 - nothing tells its end
            await asyncio.sleep(0.02)


# Health.


async def test_a_bot_that_can_answer_is_well(world: World) -> None:
    await prepared(world.bot)
    status, said = await healthz(world.bot)
    assert (status, said["status"], said["reasons"]) == (200, "ok", [])


async def test_a_bot_that_is_not_there_yet_says_what_it_waits_for(settings: Settings) -> None:
    async with Bot(settings) as bot:
        status, said = await healthz(bot)
    assert status == 503
    assert said["status"] == "unavailable"
    assert said["reasons"] == ["The bot has not logged in yet.", "Discord is not connected."]


async def test_a_core_that_is_still_opening_is_a_reason(settings: Settings) -> None:
    may_open = threading.Event()

    def open_slowly() -> Core:
        assert may_open.wait(10)
        return Core(settings, WordEmbedder())

    async with Bot(settings, Worker(open_slowly, Core.close)) as bot:
        status, said = await healthz(bot)
        may_open.set()
    assert status == 503
    assert "The data folder is being opened." in said["reasons"]


async def test_a_core_that_can_not_be_opened_is_a_reason_with_its_remedy(tmp_path: Path) -> None:
    (tmp_path / "community.db").write_bytes(b"not a database " * 100)
    settings = settings_for(tmp_path)
    async with Bot(settings, start_worker(settings, WordEmbedder())) as bot:
        with pytest.raises(Exception, match="Restore it from a backup"):
            await bot.worker.call(lambda core: core.index.generation, priority=Priority.ASKING)
        status, said = await healthz(bot)
    assert status == 503
    assert "Restore it from a backup" in said["reasons"][0]


async def test_while_discord_is_away_the_bot_is_not_well(world: World) -> None:
    await prepared(world.bot)
    world.bot.dispatch("disconnect")
    await world.env.settle()
    status, said = await healthz(world.bot)
    assert (status, said["reasons"]) == (503, ["Discord is not connected."])
    world.bot.dispatch("resumed")
    await world.env.settle()
    assert (await healthz(world.bot))[0] == 200


class Wordless(WordEmbedder):
    """Can't embed what is to be found."""

    def embed_passages(self, texts: Any) -> Any:
        raise ModelError("The model is worn out. Buy another.")


async def test_an_index_that_could_not_be_brought_in_step_is_a_reason(
    simcord_env: Env, tmp_path: Path
) -> None:
    assert simcord_env.bot is not None
    await simcord_env.bot.close()
    settings = settings_for(tmp_path / "new")
    async with Bot(settings, start_worker(settings, Wordless())) as bot:
        await simcord_env.restart_bot(bot)
        await prepared(bot)
        status, said = await healthz(bot)
        _, samples = await metrics(bot)
    assert status == 503
    assert said["reasons"] == [
        "The index could not be brought in step: The model is worn out. Buy another."
    ]
    assert samples["commonplace_errors_total", "ModelError"] == 1


async def test_a_worker_that_is_stuck_is_a_reason(world: World) -> None:
    await prepared(world.bot)
    go_on = threading.Event()
    stuck = asyncio.ensure_future(
        world.bot.worker.call(lambda _core: go_on.wait(30), priority=Priority.ASKING)
    )
    try:
        status, said = await healthz(world.bot)
    finally:
        go_on.set()
        await stuck
    assert (status, said["reasons"]) == (503, ["The worker has not answered for 5 s."])


# Serving.


async def test_without_a_port_nothing_is_served(settings: Settings) -> None:
    async with Bot(settings) as bot, served(bot, settings.health) as address:
        assert address == ""


async def test_it_is_served_to_this_machine_alone_unless_told_otherwise(settings: Settings) -> None:
    async with Bot(settings) as bot, served(bot) as address:
        assert address.startswith("http://127.0.0.1:")


@pytest.mark.parametrize(("path", "status"), [("", 404), ("/", 404), ("/healthz/x", 404)])
async def test_nothing_else_is_served(settings: Settings, path: str, status: int) -> None:
    async with Bot(settings) as bot, served(bot) as address, aiohttp.ClientSession() as session:
        async with session.get(address + path) as response:
            assert response.status == status
        async with session.post(f"{address}/metrics", data=b"x") as response:
            assert response.status == 405


async def test_a_port_that_is_taken_is_named_with_the_remedy() -> None:
    async def look() -> Health:
        return Health()

    async def expose() -> bytes:
        return b""

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        settings = HealthSettings(port=taken.getsockname()[1])
        with pytest.raises(HealthError, match=r"Choose another `health\.port`"):
            async with serving(settings, look, expose, CONTENT_TYPE):
                pass


# Metrics.


async def test_questions_are_counted_by_evidence_and_timed_by_stage(world: World) -> None:
    await prepared(world.bot)
    await world.publish()
    await world.ask(QUESTION)
    await world.ask(UNKNOWN)
    await world.member.send(world.general, f"<@{world.bot.user.id}> {UNKNOWN}")  # type: ignore[union-attr]
    _, samples = await metrics(world.bot)
    answered = samples["commonplace_questions_total", "strong"]
    answered += samples["commonplace_questions_total", "partial"]
    assert answered == 1
    assert samples["commonplace_questions_total", "none"] == 2
    assert samples["commonplace_answer_seconds_count", ""] == 3
    # What was asked before is answered from memory, and only recorded anew.
    for stage, times in (("embed", 2), ("search", 2), ("decide", 2), ("record", 3)):
        assert samples["commonplace_stage_seconds_count", stage] == times
        assert 0 < samples["commonplace_stage_seconds_sum", stage] < 60


async def test_what_is_no_question_is_not_counted_as_one(world: World) -> None:
    await world.ask("???")
    _, samples = await metrics(world.bot)
    assert samples["commonplace_answer_seconds_count", ""] == 0


async def test_what_there_is_and_what_waits_can_be_read(world: World) -> None:
    await prepared(world.bot)
    await world.publish()
    await world.propose("Another", "Still to be decided.")
    _, samples = await metrics(world.bot)
    assert samples["commonplace_reviews_pending", ""] == 1
    assert samples["commonplace_notes_live", ""] == 1
    assert samples["commonplace_documents", "shared"] == 16
    assert samples["commonplace_documents", "guild"] == 1
    assert samples["commonplace_passages", "shared"] > 16
    assert samples["commonplace_index_generation", ""] > 0
    assert 0 <= samples["commonplace_index_age_seconds", ""] < 60
    assert samples["commonplace_embedder_info", Settings().model.name] == 1
    assert samples["commonplace_healthy", ""] == 1
    assert samples["commonplace_discord_connected", ""] == 1


async def test_the_queue_is_counted_by_priority(world: World) -> None:
    await prepared(world.bot)
    go_on = threading.Event()
    call = world.bot.worker.call
    held = asyncio.ensure_future(call(lambda _core: go_on.wait(30), priority=Priority.ASKING))
    behind = [
        asyncio.ensure_future(call(lambda core: core.index.generation, priority=priority))
        for priority in (Priority.REVIEWING, Priority.INDEXING, Priority.INDEXING)
    ]
    await asyncio.sleep(0.1)
    waiting = world.bot.worker.waiting()
    go_on.set()
    await asyncio.gather(held, *behind)
    assert waiting == {Priority.ASKING: 0, Priority.REVIEWING: 1, Priority.INDEXING: 2}


async def test_metrics_are_served_before_the_core_is_open(settings: Settings) -> None:
    async with Bot(settings) as bot:
        _, samples = await metrics(bot)
    assert samples["commonplace_healthy", ""] == 0
    assert samples["commonplace_questions_total", "strong"] == 0


async def test_no_text_no_guild_and_no_member_stands_in_the_metrics(world: World) -> None:
    await world.publish()
    await world.ask(QUESTION)
    text, _ = await metrics(world.bot)
    ids = [world.guild.id, world.general.id, world.member.id, world.moderator.id]
    for secret in (TITLE, TEXT, QUESTION, "Lisbon", "mia", *map(str, ids)):
        assert secret not in text


def test_two_bots_in_one_process_do_not_count_for_each_other() -> None:
    first, second = Metrics("1"), Metrics("1")
    first.failed(ValueError("x"))
    nobody = Situation(healthy=True, connected=True, waiting={}, figures=None)
    assert b"ValueError" in first.exposition(nobody)
    assert b"ValueError" not in second.exposition(nobody)
