"""Reader of untrusted community databases.

A backup may come from anywhere, so its file is never used as the database. Its rows are checked and
copied into a new database, created by this program's migrations. Code defined in the file never
runs: views, triggers, virtual tables and generated columns are refused before any row is read.

Errors:
    Exception
    └── ForeignDatabaseError    the problem, as the end of a sentence about the file
"""

import itertools
import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from sqlite_utils import Database

from knowledge.backup.exporter import SEQUENCES, Row
from knowledge.files.pictures import checked_picture
from knowledge.store import migrations, schema
from knowledge.store.audit_log import ADD_MISSING_HEADS
from knowledge.store.guilds import LAST_LOOK
from knowledge.store.migrations import is_mark
from knowledge.store.rows import insertion
from knowledge.store.schema import is_valid, passes_check
from knowledge.values.submissions import checked_tags, is_link

# No version writes a longer row or table definition.
ROW_BYTES: Final = 16_000_000
DEFINITION_BYTES: Final = 100_000
# SQLite virtual machine steps; an honest backup takes 0.3 per byte.
STEPS: Final = 10_000_000
STEPS_PER_BYTE: Final = 10
_STEPS_AT_ONCE: Final = 100_000


class ForeignDatabaseError(Exception):
    """The problem, as the end of a sentence that begins with the file's name."""


@contextmanager
def explain_errors() -> Iterator[None]:
    """Convert every error from reading a foreign file to `ForeignDatabaseError`."""
    try:
        yield
    except (sqlite3.Error, ValueError, TypeError, OverflowError, RecursionError) as error:
        raise ForeignDatabaseError(_no_backup(error)) from error


@contextmanager
def open_foreign(path: Path) -> Iterator[sqlite3.Connection]:
    """Open a database read-only, with limits on memory and time.

    A file without a write-ahead log is opened as immutable, so its folder can be read-only.
    """
    used = path.with_name(path.name + "-wal").exists()
    mode = "ro" if used else "ro&immutable=1"
    uri = f"file:{quote(str(path.resolve()))}?mode={mode}"
    with explain_errors():
        foreign = sqlite3.connect(uri, uri=True, isolation_level=None)
    with closing(foreign) as connection:
        connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, ROW_BYTES)
        connection.setlimit(sqlite3.SQLITE_LIMIT_SQL_LENGTH, DEFINITION_BYTES)
        connection.setlimit(sqlite3.SQLITE_LIMIT_ATTACHED, 0)
        steps = (STEPS + STEPS_PER_BYTE * path.stat().st_size) // _STEPS_AT_ONCE
        taken = itertools.count()
        connection.set_progress_handler(lambda: next(taken) > steps, _STEPS_AT_ONCE)
        connection.execute("pragma trusted_schema = off")
        connection.execute("pragma cell_size_check = on")
        # The copied rows are checked by our own tables.
        connection.execute("pragma ignore_check_constraints = on")
        yield connection


def check_migrations(foreign: sqlite3.Connection) -> list[str]:
    """Return the names of the migrations applied to a database, and check its tables.

    Raises ForeignDatabaseError if the database has other tables than these migrations create.
    """
    with explain_errors():
        found = foreign.execute("select type, name, rootpage from sqlite_master").fetchall()
    objects = [(str(kind), str(name), page) for kind, name, page in found]
    acting = {
        (kind, name) for kind, name, page in objects if kind in {"view", "table"} and not page
    }
    if acting:
        raise _unknown(acting)
    if ("table", migrations.APPLIED) not in {(kind, name) for kind, name, _ in objects}:
        raise ForeignDatabaseError(_no_backup("it has none of its tables"))
    applied = [
        str(row["name"])
        for row in _rows(foreign, migrations.APPLIED, ["migration_set", "name"])
        if row["migration_set"] == migrations.SET
    ]
    if marks := list(filter(is_mark, applied)):
        raise ForeignDatabaseError(f"is not the community database any more, it was {marks[0]}.")
    if said := migrations.misfit(applied):
        raise ForeignDatabaseError(said)
    if not applied or applied != migrations.names()[: len(applied)]:
        raise ForeignDatabaseError(_no_backup("no version had these migrations"))
    with closing(sqlite3.connect(":memory:")) as own:
        migrations.apply(Database(own), applied)
        ours = {(kind, name) for kind, name in own.execute("select type, name from sqlite_master")}
        extra = {(kind, name) for kind, name, _ in objects if kind != "index"} - ours
        if extra := {(kind, name) for kind, name in extra if not name.startswith("sqlite_")}:
            raise _unknown(extra)
        for table in _tables(own):
            if set(_columns(foreign, table)) != set(_columns(own, table)):
                raise ForeignDatabaseError(_no_backup(f"its table {table} is another one"))
    return applied


