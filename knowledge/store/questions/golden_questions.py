"""Golden questions in the community database: the last check of each, and undecided changes.

Whether a question is golden follows from its rows in other tables: its answer is confirmed, or
members found the first passage helpful and nobody disagreed. So a forgotten member's verdicts count
by the rules of those tables. A check of another expected passage doesn't count.
"""

from collections.abc import Sequence
from typing import Final

from knowledge.store.database import Database
from knowledge.store.rows import columns, record, replacement, rows_among, run_among
from knowledge.values.questions import GoldenQuestion, GoldenState

# The largest number of golden questions in a guild; the newest count.
MOST_GOLDEN: Final = 10_000

_COLUMNS: Final = (
    "q.id as question_id, q.guild_id, q.channels, h.passage_digest as expected, "
    "coalesce(q.confirmed_at, (select max(f.created_at) from feedback f "
    "  where f.question_id = q.id and f.verdict = 'helpful')) as answered_at, "
    "coalesce(g.checked, '') as checked, g.checked_at, g.state, "
    "coalesce(g.first, '') as first, g.changed_at"
)
_GOLDEN: Final = (
    "from questions q join hits h on h.question_id = q.id and h.rank = 1 "
    "join recorded_passages p on p.digest = h.passage_digest "
    "left join golden_questions g on g.question_id = q.id and g.expected = h.passage_digest "
    "where q.guild_id = ? and q.text != '' and q.told_for is null and (q.confirmed_at is not null "
    "  or q.evidence != 'none' and exists (select 1 from feedback f where f.question_id = q.id "
    "    and f.verdict = 'helpful' and f.document_id in ('', p.document_id)) "
    "  and not exists (select 1 from feedback f where f.question_id = q.id "
    "    and f.verdict = 'unhelpful'))"
)


class GoldenQuestions:
    """The checks in the community database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def guilds(self) -> list[int]:
        """The guilds with checks, by id."""
        rows = self._database.rows("select id from guilds where golden_questions = 1 order by id")
        return [row["id"] for row in rows]

    def version(self) -> str:
        """A value that changes with every verdict."""
        [row] = self._database.rows("select count(*) as n, max(created_at) as last from feedback")
        return f"{row['n']} {row['last']}"

    def of_guild(self, guild_id: int) -> list[GoldenQuestion]:
        """A guild's golden questions, newest first."""
        rows = self._database.rows(
            f"select {_COLUMNS} {_GOLDEN} order by q.id desc limit {MOST_GOLDEN}",
            [guild_id],
        )
        return [record(GoldenQuestion, row) for row in rows]

    def changes(self, guild_id: int) -> list[tuple[GoldenState, list[int]]]:
        """The questions with a change to decide on, by their state, the oldest change first.

        Questions with the same words, state and expected passage are together.
        """
        rows = self._database.rows(
            "select q.id, q.text, q.earlier, g.expected, g.state "
            f"{_GOLDEN} and g.changed_at is not null order by g.changed_at, q.id",
            [guild_id],
        )
        found: dict[tuple[str, ...], list[int]] = {}
        for row in rows:
            key = (row["state"], row["text"], row["earlier"], row["expected"])
            found.setdefault(key, []).append(row["id"])
        return [(GoldenState(state), ids) for (state, *_), ids in found.items()]

    def ids_by_moderators(self, guild_id: int, most: int) -> list[int]:
        """The questions with answers confirmed by moderators, newest first."""
        rows = self._database.rows(
            f"select q.id {_GOLDEN} and q.confirmed_by_moderator = 1 "
            "order by q.confirmed_at desc, q.id desc limit ?",
            [guild_id, most],
        )
        return [row["id"] for row in rows]

    def record_checks(self, guild_id: int, checked: Sequence[GoldenQuestion]) -> None:
        """Store the checks in one transaction, except checks of deleted questions."""
        with self._database.writing(guild_id):
            there = rows_among(
                self._database,
                "select id from questions where id in (?)",
                [golden.question_id for golden in checked],
            )
            ids = {row["id"] for row in there}
            rows = [columns(golden) for golden in checked if golden.question_id in ids]
            for row in rows:
                del row["answered_at"], row["channels"]
            if rows:
                self._database.run_many(
                    replacement("golden_questions", rows[0], ["question_id"]),
                    [[*row.values()] for row in rows],
                )

    def settle(self, guild_id: int, question_ids: Sequence[int]) -> None:
        """Record a decision on the changes of these questions."""
        with self._database.writing(guild_id):
            run_among(
                self._database,
                "update golden_questions set changed_at = null where question_id in (?)",
                question_ids,
            )

    def settle_gone(self, guild_id: int) -> None:
        """Close the changes of questions with a lost document."""
        with self._database.writing(guild_id):
            self._database.run(
                "update golden_questions set changed_at = null where guild_id = ? and state = ?",
                [guild_id, GoldenState.GONE.value],
            )
