"""Migrations of a community database in PostgreSQL: the files of `tables/` by their names.

The first file makes what SQLite's migrations up to the one of its name have led to; each later one
is what SQLite's of the same name does. A file is never edited after release, and after the first
they only add: during an upgrade, processes of the release before go on writing.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from knowledge.store.database import StoreTooNewError, now
from knowledge.store.database_url import shown_database_url
from knowledge.store.migrations import NAMES
from knowledge.store.moved import is_mark
from knowledge.store.postgres.connection import Connection

_SCRIPTS: Final = {path.stem: path for path in Path(__file__).with_name("tables").glob("m*.sql")}
BASELINE: Final = min(_SCRIPTS)

_TABLE: Final = """
create table _migrations (
    name text collate "C" primary key,
    applied_at text collate "C" not null
)
"""


def applied(connection: Connection) -> list[str]:
    """The names of the migrations that made the tables, in their order."""
    return [name for name in _names(connection) if not is_mark(name)]


def marks(connection: Connection) -> list[str]:
    """The marks by which the database is not to be opened."""
    return [name for name in _names(connection) if is_mark(name)]


def _names(connection: Connection) -> list[str]:
    if not connection.has_table("_migrations"):
        return []
    return [row["name"] for row in connection.rows("select name from _migrations order by name")]


def migrate(connection: Connection, names: Sequence[str] = NAMES) -> None:
    """Make the tables, or bring them up to date, in one transaction.

    Args:
        connection: to the database.
        names: the migrations that this release knows.

    Raises:
        StoreTooNewError: if a later release has.
    """
    if applied(connection) == names:
        return
    with connection.writing():
        # Of two first openings at once, one has waited.
        before = applied(connection)
        if unknown := set(before) - set(names):
            raise StoreTooNewError(
                f"The database {shown_database_url(connection.url)} was written by a later release "
                f"of Commonplace ({', '.join(sorted(unknown))}). Run that release, or restore an "
                "older backup."
            )
        # Large tables take as long as they take.
        connection.run("set local statement_timeout = 0")
        if not before:
            connection.run(_TABLE)
        for name in names:
            if name in before:
                continue
            if name >= BASELINE:
                connection.run_script(_SCRIPTS[name].read_text(encoding="utf-8"))
            row = {"name": name, "applied_at": now().isoformat()}
            connection.insert("_migrations", row)
