"""Community databases of other versions: 1.0.0, one before it, and one with a made-up migration."""

import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from knowledge.store import migrations, schema
from knowledge.store.store import Store

_VERSION_1_0_0 = Path(__file__).parent / "store" / "version_1_0_0.sql"
BEFORE_1_0_0 = "m029_card_postings"

NEXT = "m999_made_up"
# One of everything that a migration can add.
_SONGS = schema.Table(
    {
        "id": schema.PLAIN.added(NEXT, "integer primary key autoincrement"),
        "title": schema.PLAIN.added(NEXT, "text not null default 'a text' check (title <> '')"),
        "note_id": schema.PLAIN.added(NEXT, "integer references notes(id) on delete cascade"),
        "singer_id": schema.MEMBER.added(NEXT, "integer not null"),
        "length": schema.PLAIN.added(NEXT, "real"),
        "content": schema.PLAIN.added(NEXT, "blob"),
    },
    since=NEXT,
    constraints=("unique (title, singer_id)",),
    indexes={"songs_by_length": (NEXT, "songs (length) where length is not null")},
)


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


def add_next_migration(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Turn the code under test into a later version, with one more migration.

    Returns:
        The names of its migrations.
    """
    notes = schema.TABLES["notes"]
    more = {"song_id": schema.PLAIN.added(NEXT, "integer default 7")}
    notes = replace(notes, columns={**notes.columns, **more})
    monkeypatch.setattr(schema, "TABLES", {**schema.TABLES, "notes": notes, "songs": _SONGS})
    return migrations.names()
