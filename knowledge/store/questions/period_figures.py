"""Figures of a period in a guild: what was asked and came of it, and which notes went live."""

import json
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from knowledge.store.audit_log import PUBLISHED
from knowledge.store.database import Database


@dataclass(frozen=True, slots=True)
class Asked:
    """How many questions were asked, answered and refused, and of how many the answer helped."""

    answered: int
    refused: int
    solved: int

    @property
    def all(self) -> int:
        return self.answered + self.refused


class PeriodFigures:
    """Figures from the community database, from one moment to right before another."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def asked(self, guild_id: int, since: datetime, until: datetime) -> Asked:
        """What was asked, also privately; an answer that was told later is no other question."""
        [row] = self._database.rows(
            "select (select count(*) from questions where guild_id = ?1 and told_for is null "
            "  and asked_at >= ?2 and asked_at < ?3 and evidence != 'none') as answered, "
            "(select count(*) from questions where guild_id = ?1 and told_for is null "
            "  and asked_at >= ?2 and asked_at < ?3 and evidence = 'none') as refused, "
            "(select count(distinct f.question_id) from feedback f "
            "  join questions q on q.id = f.question_id where q.guild_id = ?1 "
            "  and f.verdict = 'helpful' and f.created_at >= ?2 and f.created_at < ?3) as solved",
            [guild_id, since.isoformat(), until.isoformat()],
        )
        return Asked(**row)

    def unanswered_posts(
        self, guild_id: int, since: datetime, until: datetime, most: int
    ) -> list[tuple[int, datetime]]:
        """Forum posts that nobody had answered a day later, or that are younger and unanswered.

        Of those, the newest written since then, but not after the other moment; a gap that was
        settled is none.

        Returns:
            Their ids, and when each was written; the newest first.
        """
        rows = self._database.rows(
            "select h.message_id, h.asked_at from helped_questions h "
            "left join questions q on q.id = h.question_id where h.guild_id = ?1 and h.is_post "
            "and h.asked_at >= ?2 and h.asked_at <= ?3 and (h.state = 'watched' and q.id is null "
            "  or h.state = 'done' and q.evidence = 'none' and q.settled = '') "
            "order by h.asked_at desc limit ?4",
            [guild_id, since.isoformat(), until.isoformat(), most],
        )
        return [(row["message_id"], datetime.fromisoformat(row["asked_at"])) for row in rows]

    def new_notes(self, guild_id: int, since: datetime, until: datetime) -> list[int]:
        """The notes that are live and went live for the first time then, by when they did."""
        rows = self._database.rows(
            "select n.id from notes n join "
            "(select json_extract(detail, '$.note') as note_id, min(at) as first from log where "
            "  guild_id = ?1 and event in (select value from json_each(?4)) group by note_id) "
            "p on p.note_id = n.id where n.guild_id = ?1 and n.live_revision_id is not null "
            "and p.first >= ?2 and p.first < ?3 order by p.first, n.id",
            [guild_id, since.isoformat(), until.isoformat(), json.dumps(sorted(PUBLISHED))],
        )
        return [row["id"] for row in rows]

    def answered_by(self, note_id: int, channels: Collection[int]) -> list[str]:
        """What was asked in public, in one of these channels, and is answered by a note.

        It was written for that, or its askers were told of it. The same words stand there once.
        """
        rows = self._database.rows(
            "select q.text from questions q where not q.private and q.text != '' "
            "and q.channel_id in (select value from json_each(?2)) and (q.id in "
            "  (select question_id from gap_notes where note_id = ?1) or q.id in "
            "  (select s.question_id from notices s join revisions r on r.id = s.revision_id "
            "  where r.note_id = ?1 and s.event = 'answered')) "
            "group by lower(trim(q.text)) order by min(q.id)",
            [note_id, json.dumps(sorted(channels))],
        )
        return [row["text"] for row in rows]
