"""Transactional outbox of notices to members.

A notice is written in the transaction that it reports, so a restart loses none. The notice's id is
the nonce of the Discord message, so Discord drops a second copy.
"""

from typing import Final

from knowledge.store.database import Database, now
from knowledge.store.rows import RowKind, guild_of, record
from knowledge.values.guilds import GuildFilter, every_guild
from knowledge.values.notes import Notice, NoticeEvent

# The channel of notices sent only by direct message.
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
        """Queue a notice, inside the transaction that it reports.

        The channel is used if no direct message can be delivered. The question is the recipient's;
        the handed-over one can be another member's in the same words.
        """
        # A forgotten member has no id and can't be notified.
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
        return [record(Notice, row) for row in rows if mine(row["guild_id"])]

    def sent(self, notice_id: int) -> None:
        """Mark a notice as delivered, or as undeliverable."""
        with self._database.writing(guild_of(self._database, RowKind.NOTICE, notice_id)):
            self._database.run(
                "update notices set sent_at = ? where id = ?", [now().isoformat(), notice_id]
            )
