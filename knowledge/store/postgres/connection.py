"""Connections to PostgreSQL: opening, statements, transactions; a lost one is made anew.

One connection has one schema, which its statements needn't name. What is lost in a transaction is
an error of that transaction; the next one begins on a connection of its own. Outside transactions
each statement is one.
"""

import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from typing import Any, Final, TypeVar

import psycopg
from psycopg.rows import DictRow, dict_row, tuple_row

from knowledge.store.database import DatabaseAwayError, OutcomeUnknownError, StoreError
from knowledge.store.database_url import shown_database_url
from knowledge.store.postgres import problems
from knowledge.store.postgres.dialect import adapt, translated
from knowledge.store.rows import insertion, replacement

OLDEST: Final = 15

# What all sessions of this process are called by the server, so that they can be told from those of
# others, and ended; and how those of every process begin.
OF_PROCESSES: Final = "commonplace "
PROCESS_NAME: Final = f"{OF_PROCESSES}{secrets.token_hex(6)}"

# Seconds until a server that doesn't answer counts as unreachable; TCP's own take minutes.
_CONNECT_SECONDS: Final = 5
_TCP: Final[dict[str, Any]] = {
    "keepalives": 1,
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": 15_000,
}
# A write waits for another process as long as with SQLite. A transaction in which nothing happens
# for so long is that of a process that stands still.
_LIMITS: Final = {
    "lock_timeout": "10s",
    "statement_timeout": "60s",
    "idle_in_transaction_session_timeout": "60s",
    "client_min_messages": "warning",
    "timezone": "UTC",
}

# What can't be done by this user, or not now; everything else is a fault of this program.
_REFUSED: Final = (
    psycopg.OperationalError,
    psycopg.errors.InsufficientPrivilege,
    psycopg.errors.ReadOnlySqlTransaction,
    psycopg.errors.DataCorrupted,
    psycopg.errors.IndexCorrupted,
)

# The lock of whoever makes a schema; no kind of data has this number.
_MAKING_SCHEMA: Final = 0

# A libpq of before version 14 has none.
_PIPELINES: Final = psycopg.capabilities.has_pipeline()

# What the server says of a transaction whose changes it has kept.
_COMMITTED: Final = "COMMIT"

_T = TypeVar("_T")


def _is_repeatable(sql: str) -> bool:
    return sql.lstrip()[:6].lower() == "select"


