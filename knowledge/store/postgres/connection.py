"""PostgreSQL connections: statements in SQLite's dialect, transactions, reconnecting, and errors.

A connection has one schema. If the connection is lost, the current transaction fails, and the next
one reconnects. Outside transactions, each statement is its own transaction.

Statements have `?` for values, and rows come as from SQLite. Integers are always bound as `bigint`,
so small and large ones share a prepared statement. Booleans are 0 and 1, sums of integers are
integers, and -0.0 becomes 0.0.

Messages for the server's errors say what to do. Connection errors have only a text, in the server's
language. Statement errors have a code for the cause.
"""

import re
import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from datetime import datetime
from functools import lru_cache
from typing import Any, Final, TypeVar

import psycopg
from psycopg.abc import Buffer
from psycopg.adapt import Dumper, Loader
from psycopg.rows import DictRow, dict_row, tuple_row
from psycopg.types.numeric import FloatDumper, Int8Dumper

from knowledge.store.database import DatabaseAwayError, OutcomeUnknownError, StoreError
from knowledge.store.database_url import database_label
from knowledge.store.rows import RowQueries, RowStatements, insertion, slices


class _TruthDumper(Dumper):
    oid = Int8Dumper.oid

    def dump(self, value: bool) -> bytes:
        return b"1" if value else b"0"


class _ZeroDumper(FloatDumper):
    def dump(self, value: float) -> Buffer | None:
        return super().dump(value + 0.0)


class _TimeDumper(Dumper):
    def dump(self, value: datetime) -> bytes:
        return value.isoformat().encode()


class _NumericLoader(Loader):
    def load(self, data: Buffer) -> int | float:
        text = bytes(data).decode()
        return float(text) if "." in text or "N" in text else int(text)


class _TruthLoader(Loader):
    def load(self, data: Buffer) -> int:
        return int(bytes(data) == b"t")


# A quoted string, kept as it is, or a character to translate.
_TOKENS: Final = re.compile(r"'[^']*'|\?|%")


@lru_cache(maxsize=1_000)
def translate(sql: str) -> bytes:
    """The statement with `%s` for `?`, and percent signs doubled."""
    return _TOKENS.sub(
        lambda token: "%s" if token[0] == "?" else token[0].replace("%", "%%"), sql
    ).encode()


_NOTHING_CHANGED: Final = "Nothing was changed."
# Prefixes of the error codes in appendix A of PostgreSQL's manual.
_OF_STATEMENTS: Final = {
    "53100": f"its disk is full. {_NOTHING_CHANGED} Make room where PostgreSQL keeps its data.",
    "53200": f"its memory is full. {_NOTHING_CHANGED} Try again, or give PostgreSQL more.",
    "25006": f"it can only be read. {_NOTHING_CHANGED} Name the primary, not a standby, and "
    "look at `default_transaction_read_only`.",
    "42501": f"this user may not do that. {_NOTHING_CHANGED} Make it the database's owner.",
    "40": f"another program was changing the same. {_NOTHING_CHANGED} Try again.",
    "55P03": f"another program keeps it locked. {_NOTHING_CHANGED} Try again.",
    "57014": f"it took too long. {_NOTHING_CHANGED} Try again, and look at what keeps it busy.",
    "XX001": "it is damaged. Restore it from a backup.",
    "XX002": "one of its indexes is damaged. Run `reindexdb`, or restore it from a backup.",
}
_PASSWORD: Final = ("password", "no pg_hba.conf entry", "authentication failed")


def opening_problem(url: str, error: psycopg.Error) -> str:
    said, place = _server_words(error), database_label(url)
    if any(words in said for words in _PASSWORD):
        remedy = (
            "Set PGPASSWORD in the environment, or name a password file in PGPASSFILE, and let "
            "the server's pg_hba.conf admit this user."
        )
    elif "database" in said and "does not exist" in said:
        remedy = (
            "Create it: `createdb --encoding=UTF8 --locale=C --template=template0 NAME`, owned by "
            "the address's user."
        )
    else:
        remedy = "Check the address, and that PostgreSQL runs there."
    return f"The database {place} can't be opened: {said}. {remedy}"


