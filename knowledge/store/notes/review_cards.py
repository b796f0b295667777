"""Outbox of review cards: the message of each card, and the cards to update.

Each revision has one card. The card's message and the number of the card's last change are stored
with the revision.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from knowledge.store.database import Database
from knowledge.store.notes.note_records import Notes
from knowledge.store.rows import RowKind, Tables, only_guild
from knowledge.values.guilds import GuildFilter, every_guild
from knowledge.values.notes import Note


@dataclass(eq=False)
class ReviewCards(Tables):
    """The cards of every guild's notes."""

    _notes: Notes

    def record_message(self, revision_id: int, channel_id: int, message_id: int) -> None:
        with self._writing(RowKind.REVISION, revision_id):
            self._db.run(
                "update revisions set card_channel_id = ?, card_message_id = ? where id = ?",
                [channel_id, message_id, revision_id],
            )

    def forget_messages(self, message_ids: Sequence[int]) -> None:
        """Forget deleted card messages; cards of pending revisions are due again.

        Most deleted messages aren't cards, so nothing is written for them.
        """
        cards = self._db.rows(
            "select r.id, r.card_message_id, n.guild_id from revisions r "
            "join notes n on n.id = r.note_id where r.card_message_id in (?)",
            [[*message_ids]],
        )
        if not cards:
            return
        numbers = [(card_number(card["card_message_id"]), card["id"]) for card in cards]
        with self._db.writing(only_guild(card["guild_id"] for card in cards)):
            self._db.run_many(
                "update revisions set card_channel_id = null, card_message_id = null, "
                "card_posting = ?, card_due = case when state = 'pending' then ? else card_due end "
                "where id = ?",
                [(number, number, revision_id) for number, revision_id in numbers],
            )

    def forget_misplaced(self, guild_id: int) -> list[tuple[int, int]]:
        """Forget pending revisions' cards outside of the review channel; returns their messages."""
        rows = self._db.rows(
            "select r.card_channel_id as channel, r.card_message_id as message "
            "from revisions r join notes n on n.id = r.note_id join guilds g on g.id = n.guild_id "
            "where n.guild_id = ? and r.state = 'pending' and r.card_message_id is not null "
            "and r.card_channel_id is distinct from g.review_channel_id order by r.id",
            [guild_id],
        )
        self.forget_messages([row["message"] for row in rows])
        return [(row["channel"], row["message"]) for row in rows]

    def forget_channel(self, channel_id: int) -> None:
        sql = "select card_message_id from revisions where card_channel_id = ?"
        self.forget_messages(self._db.column(sql, [channel_id]))

    def revision_of(self, guild_id: int, message_id: int) -> int | None:
        """The revision whose card is this message, if the guild has the revision."""
        return self._db.value(
            int,
            "select r.id from revisions r join notes n on n.id = r.note_id "
            "where r.card_message_id = ? and n.guild_id = ?",
            [message_id, guild_id],
        )

    def due(self, mine: GuildFilter = every_guild) -> list[tuple[Note, int]]:
        """Revisions with outdated cards, oldest first, each with its last change's number."""
        rows = self._db.rows(
            "select r.id, r.card_due, n.guild_id from revisions r "
            "join notes n on n.id = r.note_id where r.card_due > 0 order by r.id"
        )
        return [
            (self._notes.of_revision(row["id"]), row["card_due"])
            for row in rows
            if mine(row["guild_id"])
        ]

    def begin_posting(self, revision_id: int, change: int) -> int:
        """Begin to post a card; returns the nonce: `change`, or the first attempt's in a retry."""
        with self._writing(RowKind.REVISION, revision_id):
            self._db.run(
                "update revisions set card_posting = ? where id = ? and card_posting is null",
                [change, revision_id],
            )
            sql = "select card_posting from revisions where id = ?"
            posting = self._db.value(int, sql, [revision_id])
        return change if posting is None else posting

    def mark_outdated(self, revision_id: int) -> None:
        with self._writing(RowKind.REVISION, revision_id):
            mark_due(self._db, revision_id)

    def mark_newly_due(self, at: datetime, mine: GuildFilter = every_guild) -> list[Note]:
        """Mark the cards of notes newly due for another review as outdated; returns these notes."""
        rows = self._db.rows(
            "select id, guild_id, live_revision_id, review_at <= ? as due from notes "
            "where (review_at <= ? and live_revision_id is not null "
            "and (due_shown is null or due_shown <> review_at)) "
            # A wrong clock may have shown this one as due too early.
            "or (review_at > ? and due_shown = review_at) order by id",
            [at] * 3,
        )
        own = [row for row in rows if mine(row["guild_id"])]
        if not own:
            return []
        with self._db.writing():
            for row in own:
                shown = "review_at" if row["due"] else "null"
                self._db.run(
                    f"update notes set due_shown = {shown} where id = ?",  # noqa: S608
                    [row["id"]],
                )
                mark_due(self._db, row["live_revision_id"])
            return [self._notes.of_revision(row["live_revision_id"]) for row in own if row["due"]]

    def mark_shown(self, revision_id: int, due: int) -> None:
        """Mark a card as current up to change `due`; later changes stay due."""
        with self._writing(RowKind.REVISION, revision_id):
            self._db.run(
                "update revisions set card_due = 0 where id = ? and card_due = ?",
                [revision_id, due],
            )


def mark_due(database: Database, *revision_ids: int | None) -> None:
    """Mark cards as outdated, inside a transaction."""
    known = [revision_id for revision_id in revision_ids if revision_id is not None]
    database.run("update revisions set card_due = card_due + 1 where id in (?)", [known])


def card_number(lost_message_id: int) -> int:
    """The nonce for reposting a card whose message is gone.

    Discord accepts a nonce once within some minutes, so this nonce differs from the lost one.
    """
    return lost_message_id % 1_000_000_000 + 2
