"""Community database in PostgreSQL, in its own schema, with SQLite's migrations by name.

The data folder has only the files beside the database, such as the tombstones. Deleted rows stay on
the server's disk until vacuum, and in its write-ahead log as long as the log is kept.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar, Final

import psycopg

from knowledge.store import schema
from knowledge.store.database import (
    DerivedKind,
    DerivedTablesError,
    StoreError,
    StoreVersionError,
    now,
)
from knowledge.store.database_url import database_label
from knowledge.store.migrations import is_mark, misfit, names, refuse_marked
from knowledge.store.postgres.connection import OF_PROCESSES, PROCESS_NAME, Connection
from knowledge.store.sqlite_database import delete_moved

SCRIPTS: Final = Path(__file__).with_name("tables")

_APPLIED: Final = """
create table _migrations (
    name text collate "C" primary key,
    applied_at text collate "C" not null
)
"""

SCHEMA: Final = "community"
# The file in use without PostgreSQL.
FILE: Final = "community.db"
# The community database's lock space; the index has others.
LOCK_SPACE: Final = 1

_TABLES: Final = """
select c.relname as name from pg_class c where c.relnamespace = ?::regnamespace
and c.relkind = 'r' and left(c.relname, 1) <> '_' and (? = '' or exists (select 1
from pg_attribute a where a.attrelid = c.oid and a.attname = ? and not a.attisdropped))
order by c.relname collate "C"
"""
_COLUMNS: Final = """
select attname as name from pg_attribute where attrelid = ?::regclass and attnum > 0
and not attisdropped order by attnum
"""
_KEYS: Final = """
select a.attname as name from pg_index i join pg_attribute a on a.attrelid = i.indrelid
and a.attnum = any (i.indkey) where i.indrelid = ?::regclass and i.indisprimary
order by array_position(i.indkey::int[], a.attnum::int)
"""
_SEQUENCES: Final = """
select c.relname as name, a.attname as key, s.oid::bigint as sequence,
coalesce(pg_sequence_last_value(s.oid), 0) as last
from pg_attribute a join pg_class c on c.oid = a.attrelid
join pg_class s on s.oid = pg_get_serial_sequence(c.relname, a.attname)::regclass
where c.relnamespace = ?::regnamespace and c.relkind = 'r' and a.attidentity <> ''
order by c.relname collate "C"
"""
_OTHERS: Final = """
select count(*) as number from pg_stat_activity where datname = current_database()
and starts_with(application_name, ?) and application_name <> ?
"""
# A lock has one number for all guilds, or two for one guild.
_HOLDERS: Final = """
select pid, application_name as name,
cast(extract(epoch from clock_timestamp() - xact_start) as bigint) as seconds
from pg_stat_activity a where datname = current_database() and pid <> pg_backend_pid()
and clock_timestamp() - xact_start >= make_interval(secs => ?) and exists (
select 1 from pg_locks l where l.pid = a.pid and l.locktype = 'advisory' and l.granted
and l.database = a.datid and (l.classid = 0 and l.objid = ? and l.objsubid = 1
or l.classid = ? and l.objsubid = 2)) order by pid
"""


class PostgresDatabase(Connection):
    """The opened database."""

    constraint_error: ClassVar = psycopg.Error

    def __init__(
        self, url: str, folder: Path, *, schema: str = SCHEMA, though_marked: bool = False
    ) -> None:
        """Open the database, make its tables if they are missing, and migrate them.

        Raises StoreError if the database can't be opened, StoreVersionError if another version made
        the tables, and StoreMovedError if the database has a mark, unless it is opened
        `though_marked`.
        """
        super().__init__(url, schema, lock_space=LOCK_SPACE)
        self.folder = folder
        try:
            if not though_marked:
                refuse_marked(f"The database {database_label(url)}", self.marks())
            self._migrate()
        except BaseException:
            self.close()
            raise

    @contextmanager
    def erasing(self) -> Iterator[None]:
        with self.writing():
            yield

    def lift_time_limits(self) -> None:
        self.run("set local idle_in_transaction_session_timeout = 0")
        self.run("set local statement_timeout = 0")

    def defer_references(self) -> None:
        self.run("set constraints all deferred")

    # Schema and state.

    def migrations(self) -> list[str]:
        return [name for name in self._migration_names() if not is_mark(name)]

    def marks(self) -> list[str]:
        return [name for name in self._migration_names() if is_mark(name)]

    def _migration_names(self) -> list[str]:
        if not self.has_table("_migrations"):
            return []
        return self.column("select name from _migrations order by name")

    def _migrate(self) -> None:
        wanted = names()
        if self.migrations() == wanted:
            return
        with self.writing():
            # Another process may have migrated while this one waited.
            before = self.migrations()
            if said := misfit(before):
                raise StoreVersionError(f"The database {database_label(self.url)} {said}")
            # Large tables take their time.
            self.run("set local statement_timeout = 0")
            if not before:
                self.run(_APPLIED)
            for name in wanted:
                if name not in before:
                    script = SCRIPTS / f"{name}.sql"
                    declared = ";\n".join(schema.statements(name, postgres=True))
                    self.run_script(declared or script.read_text(encoding="utf-8"))
                    self.mark(name)

    def mark(self, mark: str) -> None:
        """Record a mark, or an applied migration."""
        self.insert("_migrations", {"name": mark, "applied_at": now().isoformat()})

    def unmark(self) -> None:
        for mark in self.marks():
            self.run("delete from _migrations where name = ?", [mark])

    def set_aside(self, name: str) -> None:
        """Rename the database's schema; the connection is useless afterwards."""
        self.run(f"alter schema {self.schema} rename to {name}")

    def drop(self) -> None:
        self.run(f"drop schema {self.schema} cascade")

    def tables(self, column: str = "") -> list[str]:
        return self.column(_TABLES, [self.schema, column, column])

    def columns(self, table: str) -> list[str]:
        return self.column(_COLUMNS, [table])

    def keys(self, table: str) -> list[str]:
        return self.column(_KEYS, [table])

    def last_ids(self) -> dict[str, int]:
        found = {row["name"]: self._last_id(row) for row in self.rows(_SEQUENCES, [self.schema])}
        return {table: last for table, last in found.items() if last}

    def reserve_ids(self, table: str, number: int) -> list[int]:
        sql = (
            "select nextval(pg_get_serial_sequence(?, 'id')::regclass) as id "
            "from generate_series(1, cast(? as int))"
        )
        return sorted(int(row["id"]) for row in self.rows(sql, [table, number]))

    def skip_ids(self, given: Mapping[str, int] | None, more: int = 0) -> None:
        for row in self.rows(_SEQUENCES, [self.schema]):
            last = max(self._last_id(row), (given or {}).get(row["name"], 0)) + more
            if last:
                self.rows("select setval(cast(? as oid)::regclass, ?)", [row["sequence"], last])

    def _last_id(self, table: Mapping[str, Any]) -> int:
        """The last id of a table, given as a row of `_SEQUENCES`.

        The sequence knows only the ids that it generated. Copied rows were inserted with their ids,
        so the highest id in the table counts, too.
        """
        highest = f"select coalesce(max({table['key']}), 0) as last from {table['name']}"  # noqa: S608
        return max(int(table["last"]), int(self.rows(highest)[0]["last"]))

    def integrity_problem(self) -> str:
        """The error met while reading every row, or empty. Other checks would need more rights."""
        try:
            for table in self.tables():
                self.rows(f"select count(t.*) from {table} t")  # noqa: S608
        except StoreError as error:
            return str(error)
        return ""

    def delete_copies(self) -> None:
        """Delete the SQLite file whose data was moved to this database, and the file's copies."""
        delete_moved(self.folder / FILE)

    # Other processes.

    def other_connections(self) -> int:
        return self.value(int, _OTHERS, [OF_PROCESSES, PROCESS_NAME]) or 0

    def holders(self, seconds: float) -> list[str]:
        """Descriptions of sessions that have blocked other writers for at least `seconds`."""
        rows = self.rows(_HOLDERS, [seconds, LOCK_SPACE, LOCK_SPACE])
        return [
            f"{row['name'] or 'a nameless program'} (process {row['pid']}) for {row['seconds']:,} s"
            for row in rows
        ]

    def description(self) -> str:
        """The server's version, the encoding, and the number of migrations."""
        [row] = self.rows(
            "select current_setting('server_version') as version, "
            "current_setting('server_encoding') as encoding"
        )
        return (
            f"PostgreSQL {row['version']}, {row['encoding']}, {len(self.migrations())} migrations"
        )

    def delete_rows(self) -> None:
        """Delete every row, the log's as well, inside a transaction; ids aren't reused."""
        self.run("alter table log disable trigger user")
        self.run(f"truncate {', '.join(self.tables())}")
        self.run("alter table log enable trigger user")


