"""Migrations of the community database, in the order of their names, and the marks among them.

The first ones are the files of `tables/`, which aren't edited; all others are declared in `schema`.
One transaction runs a migration and records it as applied (sqlite-utils), so a process killed
halfway leaves the database as it was.

A mark says that the database was moved, or is being moved, and prevents opening it. During a move,
at most one of the two databases is unmarked.
"""

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Final

from sqlite_utils import Database, Migrations

from knowledge.store import schema
from knowledge.store.database import StoreError
from knowledge.store.database_url import database_label, is_database_url
from knowledge.store.sqlite_file import statements

_MOVED: Final = "moved to "
_MOVING: Final = "being moved from "


class StoreMovedError(StoreError):
    """The community database was moved elsewhere, or a move to it wasn't finished."""


def moved_to(place: str) -> str:
    """The mark of a database moved to another place, a URL or a path."""
    return f"{_MOVED}{place}"


def moving_from(place: str) -> str:
    """The mark of a database being filled from another database."""
    return f"{_MOVING}{place}"


def is_mark(name: str) -> bool:
    return name.startswith((_MOVED, _MOVING))


def refuse_marked(here: str, names: Iterable[str]) -> None:
    """Refuse a database with a mark among the names of its migrations.

    Raises StoreMovedError if there is a mark; the message names the remedy.
    """
    for name in filter(is_mark, names):
        if name.startswith(_MOVING):
            raise StoreMovedError(
                f"{here} was being filled from {_place_name(name.removeprefix(_MOVING))} by "
                "`commonplace cluster migrate`, which was stopped: run it again, with the same "
                "--to."
            )
        place = name.removeprefix(_MOVED)
        remedy = (
            "name it as `data.database` in config.toml"
            if is_database_url(place)
            else "take `data.database` out of config.toml, and name that folder with --data"
        )
        raise StoreMovedError(f"{here} was moved to {_place_name(place)}: {remedy}.")


def _place_name(place: str) -> str:
    return f"the database {database_label(place)}" if is_database_url(place) else place


TABLES: Final = Path(__file__).with_name("tables")
# The name of our migration set, and the table with its records.
SET: Final = "commonplace"
APPLIED: Final = Migrations.migrations_table

_SHOWN_CHARACTERS: Final = 200


def names() -> list[str]:
    return sorted({script.stem for script in TABLES.glob("m*.sql")} | schema.migrations())


def applied(db: Database) -> list[str]:
    """The migrations recorded in a database, and its marks (`knowledge.store.migrations`)."""
    return [migration.name for migration in Migrations(SET).applied(db)]


def apply(db: Database, wanted: Sequence[str] | None = None) -> None:
    """Run the migrations that a database lacks; with `wanted`, only migrations with these names."""
    migrations = Migrations(SET)
    for name in names() if wanted is None else wanted:
        migrations(name=name)(_migration(name))
    migrations.apply(db)


def misfit(found: Sequence[str]) -> str:
    """Why this version can't use a database with these migrations.

    Returns the end of a sentence about the database; empty if this version can use the database.
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
