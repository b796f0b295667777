"""Community database in a SQLite file.

Opening and migrating holds a lock, so two simultaneous first openings both succeed. Before an
upgrade, a database with data is copied beside itself.
"""

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, ClassVar, Final

from knowledge.store import migrations, sqlite_file
from knowledge.store.database import StoreError, StoreVersionError, now
from knowledge.store.migrations import is_mark, refuse_marked
from knowledge.store.rows import RowQueries, slices

# SQLite's primary error codes for refusals by the system; the file itself may be sound.
_REFUSED: Final = frozenset(
    {
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_LOCKED,
        sqlite3.SQLITE_PERM,
        sqlite3.SQLITE_READONLY,
    }
)


# Copies left beside `community.db` by upgrades and restores, and their torn remains.
_COPIES: Final = ("community.*.db*", "community.*.part*", "community.replaced-*")


def copies_beside(path: Path) -> list[Path]:
    """The kept copies of a community database, by name.

    An upgrade keeps a copy before it changes tables (`community.MIGRATION.db`). A restore keeps the
    replaced database (`community.replaced-TIME.db`).
    """
    found = {copy for pattern in _COPIES for copy in path.parent.glob(pattern)}
    return sorted(copy for copy in found if copy != path)


def is_empty(path: Path) -> bool:
    """Whether there is no database, or a database without tables; a damaged file isn't empty."""
    if not path.exists() or not path.stat().st_size:
        return True
    try:
        with closing(sqlite3.connect(path)) as connection:
            return connection.execute("select 1 from sqlite_master").fetchone() is None
    except sqlite3.Error:
        return False


def is_community_database(path: Path) -> bool:
    """Whether a file is a community database. Unlike a usual opening, this writes no files."""
    if not path.is_file():
        return False
    # Not even the files of a write-ahead log.
    address = f"{path.absolute().as_uri()}?mode=ro&immutable=1"
    query = f"select 1 from {migrations.APPLIED} where migration_set = ?"  # noqa: S608
    try:
        with closing(sqlite3.connect(address, uri=True)) as connection:
            return connection.execute(query, [migrations.SET]).fetchone() is not None
    except sqlite3.Error:
        return False


def delete_moved(path: Path) -> None:
    """Delete a file that was moved into another database, and the file's copies.

    A file that is in use or can't be read stays.
    """
    for copy in copies_beside(path):
        copy.unlink(missing_ok=True)
    if is_empty(path):
        return
    try:
        with closing(SqliteDatabase(path, though_marked=True)) as database:
            moved = bool(database.marks())
    except StoreError:
        return
    if moved:
        for ending in ("", "-wal", "-shm"):
            path.with_name(path.name + ending).unlink(missing_ok=True)


