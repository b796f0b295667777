"""Migrations of a community database in PostgreSQL: the same as SQLite's, by name."""

from pathlib import Path
from typing import Final

from knowledge.store import schema
from knowledge.store.database import StoreVersionError, now
from knowledge.store.database_url import shown_database_url
from knowledge.store.migrations import is_mark, misfit, names
from knowledge.store.postgres.connection import Connection

TABLES: Final = Path(__file__).with_name("tables")

_TABLE: Final = """
create table _migrations (
    name text collate "C" primary key,
    applied_at text collate "C" not null
)
"""


def applied(connection: Connection) -> list[str]:
    """The names of the applied migrations, in order."""
    return [name for name in _names(connection) if not is_mark(name)]


def marks(connection: Connection) -> list[str]:
    """The marks of the database (`knowledge.store.migrations`)."""
    return [name for name in _names(connection) if is_mark(name)]


def _names(connection: Connection) -> list[str]:
    if not connection.has_table("_migrations"):
        return []
    return [row["name"] for row in connection.rows("select name from _migrations order by name")]


def migrate(connection: Connection) -> None:
    """Make the tables, or migrate them, in one transaction.

    Raises:
        StoreVersionError: if another version made them.
    """
    wanted = names()
    if applied(connection) == wanted:
        return
    with connection.writing():
        # Another process may have migrated while this one waited.
        before = applied(connection)
        if said := misfit(before):
            raise StoreVersionError(f"The database {shown_database_url(connection.url)} {said}")
        # Large tables take their time.
        connection.run("set local statement_timeout = 0")
        if not before:
            connection.run(_TABLE)
        for name in wanted:
            if name not in before:
                script = TABLES / f"{name}.sql"
                declared = ";\n".join(schema.statements(name, postgres=True))
                connection.run_script(declared or script.read_text(encoding="utf-8"))
                row = {"name": name, "applied_at": now().isoformat()}
                connection.insert("_migrations", row)
