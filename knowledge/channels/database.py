"""The file of what was read in followed channels: its tables, and what is one transaction.

It is derived: without it, everything is read from Discord once more. It is kept apart from the
community database, so that no backup and no export has what members wrote in channels.

Errors:
    Exception
    └── ArchiveError    the file can't be read or written, and what to do
"""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

# What it is called in the data folder.
CHANNELS: Final = "channels.db"

BUSY_SECONDS: Final = 10
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
            HeardError: if the system refuses.
        """
        self._path = path
        try:
            self._connection = self._opened(path)
        except sqlite3.OperationalError as error:
            raise ArchiveError(f"{path} can't be opened: {error}.") from error
        except sqlite3.DatabaseError:
            for name in (path, *(path.with_name(path.name + end) for end in ("-wal", "-shm"))):
                name.unlink(missing_ok=True)
            self._connection = self._opened(path)

    @staticmethod
    def _opened(path: Path) -> sqlite3.Connection:
        connection = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None)
        try:
            found = connection.execute("pragma user_version").fetchone()[0]
            if found not in (0, FORMAT):
                raise sqlite3.DatabaseError(f"format {found}")
            connection.execute("pragma journal_mode = wal")
            # What a power cut takes of the last moment is read again.
            connection.execute("pragma synchronous = normal")
            # What somebody deleted is overwritten, not only left out.
            connection.execute("pragma secure_delete = on")
            connection.executescript(_TABLES)
            connection.execute(f"pragma user_version = {FORMAT}")
        except BaseException:
            connection.close()
            raise
        connection.row_factory = sqlite3.Row
        return connection

    def close(self) -> None:
        """Close it."""
        self._connection.close()

    @contextmanager
    def writing(self) -> Iterator[None]:
        """One transaction; inside another one, a part of it.

        Raises:
            HeardError: if it can't be written; nothing was changed then.
        """
        if self._connection.in_transaction:
            yield
            return
        try:
            self._connection.execute("begin immediate")
            yield
            self._connection.execute("commit")
        except sqlite3.Error as error:
            self._roll_back()
            raise ArchiveError(
                f"{self._path} can't be written: {error}. Check free space and permissions."
            ) from error
        except BaseException:
            self._roll_back()
            raise

    def _roll_back(self) -> None:
        if self._connection.in_transaction:
            self._connection.rollback()

    def rows(self, sql: str, values: Sequence[Any] = ()) -> list[sqlite3.Row]:
        """What a query finds."""
        try:
            return self._connection.execute(sql, values).fetchall()
        except sqlite3.Error as error:
            raise ArchiveError(
                f"{self._path} can't be read: {error}. Stop the bot and delete it: everything in "
                "it is read from Discord again."
            ) from error

    def run(self, sql: str, values: Sequence[Any] = ()) -> int:
        """Run a statement that changes rows, inside a transaction; returns how many."""
        return self._connection.execute(sql, values).rowcount

    def run_many(self, sql: str, values: Sequence[Sequence[Any]]) -> None:
        """Run a statement once for each set of values, inside a transaction."""
        self._connection.executemany(sql, values)
