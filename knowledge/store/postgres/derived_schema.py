"""Derived tables in PostgreSQL, in their own schema, for processes on any number of machines.

One process writes at a time, as with a SQLite file; readers never wait. The first process makes the
tables, or upgrades those of the release before. Tables of any other format are refused, not made
anew, because processes of another release may be using them.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

from knowledge.store.derived_tables import DerivedKind, DerivedTablesError
from knowledge.store.postgres.connection import Connection

# Incremented by each write transaction.
_WRITES: Final = "create table writes (version bigint not null, format bigint not null)"


class DerivedSchema(Connection):
    """`knowledge.store.derived_tables.DerivedTables` in a schema."""

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