# Incremented by each write transaction.
_WRITES: Final = "create table writes (version bigint not null, format bigint not null)"


class DerivedSchema(Connection):
    """`DerivedTables` in their own schema, for processes on any number of machines.

    One process writes at a time, as with a SQLite file; readers never wait. The first process makes
    the tables, or upgrades those of the release before. Tables of any other format are refused, not
    made anew, because processes of another release may be using them.
    """

    def __init__(self, url: str, kind: DerivedKind) -> None:
        """Connect, and make the tables if they are missing.

        Raises DerivedTablesError if they can't be used.
        """
        self._own_writes = 0
        # Making the schema and its tables doesn't count as a write.
        self._counts = False
        super().__init__(url, kind.name, DerivedTablesError, lock_space=kind.lock_space)
        try:
            self._make_tables(kind)
        except BaseException:
            self.close()
            raise
        self._counts = True

    def _make_tables(self, kind: DerivedKind) -> None:
        wanted, script = kind.schema_format, kind.scripts / "postgres_tables.sql"
        upgrade = kind.scripts / f"upgrade_{kind.file_format}.sql"
        if not self.has_table("writes"):
            with self.writing():
                # Another process may have made them while this one waited.
                if not self.has_table("writes"):
                    self.run_script(script.read_text(encoding="utf-8"))
                    self.run(_WRITES)
                    self.run("insert into writes (version, format) values (0, ?)", [wanted])
        found = self._format()
        if found == wanted - 1 and upgrade.exists():
            with self.writing():
                if self._format() == found:
                    self.run_script(upgrade.read_text(encoding="utf-8"))
                    self.run("update writes set format = ?, version = version + 1", [wanted])
            found = self._format()
        if found != wanted:
            raise self._error(
                f"The schema {self.schema} was made by another release of Commonplace (format "
                f"{found}, not {wanted}). Stop every process of that release, then `drop schema "
                f"{self.schema} cascade`: everything in it is fetched again."
            )

    def _format(self) -> int:
        return int(self.rows("select format from writes")[0]["format"])

    def guard(self, install_fence: Callable[[Connection], None]) -> None:
        """Let `install_fence` set `fence`, the check before each write, if there is none."""
        if self.fence is None:
            install_fence(self)

    @property
    def version(self) -> int:
        return int(self.rows("select version from writes")[0]["version"])

    @property
    def version_of_others(self) -> int:
        return self.version - self._own_writes

    @contextmanager
    def writing(self, part: int | None = None, *, shared: bool = False) -> Iterator[None]:
        counted = self._counts and not self._in_transaction
        with super().writing(part, shared=shared):
            if counted:
                self.run("update writes set version = version + 1")
            yield
        self._own_writes += counted

    def bytes_of(self, text_column: str) -> str:
        return f"octet_length({text_column})"

    @contextmanager
    def try_lock(self, number: int) -> Iterator[bool]:
        """Hold a lock of this session; the lock ends with the session at the latest."""
        lock: list[Any] = [self._lock_space, number]
        sql = "select pg_try_advisory_lock(cast(? as int), cast(? as int)) as mine"
        [found] = self.rows(sql, lock)
        try:
            yield bool(found["mine"])
        finally:
            if found["mine"]:
                # The lock of an ended session is released already.
                self.rows("select pg_advisory_unlock(cast(? as int), cast(? as int))", lock)
