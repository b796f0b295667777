"""Gaps: questions without a good answer, their outcome, notices to their askers, and hand-overs.

A question is a gap if it was refused, if a member found its answer unhelpful, or if its answer was
partial and nobody found it helpful. A gap is settled once it is *answered* by later content, or
*dismissed* by a moderator. If somebody asks the same afterwards, that question is a new gap. Each
method here is one transaction, with its notices and log line. Other modules group gaps and look for
answers.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple

from knowledge.store.audit_log import AuditLog
from knowledge.store.interactions import Notices
from knowledge.store.rows import RowKind, Tables, record
from knowledge.values.guilds import GuildFilter, every_guild
from knowledge.values.notes import NoticeEvent
from knowledge.values.questions import (
    HANDING_PAUSE,
    Handover,
    HandoverOutcome,
    HandoverState,
    NotHandedOn,
    OpenQuestion,
)

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


class Publication(NamedTuple):
    """A live text of a note, not compared with the guild's gaps yet."""

    note_id: int
    guild_id: int
    revision_id: int
    number: int
    verified_at: str | None


# Unsolicited notices about the answer to a question.
_ANSWER_NOTICES: Final = (NoticeEvent.ANSWERED, NoticeEvent.HELPED)


@dataclass(eq=False)
class Gaps(Tables):
    """The gaps in the community database."""

    _log: AuditLog
    _notices: Notices

    def open(self, guild_id: int) -> list[OpenQuestion]:
        """The guild's gaps, newest first, at most `MOST_QUESTIONS`."""
        return self._db.records(
            OpenQuestion,
            f"{_WITH_VERDICTS} {_OPEN} and q.text != '' order by q.id desc limit ?",
            [guild_id, MOST_QUESTIONS],
        )

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
        return self._db.records(
            OpenQuestion,
            f"{_WITH_VERDICTS} from questions q where {which} and {kind} and q.asked_at >= ? "
            "and q.asked_at < ? and q.private = 0 and q.text != '' and q.asker_id != 0 "
            "and q.channel_id is not null order by q.id desc limit ?",
            [*values, since, until, MOST_QUESTIONS],
        )

    def find(self, guild_id: int, question_id: int) -> OpenQuestion | None:
        """A question of the guild, whether or not it is a gap."""
        return self._db.find(
            OpenQuestion,
            "select q.*, 0 as satisfied, 0 as unhelpful from questions q "
            "where q.id = ? and q.guild_id = ?",
            [question_id, guild_id],
        )

    def number_open(self, guild_id: int) -> int:
        return (
            self._db.value(int, f"select count(*) as number {_OPEN} and q.text != ''", [guild_id])
            or 0
        )

    def settle(self, guild_id: int, question_ids: Sequence[int]) -> None:
        """Mark a guild's questions as answered by present content."""
        with self._db.writing(guild_id):
            self._settle(question_ids, "answered")

    def _settle(self, question_ids: Sequence[int], how: str) -> None:
        self._db.run("update questions set settled = ? where id in (?)", [how, [*question_ids]])

    def dismiss(self, guild_id: int, question_ids: Sequence[int], moderator_id: int) -> None:
        """Dismiss gaps for a moderator; the same question asked later is a new gap."""
        with self._db.writing(guild_id):
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
        with self._db.writing(guild_id):
            self._settle(ids, "answered")
            for question in once_each(answered):
                self._tell(question, None)
            subject, detail = f"question:{ids[0]}", {"questions": ids}
            self._log.append(guild_id, moderator_id, "gap_pointed", subject, detail)

    # Groups merged by hand.

    def merge(self, guild_id: int, question_ids: Sequence[int], moderator_id: int) -> None:
        with self._db.writing(guild_id):
            known = self.merged_groups(guild_id)
            groups = {known.get(question_id, question_id) for question_id in question_ids}
            ids = [*question_ids, *(member for member, group in known.items() if group in groups)]
            self._db.run_many(
                "insert into merged_gaps (question_id, guild_id, with_id) values (?, ?, ?) "
                "on conflict (question_id) do update "
                "set guild_id = excluded.guild_id, with_id = excluded.with_id",
                [(question_id, guild_id, min(ids)) for question_id in sorted(set(ids))],
            )
            detail = {"questions": sorted(question_ids)}
            self._log.append(guild_id, moderator_id, "gaps_merged", f"question:{min(ids)}", detail)

    def merged_groups(self, guild_id: int) -> dict[int, int]:
        """The group of each question merged by hand: the lowest question id in the group."""
        rows = self._db.rows(
            "select question_id, with_id from merged_gaps where guild_id = ?", [guild_id]
        )
        return {row["question_id"]: row["with_id"] for row in rows}

    # Notes written for a gap.

    def link_note(self, guild_id: int, note_id: int, question_id: int) -> None:
        with self._db.writing(guild_id):
            self._db.run(
                "insert into gap_notes (note_id, question_id) "
                "select n.id, q.id from notes n, questions q "
                "where n.id = ? and q.id = ? and n.guild_id = ? and q.guild_id = n.guild_id "
                "on conflict (note_id) do update set question_id = excluded.question_id",
                [note_id, question_id, guild_id],
            )
            # The hand-over's message has to show it.
            self._db.run(
                "update handed_on set changes = changes + 1 "
                "where question_id = ? and message_id is not null",
                [question_id],
            )

    def question_of_note(self, note_id: int) -> int | None:
        return self._db.value(int, "select question_id from gap_notes where note_id = ?", [note_id])

    def under_review(self, guild_id: int) -> frozenset[int]:
        ids = self._db.column(
            "select g.question_id from gap_notes g join notes n on n.id = g.note_id "
            "join revisions r on r.note_id = n.id where n.guild_id = ? and r.state = 'pending'",
            [guild_id],
        )
        return frozenset(ids)

    # Published notes, and notices.

    def unchecked_publications(self, mine: GuildFilter = every_guild) -> list[Publication]:
        """Live texts of notes not compared with gaps yet, oldest note first."""
        rows = self._db.rows(
            "select n.id as note_id, n.guild_id, r.id as revision_id, r.number, n.verified_at "
            "from notes n join revisions r on r.id = n.live_revision_id "
            "left join gap_checks c on c.note_id = n.id where c.note_id is null "
            "or c.revision_id != n.live_revision_id "
            "or c.verified_at is distinct from n.verified_at "
            "order by n.id"
        )
        return [Publication(**row) for row in rows if mine(row["guild_id"])]

    def record_check(
        self,
        publication: Publication,
        answered: Sequence[int] = (),
        notified: Sequence[OpenQuestion] = (),
    ) -> None:
        """Record which gaps a publication answers, and notify the askers in `notified`.

        Members who opted out get no notice, and no question gets a second notice.
        """
        with self._db.writing(publication.guild_id):
            self._settle(answered, "answered")
            for question in notified:
                self._tell(question, publication.revision_id)
            row = {
                "note_id": publication.note_id,
                "revision_id": publication.revision_id,
                "verified_at": publication.verified_at,
            }
            self._db.replace("gap_checks", row, ["note_id"])

    def _tell(self, question: OpenQuestion, revision_id: int | None) -> None:
        has_notice = self._db.rows(
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
        with self._writing(RowKind.QUESTION, question_id):
            self._db.run("delete from notices where id = ?", [notice_id])
            self._db.run("update questions set settled = '' where id = ?", [question_id])

    def last_notice_at(self, member_id: int) -> datetime | None:
        return self._db.value(
            datetime,
            "select max(sent_at) as at from notices where member_id = ? and event = ?",
            [member_id, NoticeEvent.ANSWERED],
        )

    def later_answer(self, question_id: int) -> int | None:
        """The id of the record with the later answer to this question, or None."""
        return self._db.value(
            int,
            # Sharing a private answer records it once more, for others.
            "select q.id from questions q join questions earlier on earlier.id = q.told_for "
            "where q.told_for = ? and q.private = earlier.private order by q.id limit 1",
            [question_id],
        )

    # Opt-outs from notices.

    def has_opted_out(self, member_id: int) -> bool:
        return bool(self._db.rows("select 1 from quiet_members where member_id = ?", [member_id]))

    def set_opt_out(self, member_id: int, *, quiet: bool) -> None:
        """Opt a member out of notices about answers (`quiet`), or in again.

        Opting out deletes the member's unsent notices.
        """
        with self._db.writing():
            if not quiet:
                self._db.run("delete from quiet_members where member_id = ?", [member_id])
                return
            self._db.insert_new("quiet_members", {"member_id": member_id})
            self._db.run(
                "delete from notices where member_id = ? and event in (?, ?) and sent_at is null",
                [member_id, *_ANSWER_NOTICES],
            )


_SELECT: Final = (
    "select h.*, exists (select 1 from gap_notes g where g.question_id = h.question_id) as noted "
    "from handed_on h"
)


@dataclass(eq=False)
class Handovers(Tables):
    """Questions for the helpers, each claimed, answered or declined once.

    Each step is one transaction that checks the present state, so exactly one of two simultaneous
    helpers wins. It also marks the hand-over's message as outdated. The outbox updates the message,
    even after a restart.
    """

    _notices: Notices

    def enqueue(
        self, guild_id: int, same: Sequence[int], member_id: int, at: datetime
    ) -> int | NotHandedOn:
        """Queue a question for the helpers.

        `same` are the ids of the question and of other gaps with the same words. Returns the id of
        the question to post, or the reason for refusing. If one of these questions was queued
        before, but not posted because of an interruption, its id is returned.
        """
        with self._db.writing(guild_id):
            known = {
                row["question_id"]: bool(row["posted"])
                for row in self._db.rows(
                    "select question_id, posted from handed_on where question_id in (?)", [[*same]]
                )
            }
            if known:
                return NotHandedOn.ALREADY if any(known.values()) else min(known)
            since = at - HANDING_PAUSE
            if self._db.rows(
                # A time in the future comes from a wrong clock.
                "select 1 from handed_on where member_id = ? and guild_id = ? "
                "and at > ? and at <= ?",
                [member_id, guild_id, since, at],
            ):
                return NotHandedOn.TOO_SOON
            self._add(guild_id, same[0], member_id, at, posted=False)
            return same[0]

    def _add(
        self, guild_id: int, question_id: int, member_id: int, at: datetime, *, posted: bool
    ) -> None:
        self._db.insert(
            "handed_on",
            {
                "question_id": question_id,
                "guild_id": guild_id,
                "member_id": member_id,
                "at": at,
                "changed_at": at,
                "posted": int(posted),
                "changes": int(not posted),
            },
        )

    def drop_queued(self, question_id: int) -> None:
        """Drop a queued question for lack of a channel."""
        with self._writing(RowKind.QUESTION, question_id):
            self._db.run(
                "delete from handed_on where question_id = ? and posted = 0", [question_id]
            )

    # Message.

    def due(self, mine: GuildFilter = every_guild) -> list[Handover]:
        """Hand-overs with an unposted or outdated message."""
        found = self._select(f"{_SELECT} where h.shown < h.changes order by h.question_id", [])
        return [handover for handover in found if mine(handover.guild_id)]

    def record_attempt(self, question_id: int) -> None:
        """Record that posting begins, so that a later attempt first looks for the message."""
        with self._writing(RowKind.QUESTION, question_id):
            self._db.run("update handed_on set tried = 1 where question_id = ?", [question_id])

    def record_message(
        self, question_id: int, channel_id: int | None, message_id: int | None
    ) -> None:
        """Record the message of a hand-over; None records that the message was deleted."""
        with self._writing(RowKind.QUESTION, question_id):
            self._db.run(
                "update handed_on set posted = 1, channel_id = ?, message_id = ? "
                "where question_id = ?",
                [channel_id, message_id, question_id],
            )

    def mark_shown(self, handover: Handover) -> None:
        with self._db.writing(handover.guild_id):
            self._db.run(
                "update handed_on set shown = ? where question_id = ? and shown < ?",
                [handover.changes, handover.question_id, handover.changes],
            )

    # State.

    def find(self, guild_id: int, question_id: int) -> Handover | None:
        found = self._select(
            f"{_SELECT} where h.question_id = ? and h.guild_id = ?", [question_id, guild_id]
        )
        return found[0] if found else None

    def of_message(self, guild_id: int, message_id: int) -> Handover | None:
        found = self._select(
            f"{_SELECT} where h.message_id = ? and h.guild_id = ?", [message_id, guild_id]
        )
        return found[0] if found else None

    def of_guild(self, guild_id: int) -> dict[int, Handover]:
        found = self._select(f"{_SELECT} where h.guild_id = ? order by h.question_id", [guild_id])
        return {handover.question_id: handover for handover in found}

    def claim(
        self, guild_id: int, question_id: int, helper_id: int, at: datetime
    ) -> HandoverOutcome | None:
        """Claim a hand-over for a helper; None if the question wasn't handed over."""
        values = {"standing": HandoverState.CLAIMED, "helper_id": helper_id}
        return self._step(
            guild_id, question_id, at, lambda handover: handover.free_for(helper_id), values
        )

    def claim_group(
        self, guild_id: int, question_ids: Sequence[int], member_id: int, at: datetime
    ) -> HandoverOutcome | None:
        """Claim a group of gaps, handed over or not; None if the group is empty."""
        with self._db.writing(guild_id):
            found = [self.find(guild_id, question_id) for question_id in sorted(question_ids)]
            known = [handover for handover in found if handover is not None]
            if not known and question_ids:
                self._add(guild_id, min(question_ids), 0, at, posted=True)
                return self.claim(guild_id, min(question_ids), member_id, at)
            outcome = None
            for handover in [handover for handover in known if handover.waits] or known:
                outcome = self.claim(guild_id, handover.question_id, member_id, at)
                if outcome is not None and not outcome.done:
                    break
            return outcome

    def give_back(
        self, guild_id: int, question_id: int, member_id: int, at: datetime, *, moderator: bool
    ) -> HandoverOutcome | None:
        """End a claim, or reopen a declined question; moderators can end anybody's claim."""

        def may(handover: Handover) -> bool:
            mine = moderator or handover.helper_id == member_id
            declined = handover.state is HandoverState.DECLINED
            return declined or (handover.state is HandoverState.CLAIMED and mine)

        values = {"standing": HandoverState.OPEN, "helper_id": 0}
        return self._step(guild_id, question_id, at, may, values)

    def decline(
        self, guild_id: int, question_id: int, member_id: int, at: datetime, *, moderator: bool
    ) -> HandoverOutcome | None:
        """Decline a question: it isn't for the helpers."""

        def may(handover: Handover) -> bool:
            return handover.waits and (moderator or handover.free_for(member_id))

        values = {"standing": HandoverState.DECLINED, "helper_id": member_id}
        return self._step(guild_id, question_id, at, may, values)

    def answer(
        self,
        guild_id: int,
        question_id: int,
        answer: tuple[int, str, str],
        notified: Sequence[OpenQuestion],
        at: datetime,
    ) -> HandoverOutcome | None:
        """Store a helper's answer, and notify the askers of `notified`, in one transaction.

        `answer` is the helper's id, their name (empty if they hide it), and the text.
        """
        helper_id, helper, text = answer
        values = {
            "standing": HandoverState.ANSWERED,
            "helper_id": helper_id,
            "helper": helper,
            "answer": text,
        }
        with self._db.writing(guild_id):
            outcome = self._step(
                guild_id, question_id, at, lambda handover: handover.free_for(helper_id), values
            )
            for question in notified if outcome is not None and outcome.done else ():
                self._notices.add(
                    guild_id,
                    question.asker_id,
                    question.channel_id or 0,
                    NoticeEvent.HELPED,
                    question_id=question.id,
                    handed_on_id=question_id,
                )
            return outcome

    def _step(
        self,
        guild_id: int,
        question_id: int,
        at: datetime,
        may: Callable[[Handover], bool],
        values: dict[str, Any],
    ) -> HandoverOutcome | None:
        with self._db.writing(guild_id):
            before = self.find(guild_id, question_id)
            if before is None:
                return None
            if not may(before):
                return HandoverOutcome(False, before)
            values = {**values, "changed_at": at, "stale": 0}
            changes = ", ".join(f"{column} = ?" for column in values)
            self._db.run(
                f"update handed_on set {changes}, changes = changes + 1 "  # noqa: S608 - see above
                "where question_id = ?",
                [*values.values(), question_id],
            )
            after = self.find(guild_id, question_id)
            return HandoverOutcome(True, after) if after is not None else None

    def mark_stale(self, at: datetime, mine: GuildFilter = every_guild) -> None:
        """Mark waiting hand-overs as stale after the guild's `handover_hours` without a change."""
        waiting = self._db.rows(
            "select h.question_id, h.guild_id, h.changed_at, g.handover_hours as hours "
            "from handed_on h join guilds g on g.id = h.guild_id where h.stale = 0 "
            "and g.handover_hours > 0 and h.standing in ('open', 'claimed')"
        )
        ids = [
            row["question_id"]
            for row in waiting
            if mine(row["guild_id"])
            and at - datetime.fromisoformat(row["changed_at"]) >= timedelta(hours=row["hours"])
        ]
        if ids:
            with self._db.writing():
                self._db.run(
                    "update handed_on set stale = 1, changes = changes + 1 "
                    "where question_id in (?)",
                    [ids],
                )

    def _select(self, sql: str, values: list[Any]) -> list[Handover]:
        rows = self._db.rows(sql, values)
        return [record(Handover, row, state=HandoverState(row["standing"])) for row in rows]
