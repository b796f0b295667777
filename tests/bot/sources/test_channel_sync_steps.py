"""Channel sync steps: pages and live events in any order end in Discord's present content."""

import itertools
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.cli import sources as cli_sources
from bot.config.settings import DataSettings, Settings
from bot.core import index_updates
from bot.core.core import Core
from bot.core.index_updates import run_to_end
from bot.sources import channel_sync_steps
from knowledge.discord_archive.archive import ProgressMessage
from knowledge.sources.kinds.registry import Channel
from knowledge.values.guilds import SyncedChannel, SyncedContent
from tests.bot.sync_driver import NOW, Server, SyncDriver, documents
from tests.fakes import WordEmbedder


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def core(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Core]:
    folder = tmp_path_factory.mktemp("hearing")
    url = ""
    if request.param == "postgres":
        url = request.getfixturevalue("postgres").empty()
    with Core(Settings(data=DataSettings(folder=folder, database=url)), WordEmbedder()) as opened:
        yield opened


@pytest.fixture(scope="module")
def other_core(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Core]:
    folder = tmp_path_factory.mktemp("hearing")
    with Core(Settings(data=DataSettings(folder=folder)), WordEmbedder()) as opened:
        yield opened


_CHANNELS = itertools.count(1)


def begun(core: Core) -> SyncDriver:
    channel_id = next(_CHANNELS)
    # Each has a guild of its own, so that nobody else reads it.
    channel = SyncedChannel(channel_id, channel_id, SyncedContent.THREADS, NOW)
    assert channel_sync_steps.add(core, channel, "snow", 9, NOW, ProgressMessage())
    return SyncDriver(core, Server(channel_id))


_ACTIONS = (
    "begin write write write edit delete delete drop solve settle ask ask take update update off on"
)
ACTION = st.sampled_from(_ACTIONS.split(" "))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(ACTION, st.integers(0, 1_000)), min_size=15, max_size=60))
def test_pages_and_events_in_any_order_end_in_the_same_documents(
    core: Core, other_core: Core, actions: list[tuple[str, int]]
) -> None:
    driver, once = begun(core), begun(other_core)
    try:
        for action, number in actions:
            act(driver, action, number)
        driver.finish()

        once.server.threads = {
            key: replace(thread, channel_id=once.server.channel_id)
            for key, thread in driver.server.threads.items()
        }
        once.server.messages = driver.server.messages
        once.finish()

        kept = documents(core, driver.server.channel_id)
        assert kept == documents(other_core, once.server.channel_id)
    finally:
        for each in (driver, once):
            channel_sync_steps.remove(each.core, each.server.channel_id, each.server.channel_id, 9)


def act(driver: SyncDriver, action: str, number: int) -> None:
    """Apply one random action, in Discord or in the bot."""
    own = {"ask": driver.ask, "take": driver.take, "off": driver.turn_off, "on": driver.turn_on}
    own["settle"] = driver.finish
    if action in own:
        own[action]()
    elif action == "update":
        driver.update(number % 7)
    elif action == "begin":
        driver.hear(*driver.server.begin(), new=True)
    elif driver.server.threads:
        threads = [*driver.server.threads]
        act_in(driver, action, threads[number % len(threads)], number)


def act_in(driver: SyncDriver, action: str, thread_id: int, number: int) -> None:
    """Apply one random action in a thread."""
    server = driver.server
    thread, messages = server.threads[thread_id], [*server.messages[thread_id]]
    if action == "write":
        driver.hear(thread, server.write(thread_id), new=True)
    elif action == "solve":
        server.threads[thread_id] = replace(thread, name=f"Snow {number}", solved=True)
        if driver.on:
            driver.core.archive.save_thread(server.threads[thread_id])
    elif action == "drop":
        del server.threads[thread_id], server.messages[thread_id]
        if driver.on:
            channel_sync_steps.delete_thread(driver.core, thread_id)
    elif messages:
        # Without its first post a thread is none: that one is deleted seldom.
        first = 1 if number % 5 and action == "delete" else 0
        message_id = messages[max(number % len(messages), min(first, len(messages) - 1))]
        if action == "edit":
            driver.hear(thread, server.edit(thread_id, message_id), new=False)
        else:
            gone = server.messages[thread_id].pop(message_id).message.text
            driver.hear_deleted(message_id)
            if driver.on and "number" in gone:
                # Not a moment later.
                assert gone not in "\n".join(documents(driver.core, server.channel_id).values())


def test_a_message_deleted_while_embedding_is_never_found(core: Core) -> None:
    for steps in itertools.count():
        driver = begun(core)
        thread, _ = driver.server.begin()
        answer = driver.server.write(thread.id)
        for _ in range(12):
            sync_step(driver)
        update = index_updates.update_channels(core)
        taken = sum(1 for _ in itertools.islice(update, steps))

        channel_sync_steps.delete_messages(core, [answer.message.id])

        for _ in itertools.chain([None], update, index_updates.update_channels(core)):
            quoted = "".join(documents(core, driver.server.channel_id).values())
            assert answer.message.text not in quoted
        channel_sync_steps.remove(core, driver.server.channel_id, driver.server.channel_id, 9)
        if taken < steps:
            assert steps > 3
            return


