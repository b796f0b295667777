"""Logs that are made for tests: as an earlier release wrote them, or forged so that they fit."""

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from sqlite_utils import Database

from knowledge.backup import backups
from knowledge.store.audit import log_chain
from knowledge.store.migrations import MIGRATIONS, NAMES

# The migrations from the one on that gave each guild a chain.
LATER = NAMES[NAMES.index("m026_chains_by_guild") :]


def chained_anew(connection: sqlite3.Connection) -> None:
    """Write the numbers, digests and heads of every line anew, as whoever forges a log would."""
    connection.execute("drop trigger if exists log_is_never_changed")
    for index in ("log_by_number", "log_by_number_of_no_guild"):
        connection.execute(f"drop index if exists {index}")
    heads: dict[int, log_chain.Head] = {}
    for row in list(Database(connection).query(log_chain.LINES)):
        head = heads.get(row["guild_id"] or 0, log_chain.Head())
        row["number"] = head.number + 1
        head = log_chain.Head(head.number + 1, log_chain.digest(head.digest, row))
        heads[row["guild_id"] or 0] = head
        connection.execute(
            "update log set number = ?, digest = ? where id = ?",
            [head.number, head.digest, row["id"]],
        )
    connection.execute("delete from log_heads")
    for guild_id, head in heads.items():
        connection.execute(
            "insert into log_heads values (?, ?, ?)", [guild_id, head.number, head.digest]
        )


def in_one_chain(path: Path, guilds: Sequence[int | None]) -> None:
    """A database of an earlier release whose log has a line of each of these guilds."""
    with closing(sqlite3.connect(path)) as connection, connection:
        MIGRATIONS.apply(Database(connection), stop_before=LATER)
        digest = ""
        for place, guild_id in enumerate(guilds, start=1):
            at = f"2026-01-01T00:00:00.{place:06}+00:00"
            fields = [place, at, guild_id, place % 3 or None, "left", "guild", f'{{"n": {place}}}']
            digest = backups.log_digest(digest, fields)
            connection.execute("insert into log values (?, ?, ?, ?, ?, ?, ?, ?)", [*fields, digest])
