"""Derived tables as those who keep something in them see them: statements and transactions.

What is in them can be made again, so they are apart from the community database: no backup and no
export has them. They are in a file of SQLite in the data folder, or in a schema of PostgreSQL,
which processes on several machines share. Statements are written once, in what both understand.
"""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol


class DerivedTables(Protocol):
    """Opened tables. Their SQL belongs to the modules that are given them."""

    @property
    def version(self) -> object:
        """What changes whenever a row does, whoever changes it."""

    @property
    def version_of_others(self) -> int:
        """What changes whenever anybody else changes a row."""

    def close(self) -> None: ...

    # Statements. Names of tables and columns are the callers' own; every value is bound.

    def rows(self, sql: str, values: Sequence[Any] = ()) -> list[dict[str, Any]]: ...

    def run(self, sql: str, values: Sequence[Any] = ()) -> int:
        """Run a statement that changes rows; returns how many."""

    def run_many(self, sql: str, values: Sequence[Sequence[Any]]) -> int: ...

    def insert_new(self, table: str, row: Mapping[str, Any]) -> bool:
        """Insert a row unless one is in its way; returns whether none was."""

    def replace(self, table: str, row: Mapping[str, Any], keys: Sequence[str]) -> None:
        """Insert a row, or write its values into the one that has these columns in common."""

    def bytes_of(self, text_column: str) -> str:
        """The expression of how many bytes a column's text takes."""

    def writing(self) -> AbstractContextManager[None]:
        """One transaction, begun as a writer; inside another one, a part of it."""

    def alone(self, number: int) -> AbstractContextManager[bool]:
        """Do what one process does at a time, known by a number; False where another one is at it.

        A file's processes are on one machine, where a lock in the folder says that.
        """