class SqliteDatabase(sqlite_file.OpenedFile, RowQueries):
    """The opened file."""

    # A commit to a file always has a known outcome.
    unknown_outcomes: Final = 0

    def __init__(self, path: Path, *, though_marked: bool = False) -> None:
        """Open the database, make it if it is missing, and migrate it.

        Raises StoreError if the file can't be opened or is damaged, StoreVersionError if another
        version made the tables, and StoreMovedError if the database has a mark, unless it is opened
        `though_marked`.
        """
        self.path = path
        self._though_marked = though_marked
        try:
            self._db = sqlite_file.connect(path)
        except sqlite3.Error as error:
            raise StoreError(f"{path} can't be opened: {error}.") from error
        try:
            with sqlite_file.opening(path):
                self._prepare()
        except sqlite3.Error as error:
            self.close()
            if getattr(error, "sqlite_errorcode", 0) & 0xFF in _REFUSED:
                raise StoreError(
                    f"{path} can't be used: {error}. Nothing was changed. Check free space and "
                    "permissions, also of its folder."
                ) from error
            raise StoreError(
                f"{path} is not a usable database ({error}). Restore it from a backup, or move it "
                "away, and what is beside it, to begin with an empty one."
            ) from error
        except StoreError:
            self.close()
            raise

    def _prepare(self) -> None:
        self._db.execute("pragma foreign_keys = on")
        self._db.enable_wal()
        applied = self.migrations()
        if not self._though_marked:
            refuse_marked(str(self.path), self.marks())
        if said := migrations.misfit(applied):
            raise StoreVersionError(f"{self.path} {said}")
        if set(migrations.names()) - set(applied):
            if applied:
                copy = self.path.with_name(f"{self.path.stem}.{applied[-1]}.db")
                # Written under another name first, so a torn copy never looks whole.
                torn = copy.with_suffix(".part")
                with closing(sqlite3.connect(torn)) as target:
                    self._db.conn.backup(target)
                torn.replace(copy)
            migrations.apply(self._db)

    constraint_error: ClassVar = sqlite3.Error

    @property
    def folder(self) -> Path:
        return self.path.parent

    @contextmanager
    def writing(self, guild_id: int | None = None) -> Iterator[None]:
        """A write transaction; joins a transaction in progress.

        A file has one writer for all guilds. Raises StoreError if the disk is full, read-only or
        locked; nothing was changed.
        """
        try:
            with sqlite_file.transaction(self._db):
                yield
        except sqlite3.OperationalError as error:
            raise StoreError(
                f"{self.path} can't be written: {error}. Nothing was changed. "
                "Check free space and permissions."
            ) from error

    @contextmanager
    def erasing(self) -> Iterator[None]:
        """A write transaction; deleted rows are overwritten in the file and its write-ahead log."""
        self.run("pragma secure_delete = on")
        with self.writing():
            yield
        # Readers may keep a part of the log.
        self.rows("pragma wal_checkpoint(truncate)")

    @contextmanager
    def reading(self) -> Iterator[None]:
        self._db.execute("begin")
        try:
            yield
        finally:
            self._db.rollback()

    def rows(self, sql: str, values: Sequence[Any] = ()) -> list[dict[str, Any]]:
        return [row for part in slices(sql, values) for row in self._db.query(*part)]

    def rows_together(
        self, queries: Sequence[tuple[str, Sequence[Any]]]
    ) -> list[list[dict[str, Any]]]:
        return [self.rows(*query) for query in queries]

    def lift_time_limits(self) -> None:
        """Do nothing: a file has no time limits."""

    def other_connections(self) -> int:
        return 0

    def defer_references(self) -> None:
        self.run("pragma defer_foreign_keys = on")

    def migrations(self) -> list[str]:
        return [name for name in migrations.applied(self._db) if not is_mark(name)]

    def marks(self) -> list[str]:
        return list(filter(is_mark, migrations.applied(self._db)))

    def mark(self, mark: str) -> None:
        row = {"migration_set": migrations.SET, "name": mark, "applied_at": now().isoformat()}
        self.insert(migrations.APPLIED, row)

    def unmark(self) -> None:
        for mark in self.marks():
            self.run(f"delete from {migrations.APPLIED} where name = ?", [mark])  # noqa: S608

    def tables(self, column: str = "") -> list[str]:
        return self.column(
            "select name from sqlite_master t where type = 'table' and name not like 'sqlite_%' "
            "and name not like '\\_%' escape '\\' and (? = '' or exists "
            "(select 1 from pragma_table_info(t.name) c where c.name = ?)) order by name",
            [column, column],
        )

    def columns(self, table: str) -> list[str]:
        return self.column("select name from pragma_table_info(?) order by cid", [table])

    def keys(self, table: str) -> list[str]:
        return self.column("select name from pragma_table_info(?) where pk order by pk", [table])

    def last_ids(self) -> dict[str, int]:
        rows = self.rows("select name, seq from sqlite_sequence where seq > 0 order by name")
        return {row["name"]: row["seq"] for row in rows}

    def reserve_ids(self, table: str, number: int) -> list[int]:
        """Reserve none: a file is always reachable, so rows get their ids when inserted."""
        del table, number
        return []

    def skip_ids(self, given: Mapping[str, int] | None, more: int = 0) -> None:
        for row in self.rows("select name, seq from sqlite_sequence"):
            last = max(row["seq"], (given or {}).get(row["name"], 0)) + more
            self.run("update sqlite_sequence set seq = ? where name = ?", [last, row["name"]])
        for table in (given or {}).keys() - {
            row["name"] for row in self.rows("select name from sqlite_sequence")
        }:
            self.insert("sqlite_sequence", {"name": table, "seq": (given or {})[table]})

    def integrity_problem(self) -> str:
        problems = [str(row[0]) for row in self._db.execute("pragma integrity_check").fetchall()]
        if problems != ["ok"]:
            return "; ".join(problems[:3])
        orphans = self._db.execute("pragma foreign_key_check").fetchall()
        return f"{len(orphans)} rows refer to rows that are gone" if orphans else ""

    def delete_copies(self) -> None:
        for copy in copies_beside(self.path):
            copy.unlink(missing_ok=True)
