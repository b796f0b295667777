"""The community database as its tables see it: statements, transactions, and what is asked of it.

Statements are written once, in what SQLite and PostgreSQL both understand, with `?` for values.
Every change is one transaction, begun as a writer, so that what it reads can't change under it.
A database belongs to the thread that opened it.

Errors:
    Exception
    └── StoreError              the database can't be opened or written, and what to do
        ├── StoreVersionError   it was written by another version
        ├── DatabaseAwayError   its server can't be reached; nothing was changed
        └── OutcomeUnknownError the connection was lost before it said whether a change was kept
"""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol


class StoreError(Exception):
    """The community database can't be opened or written; the message says what to do."""


class StoreVersionError(StoreError):
    """The community database was written by a later version, or before 1.0.0."""


class DatabaseAwayError(StoreError):
    """The database's server can't be reached, or was lost in between; nothing was changed."""


class OutcomeUnknownError(StoreError):
    """A transaction was to be committed, and nobody said whether it was: it may have been."""


def is_away(error: BaseException | None) -> bool:
    """Whether an error is, or comes from, a server that can't be reached."""
    while error is not None:
        if isinstance(error, DatabaseAwayError):
            return True
        error = error.__cause__
    return False


class Database(Protocol):
    """An opened community database. Its SQL belongs to the modules that are given it."""

    @property
    def refusal(self) -> type[Exception]:
        """What is raised where rows are such as its tables can't have."""

    @property
    def folder(self) -> Path:
        """The data folder, in which what must outlive a restored database is kept beside it."""

    @property
    def unknown_outcomes(self) -> int:
        """How often nobody said whether a change was kept."""

    def close(self) -> None: ...

    # Statements. Names of tables and columns are the callers' own; every value is bound.

    def rows(self, sql: str, values: Sequence[Any] = ()) -> list[dict[str, Any]]: ...

    def rows_together(
        self, queries: Sequence[tuple[str, Sequence[Any]]]
    ) -> list[list[dict[str, Any]]]:
        """The rows of several queries, in one round trip."""

    def run(self, sql: str, values: Sequence[Any] = ()) -> int:
        """Run a statement that changes rows; returns how many."""

    def run_many(self, sql: str, values: Sequence[Sequence[Any]]) -> int:
        """Run a statement that changes rows for each of these values; returns how many in all."""

    def insert(self, table: str, row: Mapping[str, Any]) -> None: ...

    def insert_id(self, table: str, row: Mapping[str, Any], key: str = "id") -> int:
        """Insert a row whose key the database gives; returns that key."""

    def insert_new(self, table: str, row: Mapping[str, Any]) -> bool:
        """Insert a row unless one is in its way; returns whether none was."""

    def replace(self, table: str, row: Mapping[str, Any], keys: Sequence[str]) -> None:
        """Insert a row, or write its values into the one that has these columns in common."""

    # Transactions.

    def writing(self, guild_id: int | None = None) -> AbstractContextManager[None]:
        """One transaction, begun as a writer; inside another one, a part of it.

        Args:
            guild_id: the only guild of which anything is read and changed; None for more than one.

        Raises:
            StoreError: if it can't be written; nothing was changed then.
            OutcomeUnknownError: if the connection is lost while all of it is being kept.
        """

    def erasing(self) -> AbstractContextManager[None]:
        """The same, whose deleted rows are to be nowhere afterwards, as far as that can be."""

    def reading(self) -> AbstractContextManager[None]:
        """Several queries that see the database as it is at one moment; nothing is written."""

    def lift_time_limits(self) -> None:
        """Let the current transaction take as long as it takes."""

    def defer_references(self) -> None:
        """Until this transaction ends, rows may refer to rows that aren't there yet or any more."""

    # Marks, by which it refuses to be opened (`knowledge.store.moved`).

    def marks(self) -> list[str]: ...

    def mark(self, mark: str) -> None:
        """Let nobody open it once this transaction is kept."""

    def unmark(self) -> None:
        """Take every mark away again, in a transaction of the caller's."""

    def others(self) -> int:
        """How many connections other processes have; 0 for a file, guarded by its folder lock."""

    # What it is made of.

    def migrations(self) -> list[str]:
        """The names of the migrations that made its tables, in their order."""

    def tables(self, column: str = "") -> list[str]:
        """The names of its tables in their order; of those with such a column, if one is named."""

    def columns(self, table: str) -> list[str]: ...

    def keys(self, table: str) -> list[str]:
        """The columns of a table's primary key."""

    def last_ids(self) -> dict[str, int]:
        """The last id that was given, by table, where the database gives ids."""

    def reserve_ids(self, table: str, number: int) -> list[int]:
        """Ids that are given to nobody else, ascending; none where a row gets its id when kept."""

    def skip_ids(self, given: Mapping[str, int] | None, more: int = 0) -> None:
        """Give no id again that another copy has given, by table; `more` where that is unknown."""

    def integrity_problem(self) -> str:
        """What the database's own checks find wrong with it, or nothing."""

    def delete_copies(self) -> None:
        """Delete what upgrades and restores kept of it beside it; backups are left.

        Raises:
            OSError: if one can't be deleted.
        """


def row_counts(database: Database) -> dict[str, int]:
    """How many rows each table has that has any, except the log's."""
    found = {
        table: database.rows(f"select count(*) as n from {table}")[0]["n"]  # noqa: S608
        for table in database.tables()
        if table not in ("log", "log_heads")
    }
    return {name: number for name, number in found.items() if number}


def now() -> datetime:
    return datetime.now(UTC)


def moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
