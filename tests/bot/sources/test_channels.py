"""Reading channels: whatever order pages and news come in, what is kept is what Discord has."""

import itertools
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.cli import source_output as cli_source_output
from bot.config import DataSettings, Settings
from bot.engine import index_updates
from bot.engine.core import Core
from bot.engine.index_updates import run_to_end
from bot.sources import channels
from knowledge.channels.sync_state import ProgressMessage
from knowledge.corpus import channel_location, located_channel
from knowledge.store.synced_channels import SyncedChannel, SyncedContent
from tests.bot.reader import NOW, Reader, Server, documents
from tests.fakes import WordEmbedder


@pytest.fixture(scope="module")
def core(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Core]:
    folder = tmp_path_factory.mktemp("hearing")
    with Core(Settings(data=DataSettings(folder=folder)), WordEmbedder()) as opened:
        yield opened


@pytest.fixture(scope="module")
def other_core(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Core]:
    folder = tmp_path_factory.mktemp("hearing")
    with Core(Settings(data=DataSettings(folder=folder)), WordEmbedder()) as opened:
        yield opened


_CHANNELS = itertools.count(1)


def begun(core: Core) -> Reader:
    channel_id = next(_CHANNELS)
    # Each has a guild of its own, so that nobody else reads it.
    channel = SyncedChannel(channel_id, channel_id, SyncedContent.THREADS, NOW)
    assert channels.add(core, channel, "snow", 9, NOW, ProgressMessage())
    return Reader(core, Server(channel_id))


_ACTIONS = (
    "begin write write write edit delete delete drop solve settle ask ask take update update off on"
)
ACTION = st.sampled_from(_ACTIONS.split(" "))


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.lists(st.tuples(ACTION, st.integers(0, 1_000)), min_size=15, max_size=60))
def test_pages_and_news_in_any_order_end_in_what_reading_the_end_once_gives(
    core: Core, other_core: Core, actions: list[tuple[str, int]]
) -> None:
    reader, once = begun(core), begun(other_core)
    try:
        for action, number in actions:
            act(reader, action, number)
        reader.finish()

        once.server.threads = {
            key: replace(thread, channel_id=once.server.channel_id)
            for key, thread in reader.server.threads.items()
        }
        once.server.messages = reader.server.messages
        once.finish()

        kept = documents(core, reader.server.channel_id)
        assert kept == documents(other_core, once.server.channel_id)
    finally:
        for each in (reader, once):
            channels.remove(each.core, each.server.channel_id, each.server.channel_id, 9)


def act(reader: Reader, action: str, number: int) -> None:
    """Something happens, on Discord's side or on the bot's."""
    own = {"ask": reader.ask, "take": reader.take, "off": reader.turn_off, "on": reader.turn_on}
    own["settle"] = reader.finish
    if action in own:
        own[action]()
    elif action == "update":
        reader.update(number % 7)
    elif action == "begin":
        reader.hear(*reader.server.begin(), new=True)
    elif reader.server.threads:
        threads = [*reader.server.threads]
        act_in(reader, action, threads[number % len(threads)], number)


def act_in(reader: Reader, action: str, thread_id: int, number: int) -> None:
    """Something happens in a thread."""
    server = reader.server
    thread, messages = server.threads[thread_id], [*server.messages[thread_id]]
    if action == "write":
        reader.hear(thread, server.write(thread_id), new=True)
    elif action == "solve":
        server.threads[thread_id] = replace(thread, name=f"Snow {number}", solved=True)
        if reader.on:
            reader.core.archive.put_thread(server.threads[thread_id])
    elif action == "drop":
        del server.threads[thread_id], server.messages[thread_id]
        if reader.on:
            channels.thread_gone(reader.core, thread_id)
    elif messages:
        # Without its first post a thread is none: that one is deleted seldom.
        first = 1 if number % 5 and action == "delete" else 0
        message_id = messages[max(number % len(messages), min(first, len(messages) - 1))]
        if action == "edit":
            reader.hear(thread, server.edit(thread_id, message_id), new=False)
        else:
            gone = server.messages[thread_id].pop(message_id).message.text
            reader.hear_deleted(message_id)
            if reader.on and "number" in gone:
                # Not a moment later.
                assert gone not in "\n".join(documents(reader.core, server.channel_id).values())


def test_what_is_deleted_while_it_is_embedded_is_never_found(core: Core) -> None:
    for steps in itertools.count():
        reader = begun(core)
        thread, _ = reader.server.begin()
        answer = reader.server.write(thread.id)
        for _ in range(12):
            hearing_step(reader)
        update = index_updates.update_channels(core)
        taken = sum(1 for _ in itertools.islice(update, steps))

        channels.forgotten(core, [answer.message.id])

        for _ in itertools.chain([None], update, index_updates.update_channels(core)):
            quoted = "".join(documents(core, reader.server.channel_id).values())
            assert answer.message.text not in quoted
        channels.remove(core, reader.server.channel_id, reader.server.channel_id, 9)
        if taken < steps:
            assert steps > 3
            return


