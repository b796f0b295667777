"""Wordings: other ways to ask a note's question, and members' questions as suggestions.

A suggestion copies a member's words. So only public questions are suggested, and the copies of a
forgotten member are deleted.
"""

import json
from collections.abc import Sequence
from typing import Final

from knowledge.store.database import Database
from knowledge.store.notes.review_cards import mark_due
from knowledge.store.rows import record
from knowledge.values.documents import document_of_note
from knowledge.values.notes import Note, SuggestedWording

# The newest questions that a note answered after a click.
_MOST: Final = 50


class Wordings:
    """Wordings of revisions in the community database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def suggested(self, note: Note) -> list[SuggestedWording]:
        """Public questions whose confirmed answer is the note, newest first.

        Follow-ups are left out, because they mean little alone.
        """
        rows = self._database.rows(
            "select q.id as question_id, q.text, q.asker_id, q.channel_id from questions q "
            "join hits h on h.question_id = q.id and h.rank = 1 "
            "join recorded_passages p on p.digest = h.passage_digest "
            "where q.guild_id = ? and p.document_id = ? and q.confirmed_at is not null "
            "and q.private = 0 and q.text != '' and q.earlier = '' and q.told_for is null "
            "order by q.confirmed_at desc, q.id desc limit ?",
            [note.guild_id, document_of_note(note.id), _MOST],
        )
        return [record(SuggestedWording, row) for row in rows]

    def record_copy(self, note: Note, suggested: SuggestedWording) -> None:
        """Record the asker of a copied wording, inside a transaction."""
        row = {
            "note_id": note.id,
            "wording": suggested.text,
            "member_id": suggested.asker_id,
        }
        self._database.replace("copied_wordings", row, ["note_id", "wording"])

    def forget(self, member_id: int) -> list[int]:
        """Delete a member's questions from the wordings of notes, inside a transaction.

        Returns:
            The ids of the changed notes.
        """
        rows = self._database.rows(
            "select r.id, r.note_id, r.wordings, c.wording from copied_wordings c "
            "join revisions r on r.note_id = c.note_id where c.member_id = ? order by r.id",
            [member_id],
        )
        copied = {(row["note_id"], row["wording"]) for row in rows}
        for row in {row["id"]: row for row in rows}.values():
            own, note_id = json.loads(row["wordings"]), row["note_id"]
            self.change(row["id"], [one for one in own if (note_id, one) not in copied])
        return list(dict.fromkeys(row["note_id"] for row in rows))

    def change(self, revision_id: int, wordings: Sequence[str]) -> None:
        """Replace a revision's wordings and mark its card as outdated, inside a transaction."""
        self._database.run(
            "update revisions set wordings = ? where id = ?",
            [json.dumps(wordings, ensure_ascii=False), revision_id],
        )
        mark_due(self._database, revision_id)
