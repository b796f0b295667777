"""Threads of synced channels: the progress of fetching each thread, and the thread's documents.

A channel synced for its posts or pinned messages counts as one thread with the channel's id. Each
thread stores two counters: `changed` counts its changes, and `made` has the value of `changed` when
its documents were made. So outdated documents are recognised even after a crash.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from knowledge.store.derived_tables import DerivedTables
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
        for row in self._tables.rows("select * from threads where id = ?", (thread_id,)):
            return Thread(
                row["id"], row["channel_id"], row["name"], bool(row["solved"]), row["last_id"]
            )
        return None

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
        rows = self._tables.rows("select * from openers where thread_id = ?", (thread_id,))
        return int(rows[0]["message_id"]) if rows else thread_id

    def record_opener(self, thread_id: int, message_id: int) -> None:
        """Record the message that a thread was started from, unless a message is recorded.

        The first recorded message stays recorded, even after its deletion.
        """
        values = {"thread_id": thread_id, "message_id": message_id}
        self._tables.insert_new("openers", values)

    def forget(self, thread_id: int) -> list[str]:
        """Delete a thread and its messages; returns the ids of its documents."""
        documents = [*self.documents(thread_id)]
        with self._tables.writing():
            for table, column in (
                ("messages", "thread_id"),
                ("documents", "thread_id"),
                ("openers", "thread_id"),
                ("threads", "id"),
            ):
                # Both names are constants of this module.
                sql = f"delete from {table} where {column} = ?"  # noqa: S608
                self._tables.run(sql, (thread_id,))
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
        return [(Thread(row["id"], row["channel_id"], row["name"]), row["reason"]) for row in rows]

    # Documents.

    def changed(self) -> list[int]:
        """Threads fetched to their end, with outdated documents."""
        rows = self._tables.rows(
            "select id from threads where changed > made and whole = 1 order by id"
        )
        return [row["id"] for row in rows]

    def changes(self, thread_id: int) -> int:
        rows = self._tables.rows("select changed from threads where id = ?", (thread_id,))
        return int(rows[0]["changed"]) if rows else 0

    def complete_ids(self) -> list[int]:
        """Threads fetched to their end at least once."""
        rows = self._tables.rows("select id from threads where whole = 1 order by id")
        return [row["id"] for row in rows]

    def documents(self, thread_id: int) -> dict[str, str]:
        rows = self._tables.rows(
            "select id, digest from documents where thread_id = ?", (thread_id,)
        )
        return {row["id"]: row["digest"] for row in rows}

    def every_document(self) -> dict[str, str]:
        rows = self._tables.rows("select id, digest from documents")
        return {row["id"]: row["digest"] for row in rows}

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
            self._tables.run_many(
                "update threads set lacks = 1 where id = ?", [(each,) for each in thread_ids]
            )
