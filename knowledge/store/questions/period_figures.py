"""Figures of a guild for a period: questions, their outcomes, and new notes."""

import json
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from operator import itemgetter

from knowledge.store.audit.audit_log import PUBLISHED
from knowledge.store.database import Database
from knowledge.store.value_lists import rows_among


@dataclass(frozen=True, slots=True)
class Asked:
    """The numbers of questions, answers, refusals and helpful answers."""

    answered: int
    refused: int
    solved: int

    @property
    def all(self) -> int:
        return self.answered + self.refused


class PeriodFigures:
    """Figures from the community database; a period excludes its end."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def asked(self, guild_id: int, since: datetime, until: datetime) -> Asked:
        """Questions of a period, private ones included; late answers aren't counted again."""
        [row] = self._database.rows(
            "select (select count(*) from questions where guild_id = ? and told_for is null "
            "  and asked_at >= ? and asked_at < ? and evidence != 'none') as answered, "
            "(select count(*) from questions where guild_id = ? and told_for is null "
            "  and asked_at >= ? and asked_at < ? and evidence = 'none') as refused, "
            "(select count(distinct f.question_id) from feedback f "
            "  join questions q on q.id = f.question_id where q.guild_id = ? "
            "  and f.verdict = 'helpful' and f.created_at >= ? and f.created_at < ?) as solved",
            [guild_id, since.isoformat(), until.isoformat()] * 3,
        )
        return Asked(**row)

    def unanswered_posts(
        self, guild_id: int, since: datetime, until: datetime, most: int
    ) -> list[tuple[int, datetime]]:
        """Forum posts of a period without an answer; settled gaps aren't included.

        Returns:
            Their ids and times, newest first.
        """
        rows = self._database.rows(
            "select h.message_id, h.asked_at from helped_questions h "
            "left join questions q on q.id = h.question_id "
            "where h.guild_id = ? and h.is_post = 1 and h.asked_at >= ? and h.asked_at <= ? "
            "and (h.state = 'watched' and q.id is null "
            "  or h.state = 'done' and q.evidence = 'none' and q.settled = '') "
            "order by h.asked_at desc, h.message_id desc limit ?",
            [guild_id, since.isoformat(), until.isoformat(), most],
        )
        return [(row["message_id"], datetime.fromisoformat(row["asked_at"])) for row in rows]

    def new_notes(self, guild_id: int, since: datetime, until: datetime) -> list[int]:
        """Live notes first published in the period, by time of publication."""
        published = rows_among(
            self._database,
            "select at, detail from log where guild_id = ? and event in (?) and at < ?",
            sorted(PUBLISHED),
            before=[guild_id],
            after=[until.isoformat()],
        )
        first: dict[int, str] = {}
        for row in published:
            note_id = json.loads(row["detail"])["note"]
            first[note_id] = min(row["at"], first.get(note_id, row["at"]))
        new = [note_id for note_id, at in first.items() if at >= since.isoformat()]
        live = rows_among(
            self._database,
            "select id from notes where guild_id = ? and live_revision_id is not null "
            "and id in (?)",
            new,
            before=[guild_id],
        )
        return sorted((row["id"] for row in live), key=lambda note_id: (first[note_id], note_id))

    def answered_by(self, note_id: int, channels: Collection[int]) -> list[str]:
        """Public questions in these channels answered by a note, each wording once.

        The note was written for the question, or its askers were notified of it.
        """
        rows = rows_among(
            self._database,
            "select q.id, q.text from questions q where q.private = 0 and q.text != '' "
            "and (q.id in (select question_id from gap_notes where note_id = ?) or q.id in "
            "  (select s.question_id from notices s join revisions r on r.id = s.revision_id "
            "  where r.note_id = ? and s.event = 'answered')) and q.channel_id in (?)",
            sorted(channels),
            before=[note_id, note_id],
        )
        texts: dict[str, str] = {}
        for row in sorted(rows, key=itemgetter("id")):
            texts.setdefault(row["text"].strip(" ").lower(), row["text"])
        return [*texts.values()]
