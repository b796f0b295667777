"""Database of the channel archive: its tables and transactions.

It is derived: without it, everything is read from Discord once more. It is kept apart from the
community database, so that no backup and no export has what members wrote in channels.

Errors:
    Exception
    └── ArchiveError    the file can't be read or written, and what to do
"""

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, Literal

from sqlite_utils import Database

from knowledge.store import sqlite_file

# What it is called in the data folder.
CHANNELS: Final = "channels.db"

FORMAT: Final = 1

_TABLES: Final = """
    create table if not exists channels (
        id integer primary key,
        guild_id integer not null,
        name text not null,
        reads text not null,
        stage text not null,
        round integer not null,
        cursor text not null,
        synced_at text,
        reason text not null,
        place_channel_id integer not null,
        place_message_id integer not null
    ) strict;

    create table if not exists threads (
        id integer primary key,
        channel_id integer not null,
        name text not null,
        solved integer not null,
        last_id integer not null,
        read_to integer not null,
        due integer not null,
        whole integer not null,
        round integer not null,
        changed integer not null,
        made integer not null,
        lacks integer not null,
        reason text not null
    ) strict;

    create index if not exists threads_by_channel on threads (channel_id, due, last_id);

    create index if not exists threads_changed on threads (changed) where changed > made and whole;

    create table if not exists messages (
        id integer primary key,
        thread_id integer not null,
        author_id integer not null,
        author text not null,
        edited_at text,
        text text not null,
        reply_to integer not null,
        reactions text not null,
        bot integer not null,
        names text not null
    ) strict;

    create index if not exists messages_by_thread on messages (thread_id, id);

    create index if not exists messages_by_author on messages (author_id);

    create table if not exists documents (
        id text primary key,
        thread_id integer not null,
        digest text not null
    ) strict;

    create index if not exists documents_by_thread on documents (thread_id);

    create table if not exists memory (
        key text primary key,
        value text not null
    ) strict;
"""


class ArchiveError(Exception):
    """What was read in channels can't be read or written; the message says what to do."""


class ArchiveDatabase:
    """The opened file. It belongs to the thread that opened it."""

    def __init__(self, path: Path) -> None:
        """Open it; one that is damaged, or of another release, is begun anew.

        Raises:
            ArchiveError: if the system refuses.
        """
        self._path = path
        try:
            self._db = sqlite_file.open_derived(path, _prepare)
        except sqlite3.OperationalError as error:
            raise ArchiveError(f"{path} can't be opened: {error}.") from error

    def close(self) -> None:
        self._db.close()

    @contextmanager
    def writing(self) -> Iterator[None]:
        """One transaction; inside another one, a part of it.

        Raises:
            ArchiveError: if it can't be written; nothing was changed then.
        """
        try:
            with sqlite_file.transaction(self._db):
                yield
        except sqlite3.Error as error:
            raise ArchiveError(
                f"{self._path} can't be written: {error}. Check free space and permissions."
            ) from error

    def rows(self, sql: str, values: Sequence[Any] = ()) -> list[dict[str, Any]]:
        try:
            return list(self._db.query(sql, values))
        except sqlite3.Error as error:
            raise ArchiveError(
                f"{self._path} can't be read: {error}. Stop the bot and delete it: everything in "
                "it is read from Discord again."
            ) from error

    def run(self, sql: str, values: Sequence[Any] = ()) -> int:
        """Run a statement that changes rows, inside a transaction; returns how many."""
        return int(self._db.execute(sql, values).rowcount)

    def run_many(self, sql: str, values: Sequence[Sequence[Any]]) -> None:
        """Run a statement once for each set of values, inside a transaction."""
        self._db.conn.executemany(sql, values)

    def insert(
        self, table: str, row: Mapping[str, Any], conflict: Literal["or ignore", "or replace"]
    ) -> None:
        """Insert a row, given by column, inside a transaction."""
        sqlite_file.insert(self._db, table, row, conflict)


def _prepare(db: Database) -> None:
    # What a power cut takes of the last moment is fetched again.
    db.execute("pragma synchronous = normal")
    # What somebody deleted is overwritten, not only left out.
    db.execute("pragma secure_delete = on").fetchone()
    sqlite_file.make_tables(db, _TABLES, FORMAT)
