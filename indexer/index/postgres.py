"""The index database in PostgreSQL: one schema per index, and the connection to it.

Several processes may index, search and change one index. Each holds its own scopes in memory, and
compares generations at each question. Each scope has one writing process at a time; readers never
wait.
"""

import hashlib
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, Final

from indexer.index.database import (
    SECTION_COLUMNS,
    IndexReadError,
    IndexSchema,
    IndexWriteError,
    Statement,
    check_manifest,
    write_manifest,
)
from knowledge.store.database_url import database_label
from knowledge.store.postgres.connection import Connection

_TABLES: Final = Path(__file__).with_name("postgres_tables.sql")
# A schema that always exists.
_CATALOGUE: Final = "pg_catalog"
# Names that need no quotation marks, and can't be PostgreSQL's own schemas.
_SCHEMA: Final = re.compile(r"index(_[a-z0-9_]{1,40})?")


class PostgresConnection:
    """Connection to an index's schema; implements `indexer.index.database.Connection`."""

    def __init__(self, place: IndexSchema) -> None:
        """Connect, and create the schema if it is missing.

        Raises IndexReadError if the database can't be used, and ValueError if the schema's name is
        not valid for an index.
        """
        if not _SCHEMA.fullmatch(place.schema):
            raise ValueError(f"{place.schema!r} is no name of a schema with an index.")
        self._schema = place.schema
        self._url = place.url
        self._connection = Connection(
            place.url,
            place.schema,
            IndexReadError,
            lock_space=_lock_number(f"writing {place.schema}"),
            held=_lock_number(f"open {place.schema}"),
        )

    def guard(self, guards: Callable[[Connection], None]) -> None:
        """Let `guards` give the connection a check to run before writes, if it has none."""
        if self._connection.fence is None:
            guards(self._connection)

    @property
    def place(self) -> str:
        return f"the schema {self._schema} of the database {database_label(self._url)}"

    def close(self) -> None:
        self._connection.close()

    def rows(self, sql: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        return self._connection.tuples(sql, values)

    def one(self, sql: str, values: Sequence[Any] = ()) -> tuple[Any, ...] | None:
        return next(iter(self.rows(sql, values)), None)

    def run(self, sql: str, values: Sequence[Any] = ()) -> int:
        return self._connection.run(sql, values)

    def run_many(self, sql: str, values: Iterable[Sequence[Any]]) -> None:
        if some := list(values):
            self._connection.run_many(sql, some)

    def together(self, statements: Iterable[Statement]) -> list[list[tuple[Any, ...]]]:
        return self._connection.together(list(statements))

    @contextmanager
    def writing(self, *, alone: bool = True) -> Iterator[None]:
        try:
            with self._connection.writing(shared=not alone):
                yield
        except IndexReadError as error:
            raise IndexWriteError(str(error)) from error

    def forget_deleted(self) -> None:
        """Do nothing, because PostgreSQL's autovacuum erases deleted rows.

        The tables' settings make autovacuum run even after a single deleted row.
        """

    def make_tables(self, expected: Mapping[str, str]) -> None:
        """Create an index's tables in an empty schema; an existing index stays as it is.

        Raises IndexWriteError if the schema has other tables, or the tables can't be created.
        """
        try:
            if "manifest" in self._tables():
                self._add_section_columns()
                return
            # Another process may be opening the same index.
            with self._connection.writing():
                tables = self._tables()
                if tables and "manifest" not in tables:
                    raise IndexWriteError(
                        f"The index can't be made in {self.place}: there are other tables "
                        f"({', '.join(sorted(tables)[:3])}). Move them away, or name another "
                        "database."
                    )
                if not tables:
                    self._connection.run_script(_TABLES.read_text(encoding="utf-8"))
                    write_manifest(self, expected)
        except IndexReadError as error:
            raise IndexWriteError(str(error)) from error

    def _add_section_columns(self) -> None:
        sql = "select 1 from information_schema.columns where table_schema = ? and column_name = ?"
        if not self.rows(sql, [self._schema, "separator"]):
            with self._connection.writing():
                for statement in SECTION_COLUMNS:
                    self.run(statement.replace("add column", "add column if not exists"))

    def _tables(self) -> set[str]:
        sql = "select tablename from pg_tables where schemaname = ?"
        return {name for [name] in self.rows(sql, [self._schema])}

    def size(self) -> int:
        """The number of passages."""
        [(count,)] = self.rows("select count(*) from passages")
        return int(count)


def _lock_number(name: str) -> int:
    """The number by which PostgreSQL identifies the advisory lock with this name."""
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:7], "big")


def index_schemas(url: str) -> list[str]:
    """The schemas of a database that contain an index.

    Raises IndexReadError if the database can't be used.
    """
    with closing(Connection(url, _CATALOGUE, IndexReadError)) as connection:
        sql = "select schemaname from pg_tables where tablename = 'manifest' order by schemaname"
        return [name for [name] in connection.tuples(sql) if _SCHEMA.fullmatch(name)]


def is_index(place: IndexSchema) -> bool:
    return place.schema in index_schemas(place.url)


def drop_schema(place: IndexSchema) -> bool:
    """Drop an index's schema. Return False if a process has it open, or it holds no index.

    Raises IndexReadError if the database can't be used.
    """
    if not is_index(place):
        return False
    with closing(Connection(place.url, _CATALOGUE, IndexReadError)) as connection:
        with connection.writing():
            sql = "select cast(pg_try_advisory_xact_lock(?) as int)"
            [[mine]] = connection.tuples(sql, [_lock_number(f"open {place.schema}")])
            if mine:
                connection.run(f"drop schema {place.schema} cascade")
        return bool(mine)


def open_schema(place: IndexSchema, expected: Mapping[str, str]) -> PostgresConnection:
    """Open the index in a schema; create it if it is missing.

    Raises StaleIndexError if the manifest is not as `expected`, and IndexWriteError if the database
    can't be used, or the schema doesn't belong to an index.
    """
    try:
        connection = PostgresConnection(place)
    except IndexReadError as error:
        raise IndexWriteError(str(error)) from error
    try:
        connection.make_tables(expected)
        check_manifest(connection, expected, connection.size)
    except BaseException:
        connection.close()
        raise
    return connection
