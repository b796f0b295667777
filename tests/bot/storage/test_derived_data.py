"""Derived data on PostgreSQL, shared by two machines: two data folders, one database."""

from pathlib import Path

from bot.core import index_updates
from bot.core.core import Core
from bot.core.index_updates import run_to_end
from bot.privacy import service as privacy
from bot.sources import channel_sync_steps
from bot.storage.derived_data import open_archive, open_entries
from knowledge.discord_archive.archive import ProgressMessage
from knowledge.sources.addition import add_visited, page_location
from knowledge.sources.entries import Entry
from knowledge.values.documents import Kind
from knowledge.values.guilds import SyncedChannel, SyncedContent
from tests.bot.machines import OpenMachine
from tests.bot.sync_driver import NOW, Server, SyncDriver

CHANNEL = 41
PAGE = "https://docs.example.org/ferries"
TEXT = "The ferry to the island leaves at nine from the northern pier."


def fill(core: Core) -> None:
    """Let a page be fetched, a channel be read, and both be in the index."""
    add_visited(core.store, page_location(PAGE))
    core.pages.keep(Entry(PAGE, PAGE, PAGE, title="Ferries", text=TEXT, fetched_at=NOW))
    channel = SyncedChannel(CHANNEL, CHANNEL, SyncedContent.THREADS, NOW)
    assert channel_sync_steps.add(core, channel, "help", 9, NOW, ProgressMessage())
    driver = SyncDriver(core, Server(CHANNEL))
    thread, question = driver.server.begin()
    driver.hear(thread, question, new=True)
    for _ in range(4):
        driver.hear(thread, driver.server.write(thread.id), new=True)
    driver.finish()
    run_to_end(index_updates.update(core))


def quotable(core: Core) -> set[str]:
    return {*core.index.tables.document_digests({Kind.PAGE, Kind.CHANNEL})}


def test_takeover_keeps_the_index_whole(machine: OpenMachine) -> None:
    with machine("first") as first:
        fill(first)
        known = quotable(first)
    assert {one.partition(":")[0] for one in known} == {"page", "channel"}

    with machine("second") as second:
        report = run_to_end(index_updates.update(second))

        assert report.removed == []
        assert quotable(second) == known
        assert [state.documents for state in second.source_states()] == [1]
        assert second.archive.channel(CHANNEL) is not None


def test_members_words_are_forgotten_everywhere(machine: OpenMachine) -> None:
    with machine("first") as first, machine("second") as second:
        fill(first)
        written = privacy.export(first, 1)["messages"]
        assert written
        assert privacy.export(second, 1)["messages"] == written

        privacy.choose_quotation(second, 1, "Member 1", withheld=True)
        run_to_end(index_updates.update_channels(second))

        assert privacy.export(first, 1)["messages"] == []


def test_a_removed_source_is_gone_everywhere(machine: OpenMachine) -> None:
    with machine("first") as first, machine("second") as second:
        fill(first)

        assert channel_sync_steps.remove(second, CHANNEL, CHANNEL, 9)
        second.remove_source(PAGE)
        run_to_end(index_updates.update(second))

        assert quotable(first) == set()
        assert first.archive.channels() == []
        assert first.pages.keys(PAGE) == []


def test_files_of_before_postgresql_are_deleted(tmp_path: Path, derived_url: str) -> None:
    open_entries(tmp_path).close()
    open_archive(tmp_path).close()
    assert (tmp_path / "web.db").exists()

    open_entries(tmp_path, derived_url).close()
    open_archive(tmp_path, derived_url).close()

    assert not [*tmp_path.glob("web.db*"), *tmp_path.glob("channels.db*")]
