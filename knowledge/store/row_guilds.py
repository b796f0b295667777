"""Guilds of rows: whose transaction it is to change what is only known by an id.

A row stays its guild's, so that this can be asked before the transaction begins. What is no
guild's, as a question in a direct message, is changed as guild 0's.
"""

from collections.abc import Iterable
from enum import Enum
from typing import Final

from knowledge.store.database import Database

NO_GUILD: Final = 0


class RowKind(Enum):
    """Rows with an id and a guild; each is the query for its guild."""

    QUESTION = "select guild_id from questions where id = ?"
    NOTICE = "select guild_id from notices where id = ?"
    INBOX = "select guild_id from inbox where id = ?"
    HELPED_QUESTION = "select guild_id from helped_questions where message_id = ?"
    REVISION = "select n.guild_id from revisions r join notes n on n.id = r.note_id where r.id = ?"


def guild_of(database: Database, kind: RowKind, key: int) -> int:
    """The guild of a row; `NO_GUILD` if there is no such row, or it is none's."""
    rows = database.rows(kind.value, [key])
    return (rows[0]["guild_id"] if rows else None) or NO_GUILD


def only_guild(guild_ids: Iterable[int | None]) -> int | None:
    """The guild of several rows, as a transaction names it; None if they are not all of one."""
    found = {guild_id or NO_GUILD for guild_id in guild_ids}
    return found.pop() if len(found) == 1 else None
