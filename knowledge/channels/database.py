"""Database of the channel archive: its tables and transactions, in a file or in PostgreSQL.

It is derived: without it, everything is read from Discord once more. It is kept apart from the
community database, so that no backup and no export has what members wrote in channels.

Errors:
    Exception
    └── ArchiveError    it can't be read or written, and what to do
"""

from pathlib import Path
from typing import Final

from sqlite_utils import Database

from knowledge.store.sqlite_file import DerivedTablesFile, make_tables

# What it is called in the data folder.
CHANNELS: Final = "channels.db"
# And in PostgreSQL: its schema, the script of its tables, and the number that its writers lock by.
SCHEMA: Final = "channels"
POSTGRES_TABLES: Final = Path(__file__).with_name("postgres_tables.sql")
LOCK_SPACE: Final = 7

FORMAT: Final = 2

_TABLES: Final = Path(__file__).with_name("tables.sql")


class ArchiveError(Exception):
    """What was read in channels can't be read or written; the message says what to do."""


class ArchiveDatabase(DerivedTablesFile):
    """The opened file."""

    error = ArchiveError
    remedy = "Stop the bot and delete it: everything in it is read from Discord again."

    def __init__(self, path: Path) -> None:
        """Open it.

        Raises:
            ArchiveError: if the system refuses.
        """
        super().__init__(path, _prepare)


def _prepare(db: Database) -> None:
    # What a power cut takes of the last moment is fetched again.
    db.execute("pragma synchronous = normal")
    # What somebody deleted is overwritten, not only left out.
    db.execute("pragma secure_delete = on").fetchone()
    make_tables(db, _TABLES, FORMAT)
