"""Threads and messages of synced channels, stored as Discord sent them, in pages or in events.

A page replaces a range of a thread, because stored messages that the page lacks were deleted. If an
event changes a message during the request for its page, the event's version of the message stays.
So the order of pages and events doesn't change the result.

A channel synced for its posts or pinned messages counts as one thread with the channel's id. Each
thread stores two counters: `changed` counts its changes, and `made` has the value of `changed` when
its documents were made. So outdated documents are recognised even after a crash.
"""

import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from knowledge.chat.conversations import Message, Reaction
from knowledge.store.database import DerivedTables
from knowledge.store.rows import record
from knowledge.text import storable


@dataclass(frozen=True, slots=True)
class Thread:
    """A thread as Discord lists it; `last_id` is its last message's id, or 0."""

    id: int
    channel_id: int
    name: str
    solved: bool = False
    last_id: int = 0

    def __post_init__(self) -> None:
        object.__setattr__(self, "name", storable(self.name))


def new_thread(thread: Thread, number: int) -> dict[str, Any]:
    """The row of a new thread, listed in round `number`, with nothing fetched yet."""
    return {
        "id": thread.id,
        "channel_id": thread.channel_id,
        "name": thread.name,
        "solved": int(thread.solved),
        "last_id": thread.last_id,
        "read_to": 0,
        "due": 1,
        "whole": 0,
        "round": number,
        "changed": 1,
        "made": 0,
        "lacks": 0,
        "reason": "",
    }


class ArchivedThreads:
    """The known threads, and the documents made of each."""

    def __init__(self, tables: DerivedTables) -> None:
        self._tables = tables

    def get(self, thread_id: int) -> Thread | None:
        return self._tables.find(Thread, "select * from threads where id = ?", [thread_id])

    def save(self, thread: Thread, number: int, *, listed: bool) -> None:
        """Store a thread listed by Discord in a round, or reported in an event.

        A new thread is due: its messages will be fetched. A stored thread becomes due only if it is
        `listed` with a newer last message. An event doesn't make a stored thread due, because its
        new messages come as events, too. A missed event is made up for by the next listing.
        """
        with self._tables.writing():
            self._tables.insert_new("threads", new_thread(thread, number))
            self.change(thread)
            self._tables.run(
                "update threads set round = ?, "
                "due = case when ? = 1 and last_id > read_to then 1 else due end where id = ?",
                (number, int(listed), thread.id),
            )

    def change(self, thread: Thread) -> None:
        """Update a known thread's name, solved tag and last message id."""
        with self._tables.writing():
            self._tables.run(
                "update threads set last_id = ? where id = ? and last_id < ?",
                (thread.last_id, thread.id, thread.last_id),
            )
            self._tables.run(
                "update threads set name = ?, solved = ?, changed = changed + 1 "
                "where id = ? and (name <> ? or solved <> ?)",
                (thread.name, int(thread.solved), thread.id, thread.name, int(thread.solved)),
            )

    def opener(self, thread_id: int) -> int:
        """The id of the message that a thread was started from, or else of its first message."""
        sql = "select message_id from openers where thread_id = ?"
        return self._tables.value(int, sql, [thread_id]) or thread_id

    def record_opener(self, thread_id: int, message_id: int) -> None:
        """Record the message that a thread was started from, unless a message is recorded.

        The first recorded message stays recorded, even after its deletion.
        """
        self._tables.insert_new("openers", {"thread_id": thread_id, "message_id": message_id})

    def forget(self, thread_id: int) -> list[str]:
        """Delete a thread and its messages; returns the ids of its documents."""
        documents = [*self.documents(thread_id)]
        with self._tables.writing():
            for table in ("messages", "documents", "openers"):
                sql = f"delete from {table} where thread_id = ?"  # noqa: S608 - names of ours
                self._tables.run(sql, [thread_id])
            self._tables.run("delete from threads where id = ?", [thread_id])
        return documents

    def fail(self, thread_id: int, reason: str) -> None:
        """Record why a thread can't be read; the round goes on without it."""
        with self._tables.writing():
            self._tables.run(
                "update threads set reason = ?, due = 0 where id = ?", (reason, thread_id)
            )

    def failures(self, channel_id: int) -> list[tuple[Thread, str]]:
        rows = self._tables.rows(
            "select * from threads where channel_id = ? and reason <> '' order by id", (channel_id,)
        )
        return [(record(Thread, row), row["reason"]) for row in rows]

    # Documents.

    def changed(self) -> list[int]:
        """Threads fetched to their end, with outdated documents."""
        sql = "select id from threads where changed > made and whole = 1 order by id"
        return self._tables.column(sql)

    def changes(self, thread_id: int) -> int:
        sql = "select changed from threads where id = ?"
        return self._tables.value(int, sql, [thread_id]) or 0

    def complete_ids(self) -> list[int]:
        """Threads fetched to their end at least once."""
        return self._tables.column("select id from threads where whole = 1 order by id")

    def documents(self, thread_id: int) -> dict[str, str]:
        sql = "select id, digest from documents where thread_id = ?"
        return {row["id"]: row["digest"] for row in self._tables.rows(sql, [thread_id])}

    def every_document(self) -> dict[str, str]:
        sql = "select id, digest from documents"
        return {row["id"]: row["digest"] for row in self._tables.rows(sql)}

    def keep_documents(self, thread_id: int, documents: Mapping[str, str], changes: int) -> None:
        with self._tables.writing():
            self._tables.run("delete from documents where thread_id = ?", (thread_id,))
            self._tables.run_many(
                "insert into documents (id, thread_id, digest) values (?, ?, ?) on conflict (id) "
                "do update set thread_id = excluded.thread_id, digest = excluded.digest",
                [(key, thread_id, digest) for key, digest in documents.items()],
            )
            self._tables.run(
                "update threads set made = ? where id = ? and made < ?",
                (changes, thread_id, changes),
            )

    def mark_all_changed(self) -> None:
        """Mark the documents of all threads as outdated."""
        with self._tables.writing():
            self._tables.run("update threads set changed = changed + 1")

    def mark_lacking(self, thread_ids: Iterable[int]) -> None:
        """Record that messages in these threads weren't stored, because their authors opted out."""
        with self._tables.writing():
            self._tables.run("update threads set lacks = 1 where id in (?)", [[*thread_ids]])