def hearing_step(reader: Reader) -> None:
    reader.ask()
    reader.take()


def test_a_message_that_is_edited_before_its_page_arrives_is_kept_as_it_is_now(core: Core) -> None:
    reader = begun(core)
    reader.turn_off()
    thread, _ = reader.server.begin()
    answer = reader.server.write(thread.id)
    reader.turn_on()
    reader.ask()

    reader.hear(thread, reader.server.edit(thread.id, answer.message.id), new=False)
    reader.finish()

    [text] = documents(core, reader.server.channel_id).values()
    assert "Edited." in text


def test_where_it_is_said_how_far_reading_is_is_known_at_the_first_step(core: Core) -> None:
    channel = SyncedChannel(9_100, 9_100, SyncedContent.PINS, NOW)

    channels.add(core, channel, "pins", 9, NOW, ProgressMessage(5, 6))

    found = channels.next_step(core, [9_100], NOW).channel
    assert found is not None
    assert found.place == ProgressMessage(5, 6)


def test_a_pinned_message_that_is_edited_before_the_list_arrives_is_kept_as_it_is_now(
    core: Core,
) -> None:
    server = Server(9_000)
    thread, before = server.begin()
    now = server.edit(thread.id, thread.id)
    channel = SyncedChannel(server.channel_id, server.channel_id, SyncedContent.PINS, NOW)
    channels.add(core, channel, "pins", 9, NOW, ProgressMessage())
    step = channels.next_step(core, [server.channel_id], NOW).step
    assert step is not None

    channels.edited(core, server.channel_id, now)
    channels.take_pins(core, step, [before], {before.message.id})
    again = channels.next_step(core, [server.channel_id], NOW).step
    assert again is not None
    channels.take_pins(core, again, [now], ())

    assert [*core.archive.messages.read(server.channel_id)] == [now]


def test_what_was_put_in_when_the_process_died_is_remembered_at_the_next_start(
    core: Core,
) -> None:
    reader = begun(core)
    thread, _ = reader.server.begin()
    reader.server.write(thread.id)
    reader.finish()
    before = documents(core, reader.server.channel_id)
    assert len(before) == 1
    # As if the process had died between the index and what is remembered of it.
    core.archive.threads.keep_documents(thread.id, {}, 0)

    run_to_end(index_updates.check_channels(core))

    assert documents(core, reader.server.channel_id) == before
    assert len(core.archive.threads.documents(thread.id)) == 1


def test_an_index_that_was_lost_is_made_anew_from_what_was_read(tmp_path: Path) -> None:
    chosen = Settings(data=DataSettings(folder=tmp_path))
    with Core(chosen, WordEmbedder()) as core:
        reader = begun(core)
        thread, _ = reader.server.begin()
        reader.server.write(thread.id)
        reader.finish()
        before = documents(core, reader.server.channel_id)
    for path in (tmp_path / "index").iterdir():
        path.unlink()

    with Core(chosen, WordEmbedder()) as core:
        run_to_end(index_updates.check_channels(core))

        assert documents(core, reader.server.channel_id) == before


def test_what_was_read_that_was_lost_is_read_again_and_nothing_is_quoted_until_then(
    tmp_path: Path,
) -> None:
    chosen = Settings(data=DataSettings(folder=tmp_path))
    with Core(chosen, WordEmbedder()) as core:
        reader = begun(core)
        thread, _ = reader.server.begin()
        reader.server.write(thread.id)
        reader.finish()
        before = documents(core, reader.server.channel_id)
    for path in tmp_path.glob("channels.db*"):
        path.unlink()

    with Core(chosen, WordEmbedder()) as core:
        run_to_end(index_updates.check_channels(core))
        assert documents(core, reader.server.channel_id) == {}
        again = Reader(core, reader.server)
        again.on = False
        again.finish()

        assert documents(core, reader.server.channel_id) == before


def test_the_command_line_shows_a_channel_and_can_have_it_read_no_more(core: Core) -> None:
    reader = begun(core)
    thread, _ = reader.server.begin()
    reader.server.write(thread.id)
    reader.finish()
    channel_id = reader.server.channel_id
    location = channel_location(channel_id)
    [state] = [each for each in core.channel_states(str) if each.location == location]
    assert (state.files, state.documents, state.failures) == (2, 1, ())

    shown = cli_source_output.sources_text([state]).plain
    removed = core.remove_channel(channel_id)
    run_to_end(index_updates.update_channels(core))

    assert f"{location}\n  1 documents from 2 messages" in shown
    assert cli_source_output.source_record(state)["scope"] == location
    assert removed
    assert located_channel(location) == channel_id
    assert documents(core, channel_id) == {}
    assert location not in [each.location for each in core.channel_states(str)]
