"""Community databases of other versions: 1.0.0, one before it, and one with a made-up migration."""

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from knowledge.store import migrations
from knowledge.store.postgres import migrations as postgres_migrations
from knowledge.store.store import Store

_VERSION_1_0_0 = Path(__file__).parent / "store" / "version_1_0_0.sql"
BEFORE_1_0_0 = "m029_card_postings"

NEXT = "m999_made_up"
_NEXT = """-- Both databases read this.

create table songs (id integer primary key, title text not null);

alter table notes add column song_id integer default 7;
"""


def of_1_0_0(path: Path) -> None:
    """Make a database like version 1.0.0, with rows in every table."""
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(_VERSION_1_0_0.read_text(encoding="utf-8"))


def of_before_1_0_0(path: Path) -> None:
    """Make a database with the migrations of the last version before 1.0.0."""
    Store(path).close()
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("delete from _sqlite_migrations")
        connection.executemany(
            "insert into _sqlite_migrations (migration_set, name, applied_at) "
            "values ('commonplace', ?, '2026-01-01')",
            [("m001_first_tables",), (BEFORE_1_0_0,)],
        )


def add_next_migration(monkeypatch: pytest.MonkeyPatch, folder: Path) -> list[str]:
    """Turn the code under test into a later version, with one more migration in both databases.

    Returns:
        The names of its migrations.
    """
    for kind, module in (("sqlite", migrations), ("postgres", postgres_migrations)):
        tables = folder / kind
        shutil.copytree(module.TABLES, tables)
        (tables / f"{NEXT}.sql").write_text(_NEXT, encoding="utf-8")
        monkeypatch.setattr(module, "TABLES", tables)
    return migrations.names()
