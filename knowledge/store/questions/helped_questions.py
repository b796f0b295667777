"""Tables of messages with an answer by the bot itself, or with a note of a helper's choice.

Words of messages aren't stored. A question *waits* while members may answer it. Then the bot
answers the question once, or leaves it to members. Either way it is *watched* for a day, and then
*done*. If nobody has answered the question by then, it is recorded as a gap. The table has the
gap's id, so that the gap is deleted together with the message.

A helper's choice is stored with its question before the note is posted.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from typing import Final

from knowledge.store.questions.question_records import QuestionRecords
from knowledge.store.rows import RowKind, Tables, column, columns, record
from knowledge.values.guilds import GuildFilter, every_guild
from knowledge.values.questions import DailyCaps, HelpedQuestion, HelperAnswer, PostState, Question

# Time for other members' answers, before a question counts as unanswered.
WATCHED_FOR: Final = timedelta(days=1)
# The period of the caps.
CAPPED_FOR: Final = timedelta(days=1)

_KNOWN: Final = {
    "helped_questions": "select message_id from helped_questions where message_id in (?)",
    "helper_answers": "select message_id from helper_answers where message_id in (?)",
}


@dataclass(eq=False)
class HelpedQuestions(Tables):
    """Helped questions in the community database."""

    _records: QuestionRecords

    def add(self, question: HelpedQuestion) -> bool:
        """Store a waiting question; False if it is known already."""
        with self._db.writing(question.guild_id):
            known = self._db.rows(
                "select 1 from helped_questions where message_id = ?", [question.message_id]
            )
            if not known:
                self._db.insert("helped_questions", columns(question))
        return not known

    def find(self, guild_id: int, message_id: int) -> HelpedQuestion | None:
        return self._db.find(
            HelpedQuestion,
            "select * from helped_questions where message_id = ? and guild_id = ?",
            [message_id, guild_id],
        )

    def guilds(self, mine: GuildFilter = every_guild) -> set[int]:
        sql = "select guild_id from helped_questions union select guild_id from helper_answers"
        return set(filter(mine, self._db.column(sql)))

    def waiting(self, mine: GuildFilter = every_guild) -> list[HelpedQuestion]:
        rows = self._db.rows(
            "select * from helped_questions where state = 'waiting' order by due_at, message_id"
        )
        return [record(HelpedQuestion, row) for row in rows if mine(row["guild_id"])]

    def due(self, at: datetime, most: int, mine: GuildFilter = every_guild) -> list[HelpedQuestion]:
        """Watched questions at the end of their day, longest due first."""
        rows = self._db.rows(
            "select * from helped_questions where state = 'watched' and due_at <= ? "
            "order by due_at, message_id",
            [at],
        )
        mine_first = islice((row for row in rows if mine(row["guild_id"])), most)
        return [record(HelpedQuestion, row) for row in mine_first]

    def answer(
        self, question: HelpedQuestion, answered: Question, caps: DailyCaps, at: datetime
    ) -> int | None:
        """Record an answer before it is posted, if the question still waits.

        Returns the record's id, for the answer's buttons; None if there was an answer already, or
        the member or channel has reached a cap.
        """
        with self._db.writing(question.guild_id):
            waits = self._db.rows(
                "select 1 from helped_questions where message_id = ? and state = 'waiting'",
                [question.message_id],
            )
            if not waits or self._has_enough(question, caps, at):
                return None
            [question_id] = self._records.record([answered])
            self._watch(question, question_id)
            return question_id

    def offer(
        self, question: HelpedQuestion, similar: Sequence[str], caps: DailyCaps, at: datetime
    ) -> bool:
        """Record similar documents before they are posted; the question waits until they are.

        False if the question doesn't wait, or the member or channel has reached a cap.
        """
        with self._db.writing(question.guild_id):
            return not self._has_enough(question, caps, at) and bool(
                self._db.run(
                    "update helped_questions set similar_ids = ? "
                    "where message_id = ? and state = 'waiting'",
                    [column(tuple(similar)), question.message_id],
                )
            )

    def _has_enough(self, question: HelpedQuestion, caps: DailyCaps, at: datetime) -> bool:
        [row] = self._db.rows(
            "select count(*) filter (where asker_id = ?) as member, "
            "count(*) filter (where channel_id = ?) as channel from helped_questions "
            "where guild_id = ? and asked_at > ? "
            "and (question_id is not null or similar_ids <> '[]')",
            [question.asker_id, question.channel_id, question.guild_id, at - CAPPED_FOR],
        )
        return bool(
            (caps.member and row["member"] >= caps.member)
            or (caps.channel and row["channel"] >= caps.channel)
        )

    def _watch(self, question: HelpedQuestion, question_id: int | None) -> None:
        self._db.run(
            "update helped_questions set state = 'watched', due_at = ?, question_id = ? "
            "where message_id = ? and state = 'waiting'",
            [question.asked_at + WATCHED_FOR, question_id, question.message_id],
        )

    def watch(self, question: HelpedQuestion) -> None:
        """Leave a waiting question to members, and watch it."""
        with self._db.writing(question.guild_id):
            self._watch(question, None)

    def record_reply(self, message_id: int, reply_id: int) -> None:
        with self._writing(RowKind.HELPED_QUESTION, message_id):
            self._db.run(
                "update helped_questions set reply_id = ? where message_id = ?",
                [reply_id, message_id],
            )

    def finish(self, message_id: int, recorded: Question | None = None) -> int | None:
        """Finish a question, and record it if it is a gap or a similar post answers it."""
        with self._writing(RowKind.HELPED_QUESTION, message_id):
            question_id = self._records.record([recorded])[0] if recorded is not None else None
            self._db.run(
                "update helped_questions set state = 'done', "
                "question_id = coalesce(?, question_id) where message_id = ?",
                [question_id, message_id],
            )
        return question_id

    # Forum posts until they are solved.

    def posts(
        self, since: datetime, at: datetime, mine: GuildFilter = every_guild
    ) -> list[HelpedQuestion]:
        """Posts to look at, asked after `since`, longest due first.

        Guilds where neither pings nor questions to authors are on anywhere are left out.
        """
        rows = self._db.rows(
            "select h.* from helped_questions h left join guilds g on g.id = h.guild_id "
            "where h.is_post = 1 and h.post_state <> 'ended' and h.asked_at > ? "
            "and (h.look_at is null or h.look_at <= ?) and (h.post_state = 'solved' "
            "or g.ping_hours > 0 or g.solved_posts <> 'off' or exists "
            "(select 1 from channel_settings c where c.guild_id = h.guild_id "
            "and (c.ping_hours > 0 or c.solved_posts <> 'off'))) "
            "order by coalesce(h.look_at, h.asked_at), h.message_id",
            [since, at],
        )
        return [record(HelpedQuestion, row) for row in rows if mine(row["guild_id"])]

    def set_post_state(
        self, message_id: int, state: PostState, look_at: datetime | None = None
    ) -> None:
        with self._writing(RowKind.HELPED_QUESTION, message_id):
            self._db.run(
                "update helped_questions set post_state = ?, look_at = ? where message_id = ?",
                [state, look_at, message_id],
            )

    def forget(self, message_ids: Collection[int]) -> bool:
        """Delete the questions of deleted messages, with their gaps; False if there were none."""
        # Most deleted messages were no questions.
        known = {
            table: self._db.column(select, [[*message_ids]]) for table, select in _KNOWN.items()
        }
        if not any(known.values()):
            return False
        with self._db.erasing():
            for table, ids in known.items():
                self._db.run(
                    # Names are constants of this module; values are bound.
                    "delete from questions where text != '' and id in "  # noqa: S608
                    f"(select question_id from {table} where message_id in (?))",
                    [ids],
                )
                self._db.run(f"delete from {table} where message_id in (?)", [ids])  # noqa: S608
        return True

    def prune(self, before: datetime) -> None:
        with self._db.writing():
            for old in (
                "delete from helped_questions where asked_at < ?",
                "delete from helper_answers where chosen_at < ?",
            ):
                self._db.run(old, [before])


class HelperAnswers(Tables):
    """Notes chosen by helpers in the community database."""

    def add(self, answer: HelperAnswer) -> None:
        with self._db.writing(answer.guild_id):
            self._db.insert("helper_answers", columns(answer))

    def find(self, message_id: int, note_id: int) -> HelperAnswer | None:
        return self._db.find(
            HelperAnswer,
            "select * from helper_answers where message_id = ? and note_id = ?",
            [message_id, note_id],
        )

    def due(self, mine: GuildFilter = every_guild) -> list[HelperAnswer]:
        answers = self._db.records(
            HelperAnswer,
            "select * from helper_answers where reply_id is null order by chosen_at, message_id",
        )
        return [answer for answer in answers if mine(answer.guild_id)]

    def record_reply(self, answer: HelperAnswer, reply_id: int) -> None:
        with self._db.writing(answer.guild_id):
            self._db.run(
                "update helper_answers set reply_id = ? where message_id = ? and note_id = ?",
                [reply_id, answer.message_id, answer.note_id],
            )

    def drop(self, answer: HelperAnswer) -> None:
        """Delete an unposted choice, and its question."""
        with self._db.writing(answer.guild_id):
            self._db.run(
                "delete from helper_answers where message_id = ? and note_id = ?",
                [answer.message_id, answer.note_id],
            )
            self._db.run("delete from questions where id = ?", [answer.question_id])
