"""Community databases for tests, in each kind of database that there is."""

import shutil
import sqlite3
import tempfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

import psycopg
import pytest

from bot.storage.derived_data import open_archive, open_entries
from knowledge.store.database import Database
from knowledge.store.erasure.tombstones import FILE as TOMBSTONES
from knowledge.store.postgres.database import PostgresDatabase
from knowledge.store.sqlite_database import SqliteDatabase
from knowledge.store.store import Store

FILE: Final = "community.db"

# What either database says of a row that it can't have.
REFUSED: Final = (sqlite3.IntegrityError, psycopg.IntegrityError)

# For transactions of several processes, and for what either database does by itself.
in_both: Final = pytest.mark.parametrize("place", ["sqlite", "postgres"], indirect=True)


@dataclass(frozen=True)
class Place:
    """Where a community database is, to be opened more than once; without a URL, in its folder."""

    folder: Path
    url: str = ""

    def database(self) -> Database:
        if self.url:
            return PostgresDatabase(self.url, self.folder)
        path = self.folder / FILE
        if not path.exists():
            path.write_bytes(_empty_file())
        return SqliteDatabase(path)

    def store(self) -> Store:
        return Store(self.database())

    def change(self, *statements: str) -> None:
        """Do beside whoever is under test what no part of this program would."""
        database = self.database()
        try:
            with database.writing():
                for sql in statements:
                    database.run(sql)
        finally:
            database.close()


@cache
def _empty_file() -> bytes:
    """A file with empty tables: copying it takes a fifth of the migrations' time."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, FILE)
        SqliteDatabase(path).close()
        return path.read_bytes()


def take_tombstones(folder: Path, other: Path) -> None:
    """Copy to another machine's data folder what has to be the same on each."""
    other.mkdir(exist_ok=True)
    shutil.copy2(folder / TOMBSTONES, other / TOMBSTONES)


def make_tables(url: str) -> None:
    PostgresDatabase(url, Path()).close()


def make_derived_tables(url: str) -> None:
    open_entries(Path("no folder"), url).close()
    open_archive(Path("no folder"), url).close()


EMPTY_DERIVED_TABLES: Final = """
do $$ declare found text; begin
    for found in select oid::regclass from pg_class where relkind = 'r'
        and relnamespace in ('web'::regnamespace, 'channels'::regnamespace)
        and relname <> 'writes'
    loop execute 'delete from ' || found; end loop;
end $$
"""

# Far quicker than another copy of the tables.
EMPTY_TABLES: Final = """
set session_replication_role = replica;
do $$ declare found text; begin
    for found in select oid::regclass from pg_class where relkind = 'r'
        and relnamespace = 'community'::regnamespace and relname <> '_migrations'
    loop execute 'delete from ' || found; end loop;
    for found in select oid::regclass from pg_class where relkind = 'S'
        and relnamespace = 'community'::regnamespace
    loop perform setval(found, 1, false); end loop;
end $$
"""