def statement_problem(url: str, error: psycopg.Error) -> str:
    place, code = database_label(url), error.sqlstate or ""
    for known, told in _OF_STATEMENTS.items():
        if code.startswith(known):
            return f"The database {place} can't be used: {told}"
    return f"The database {place} can't be used: {_server_words(error)}."


def connection_loss(url: str, error: psycopg.Error, *, committing: bool) -> str:
    outcome = (
        "The last change may or may not be stored: look before you repeat it."
        if committing
        else f"{_NOTHING_CHANGED} Try again."
    )
    place = database_label(url)
    return f"The connection to the database {place} was lost: {_server_words(error)}. {outcome}"


def _server_words(error: psycopg.Error) -> str:
    """PostgreSQL's own words, on one line without a full stop."""
    # libpq asks whether the server is running; our remedy says it more plainly.
    told = [line for line in str(error).splitlines() if not line.strip().endswith("?")]
    return " ".join(" ".join(told).split()).removesuffix(".")


OLDEST: Final = 15

# The prefix of all processes' application names, and this process's name, by which its sessions are
# recognized and ended.
OF_PROCESSES: Final = "commonplace "
PROCESS_NAME: Final = f"{OF_PROCESSES}{secrets.token_hex(6)}"

# Time limit for connecting, in seconds; TCP's own is minutes.
_CONNECT_SECONDS: Final = 5
_TCP: Final[dict[str, Any]] = {
    "keepalives": 1,
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": 15_000,
}
# A write waits for another process as long as with SQLite. An idle transaction of this length
# belongs to a stalled process.
_LIMITS: Final = {
    "lock_timeout": "10s",
    "statement_timeout": "60s",
    "idle_in_transaction_session_timeout": "60s",
    "client_min_messages": "warning",
    "timezone": "UTC",
}

# Refusals by the server; every other error is a bug.
_REFUSED: Final = (
    psycopg.OperationalError,
    psycopg.errors.InsufficientPrivilege,
    psycopg.errors.ReadOnlySqlTransaction,
    psycopg.errors.DataCorrupted,
    psycopg.errors.IndexCorrupted,
)

# The lock for making schemas, outside every kind's lock space.
_MAKING_SCHEMA: Final = 0

# libpq before version 14 has none.
_PIPELINES: Final = psycopg.capabilities.has_pipeline()

# The server's status message after a successful commit.
_COMMITTED: Final = "COMMIT"

_T = TypeVar("_T")


def _is_repeatable(sql: str) -> bool:
    return sql.lstrip()[:6].lower() == "select"


