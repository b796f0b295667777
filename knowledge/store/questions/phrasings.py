"""Table of phrasings: a language model's sentences for answers, and recent use of the model.

A row is inserted before the model is asked, so requests in progress count, too. The asker and the
channel are recorded with the question. If the question is deleted, so is the phrasing.
"""

import json
from datetime import datetime, timedelta
from typing import Final

from knowledge.store.database import Database
from knowledge.store.rows import RowKind, columns, guild_of, record
from knowledge.values.questions import (
    UNDER_WAY,
    PhrasingCaps,
    RecordedPhrasing,
    UsedUp,
    WrittenLine,
)
from knowledge.values.quotas import DAY, HOUR

_ASKED: Final = (
    "select p.asked_at from phrasings p join questions q on q.id = p.question_id "
    "where p.repeated = 0 and p.asked_at > ? and p.asked_at <= ?"
)


class Phrasings:
    """The phrasings in the community database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def claim(self, question_id: int, mode: str, caps: PhrasingCaps, now: datetime) -> bool:
        """Count a request to a model about a question, before it is sent.

        Returns:
            Whether it may be sent. False if a limit is reached, if the question is gone, or if a
            model was asked about the question before.
        """
        with self._database.writing(guild_of(self._database, RowKind.QUESTION, question_id)):
            rows = self._database.rows(
                "select asker_id, guild_id from questions where id = ?", [question_id]
            )
            if not rows:
                return False
            member_id, guild_id = rows[0]["asker_id"], rows[0]["guild_id"]
            if self.used_up(caps, now, member_id, guild_id).stops(member_id, guild_id, now):
                return False
            row = {
                "question_id": question_id,
                "asked_at": now.isoformat(),
                "mode": mode,
                "outcome": UNDER_WAY,
            }
            return self._database.insert_new("phrasings", row)

    def used_up(
        self, caps: PhrasingCaps, now: datetime, member_id: int, guild_id: int | None
    ) -> UsedUp:
        """The limits reached by a member, in their guild, and overall."""
        member = guild = None
        if caps.member_hourly:
            member = self._until(
                f"{_ASKED} and q.asker_id = ?", now, HOUR, member_id, caps.member_hourly
            )
        if caps.guild_daily:
            guild = self._until(
                f"{_ASKED} and q.guild_id is not distinct from ?",
                now,
                DAY,
                guild_id,
                caps.guild_daily,
            )
        return UsedUp(
            {} if member is None else {member_id: member},
            {} if guild is None else {guild_id: guild},
            self._until_tokens(caps.daily_tokens, now),
        )

    def all_used_up(self, caps: PhrasingCaps, now: datetime) -> UsedUp:
        """All reached limits of members, guilds and tokens; the bot reads them at its start."""
        members: dict[int, datetime] = {}
        guilds: dict[int | None, datetime] = {}
        for row in self._database.rows(
            "select distinct q.asker_id, q.guild_id from phrasings p "
            "join questions q on q.id = p.question_id "
            "where p.repeated = 0 and p.asked_at > ? and p.asked_at <= ?",
            [(now - DAY).isoformat(), now.isoformat()],
        ):
            found = self.used_up(caps, now, row["asker_id"], row["guild_id"])
            members |= found.members
            guilds |= found.guilds
        return UsedUp(members, guilds, self._until_tokens(caps.daily_tokens, now))

    def _until(
        self, sql: str, now: datetime, window: timedelta, key: int | None, most: int
    ) -> datetime | None:
        """The time of the next allowed request; None if a request is allowed now.

        `sql` selects the times of a member's or guild's requests; `most` may be in the window.
        """
        rows = self._database.rows(
            f"{sql} order by p.asked_at desc limit 1 offset ?",
            [(now - window).isoformat(), now.isoformat(), key, most - 1],
        )
        return datetime.fromisoformat(rows[0]["asked_at"]) + window if rows else None

    def _until_tokens(self, most: int, now: datetime) -> datetime | None:
        if not most:
            return None
        spent = 0
        for row in self._database.rows(
            "select asked_at, prompt_tokens + reply_tokens as tokens from phrasings "
            "where repeated = 0 and asked_at > ? and asked_at <= ? order by asked_at desc",
            [(now - DAY).isoformat(), now.isoformat()],
        ):
            spent += row["tokens"]
            if spent >= most:
                return datetime.fromisoformat(row["asked_at"]) + DAY
        return None

    def finish(self, question_id: int, found: RecordedPhrasing, *, keeps_words: bool) -> None:
        """Store the outcome of a phrasing, if the question still exists.

        Without `keeps_words`, the model's words aren't stored.
        """
        with self._database.writing(guild_of(self._database, RowKind.QUESTION, question_id)):
            if not self._database.rows("select 1 from questions where id = ?", [question_id]):
                return
            lines = [[line.text, *line.numbers] for line in found.lines] if keeps_words else []
            row = columns(found, lines=json.dumps(lines, ensure_ascii=False))
            row["question_id"] = question_id
            self._database.replace("phrasings", row, ["question_id"])

    def of(self, question_id: int) -> RecordedPhrasing | None:
        """The outcome of a question's phrasing; None if the answer was never phrased."""
        rows = self._database.rows("select * from phrasings where question_id = ?", [question_id])
        if not rows:
            return None
        row = rows[0]
        return record(
            RecordedPhrasing,
            row,
            lines=tuple(
                WrittenLine(text, tuple(numbers)) for text, *numbers in json.loads(row["lines"])
            ),
        )