def copy(foreign: sqlite3.Connection, applied: list[str], part: Path) -> None:
    """Copy the rows of a database into a new one, and migrate it.

    Raises ForeignDatabaseError if a row is invalid in the database's version.
    """
    with closing(sqlite3.connect(part)) as own:
        migrations.apply(Database(own), applied)
        own.execute("pragma foreign_keys = off")
        tables = _tables(own)
        for table in tables:
            columns = _columns(own, table)
            rows = (list(row.values()) for row in _valid_rows(foreign, table, columns))
            try:
                own.executemany(insertion(table, columns), rows)
            except (sqlite3.IntegrityError, OverflowError) as error:
                raise _impossible(table, error) from error
        # The last id of each table, so no id is given twice.
        for row in _valid_rows(foreign, SEQUENCES, ["name", "seq"]):
            if row["name"] in tables:
                own.execute(f"delete from {SEQUENCES} where name = ?", [row["name"]])  # noqa: S608
                own.execute(insertion(SEQUENCES, row), [*row.values()])
        own.commit()
        bring_up_to_date(own)


def bring_up_to_date(own: sqlite3.Connection) -> None:
    """Migrate a database with foreign rows to this version, and fill its table `log_heads`.

    Raises ForeignDatabaseError if a migration fails on a foreign row.
    """
    try:
        migrations.apply(Database(own))
        own.execute(ADD_MISSING_HEADS)
        own.commit()
    except (sqlite3.IntegrityError, TypeError, ValueError, OverflowError) as error:
        raise ForeignDatabaseError(f"can't be brought up to date: {error!r}.") from error


def _tables(own: sqlite3.Connection) -> list[str]:
    rows = own.execute("select name from sqlite_master where type = 'table' order by rowid")
    return [
        name
        for (name,) in rows.fetchall()
        if not name.startswith(("sqlite_", "_")) and name not in schema.unexported_tables()
    ]


def _columns(connection: sqlite3.Connection, table: str) -> list[str]:
    """The names of a table's columns, in order; generated columns are refused."""
    with explain_errors():
        rows = connection.execute(f"pragma table_xinfo({table})").fetchall()
    if any(hidden for *_, hidden in rows):
        raise ForeignDatabaseError(_no_backup(f"columns of its table {table} are generated"))
    return [row[1] for row in rows]


def _rows(foreign: sqlite3.Connection, table: str, columns: list[str]) -> Iterator[dict[str, Any]]:
    """Yield a table's rows in the order of their row ids, without the file's indexes."""
    missing = set(columns) - set(_columns(foreign, table))
    if missing:
        raise ForeignDatabaseError(_no_backup(f"its table {table} has no {missing.pop()}"))
    # Names are our own.
    with explain_errors():
        for row in foreign.execute(
            f"select {', '.join(columns)} from {table} not indexed order by rowid"  # noqa: S608
        ):
            yield dict(zip(columns, row, strict=True))


def _valid_rows(
    foreign: sqlite3.Connection, table: str, columns: list[str]
) -> Iterator[dict[str, Any]]:
    for row in _rows(foreign, table, columns):
        try:
            check_values(table, row)
        except ValueError as error:
            raise _impossible(table, error) from error
        yield row


def _no_backup(reason: object) -> str:
    # SQLite quotes what it can't parse, line ends included.
    shown = " ".join(str(reason).split())[:200]
    return (
        f"is not a usable database of Commonplace ({shown}): name a file that "
        "`commonplace backup` wrote."
    )


def _impossible(table: str, error: Exception) -> ForeignDatabaseError:
    return ForeignDatabaseError(
        f"has an invalid row in its table {table}: {error}. Use another backup."
    )


def _unknown(objects: set[tuple[str, str]]) -> ForeignDatabaseError:
    named = ", ".join(f"{kind} {name}" for kind, name in sorted(objects)[:3])
    return ForeignDatabaseError(
        f"holds what no version of Commonplace has put there ({named[:200]}), so somebody has "
        "changed it: drop that from the database, or use another backup."
    )


# Values.


def check_values(table: str, row: Row) -> None:
    """Check times, JSON, enumerations and amounts, which SQLite doesn't check.

    Raises ValueError if a value is invalid; the message names the column.
    """
    for column, value in row.items():
        if value is not None and not is_valid(table, column, value):
            raise ValueError(f"{column} holds something else than it should")
    if row.get("key") == LAST_LOOK and not is_valid(table, "at", row.get("value")):
        raise ValueError("value is no time")
    if table == "revisions" and not passes_check(_is_typable, row):
        raise ValueError("the link isn't a web address, or the tags aren't tags")
    if table == "pictures" and not passes_check(_is_picture, row):
        raise ValueError("content is no picture of its kind and digest")


def _is_picture(row: Row) -> bool:
    picture = checked_picture("", row["content"])
    return (picture.kind, picture.digest) == (row["kind"], row["digest"])


def _is_typable(row: Row) -> bool:
    """Whether a revision's tags and link pass the checks of a submission."""
    tags = json.loads(row["tags"])
    return checked_tags(" ".join(tags)) == tuple(tags) and (not row["link"] or is_link(row["link"]))
