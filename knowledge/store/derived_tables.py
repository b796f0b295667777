"""Derived tables: channel messages and web pages, which can be fetched again.

No backup and no export has them. They are in a SQLite file of the data folder, or in a PostgreSQL
schema that processes on several machines share. Statements are written once, for both.
"""

from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from knowledge.store.database import Statements


class DerivedTablesError(Exception):
    """Derived tables can't be opened, read or written; the message names the remedy."""


@dataclass(frozen=True, slots=True)
class DerivedKind:
    """One kind of derived data.

    Attributes:
        name: the name of the PostgreSQL schema, and of the SQLite file without `.db`.
        scripts: the folder of `tables.sql` (SQLite), `postgres_tables.sql`, and `upgrade_N.sql`.
        file_format: the number of the tables' format: the `user_version` of the SQLite file.
            `upgrade_N.sql` brings tables of the format before to format N. Without such a script, a
            file of another format is made anew.
        schema_format: the same for the PostgreSQL schema; another format is refused.
        lock_space: the number of the advisory lock that writers take in PostgreSQL.
        remedy: a sentence that tells the operator what to do if the SQLite file can't be read.
    """

    name: str
    scripts: Path
    file_format: int
    lock_space: int
    remedy: str
    schema_format: int = 1

    @property
    def file(self) -> str:
        return f"{self.name}.db"


class DerivedTables(Statements, Protocol):
    """Opened derived tables; the SQL is in the modules that use the tables."""

    @property
    def version(self) -> object:
        """A value that changes with every write, by any process."""

    @property
    def version_of_others(self) -> int:
        """A number that changes with every write by another connection."""

    def bytes_of(self, text_column: str) -> str: ...

    def writing(self) -> AbstractContextManager[None]:
        """A write transaction; joins a transaction in progress."""

    def try_lock(self, number: int) -> AbstractContextManager[bool]:
        """Hold the lock with this number; yields False if another process holds it.

        SQLite needs no such lock: the folder lock keeps a second process out.
        """
