"""The archive of channels: storing, refetching, deletion; damaged files and other formats.

`tests/bot/sources/test_channels.py` tests that pages and events commute.
"""

import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bot.storage.derived_data import open_archive
from knowledge.chat.conversations import Message
from knowledge.discord_archive.archive import RECENT, ChannelArchive, MessagePage, SyncStage
from knowledge.discord_archive.messages import ArchivedMessage, Thread, first_id, time_of
from knowledge.store.database import DerivedTablesError
from knowledge.store.erasure.quote_opt_outs import Withheld
from knowledge.values.guilds import SyncedChannel, SyncedContent
from tests.knowledge.decided_notes import some

NOW = datetime(2026, 3, 4, 5, 6, tzinfo=UTC)
CHANNEL = SyncedChannel(3, 10, SyncedContent.POSTS, NOW)
FORUM = SyncedChannel(4, 10, SyncedContent.THREADS, NOW)
SECRET = "The password of the harbour office is swordfish."  # noqa: S105 - nobody's


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "channels.db"


@pytest.fixture
def archive(tmp_path: Path, derived: str) -> Iterator[ChannelArchive]:
    with open_archive(tmp_path, derived) as opened:
        opened.set_channels([CHANNEL])
        opened.begin_round(CHANNEL.id, NOW)
        yield opened


def written(text: str = SECRET) -> ArchivedMessage:
    message_id = first_id(NOW)
    return ArchivedMessage(Message(message_id, 7, "Mira", time_of(message_id), text))


def test_a_damaged_file_is_begun_anew(path: Path) -> None:
    path.write_bytes(b"This is no database. " * 1_000)

    with open_archive(path.parent) as archive:
        assert archive.channels() == []


def test_a_file_of_another_release_is_begun_anew(path: Path) -> None:
    with open_archive(path.parent) as archive:
        archive.set_channels([CHANNEL])
    with sqlite3.connect(path) as connection:
        connection.execute("pragma user_version = 99")
    connection.close()

    with open_archive(path.parent) as archive:
        assert archive.channels() == []


def test_a_file_that_can_t_be_opened_says_which(tmp_path: Path) -> None:
    with pytest.raises(DerivedTablesError, match="missing"):
        open_archive(tmp_path / "missing")


def test_deleted_message_leaves_the_file(path: Path) -> None:
    with open_archive(path.parent) as archive:
        archive.set_channels([CHANNEL])
        archive.begin_round(CHANNEL.id, NOW)
        archive.messages.save(CHANNEL.id, written())

        archive.messages.forget([written().message.id])

    assert SECRET.encode() not in path.read_bytes()
    assert [*path.parent.glob("channels.db-wal")] == []


def test_an_event_that_comes_twice_changes_nothing(archive: ChannelArchive) -> None:
    assert archive.messages.save(CHANNEL.id, written())

    assert not archive.messages.save(CHANNEL.id, written())


def test_a_message_is_kept_to_the_letter(archive: ChannelArchive) -> None:
    one = written("Ünïcödé 🦆 <@7> in <#3>\n```\ncode\n```")
    known = ArchivedMessage(one.message, NOW, {7: "Mira"}, {3: "news"})

    archive.messages.save(CHANNEL.id, known)

    assert [*archive.messages.read(CHANNEL.id)] == [known]


def test_a_message_is_kept_whatever_signs_it_has(archive: ChannelArchive) -> None:
    one = written("a\0b \ud800")

    assert archive.messages.save(CHANNEL.id, one)
    assert not archive.messages.save(CHANNEL.id, one)

    [kept] = archive.messages.read(CHANNEL.id)
    assert kept.message.text == "ab \ufffd"


def test_what_is_kept_of_somebody_is_shown_and_forgotten(archive: ChannelArchive) -> None:
    archive.messages.save(CHANNEL.id, written())
    message_id = written().message.id
    [shown] = archive.messages_of(7)
    assert (shown["guild"], shown["channel"], shown["text"]) == (10, CHANNEL.id, SECRET)
    assert archive.messages.authors() == [(7, "Mira")]
    assert archive.messages.of_author(7, "Mira") == [message_id]
    assert archive.messages.threads_of([message_id, 5]) == {CHANNEL.id: [message_id]}

    assert archive.messages.forget([message_id]) == [CHANNEL.id]

    assert archive.messages_of(7) == []


def test_channel_told_twice_kept_once(
    archive: ChannelArchive, tmp_path: Path, derived: str
) -> None:
    with open_archive(tmp_path, derived) as other:
        for each in (archive, other):
            each.set_channels([CHANNEL, FORUM])
        assert [channel.id for channel in other.channels()] == [CHANNEL.id, FORUM.id]


def test_channel_read_otherwise_is_begun_anew(archive: ChannelArchive) -> None:
    archive.messages.save(CHANNEL.id, written())

    forgotten = archive.set_channels([SyncedChannel(CHANNEL.id, 10, SyncedContent.PINS, NOW)])

    assert forgotten
    assert archive.counts(CHANNEL.id).messages == 0
    assert archive.channel(CHANNEL.id).stage is SyncStage.DONE  # type: ignore[union-attr]


def fetched_thread(archive: ChannelArchive, messages: int) -> int:
    """A thread with that many fetched messages, the last one written now; its id."""
    last = first_id(NOW)
    ids = [last - number * 4_000_000 for number in reversed(range(messages))]
    thread = Thread(ids[0], FORUM.id, "Help", last_id=last)
    archive.set_channels([FORUM])
    archive.begin_round(FORUM.id, NOW)
    step = some(archive.next_step(FORUM.id))
    archive.add_threads(step, [thread], "", last=True)
    step = some(archive.next_step(FORUM.id))
    archive.add_threads(step, [], "", last=True)
    step = some(archive.next_step(FORUM.id))
    said = [ArchivedMessage(Message(each, 7, "Mira", time_of(each), "x")) for each in ids]
    archive.add_page(step, MessagePage(said, last, last=True), Withheld())
    archive.end_round(FORUM.id, NOW)
    return thread.id


@pytest.mark.parametrize(("messages", "from_its_beginning"), [(3, True), (4, False)])
def test_of_a_long_thread_only_what_is_recent_is_fetched_again(
    archive: ChannelArchive,
    monkeypatch: pytest.MonkeyPatch,
    messages: int,
    from_its_beginning: bool,
) -> None:
    monkeypatch.setattr("knowledge.discord_archive.archive.THREAD_MESSAGES", 3)
    thread_id = fetched_thread(archive, messages)

    archive.begin_round(FORUM.id, NOW)
    for _ in range(2):
        step = some(archive.next_step(FORUM.id))
        archive.add_threads(step, [Thread(thread_id, FORUM.id, "Help")], "", last=True)
    step = some(archive.next_step(FORUM.id))

    assert step.thread_id == thread_id
    assert step.after == (0 if from_its_beginning else first_id(NOW - RECENT))
