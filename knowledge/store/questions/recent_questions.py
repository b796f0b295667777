"""Table of recent questions: the times of members' questions in the last day, for limits.

The words of questions aren't stored. Members without a limit have no rows. Questions in direct
messages have guild 0.
"""

from datetime import datetime

from knowledge.store.database import Database
from knowledge.values.quotas import DAY, Quota


class RecentQuestions:
    """The times in the community database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def count_question(
        self, guild_id: int, member_id: int, quota: Quota, now: datetime
    ) -> datetime | None:
        """Count a question, unless the member has reached the limit.

        Returns:
            None if the question was counted, or else the time when the next question is allowed.
        """
        with self._database.writing(guild_id):
            self._database.run(
                "delete from recent_questions where asked_at <= ?", [(now - DAY).isoformat()]
            )
            rows = self._database.rows(
                "select asked_at from recent_questions where member_id = ? and guild_id = ? "
                "order by asked_at",
                [member_id, guild_id],
            )
            wait = quota.wait([datetime.fromisoformat(row["asked_at"]) for row in rows], now)
            if wait is None:
                row = {"guild_id": guild_id, "member_id": member_id, "asked_at": now.isoformat()}
                self._database.insert("recent_questions", row)
        return wait
