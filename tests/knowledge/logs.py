"""Forged logs with valid chains."""

import sqlite3

from sqlite_utils import Database

from knowledge.store.audit import log_chain


def chained_anew(connection: sqlite3.Connection) -> None:
    """Recompute the numbers, digests and heads of all lines, as a forger would."""
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
