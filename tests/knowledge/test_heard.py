"""The file of what was read in channels: damaged, of another release, and what is deleted in it."""

import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from knowledge.channels.archive import Heard
from knowledge.channels.database import HEARD, HeardError
from knowledge.channels.messages import Written, first_id, time_of
from knowledge.channels.sync_state import Stage
from knowledge.chat.conversations import Message
from knowledge.store.followed_channels import FollowedChannel, Reads

NOW = datetime(2026, 3, 4, 5, 6, tzinfo=UTC)
CHANNEL = FollowedChannel(3, 10, Reads.POSTS, NOW)
SECRET = "The password of the harbour office is swordfish."  # noqa: S105 - nobody's


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / HEARD


@pytest.fixture
def heard(path: Path) -> Iterator[Heard]:
    with Heard(path) as opened:
        opened.follow([CHANNEL])
        opened.begin_round(CHANNEL.id, NOW)
        yield opened


def written(text: str = SECRET) -> Written:
    message_id = first_id(NOW)
    return Written(Message(message_id, 7, "Mira", time_of(message_id), text))


def test_a_damaged_file_is_begun_anew(path: Path) -> None:
    path.write_bytes(b"This is no database. " * 1_000)

    with Heard(path) as heard:
        assert heard.channels() == []


def test_a_file_of_another_release_is_begun_anew(path: Path) -> None:
    with Heard(path) as heard:
        heard.follow([CHANNEL])
    with sqlite3.connect(path) as connection:
        connection.execute("pragma user_version = 99")
    connection.close()

    with Heard(path) as heard:
        assert heard.channels() == []


def test_a_file_that_can_t_be_opened_says_which(tmp_path: Path) -> None:
    with pytest.raises(HeardError, match="missing"):
        Heard(tmp_path / "missing" / HEARD)


def test_a_message_that_was_deleted_is_not_in_the_file_either(heard: Heard, path: Path) -> None:
    heard.messages.hear(CHANNEL.id, written())

    heard.messages.forget([written().message.id])

    heard.close()
    assert SECRET.encode() not in path.read_bytes()
    assert [*path.parent.glob(f"{HEARD}-wal")] == []


def test_what_is_heard_twice_changes_nothing(heard: Heard) -> None:
    assert heard.messages.hear(CHANNEL.id, written())

    assert not heard.messages.hear(CHANNEL.id, written())


def test_a_message_is_kept_to_the_letter(heard: Heard) -> None:
    one = written("Ünïcödé 🦆 <@7> in <#3>\n```\ncode\n```")
    known = Written(one.message, NOW, {7: "Mira"}, {3: "news"})

    heard.messages.hear(CHANNEL.id, known)

    assert [*heard.messages.read(CHANNEL.id)] == [known]


def test_a_channel_of_which_something_else_is_to_be_read_is_begun_anew(heard: Heard) -> None:
    heard.messages.hear(CHANNEL.id, written())

    forgotten = heard.follow([FollowedChannel(CHANNEL.id, 10, Reads.PINS, NOW)])

    assert forgotten
    assert heard.counts(CHANNEL.id).messages == 0
    assert heard.channel(CHANNEL.id).stage is Stage.DONE  # type: ignore[union-attr]
