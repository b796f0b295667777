"""Transactional outbox of notices to members.

A notice is written in the transaction that it speaks of, so that no decision goes unsaid because
the bot was stopped in between. Whoever sends it uses its id as the message's nonce, by which
Discord drops a second copy.
"""

from datetime import datetime
from typing import Any, Final

from knowledge.store.database import Database, now
from knowledge.store.row_guilds import RowKind, guild_of
from knowledge.store.rows import record
from knowledge.values.guilds import GuildFilter, every_guild
from knowledge.values.notes import Notice, NoticeEvent

# Of what is told by direct message or not at all.
NO_CHANNEL: Final = 0


class Notices:
    """The notices in the community database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(
        self,
        guild_id: int,
        member_id: int,
        channel_id: int,
        event: NoticeEvent,
        *,
        revision_id: int | None = None,
        question_id: int | None = None,
        handed_on_id: int | None = None,
    ) -> None:
        """Keep something to be told, inside the transaction that it speaks of."""
        # Who asked to be forgotten has no id any more, and nobody can be told.
        if member_id == 0:
            return
        self._database.insert(
            "notices",
            {
                "guild_id": guild_id,
                "member_id": member_id,
                "channel_id": channel_id,
                "event": event.value,
                "revision_id": revision_id,
                "question_id": question_id,
                "handed_on_id": handed_on_id,
                "created_at": now().isoformat(),
            },
        )

    def unsent(self, mine: GuildFilter = every_guild) -> list[Notice]:
        rows = self._database.rows("select * from notices where sent_at is null order by id")
        return [_notice(row) for row in rows if mine(row["guild_id"])]

    def sent(self, notice_id: int) -> None:
        """Remember that somebody was told, or can't be."""
        with self._database.writing(guild_of(self._database, RowKind.NOTICE, notice_id)):
            self._database.run(
                "update notices set sent_at = ? where id = ?", [now().isoformat(), notice_id]
            )


def _notice(row: dict[str, Any]) -> Notice:
    return record(
        Notice,
        row,
        event=NoticeEvent(row["event"]),
        created_at=datetime.fromisoformat(row["created_at"]),
    )