def sync_step(driver: SyncDriver) -> None:
    driver.ask()
    driver.take()


def test_an_edit_before_the_page_arrives_wins(core: Core) -> None:
    driver = begun(core)
    driver.turn_off()
    thread, _ = driver.server.begin()
    answer = driver.server.write(thread.id)
    driver.turn_on()
    driver.ask()

    driver.hear(thread, driver.server.edit(thread.id, answer.message.id), new=False)
    driver.finish()

    [text] = documents(core, driver.server.channel_id).values()
    assert "Edited." in text


def test_progress_is_stored_before_the_first_step(core: Core) -> None:
    channel = SyncedChannel(9_100, 9_100, SyncedContent.PINS, NOW)

    channel_sync_steps.add(core, channel, "pins", 9, NOW, ProgressMessage(5, 6))

    found = channel_sync_steps.next_step(core, [9_100], NOW).channel
    assert found is not None
    assert found.place == ProgressMessage(5, 6)


def test_edits_before_the_pins_win(core: Core) -> None:
    server = Server(9_000)
    thread, before = server.begin()
    now = server.edit(thread.id, thread.id)
    channel = SyncedChannel(server.channel_id, server.channel_id, SyncedContent.PINS, NOW)
    channel_sync_steps.add(core, channel, "pins", 9, NOW, ProgressMessage())
    step = channel_sync_steps.next_step(core, [server.channel_id], NOW).step
    assert step is not None

    channel_sync_steps.store_edit(core, server.channel_id, now)
    channel_sync_steps.add_pins(core, step, [before], {before.message.id})
    again = channel_sync_steps.next_step(core, [server.channel_id], NOW).step
    assert again is not None
    channel_sync_steps.add_pins(core, again, [now], ())

    assert [*core.archive.messages.read(server.channel_id)] == [now]


def test_documents_before_a_crash_are_recorded_later(core: Core) -> None:
    driver = begun(core)
    thread, _ = driver.server.begin()
    driver.server.write(thread.id)
    driver.finish()
    before = documents(core, driver.server.channel_id)
    assert len(before) == 1
    # As if the process had died between the index and what is remembered of it.
    core.archive.threads.keep_documents(thread.id, {}, 0)

    run_to_end(index_updates.check_channels(core))

    assert documents(core, driver.server.channel_id) == before
    assert len(core.archive.threads.documents(thread.id)) == 1


def test_a_lost_index_is_rebuilt_from_the_archive(tmp_path: Path) -> None:
    chosen = Settings(data=DataSettings(folder=tmp_path))
    with Core(chosen, WordEmbedder()) as core:
        driver = begun(core)
        thread, _ = driver.server.begin()
        driver.server.write(thread.id)
        driver.finish()
        before = documents(core, driver.server.channel_id)
    for path in (tmp_path / "index").iterdir():
        path.unlink()

    with Core(chosen, WordEmbedder()) as core:
        run_to_end(index_updates.check_channels(core))

        assert documents(core, driver.server.channel_id) == before


def test_a_lost_archive_is_fetched_again(tmp_path: Path) -> None:
    chosen = Settings(data=DataSettings(folder=tmp_path))
    with Core(chosen, WordEmbedder()) as core:
        driver = begun(core)
        thread, _ = driver.server.begin()
        driver.server.write(thread.id)
        driver.finish()
        before = documents(core, driver.server.channel_id)
    for path in tmp_path.glob("channels.db*"):
        path.unlink()

    with Core(chosen, WordEmbedder()) as core:
        run_to_end(index_updates.check_channels(core))
        assert documents(core, driver.server.channel_id) == {}
        again = SyncDriver(core, driver.server)
        again.on = False
        again.finish()

        assert documents(core, driver.server.channel_id) == before


def test_the_command_line_shows_and_removes_channels(core: Core) -> None:
    driver = begun(core)
    thread, _ = driver.server.begin()
    driver.server.write(thread.id)
    driver.finish()
    channel_id = driver.server.channel_id
    location = Channel.at(channel_id)
    [state] = [each for each in core.channel_states(str) if each.location == location]
    assert (state.files, state.documents, state.failures) == (2, 1, ())

    shown = cli_sources.sources_text([state]).plain
    removed = core.remove_channel(channel_id)
    run_to_end(index_updates.update_channels(core))

    assert f"{location}\n  1 document from 2 messages" in shown
    assert cli_sources.source_record(state)["scope"] == location
    assert removed
    assert Channel.id_of(location) == channel_id
    assert documents(core, channel_id) == {}
    assert location not in [each.location for each in core.channel_states(str)]
