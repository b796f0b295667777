"""Protocols of the community database and of derived tables: statements and transactions.

Statements are written once, in the SQL that SQLite and PostgreSQL share, with `?` for values. Every
change is one transaction that takes the write lock first, so the rows it reads can't change. A
database belongs to the thread that opened it.

Errors:
    Exception
    └── StoreError              the database can't be opened or written
        ├── StoreVersionError   another version of this program wrote the database
        ├── DatabaseAwayError   the server can't be reached; nothing was changed
        └── OutcomeUnknownError the connection was lost during a commit
"""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol, TypeVar

_T = TypeVar("_T")


class StoreError(Exception):
    """The community database can't be opened or written; the message names the remedy."""


class StoreVersionError(StoreError):
    """The community database was written by a later version, or before 1.0.0."""


class DatabaseAwayError(StoreError):
    """The database's server can't be reached, or the connection was lost; nothing was changed."""


class OutcomeUnknownError(StoreError):
    """The connection was lost during a commit, so the changes may or may not be stored."""


def is_away(error: BaseException | None) -> bool:
    """Whether an error is, or was caused by, an unreachable server."""
    return error is not None and (isinstance(error, DatabaseAwayError) or is_away(error.__cause__))


def passes(error: BaseException | None) -> bool:
    """Whether an error passes with an outage: an unreachable server, or a connection lost."""
    kinds = (DatabaseAwayError, OutcomeUnknownError)
    return error is not None and (isinstance(error, kinds) or passes(error.__cause__))


class Statements(Protocol):
    """Statements on opened tables.

    Callers write the names of tables and columns; values are bound, times as text in ISO 8601. A
    list among the values has the placeholder `in (?)`; the statement doesn't run for an empty one.
    """

    def rows(self, sql: str, values: Sequence[Any] = ()) -> list[dict[str, Any]]: ...

    def records(self, kind: type[_T], sql: str, values: Sequence[Any] = ()) -> list[_T]:
        """The rows of a query as records (`knowledge.store.rows.record`)."""

    def find(self, kind: type[_T], sql: str, values: Sequence[Any] = ()) -> _T | None:
        """The first row of a query as a record, if any."""

    def column(self, sql: str, values: Sequence[Any] = ()) -> list[Any]:
        """The first column of each row of a query."""

    def value(self, kind: type[_T], sql: str, values: Sequence[Any] = ()) -> _T | None:
        """The first column of the first row of a query; None if there is none, or it is null."""

    def run(self, sql: str, values: Sequence[Any] = ()) -> int:
        """Run a statement; returns how many rows it changed."""

    def run_many(self, sql: str, values: Sequence[Sequence[Any]]) -> int:
        """Run a statement once per row of values; returns how many rows changed in all."""

    def insert_new(self, table: str, row: Mapping[str, Any]) -> bool:
        """Insert a row unless it conflicts with another; returns whether it was inserted."""

    def replace(self, table: str, row: Mapping[str, Any], keys: Sequence[str]) -> None:
        """Insert a row, or update the row with the same values of `keys`."""

    def close(self) -> None: ...


class Database(Statements, Protocol):
    """An opened community database."""

    @property
    def constraint_error(self) -> type[Exception]:
        """The exception raised for rows that violate the tables' constraints."""

    @property
    def folder(self) -> Path:
        """The data folder. A restore replaces the database, and keeps the folder's other files."""

    @property
    def unknown_outcomes(self) -> int:
        """How many commits had an unknown outcome."""

    def rows_together(
        self, queries: Sequence[tuple[str, Sequence[Any]]]
    ) -> list[list[dict[str, Any]]]:
        """The rows of several queries, in one round trip."""

    def insert(self, table: str, row: Mapping[str, Any]) -> None: ...

    def insert_id(self, table: str, row: Mapping[str, Any], key: str = "id") -> int:
        """Insert a row whose key the database generates; returns the key."""

    # Transactions.

    def writing(self, guild_id: int | None = None) -> AbstractContextManager[None]:
        """A write transaction; joins a transaction in progress.

        Args:
            guild_id: the only guild whose rows are read and changed; None for several guilds.

        Raises:
            StoreError: if the database can't be written; nothing was changed.
            OutcomeUnknownError: if the connection is lost during the commit.
        """

    def erasing(self) -> AbstractContextManager[None]:
        """A write transaction. SQLite overwrites the rows deleted in it; PostgreSQL can't."""

    def reading(self) -> AbstractContextManager[None]:
        """Several queries on one snapshot of the database; nothing is written."""

    def lift_time_limits(self) -> None: ...

    def defer_references(self) -> None:
        """Check foreign keys only at the end of this transaction."""

    # Marks: the database refuses to be opened while it has one (`knowledge.store.migrations`).

    def marks(self) -> list[str]: ...

    def mark(self, mark: str) -> None:
        """Add a mark, inside a transaction. A database with a mark can't be opened."""

    def unmark(self) -> None: ...

    def other_connections(self) -> int:
        """The number of other processes' connections; always 0 for a SQLite file."""

    # Schema and state.

    def migrations(self) -> list[str]: ...

    def tables(self, column: str = "") -> list[str]:
        """The names of the tables, sorted; with `column`, only tables with this column."""

    def columns(self, table: str) -> list[str]: ...

    def keys(self, table: str) -> list[str]: ...

    def last_ids(self) -> dict[str, int]: ...

    def reserve_ids(self, table: str, number: int) -> list[int]:
        """Reserve ids for new rows, ascending. SQLite reserves none and returns an empty list."""

    def skip_ids(self, given: Mapping[str, int] | None, more: int = 0) -> None:
        """Raise each table's id counter above the ids that another copy of the data has used.

        If these ids aren't known, `given` is None, and `more` is a large number of ids to skip.
        """

    def integrity_problem(self) -> str:
        """The problem found by the database's own checks, or an empty string."""

    def delete_copies(self) -> None:
        """Delete the copies made by upgrades and restores; backups stay.

        Raises OSError if a copy can't be deleted.
        """


def row_counts(database: Database) -> dict[str, int]:
    """The number of rows of each table that isn't empty, except the log's."""
    found = {
        table: database.rows(f"select count(*) as n from {table}")[0]["n"]  # noqa: S608
        for table in database.tables()
        if table not in ("log", "log_heads")
    }
    return {name: number for name, number in found.items() if number}


def recall(database: Database, key: str) -> str | None:
    """The value of a key in the table `memory`."""
    return database.value(str, "select value from memory where key = ?", [key])


def now() -> datetime:
    return datetime.now(UTC)


def moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


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
    """Opened derived tables: channel messages and web pages, which can be fetched again.

    No backup and no export has them. They are in a SQLite file of the data folder, or in a
    PostgreSQL schema that processes on several machines share.
    """

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
