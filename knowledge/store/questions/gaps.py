"""Gaps: questions without a good answer, their outcome, and the notices to their askers.

A question is a gap if it was refused, if a member found its answer unhelpful, or if its answer was
partial and nobody found it helpful. A gap is settled once it is *answered* by later content, or
*dismissed* by a moderator. If somebody asks the same afterwards, that question is a new gap. Each
method here is one transaction, with its notices and log line. Other modules group gaps and look for
answers.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from knowledge.store.audit_log import AuditLog
from knowledge.store.database import Database, moment
from knowledge.store.notices import Notices
from knowledge.store.rows import RowKind, guild_of, record, run_among
from knowledge.values.guilds import GuildFilter, every_guild
from knowledge.values.notes import NoticeEvent
from knowledge.values.questions import OpenQuestion

# Only a guild's newest gaps are listed; older gaps are listed once newer gaps are settled.
MOST_QUESTIONS: Final = 2_000

_WITH_VERDICTS: Final = """
    select q.*, exists (select 1 from feedback f where f.question_id = q.id
    and f.member_id = q.asker_id and f.verdict = 'helpful') as satisfied,
    exists (select 1 from feedback f where f.question_id = q.id
    and f.verdict = 'unhelpful') as unhelpful
"""

_OPEN: Final = """
    from questions q where q.guild_id = ? and q.settled = ''
    and (q.evidence = 'none' or exists
        (select 1 from feedback f where f.question_id = q.id and f.verdict = 'unhelpful')
    or q.evidence = 'partial' and q.told_for is null and not exists
        (select 1 from feedback f where f.question_id = q.id and f.verdict = 'helpful'))
"""

_JUDGED: Final = """
    q.evidence != 'none' and exists (select 1 from feedback f where f.question_id = q.id
    and (f.verdict = 'unhelpful' or f.document_id != ''))
"""


def same_words(text: str) -> str:
    """The same key for all texts that differ only in case, blanks and final punctuation."""
    return " ".join(text.casefold().split()).rstrip("?!. ")


def once_each(questions: Sequence[OpenQuestion]) -> list[OpenQuestion]:
    """The newest question of each asker, so each gets one notice. `questions` are newest first."""
    newest: dict[int, OpenQuestion] = {}
    for question in questions:
        newest.setdefault(question.asker_id, question)
    return [question for asker_id, question in newest.items() if asker_id]


@dataclass(frozen=True, slots=True)
class Publication:
    """A live text of a note, not compared with the guild's gaps yet."""

    note_id: int
    guild_id: int
    revision_id: int
    number: int
    verified_at: str | None


# Unsolicited notices about the answer to a question.
_ANSWER_NOTICES: Final = (NoticeEvent.ANSWERED.value, NoticeEvent.HELPED.value)


