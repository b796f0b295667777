"""`QuestionRecords`: the hits of recorded questions, each passage once, and pruning of old ones.

Most questions find the same few passages, so a hit holds the digest of one, whose words stand in
`recorded_passages` for as long as a hit refers to them. Pruning takes the words of old questions
and leaves what figures are made of: when and where something was asked, how good the evidence was,
the verdicts, and which documents came first.
"""

import hashlib
import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from knowledge.model.questions import RecordedHit
from knowledge.store.database import CommunityDatabase, now

# So many hits can be quoted by an answer, and give its notes' contributors credit.
_MOST_QUOTED: Final = 5

_COLUMNS: Final = (
    "document_id",
    "title",
    "heading",
    "passage",
    "link",
    "source_channel_id",
    "position",
)


def recorded_digest(values: Sequence[object]) -> str:
    """The key of a recorded passage, by the values of its columns: 32 hexadecimal digits."""
    covered = json.dumps(values, ensure_ascii=False).encode()
    return hashlib.sha256(covered).hexdigest()[:32]


class QuestionRecords:
    """What the community database keeps of questions beside their rows."""

    def __init__(self, database: CommunityDatabase) -> None:
        self._database = database

    def record_hits(self, question_id: int, hits: Sequence[RecordedHit]) -> None:
        """Keep the hits of a new question, inside the transaction that keeps the question."""
        passages = [tuple(getattr(hit, column) for column in _COLUMNS) for hit in hits]
        self._insert(
            [
                (question_id, rank, hit.score, " ".join(hit.legs), passage)
                for rank, (hit, passage) in enumerate(zip(hits, passages, strict=True), start=1)
            ]
        )

    def _insert(self, hits: Sequence[tuple[int, int, float, str, tuple[Any, ...]]]) -> None:
        keyed = [(*hit[:-1], recorded_digest(hit[-1]), hit[-1]) for hit in hits]
        self._database.run_many(
            # Names are this module's own; values are bound.
            f"insert into recorded_passages (digest, {', '.join(_COLUMNS)}) "  # noqa: S608
            "values (?, ?, ?, ?, ?, ?, ?, ?) on conflict (digest) do nothing",
            [(digest, *passage) for *_, digest, passage in keyed],
        )
        self._database.run_many(
            "insert into hits (question_id, rank, score, legs, passage_digest) "
            "values (?, ?, ?, ?, ?)",
            [hit[:-1] for hit in keyed],
        )

    def hits(self, question_id: int) -> list[RecordedHit]:
        """The hits of a question, best first; of a pruned one without words."""
        rows = self._database.rows(
            "select * from hits h join recorded_passages p on p.digest = h.passage_digest "
            "where h.question_id = ? order by h.rank",
            [question_id],
        )
        return [
            RecordedHit(
                score=row["score"],
                legs=tuple(row["legs"].split()),
                **{column: row[column] for column in _COLUMNS},
            )
            for row in rows
        ]

    def prune(self, before: datetime, most: int) -> int:
        """Take the words of questions that were asked before a moment, oldest first.

        It is one transaction, after which the file holds nothing of them.

        Args:
            before: what was asked later stays as it is.
            most: how many questions are pruned at once.

        Returns:
            How many were.
        """
        rows = self._database.rows(
            "select id from questions where pruned_at is null and asked_at < ? "
            "order by asked_at limit ?",
            [before.isoformat(), most],
        )
        if not rows:
            return 0
        self._database.run("pragma secure_delete = on")
        ids = json.dumps([row["id"] for row in rows])
        with self._database.writing():
            self._keep_only_places(ids)
            self._database.run(
                "update feedback set reason = '' "
                "where reason != '' and question_id in (select value from json_each(?))",
                [ids],
            )
            self._database.run(
                "update questions set text = '', earlier = '', settings = '', signals = '{}', "
                "pruned_at = ? where id in (select value from json_each(?))",
                [now().isoformat(), ids],
            )
        self._database.rows("pragma wal_checkpoint(truncate)")
        return len(rows)

    def _keep_only_places(self, ids: str) -> None:
        """Leave of the hits of questions which document was first and which notes were quoted."""
        kept = self._database.rows(
            "select h.question_id, h.rank, h.score, p.document_id, p.source_channel_id "
            "from hits h join recorded_passages p on p.digest = h.passage_digest "
            "where h.question_id in (select value from json_each(?)) "
            "and (h.rank = 1 or (h.rank <= ? and p.document_id like 'note:%'))",
            [ids, _MOST_QUOTED],
        )
        self._database.run(
            "delete from hits where question_id in (select value from json_each(?))", [ids]
        )
        self._insert(
            [
                (
                    row["question_id"],
                    row["rank"],
                    row["score"],
                    "",
                    (row["document_id"], "", "", "", "", row["source_channel_id"], None),
                )
                for row in kept
            ]
        )