class Connection(RowStatements, RowQueries):
    """An opened connection."""

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
            url: the URL of the database, without a password.
            schema: the schema of the tables.
            error: the exception to raise.
            lock_space: the number of the advisory lock on all of the data. The lock on one part,
                such as a guild, has two numbers: this one and the number of the part.
            name: the session's application name.
            held: the number of an advisory lock to hold in shared mode while connected. Another
                session can take the lock exclusively only when no such connection is open.

        Raises:
            error: if the server can't be reached, or the database is unusable.
        """
        self.url = url
        self.schema = schema
        self._error = error
        self._lock_space = lock_space
        self._held = held
        self._in_transaction = False
        self._name = name
        # The number of sessions so far: a session's locks end with it.
        self.sessions = 0
        # The number of commits with unknown outcome.
        self.unknown_outcomes = 0
        # Called at the beginning of each write transaction; may refuse it.
        self.fence: Callable[[], None] | None = None
        self._db = self._connect()
        try:
            self._check()
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        self._db.close()

    @property
    def closed(self) -> bool:
        """Whether the session is known to be over; the next statement reconnects."""
        return self._db.closed

    # Statements.

    def rows(self, sql: str, values: Sequence[Any] = ()) -> list[dict[str, Any]]:
        repeatable = _is_repeatable(sql)
        cursors = (self._execute(*part, repeatable=repeatable) for part in slices(sql, values))
        return [row for cursor in cursors for row in cursor.fetchall()]

    def tuples(self, sql: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Rows as tuples, with bytes in binary form instead of hexadecimal."""

        def execute() -> list[tuple[Any, ...]]:
            cursor = self._db.cursor(binary=True, row_factory=tuple_row)
            return cursor.execute(translate(sql), values).fetchall()

        return self._run(execute, _is_repeatable(sql))

    def has_table(self, name: str) -> bool:
        """Whether the schema has a table.

        The function `to_regclass` isn't used: after waiting for a lock, its answer may be stale.
        """
        sql = "select 1 as found from pg_tables where schemaname = ? and tablename = ?"
        return bool(self.rows(sql, [self.schema, name]))

    def run(self, sql: str, values: Sequence[Any] = ()) -> int:
        return sum(self._execute(*part).rowcount for part in slices(sql, values))

    def run_many(self, sql: str, values: Sequence[Sequence[Any]]) -> int:
        self._renew()
        try:
            with self._db.cursor() as cursor:
                cursor.executemany(translate(sql), values)
                return cursor.rowcount
        except _REFUSED as error:
            raise self._problem(error, writes=True) from error

    def together(
        self, statements: Sequence[tuple[str, Sequence[Any]]]
    ) -> list[list[tuple[Any, ...]]]:
        """Run statements in one round trip (a pipeline); returns the rows of each statement.

        Use a transaction if a statement writes. Outside a transaction, some statements may succeed
        and others fail.
        """

        def cursor() -> psycopg.Cursor[tuple[Any, ...]]:
            return self._db.cursor(binary=True, row_factory=tuple_row)

        repeatable = all(_is_repeatable(sql) for sql, _ in statements)
        return self._pipeline(statements, cursor, repeatable=repeatable)

    def rows_together(
        self, queries: Sequence[tuple[str, Sequence[Any]]]
    ) -> list[list[dict[str, Any]]]:
        parts = [[*slices(*query)] for query in queries]
        statements = [part for slices_ in parts for part in slices_]
        answers = iter(self._pipeline(statements, lambda: self._db.cursor(), repeatable=True))
        return [[row for _ in slices_ for row in next(answers)] for slices_ in parts]

    def _pipeline(
        self,
        statements: Sequence[tuple[str, Sequence[Any]]],
        cursor: Callable[[], psycopg.Cursor[_T]],
        *,
        repeatable: bool,
    ) -> list[list[_T]]:
        def execute() -> list[psycopg.Cursor[_T]]:
            with self._db.pipeline() if _PIPELINES else nullcontext():
                return [cursor().execute(translate(sql), values) for sql, values in statements]

        if not statements:
            return []
        cursors = self._run(execute, repeatable)
        return [ran.fetchall() if ran.description else [] for ran in cursors]

    def run_script(self, sql: str) -> None:
        self._renew()
        try:
            self._db.execute(sql.encode())
        except _REFUSED as error:
            raise self._problem(error, writes=True) from error

    def insert_id(self, table: str, row: Mapping[str, Any], key: str = "id") -> int:
        found = self.rows(f"{insertion(table, row)} returning {key}", [*row.values()])
        return int(found[0][key])

    # Transactions.

    @contextmanager
    def writing(self, part: int | None = None, *, shared: bool = False) -> Iterator[None]:
        """A write transaction that locks a part of the data; joins a transaction in progress.

        Args:
            part: the number of the part to lock; None for all parts.
            shared: lock no part; the caller locks rows instead. Only a transaction that locks all
                parts then has to wait.

        Raises:
            error: if the database can't be written. Nothing was changed, unless the message says
                that the outcome is unknown (an `OutcomeUnknownError` for the community database).
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
        with self._transaction("begin isolation level repeatable read read only", writes=False):
            yield

    @contextmanager
    def _transaction(self, begin: str, *, writes: bool) -> Iterator[None]:
        try:
            # Several statements at once can't be prepared.
            self._run(lambda: self._db.execute(begin.encode(), prepare=False), repeatable=True)
            self._in_transaction = True
            yield
            self._commit(writes)
        except BaseException:
            self._roll_back()
            raise
        finally:
            self._in_transaction = False

    def _locks(self, part: int | None, shared: bool) -> str:
        """Statements to wait for the advisory locks of a write transaction.

        A writer of all parts excludes every other writer. Writers of one part exclude each other.
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
            # The caller went on after a failed statement, so the server has rolled back.
            place = database_label(self.url)
            raise self._error(f"The database {place} has refused a change. {_NOTHING_CHANGED}")

    def _roll_back(self) -> None:
        try:
            self._db.execute(b"rollback")
        except psycopg.Error:
            # The server rolls back a lost session.
            self._db.close()

    # Connecting.

    def _execute(
        self, sql: str, values: Sequence[Any] = (), *, repeatable: bool = False
    ) -> psycopg.Cursor[DictRow]:
        return self._run(lambda: self._db.execute(translate(sql), values), repeatable)

    def _run(self, execute: Callable[[], _T], repeatable: bool) -> _T:
        """Run a statement; a repeatable one is retried once after a lost connection.

        So a server restart between two transactions causes no error.
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
            self._db = self._connect()

    def _connect(self) -> psycopg.Connection[DictRow]:
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
            raise self._away(opening_problem(self.url, error), error) from error
        # Values are converted in both directions.
        connection.adapters.register_dumper(int, Int8Dumper)
        connection.adapters.register_dumper(bool, _TruthDumper)
        connection.adapters.register_dumper(float, _ZeroDumper)
        connection.adapters.register_dumper(datetime, _TimeDumper)
        connection.adapters.register_loader("numeric", _NumericLoader)
        connection.adapters.register_loader("bool", _TruthLoader)
        try:
            for name, value in (*_LIMITS.items(), ("search_path", self.schema)):
                connection.execute(b"select set_config(%s, %s, false)", [name, value])
            if self._held is not None:
                connection.execute(b"select pg_advisory_lock_shared(%s)", [self._held])
        except psycopg.Error as error:
            connection.close()
            raise self._away(opening_problem(self.url, error), error) from error
        self.sessions += 1
        return connection

    def _check(self) -> None:
        """Refuse a server that is too old, and a database without UTF-8."""
        place = database_label(self.url)
        version = self._db.info.server_version // 10_000
        if version < OLDEST:
            raise self._error(
                f"The database {place} is served by PostgreSQL {version}: {OLDEST} or a later one "
                "is needed."
            )
        encoding = self._db.info.parameter_status("server_encoding")
        if encoding != "UTF8":
            raise self._error(
                f"The database {place} has the encoding {encoding}, which can't store every "
                "character. Create one with `createdb --encoding=UTF8 --locale=C "
                "--template=template0 NAME`."
            )
        # Asked first: some users may use the schema, but not create one.
        if not self.rows("select 1 as found from pg_namespace where nspname = ?", [self.schema]):
            # Even with "if not exists", two simultaneous creations would fail.
            with self.writing():
                self.rows("select pg_advisory_xact_lock(cast(? as bigint))", [_MAKING_SCHEMA])
                self.run(f"create schema if not exists {self.schema}")

    def _away(self, message: str, error: psycopg.Error) -> Exception:
        return self._outage(DatabaseAwayError(message), error)

    def _outage(self, outage: StoreError, error: psycopg.Error) -> Exception:
        """The exception to raise for an outage, recognized by `is_away` and `passes`.

        Return the outage itself, or this connection's own exception with the outage as a cause.
        """
        if self._error is StoreError:
            return outage
        error.__cause__ = outage
        return self._error(str(outage))

    def _problem(self, error: psycopg.Error, *, writes: bool = False) -> Exception:
        """The exception to raise for a server's error.

        The outcome is unknown if the connection was lost during a commit or a single write.
        """
        if self._db.closed and writes and not self._in_transaction:
            self.unknown_outcomes += 1
            unknown = connection_loss(self.url, error, committing=True)
            return self._outage(OutcomeUnknownError(unknown), error)
        if self._db.closed:
            return self._away(connection_loss(self.url, error, committing=False), error)
        return self._error(statement_problem(self.url, error))
