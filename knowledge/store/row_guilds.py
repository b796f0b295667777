"""Guilds of rows, for transactions that know only a row's id.

A row never changes its guild, so the lookup can precede the transaction. Rows without a guild, such
as a question in a direct message, are written as guild 0's.
"""

from collections.abc import Iterable
from enum import Enum
from typing import Final

from knowledge.store.database import Database

NO_GUILD: Final = 0


class RowKind(Enum):
    """Kinds of rows with an id and a guild; the value is the query for the guild."""

    QUESTION = "select guild_id from questions where id = ?"
    NOTICE = "select guild_id from notices where id = ?"
    INBOX = "select guild_id from inbox where id = ?"
    HELPED_QUESTION = "select guild_id from helped_questions where message_id = ?"
    REVISION = "select n.guild_id from revisions r join notes n on n.id = r.note_id where r.id = ?"


def guild_of(database: Database, kind: RowKind, key: int) -> int:
    """The guild of a row; `NO_GUILD` if the row is missing or has no guild."""
    rows = database.rows(kind.value, [key])
    return (rows[0]["guild_id"] if rows else None) or NO_GUILD


def only_guild(guild_ids: Iterable[int | None]) -> int | None:
    """The common guild of several rows for a transaction; None if they differ."""
    found = {guild_id or NO_GUILD for guild_id in guild_ids}
    return found.pop() if len(found) == 1 else None