class Gaps:
    """The gaps in the community database."""

    def __init__(self, database: Database, log: AuditLog, notices: Notices) -> None:
        self._database = database
        self._log = log
        self._notices = notices

    def open(self, guild_id: int) -> list[OpenQuestion]:
        """The guild's gaps, newest first, at most `MOST_QUESTIONS`."""
        rows = self._database.rows(
            f"{_WITH_VERDICTS} {_OPEN} and q.text != '' order by q.id desc limit ?",
            [guild_id, MOST_QUESTIONS],
        )
        return [record(OpenQuestion, row) for row in rows]

    def public_questions(
        self, guild_id: int | None, since: datetime, until: datetime, *, judged: bool = False
    ) -> list[OpenQuestion]:
        """Public questions of a period, gaps or not, newest first, at most `MOST_QUESTIONS`.

        Questions without words or without an asker are left out: they were pruned or erased. The
        end of the period isn't included. With `judged`, only answered questions with an *unhelpful*
        verdict or a picked document are returned. Without it, records of later answers to a
        question (`Question.told_for`) are left out.
        """
        which, values = ("q.guild_id = ?", [guild_id]) if guild_id else ("q.guild_id > 0", [])
        kind = _JUDGED if judged else "q.told_for is null"
        rows = self._database.rows(
            f"{_WITH_VERDICTS} from questions q where {which} and {kind} and q.asked_at >= ? "
            "and q.asked_at < ? and q.private = 0 and q.text != '' and q.asker_id != 0 "
            "and q.channel_id is not null order by q.id desc limit ?",
            [*values, since.isoformat(), until.isoformat(), MOST_QUESTIONS],
        )
        return [record(OpenQuestion, row) for row in rows]

    def find(self, guild_id: int, question_id: int) -> OpenQuestion | None:
        """A question of the guild, whether or not it is a gap."""
        rows = self._database.rows(
            "select q.*, 0 as satisfied, 0 as unhelpful from questions q "
            "where q.id = ? and q.guild_id = ?",
            [question_id, guild_id],
        )
        return record(OpenQuestion, rows[0]) if rows else None

    def number_open(self, guild_id: int) -> int:
        rows = self._database.rows(
            f"select count(*) as number {_OPEN} and q.text != ''", [guild_id]
        )
        return int(rows[0]["number"])

    def settle(self, guild_id: int, question_ids: Sequence[int]) -> None:
        """Mark a guild's questions as answered by present content."""
        with self._database.writing(guild_id):
            self._settle(question_ids, "answered")

    def _settle(self, question_ids: Sequence[int], how: str) -> None:
        run_among(
            self._database,
            "update questions set settled = ? where id in (?)",
            question_ids,
            before=[how],
        )

    def dismiss(self, guild_id: int, question_ids: Sequence[int], moderator_id: int) -> None:
        """Dismiss gaps for a moderator; the same question asked later is a new gap."""
        with self._database.writing(guild_id):
            self._settle(question_ids, "dismissed")
            self._log.append(
                guild_id,
                moderator_id,
                "gap_dismissed",
                f"question:{min(question_ids)}",
                {"questions": sorted(question_ids)},
            )

    def point_to_document(
        self, guild_id: int, moderator_id: int, answered: Sequence[OpenQuestion]
    ) -> None:
        """Settle gaps after a moderator has named the document with the answer.

        Each asker is notified once.
        """
        ids = sorted(question.id for question in answered)
        with self._database.writing(guild_id):
            self._settle(ids, "answered")
            for question in once_each(answered):
                self._tell(question, None)
            subject, detail = f"question:{ids[0]}", {"questions": ids}
            self._log.append(guild_id, moderator_id, "gap_pointed", subject, detail)

    # Groups merged by hand.

    def merge(self, guild_id: int, question_ids: Sequence[int], moderator_id: int) -> None:
        """Record that questions ask the same, despite different words."""
        with self._database.writing(guild_id):
            known = self.merged(guild_id)
            groups = {known.get(question_id, question_id) for question_id in question_ids}
            ids = [*question_ids, *(member for member, group in known.items() if group in groups)]
            self._database.run_many(
                "insert into merged_gaps (question_id, guild_id, with_id) values (?, ?, ?) "
                "on conflict (question_id) do update "
                "set guild_id = excluded.guild_id, with_id = excluded.with_id",
                [(question_id, guild_id, min(ids)) for question_id in sorted(set(ids))],
            )
            detail = {"questions": sorted(question_ids)}
            self._log.append(guild_id, moderator_id, "gaps_merged", f"question:{min(ids)}", detail)

    def merged(self, guild_id: int) -> dict[int, int]:
        """The group of each question merged by hand: the lowest question id in the group."""
        rows = self._database.rows(
            "select question_id, with_id from merged_gaps where guild_id = ?", [guild_id]
        )
        return {row["question_id"]: row["with_id"] for row in rows}

    # Notes written for a gap.

    def link_note(self, guild_id: int, note_id: int, question_id: int) -> None:
        """Record that a note was written for a question."""
        with self._database.writing(guild_id):
            self._database.run(
                "insert into gap_notes (note_id, question_id) "
                "select n.id, q.id from notes n, questions q "
                "where n.id = ? and q.id = ? and n.guild_id = ? and q.guild_id = n.guild_id "
                "on conflict (note_id) do update set question_id = excluded.question_id",
                [note_id, question_id, guild_id],
            )
            # The hand-over's message has to show it.
            self._database.run(
                "update handed_on set changes = changes + 1 "
                "where question_id = ? and message_id is not null",
                [question_id],
            )

    def question_of_note(self, note_id: int) -> int | None:
        rows = self._database.rows("select question_id from gap_notes where note_id = ?", [note_id])
        return int(rows[0]["question_id"]) if rows else None

    def under_review(self, guild_id: int) -> frozenset[int]:
        """Ids of questions with a pending note that was written for them."""
        rows = self._database.rows(
            "select g.question_id from gap_notes g join notes n on n.id = g.note_id "
            "join revisions r on r.note_id = n.id where n.guild_id = ? and r.state = 'pending'",
            [guild_id],
        )
        return frozenset(row["question_id"] for row in rows)

    # Published notes, and notices.

    def unchecked_publications(self, mine: GuildFilter = every_guild) -> list[Publication]:
        """Live texts of notes not compared with gaps yet, oldest note first."""
        rows = self._database.rows(
            "select n.id, n.guild_id, n.live_revision_id, n.verified_at, r.number from notes n "
            "join revisions r on r.id = n.live_revision_id "
            "left join gap_checks c on c.note_id = n.id where c.note_id is null "
            "or c.revision_id != n.live_revision_id "
            "or c.verified_at is distinct from n.verified_at "
            "order by n.id"
        )
        return [
            Publication(
                row["id"],
                row["guild_id"],
                row["live_revision_id"],
                row["number"],
                row["verified_at"],
            )
            for row in rows
            if mine(row["guild_id"])
        ]

    def record_check(
        self,
        publication: Publication,
        answered: Sequence[int] = (),
        notified: Sequence[OpenQuestion] = (),
    ) -> None:
        """Record which gaps a publication answers, and notify the askers in `notified`.

        Members who opted out get no notice, and no question gets a second notice.
        """
        with self._database.writing(publication.guild_id):
            self._settle(answered, "answered")
            for question in notified:
                self._tell(question, publication.revision_id)
            row = {
                "note_id": publication.note_id,
                "revision_id": publication.revision_id,
                "verified_at": publication.verified_at,
            }
            self._database.replace("gap_checks", row, ["note_id"])

    def _tell(self, question: OpenQuestion, revision_id: int | None) -> None:
        has_notice = self._database.rows(
            "select 1 from notices where question_id = ? and event in (?, ?)",
            [question.id, *_ANSWER_NOTICES],
        )
        if not has_notice and not self.has_opted_out(question.asker_id):
            self._notices.add(
                question.guild_id,
                question.asker_id,
                question.channel_id or 0,
                NoticeEvent.ANSWERED,
                revision_id=revision_id,
                question_id=question.id,
            )

    def reopen(self, notice_id: int, question_id: int) -> None:
        """Delete an outdated notice, and make its question a gap again."""
        with self._database.writing(guild_of(self._database, RowKind.QUESTION, question_id)):
            self._database.run("delete from notices where id = ?", [notice_id])
            self._database.run("update questions set settled = '' where id = ?", [question_id])

    def last_notice_at(self, member_id: int) -> datetime | None:
        rows = self._database.rows(
            "select max(sent_at) as at from notices where member_id = ? and event = ?",
            [member_id, NoticeEvent.ANSWERED.value],
        )
        return moment(rows[0]["at"])

    def later_answer(self, question_id: int) -> int | None:
        """The id of the record with the later answer to this question, or None."""
        rows = self._database.rows(
            # Sharing a private answer records it once more, for others.
            "select q.id from questions q join questions earlier on earlier.id = q.told_for "
            "where q.told_for = ? and q.private = earlier.private order by q.id limit 1",
            [question_id],
        )
        return int(rows[0]["id"]) if rows else None

    # Opt-outs from notices.

    def has_opted_out(self, member_id: int) -> bool:
        return bool(
            self._database.rows("select 1 from quiet_members where member_id = ?", [member_id])
        )

    def set_opt_out(self, member_id: int, *, quiet: bool) -> None:
        """Opt a member out of notices about answers (`quiet`), or in again.

        Opting out deletes the member's unsent notices.
        """
        with self._database.writing():
            if not quiet:
                self._database.run("delete from quiet_members where member_id = ?", [member_id])
                return
            self._database.insert_new("quiet_members", {"member_id": member_id})
            self._database.run(
                "delete from notices where member_id = ? and event in (?, ?) and sent_at is null",
                [member_id, *_ANSWER_NOTICES],
            )