# Discord's ids contain milliseconds since 2015.
_EPOCH: Final = 1_420_070_400_000
# Above every id.
NO_END: Final = (1 << 63) - 1
# Messages in memory at a time.
BATCH: Final = 500


@dataclass(frozen=True, slots=True)
class ArchivedMessage:
    """A message as Discord sent it.

    The text of `message` has Discord's markup. `members` and `channels` are the names of mentioned
    members and channels, by id.
    """

    message: Message
    edited_at: datetime | None = None
    members: Mapping[int, str] = field(default_factory=dict)
    channels: Mapping[int, str] = field(default_factory=dict)


def time_of(snowflake: int) -> datetime:
    """The time in a Discord id."""
    return datetime.fromtimestamp(((snowflake >> 22) + _EPOCH) / 1_000, UTC)


def first_id(moment: datetime) -> int:
    """The smallest Discord id with the time `moment`."""
    return max(0, (int(moment.timestamp() * 1_000) - _EPOCH) << 22)


class ArchivedMessages:
    """The stored messages by thread; a changed message marks its thread as changed."""

    def __init__(self, tables: DerivedTables) -> None:
        self._tables = tables

    def read(self, thread_id: int) -> Iterator[ArchivedMessage]:
        """The messages of a thread, oldest first, in batches."""
        last = 0
        while True:
            rows = self._tables.rows(
                "select * from messages where thread_id = ? and id > ? order by id limit ?",
                (thread_id, last, BATCH),
            )
            yield from (_message_of_row(row) for row in rows)
            if len(rows) < BATCH:
                return
            last = rows[-1]["id"]

    def count(self, thread_id: int) -> int:
        sql = "select count(*) as number from messages where thread_id = ?"
        return self._tables.value(int, sql, [thread_id]) or 0

    def get(self, message_ids: Iterable[int]) -> list[ArchivedMessage]:
        rows = self._tables.rows("select * from messages where id in (?)", [[*message_ids]])
        return [_message_of_row(row) for row in sorted(rows, key=lambda row: int(row["id"]))]

    def threads_of(self, message_ids: Iterable[int]) -> dict[int, list[int]]:
        """The ids of stored messages, by the ids of their threads."""
        found: dict[int, list[int]] = {}
        sql = "select id, thread_id from messages where id in (?) order by id"
        for row in self._tables.rows(sql, [[*message_ids]]):
            found.setdefault(row["thread_id"], []).append(row["id"])
        return found

    def replace(
        self,
        thread_id: int,
        id_range: tuple[int, int],
        messages: Sequence[ArchivedMessage],
        leave: Collection[int] = (),
    ) -> None:
        """Replace the messages in a range of a thread, inside a transaction.

        The range begins after the first id of `id_range`, and ends with the second. Messages with
        an id in `leave` stay unchanged.
        """
        kept = {
            row["id"]: row
            for row in self._tables.rows(
                "select * from messages where thread_id = ? and id > ? and id <= ?",
                (thread_id, *id_range),
            )
        }
        given = {written.message.id: written for written in messages}
        gone = [message for message in kept if message not in given and message not in leave]
        changed = 0
        for message_id, written in given.items():
            row = _row(thread_id, written)
            if message_id not in leave and row != kept.get(message_id):
                self._tables.replace("messages", row, ["id"])
                changed += 1
        self._delete(gone)
        if gone or changed:
            self._change([thread_id])

    def save(self, thread_id: int, written: ArchivedMessage) -> bool:
        """Store a new or edited message; False if nothing changed."""
        row = _row(thread_id, written)
        kept = self._tables.rows("select * from messages where id = ?", (written.message.id,))
        if kept and kept[0] == row:
            return False
        with self._tables.writing():
            self._tables.replace("messages", row, ["id"])
            self._change([thread_id])
        return True

    def forget(self, message_ids: Collection[int]) -> list[int]:
        """Delete messages; returns the ids of their threads."""
        with self._tables.writing():
            threads = list(self.threads_of(message_ids))
            self._delete(message_ids)
            self._change(threads)
        return threads

    def authors(self) -> list[tuple[int, str]]:
        """The id and the name of each author of a stored message."""
        rows = self._tables.rows("select distinct author_id, author from messages")
        return [(row["author_id"], row["author"]) for row in rows]

    def of_author(self, author_id: int, author: str) -> list[int]:
        """The ids of the stored messages with this author's id and shown name."""
        sql = "select id from messages where author_id = ? and author = ?"
        return self._tables.column(sql, [author_id, author])

    def _delete(self, message_ids: Collection[int]) -> None:
        self._tables.run("delete from messages where id in (?)", [[*message_ids]])

    def _change(self, thread_ids: Iterable[int]) -> None:
        sql = "update threads set changed = changed + 1 where id in (?)"
        self._tables.run(sql, [[*thread_ids]])


