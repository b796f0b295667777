"""Migrations of the community database, in the order of their names.

The first ones are the files of `tables/`, which aren't edited; all others are declared in `schema`.
One transaction runs a migration and records it as applied (sqlite-utils), so a process killed
halfway leaves the database as it was.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from sqlite_utils import Database, Migrations

from knowledge.store import schema
from knowledge.store.sqlite_file import statements

TABLES: Final = Path(__file__).with_name("tables")
# The name of our migration set, and the table with its records.
SET: Final = "commonplace"
APPLIED: Final = Migrations.migrations_table

_SHOWN_CHARACTERS: Final = 200


def names() -> list[str]:
    """The migrations of this version, in order."""
    return sorted({script.stem for script in TABLES.glob("m*.sql")} | schema.migrations())


def applied(db: Database) -> list[str]:
    """The migrations recorded in a database, and its marks (`knowledge.store.move_marks`)."""
    return [migration.name for migration in Migrations(SET).applied(db)]


def apply(db: Database, wanted: Sequence[str] | None = None) -> None:
    """Run the migrations that a database lacks; with `wanted`, only migrations with these names."""
    migrations = Migrations(SET)
    for name in names() if wanted is None else wanted:
        migrations(name=name)(_migration(name))
    migrations.apply(db)


def misfit(found: Sequence[str]) -> str:
    """Why this version can't use a database with these migrations.

    Returns:
        The end of a sentence about the database. Empty if this version can use the database.
    """
    known = names()
    if found and known[0] not in found:
        return (
            f"was made before version 1.0.0 (found {found[-1][:_SHOWN_CHARACTERS]}, expected "
            f"{known[0]}). Run `commonplace export` with the version that made it, then "
            "`commonplace import` with this one into a new data folder."
        )
    if later := ", ".join(sorted(set(found) - set(known))):
        return (
            f"was written by a later version ({later[:_SHOWN_CHARACTERS]}). Run that version, or "
            "restore an older backup."
        )
    return ""


def _migration(name: str) -> Callable[[Database], None]:
    script = TABLES / f"{name}.sql"

    def migrate(db: Database) -> None:
        for sql in statements(script) if script.exists() else schema.statements(name):
            db.execute(sql)

    return migrate
