"""Members' verdicts on answers, and confirmed answers.

An answer is confirmed once its asker or a moderator picks the right passage. The picked passage
becomes the question's first hit. From then on, this passage answers similar questions, too.
"""

import json
from collections.abc import Sequence
from typing import Any, Final

from knowledge.store.database import Database, now
from knowledge.store.rows import RowKind, guild_of, record
from knowledge.values.questions import ConfirmedAnswer, Feedback, FeedbackReason, Verdict

# The newest confirmed answers, compared with each question; they are embedded once.
_MOST_CONFIRMED: Final = 200

_CONFIRMED: Final = (
    "select q.text, q.earlier, p.document_id, p.passage, q.confirmed_at, "
    "q.confirmed_by_moderator as by_moderator from questions q "
    "join hits h on h.question_id = q.id and h.rank = 1 "
    "join recorded_passages p on p.digest = h.passage_digest"
)


class FeedbackRecords:
    """Verdicts in the community database, one per member and question."""

    def __init__(self, database: Database) -> None:
        self._database = database
        # A counter of this process's changes of confirmed answers, for caches to compare.
        self.confirmations = 0

    def record(self, feedback: Feedback) -> bool:
        """Store or replace a member's verdict; False for an unknown question."""
        document_id = feedback.document_id
        if feedback.verdict is Verdict.HELPFUL and not document_id:
            document_id = self.confirmed_document(feedback.question_id)
        with self._database.writing(
            guild_of(self._database, RowKind.QUESTION, feedback.question_id)
        ):
            known = self._database.rows(
                "select 1 from questions where id = ?", [feedback.question_id]
            )
            if known:
                self._database.replace(
                    "feedback",
                    {
                        "question_id": feedback.question_id,
                        "member_id": feedback.member_id,
                        "verdict": feedback.verdict.value,
                        "reason": feedback.reason,
                        "reason_code": feedback.chosen or "",
                        "document_id": document_id,
                        "created_at": now().isoformat(),
                    },
                    ["question_id", "member_id"],
                )
        return bool(known)

    def of(self, question_id: int) -> list[Feedback]:
        rows = self._database.rows(
            "select * from feedback where question_id = ? order by member_id", [question_id]
        )
        return [
            Feedback(
                row["question_id"],
                row["member_id"],
                Verdict(row["verdict"]),
                row["reason"],
                FeedbackReason(row["reason_code"]) if row["reason_code"] else None,
                row["document_id"],
            )
            for row in rows
        ]

    def record_pick(self, pick: Feedback, digest: str, *, by_moderator: bool | None) -> bool:
        """Store a member's pick of the right document, in place of their last verdict.

        Args:
            pick: the verdict with the picked document.
            digest: the digest of the picked passage.
            by_moderator: whether a moderator picked the passage. None for a member whose pick can't
                confirm an answer.

        Returns:
            Whether the answer is confirmed now.
        """
        with self._database.writing(guild_of(self._database, RowKind.QUESTION, pick.question_id)):
            return (
                self.record(pick)
                and by_moderator is not None
                and self._confirm(pick.question_id, digest, by_moderator=by_moderator)
            )

    def _confirm(self, question_id: int, digest: str, *, by_moderator: bool) -> bool:
        """Move a picked hit to the first rank, inside a transaction.

        A refused question becomes partially answered. Earlier helpful verdicts are stored as
        verdicts about the document that was the first hit until now.

        Returns:
            False if there is no such hit, or a moderator has picked another hit.
        """
        self.confirmations += 1
        rows = self._database.rows(
            "select h.rank, case when q.confirmed_at is null then 0 "
            "  else q.confirmed_by_moderator end as settled "
            "from hits h join questions q on q.id = h.question_id "
            "where h.question_id = ? and h.passage_digest = ? order by h.rank",
            [question_id, digest],
        )
        if not rows or (rows[0]["settled"] and not by_moderator):
            return False
        self._database.run(
            "update feedback set document_id = (select p.document_id from hits h "
            "  join recorded_passages p on p.digest = h.passage_digest "
            "  where h.question_id = ? and h.rank = 1) "
            "where question_id = ? and verdict = 'helpful' and document_id = '' "
            "and exists (select 1 from hits where question_id = ? and rank = 1)",
            [question_id] * 3,
        )
        # Ranks are unique, so all are moved out of the way first.
        self._database.run("update hits set rank = -rank where question_id = ?", [question_id])
        self._database.run(
            "update hits set rank = case when rank = ? then 1 when rank > ? then 1 - rank "
            "else -rank end where question_id = ?",
            [-rows[0]["rank"], -rows[0]["rank"], question_id],
        )
        self._database.run(
            "update questions set confirmed_at = ?, confirmed_by_moderator = ?, "
            "evidence = case evidence when 'none' then 'partial' else evidence end where id = ?",
            [now().isoformat(), int(by_moderator), question_id],
        )
        return True

    def confirmed_document(self, question_id: int) -> str:
        """The confirmed document of a question, or an empty string."""
        rows = self._database.rows(
            f"{_CONFIRMED} where q.id = ? and q.confirmed_at is not null", [question_id]
        )
        return str(rows[0]["document_id"]) if rows else ""

    def take_back(self, question_id: int, *, by_moderator: bool) -> None:
        """Revoke a confirmed answer. A moderator's confirmation is revoked only by a moderator."""
        self.confirmations += 1
        with self._database.writing(guild_of(self._database, RowKind.QUESTION, question_id)):
            self._database.run(
                "update questions set confirmed_at = null, confirmed_by_moderator = 0 "
                "where id = ? and confirmed_by_moderator <= ?",
                [question_id, int(by_moderator)],
            )

    def confirmed(
        self, guild_id: int | None, channels: Sequence[int] | None = None
    ) -> list[ConfirmedAnswer]:
        """A guild's confirmed answers, newest first.

        With `channels`, an answer is returned only if its question was recorded with exactly these
        channels (`Question.channels`).
        """
        values: list[Any] = [guild_id]
        for_channels = ""
        if channels is not None:
            for_channels = "and q.channels = ?"
            values.append(json.dumps(sorted(set(channels))))
        rows = self._database.rows(
            f"{_CONFIRMED} where q.guild_id = ? and q.confirmed_at is not null and q.text != '' "
            f"{for_channels} order by q.confirmed_at desc, q.id desc limit ?",
            [*values, _MOST_CONFIRMED],
        )
        return [record(ConfirmedAnswer, row) for row in rows]

    def confirmed_version(self) -> str:
        """A value that changes with every confirmed or revoked answer."""
        [row] = self._database.rows(
            "select count(*) as number, max(confirmed_at) as last from questions "
            "where confirmed_at is not null"
        )
        return f"{row['number']} {row['last']}" if row["number"] else ""