def _row(thread_id: int, written: ArchivedMessage) -> dict[str, Any]:
    message = written.message
    names = {
        kind: {str(key): name for key, name in sorted(found.items())}
        for kind, found in (("members", written.members), ("channels", written.channels))
        if found
    }
    reactions = [[reaction.emoji, reaction.count] for reaction in message.reactions]
    return {
        "id": message.id,
        "thread_id": thread_id,
        "author_id": message.author_id,
        "author": storable(message.author),
        "edited_at": written.edited_at.astimezone(UTC).isoformat() if written.edited_at else None,
        "text": storable(message.text),
        "reply_to": message.reply_to,
        "reactions": json.dumps(reactions, ensure_ascii=False) if reactions else "",
        "bot": int(message.bot),
        "names": json.dumps(names, ensure_ascii=False) if names else "",
    }


def _message_of_row(row: Mapping[str, Any]) -> ArchivedMessage:
    names = json.loads(row["names"]) if row["names"] else {}
    reactions = json.loads(row["reactions"]) if row["reactions"] else []
    message = record(
        Message,
        row,
        at=time_of(row["id"]),
        reactions=tuple(Reaction(emoji, count) for emoji, count in reactions),
    )
    return ArchivedMessage(
        message,
        datetime.fromisoformat(row["edited_at"]) if row["edited_at"] else None,
        {int(key): name for key, name in names.get("members", {}).items()},
        {int(key): name for key, name in names.get("channels", {}).items()},
    )
