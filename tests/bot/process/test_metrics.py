"""`/metrics` of a bot, over HTTP."""

import asyncio
import threading

from bot.config.settings import Settings
from bot.core.core import Core
from bot.core.job_queue import Priority
from bot.process.client import Bot
from bot.process.metrics import Metrics
from tests.bot.process.served import metrics, prepared
from tests.bot.world import QUESTION, TEXT, TITLE, UNKNOWN, World


async def test_questions_are_counted_and_timed(world: World) -> None:
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
    # What was asked before is answered from memory, and only recorded anew. What nothing of the
    # server's own answers is looked up once more; each lookup is judged, each answer decided on.
    for stage, times in (("embed", 2), ("search", 3), ("decide", 5), ("record", 3)):
        assert samples["commonplace_stage_seconds_count", stage] == times
        assert 0 < samples["commonplace_stage_seconds_sum", stage] < 60


async def test_clarification_is_not_counted_as_a_question(world: World) -> None:
    await world.ask("???")
    _, samples = await metrics(world.bot)
    assert samples["commonplace_answer_seconds_count", ""] == 0


async def test_metrics_count_notes_documents_and_passages(world: World) -> None:
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


async def test_each_shard_of_the_process_has_a_metric(world: World) -> None:
    await prepared(world.bot)
    _, samples = await metrics(world.bot)
    assert samples["commonplace_shard_connected", "0"] == 1
    assert samples["commonplace_leads", ""] == 1
    assert samples["commonplace_processes", ""] == 1


def test_moved_shard_leaves_the_metrics() -> None:
    shown = Metrics("1")
    before = shown.exposition({"shard_connected": {0: True, 3: False}})
    assert b'commonplace_shard_connected{shard="3"} 0.0' in before
    after = shown.exposition({"shard_connected": {3: True}})
    assert b'commonplace_shard_connected{shard="3"} 1.0' in after
    assert b'shard="0"' not in after


async def test_queue_is_counted_by_priority(world: World) -> None:
    await prepared(world.bot)
    begun, go_on = threading.Event(), threading.Event()
    call = world.bot.worker.call

    def hold(_core: Core) -> None:
        begun.set()
        go_on.wait(30)

    held = asyncio.ensure_future(call(hold, priority=Priority.ASKING))
    assert await asyncio.to_thread(begun.wait, 60)
    behind = [
        asyncio.ensure_future(call(lambda core: core.index.generation, priority=priority))
        for priority in (Priority.REVIEWING, Priority.INDEXING, Priority.INDEXING)
    ]
    waiting = world.bot.worker.waiting()
    while sum(waiting.values()) < len(behind):
        await asyncio.sleep(0.01)
        waiting = world.bot.worker.waiting()
    go_on.set()
    await asyncio.gather(held, *behind)
    assert waiting == {Priority.ASKING: 0, Priority.REVIEWING: 1, Priority.INDEXING: 2}


async def test_metrics_are_served_before_the_core_is_open(settings: Settings) -> None:
    async with Bot(settings) as bot:
        _, samples = await metrics(bot)
    assert samples["commonplace_healthy", ""] == 0
    assert samples["commonplace_questions_total", "strong"] == 0


async def test_metrics_have_no_text_guild_or_member(world: World) -> None:
    await world.publish()
    await world.ask(QUESTION)
    text, _ = await metrics(world.bot)
    ids = [world.guild.id, world.general.id, world.member.id, world.moderator.id]
    for secret in (TITLE, TEXT, QUESTION, "Lisbon", "mia", *map(str, ids)):
        assert secret not in text


def test_two_bots_in_a_process_count_separately() -> None:
    first, second = Metrics("1"), Metrics("1")
    first.count_error(ValueError("x"))
    assert b"ValueError" in first.exposition({})
    assert b"ValueError" not in second.exposition({})