class Connection:
    """An opened connection and its statements. It belongs to the thread that opened it."""

    def __init__(
        self,
        url: str,
        schema: str,
        error: type[Exception] = StoreError,
        *,
        lock_space: int = 0,
        name: str = PROCESS_NAME,
        held: int | None = None,
    ) -> None:
        """Connect, and make the schema if it is missing.

        Args:
            url: the database's, without a password.
            schema: the schema in which its statements find their tables.
            error: what is raised where something can't be done; its message says what to do.
            lock_space: the first of the numbers by which its transactions lock one another out;
                each part is one more, all of them are the first.
            name: what its session is called by the server.
            held: the number of a lock that is shared by all who are connected, for as long as they
                are: whoever has it alone knows that nobody is.

        Raises:
            error: if it can't be connected to, or is no database that can be used.
        """
        self.url = url
        self.schema = schema
        self._error = error
        self._lock_space = lock_space
        self._held = held
        self._in_transaction = False
        self._name = name
        # How many sessions it has had so far: a lock that one of them held ended with it.
        self.sessions = 0
        # How often nobody said whether a change was kept.
        self.unknown_outcomes = 0
        # Called in each transaction that writes, before anything is written; may refuse it.
        self.fence: Callable[[], None] | None = None
        self._db = self._connected()
        try:
            self._check()
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        self._db.close()

    @property
    def closed(self) -> bool:
        """Whether the session is known to be over; the next statement begins another one."""
        return self._db.closed

    # Statements.

    def rows(self, sql: str, values: Sequence[Any] = ()) -> list[dict[str, Any]]:
        return self._execute(sql, values, repeatable=_is_repeatable(sql)).fetchall()

    def tuples(self, sql: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """As `rows`, by position; bytes come as they are, and not as twice as many digits."""

        def execute() -> list[tuple[Any, ...]]:
            cursor = self._db.cursor(binary=True, row_factory=tuple_row)
            return cursor.execute(translated(sql), values).fetchall()

        return self._run(execute, _is_repeatable(sql))

    def has_table(self, name: str) -> bool:
        """Whether the schema has a table, now: `to_regclass` may tell who waited of before."""
        sql = "select 1 as found from pg_tables where schemaname = ? and tablename = ?"
        return bool(self.rows(sql, [self.schema, name]))

    def run(self, sql: str, values: Sequence[Any] = ()) -> int:
        """Run a statement that changes rows; returns how many."""
        return self._execute(sql, values).rowcount

    def run_many(self, sql: str, values: Sequence[Sequence[Any]]) -> int:
        self._renew()
        try:
            with self._db.cursor() as cursor:
                cursor.executemany(translated(sql), values)
                return cursor.rowcount
        except _REFUSED as error:
            raise self._problem(error, writes=True) from error

    def together(
        self, statements: Sequence[tuple[str, Sequence[Any]]]
    ) -> list[list[tuple[Any, ...]]]:
        """Run statements in a pipeline, one round trip for all; returns the rows of each.

        To be used in a transaction unless all only read: outside of one, some may be kept where
        another fails.
        """

        def cursor() -> psycopg.Cursor[tuple[Any, ...]]:
            return self._db.cursor(binary=True, row_factory=tuple_row)

        repeatable = all(_is_repeatable(sql) for sql, _ in statements)
        return self._pipelined(statements, cursor, repeatable=repeatable)

    def rows_together(
        self, queries: Sequence[tuple[str, Sequence[Any]]]
    ) -> list[list[dict[str, Any]]]:
        """The rows of several queries, in one round trip."""
        return self._pipelined(queries, lambda: self._db.cursor(), repeatable=True)

    def _pipelined(
        self,
        statements: Sequence[tuple[str, Sequence[Any]]],
        cursor: Callable[[], psycopg.Cursor[_T]],
        *,
        repeatable: bool,
    ) -> list[list[_T]]:
        def execute() -> list[psycopg.Cursor[_T]]:
            with self._db.pipeline() if _PIPELINES else nullcontext():
                return [cursor().execute(translated(sql), values) for sql, values in statements]

        if not statements:
            return []
        cursors = self._run(execute, repeatable)
        return [each.fetchall() if each.description else [] for each in cursors]

    def run_script(self, sql: str) -> None:
        """Run several statements at once, without values."""
        self._renew()
        try:
            self._db.execute(sql.encode())
        except _REFUSED as error:
            raise self._problem(error, writes=True) from error

    def insert(self, table: str, row: Mapping[str, Any]) -> None:
        self.run(insertion(table, row), [*row.values()])

    def insert_id(self, table: str, row: Mapping[str, Any], key: str = "id") -> int:
        found = self.rows(f"{insertion(table, row)} returning {key}", [*row.values()])
        return int(found[0][key])

    def insert_new(self, table: str, row: Mapping[str, Any]) -> bool:
        return self.run(f"{insertion(table, row)} on conflict do nothing", [*row.values()]) == 1

    def replace(self, table: str, row: Mapping[str, Any], keys: Sequence[str]) -> None:
        self.run(replacement(table, row, keys), [*row.values()])

    # Transactions.

    @contextmanager
    def writing(self, part: int | None = None, *, shared: bool = False) -> Iterator[None]:
        """One transaction, the only one of a part of the data; inside another one, a part of it.

        Args:
            part: which part, by any number; None for all of them.
            shared: whether it locks what it changes by itself, and keeps out only those who write
                all parts.

        Raises:
            error: if it can't be written; nothing was changed then, unless the message says that
                this isn't known. For the community database that is an `OutcomeUnknownError`.
        """
        if self._in_transaction:
            yield
            return
        with self._transaction(f"begin; {self._locks(part, shared)}", writes=True):
            if self.fence is not None:
                self.fence()
            yield

    @contextmanager
    def reading(self) -> Iterator[None]:
        """Several queries that see the database as it is at one moment; nothing is written."""
        with self._transaction("begin isolation level repeatable read read only", writes=False):
            yield

    @contextmanager
    def _transaction(self, begin: str, *, writes: bool) -> Iterator[None]:
        self._begin(begin)
        self._in_transaction = True
        try:
            yield
            self._commit(writes)
        except BaseException:
            self._roll_back()
            raise
        finally:
            self._in_transaction = False

    def _begin(self, script: str) -> None:
        """Begin a transaction by statements without values, which are one round trip."""
        try:
            # Several statements can't be prepared.
            self._run(lambda: self._db.execute(script.encode(), prepare=False), repeatable=True)
        except BaseException:
            self._roll_back()
            raise

    def _locks(self, part: int | None, shared: bool) -> str:
        """What waits until nobody else writes the same part.

        Who writes all parts waits for everybody; who writes one, for who writes all or this one.
        """
        all_parts = int(self._lock_space)
        if part is None and not shared:
            return f"select pg_advisory_xact_lock({all_parts})"
        lock = f"select pg_advisory_xact_lock_shared({all_parts})"
        if shared:
            return lock
        return f"{lock}; select pg_advisory_xact_lock({all_parts}, {int(part or 0) % 2**31})"

    def _commit(self, writes: bool) -> None:
        self._in_transaction = False
        try:
            ended = self._db.execute(b"commit").statusmessage
        except _REFUSED as error:
            raise self._problem(error, writes=writes) from error
        if ended != _COMMITTED:
            # A statement failed and somebody went on: the server has undone all of it.
            raise self._error(problems.undone(self.url))

    def _roll_back(self) -> None:
        try:
            self._db.execute(b"rollback")
        except psycopg.Error:
            # What is lost is rolled back by the server.
            self._db.close()

    # Connecting.

    def _execute(
        self, sql: str, values: Sequence[Any] = (), *, repeatable: bool = False
    ) -> psycopg.Cursor[DictRow]:
        return self._run(lambda: self._db.execute(translated(sql), values), repeatable)

    def _run(self, execute: Callable[[], _T], repeatable: bool) -> _T:
        """Run a statement; one that can be repeated, once more where the connection was lost.

        Between two transactions a server may have been started anew, which nobody has to notice.
        """
        self._renew()
        try:
            return execute()
        except _REFUSED as error:
            if self._in_transaction or not repeatable or not self._db.closed:
                raise self._problem(error, writes=not repeatable) from error
        self._renew()
        try:
            return execute()
        except _REFUSED as error:
            raise self._problem(error) from error

    def _renew(self) -> None:
        if self._db.closed and not self._in_transaction:
            self._db = self._connected()

    def _connected(self) -> psycopg.Connection[DictRow]:
        try:
            connection = psycopg.connect(
                self.url,
                autocommit=True,
                row_factory=dict_row,
                client_encoding="UTF8",
                connect_timeout=_CONNECT_SECONDS,
                application_name=self._name,
                **_TCP,
            )
        except psycopg.Error as error:
            raise self._away(problems.unreachable(self.url, error), error) from error
        adapt(connection)
        try:
            for name, value in (*_LIMITS.items(), ("search_path", self.schema)):
                connection.execute(b"select set_config(%s, %s, false)", [name, value])
            if self._held is not None:
                connection.execute(b"select pg_advisory_lock_shared(%s)", [self._held])
        except psycopg.Error as error:
            connection.close()
            raise self._away(problems.unreachable(self.url, error), error) from error
        self.sessions += 1
        return connection

    def _check(self) -> None:
        """Refuse a server that is too old, and a database that can't hold every letter."""
        place = shown_database_url(self.url)
        version = self._db.info.server_version // 10_000
        if version < OLDEST:
            raise self._error(
                f"The database {place} is served by PostgreSQL {version}: {OLDEST} or a later one "
                "is needed."
            )
        encoding = self._db.info.parameter_status("server_encoding")
        if encoding != "UTF8":
            raise self._error(
                f"The database {place} has the encoding {encoding}, which can't hold every letter. "
                "Create one with `createdb --encoding=UTF8 --locale=C --template=template0 NAME`."
            )
        # Asked first: who may use the schema may still not be allowed to make one.
        if not self.rows("select 1 as found from pg_namespace where nspname = ?", [self.schema]):
            # Two that make one at once fail in spite of "if not exists", whatever they write there.
            with self.writing():
                self.rows("select pg_advisory_xact_lock(cast(? as bigint))", [_MAKING_SCHEMA])
                self.run(f"create schema if not exists {self.schema}")

    def _away(self, said: str, error: psycopg.Error) -> Exception:
        """An error by which `is_away` knows what happened, whichever its kind is."""
        if self._error is StoreError:
            return DatabaseAwayError(said)
        error.__cause__ = DatabaseAwayError(said)
        return self._error(said)

    def _problem(self, error: psycopg.Error, *, writes: bool = False) -> Exception:
        """What to raise; what is lost while it `writes` by itself may have been kept."""
        if self._db.closed and writes and not self._in_transaction:
            self.unknown_outcomes += 1
            unknown = OutcomeUnknownError if self._error is StoreError else self._error
            return unknown(problems.lost(self.url, error, committing=True))
        if self._db.closed:
            return self._away(problems.lost(self.url, error, committing=False), error)
        return self._error(problems.failed(self.url, error))
