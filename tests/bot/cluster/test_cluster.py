"""Several processes of the bot share the shards, and one of them leads."""

import asyncio
import signal
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from bot.config.settings import Settings
from bot.process.background import STAND_BY_SECONDS
from bot.storage.derived_data import open_entries
from knowledge.sources.addition import add_visited, page_location
from knowledge.sources.entries import Entry
from knowledge.values.documents import SHARED
from tests.bot.cluster.processes import SHARDS, Processes, processes
from tests.bot.message_parts import text_of
from tests.bot.wire.server import wire_server
from tests.bot.wire.state import Json
from tests.postgres import Cluster
from tests.stores import Place, take_tombstones

PAUSE_SECONDS = 0.1


@pytest.fixture
async def bot(postgres: Cluster, postgres_url: str, settings: Settings) -> AsyncIterator[Processes]:
    async with wire_server() as server, processes(server, postgres, postgres_url, settings) as made:
        yield made


async def test_a_dead_processs_servers_are_answered_by_another(bot: Processes) -> None:
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
    asked_later = [await bot.answered(shard) for shard in range(SHARDS)]
    for shard in range(SHARDS):
        assert len(bot.replies(shard, asked[shard])) == 1
        assert len(bot.replies(shard, asked_later[shard])) == 1
    assert bot.questions() == 2 * SHARDS
    assert bot.server.rest.puts == 1


async def _once(bot: Processes, name: str, so: Callable[[Json], bool]) -> Json:
    """A process's health once a condition holds."""
    while True:
        health = await bot.health(name)
        if so(health):
            return health
        await asyncio.sleep(PAUSE_SECONDS)


async def _in_step(bot: Processes, name: str) -> None:
    """Wait until a process has indexed its sources."""
    while True:
        health = await bot.health(name)
        if health["status"] == "ok":
            return
        await asyncio.sleep(PAUSE_SECONDS)


async def test_shards_are_kept_in_an_outage(bot: Processes) -> None:
    name = await bot.start()
    await bot.shared(name)
    await bot.answered(0)
    await _once(bot, name, lambda health: health["status"] == "ok")
    before = bot.held()
    # The next round fills the caches for guilds with questions.
    await asyncio.sleep(2 * STAND_BY_SECONDS)
    # The tests' server isn't durable before that.
    bot.postgres.execute("checkpoint")
    bot.postgres.stop()
    try:
        # Longer than leases last.
        away = 2 * bot.lease_seconds
        health = await _once(bot, name, lambda health: health["renewed_seconds_ago"] > away)
        said = await bot.answered(0)
        waiting = (await bot.health(name))["reasons"]
    finally:
        bot.postgres.start()
    assert health["status"] == "degraded", health
    assert [*health["shards"]] == ["0", "1", "2", "3"]
    [reply] = bot.replies(0, said)
    assert "> " in text_of(reply)
    assert "1 question waits for the database to be recorded." in waiting
    await bot.until(lambda: bot.leader() == name, "the process leads again")
    for shard in range(SHARDS):
        asked = await bot.answered(shard)
        [reply] = bot.replies(shard, asked)
        assert "> " in text_of(reply)
    assert bot.held() == before
    assert bot.questions() == 2 + SHARDS


async def test_a_paused_process_writes_nothing_outdated(bot: Processes) -> None:
    first, second = await bot.start(), await bot.start()
    await bot.shared(first, second)
    lost = bot.shards_of(first)
    stopped = bot.running[first]
    stopped.send_signal(signal.SIGSTOP)
    await bot.shared(second)
    await bot.until(lambda: bot.leader() == second, "the other one leads")
    # Suspended connections get the event, too.
    asked = {shard: await bot.answered(shard) for shard in lost}
    stopped.send_signal(signal.SIGCONT)
    # It finds out, closes its shards, joins anew and gets its share.
    await bot.shared(first, second)
    again = [await bot.answered(shard) for shard in range(SHARDS)]
    for shard, question in [*asked.items(), *enumerate(again)]:
        assert len(bot.replies(shard, question)) == 1
    assert bot.questions() == len(asked) + len(again)


async def test_a_stopped_process_hands_over_at_once(bot: Processes) -> None:
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


async def test_takeover_on_another_machine_keeps_the_index(bot: Processes, tmp_path: Path) -> None:
    """The other machine has its own data folder, and no files at the same path."""
    page, handbook = "https://docs.example.org/ferries", tmp_path / "handbook"
    handbook.mkdir()
    (handbook / "piers.md").write_text("Two piers are open in winter.")
    folder = bot.settings.data.folder
    with Place(folder, bot.url).store() as store, open_entries(folder, bot.url) as pages:
        store.add_source(str(handbook), SHARED)
        add_visited(store, page_location(page))
        text = "The ferry to the island leaves at nine from the northern pier."
        pages.keep(Entry(page, page, page, title="Ferries", text=text))
    kinds = "select kind, count(*) from index.documents group by kind order by kind"
    first = await bot.start()
    await bot.shared(first)
    await bot.until(lambda: {"file", "page"} <= dict(bot.rows(kinds)).keys(), "all is indexed")
    known = bot.rows(kinds)

    other = tmp_path / "another machine"
    take_tombstones(folder, other)
    second = await bot.start(other)
    bot.running[first].kill()
    await bot.running[first].wait()
    # Like an unmounted disk, which the first machine would have followed.
    (handbook / "piers.md").unlink()
    await bot.until(lambda: bot.leader() == second, "the other one leads")
    await bot.shared(second)
    await _in_step(bot, second)

    assert bot.rows(kinds) == known
    await bot.answered(0)
