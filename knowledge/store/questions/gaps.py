"""Gaps: questions that found no good answer, what became of them, and who is told of answers.

A question is a gap while it was refused, or somebody found its answer unhelpful, and nobody has
settled it: it is *answered* by what came later, or *dismissed* by a moderator. Asked again, it is
another question, and a gap again. How gaps are grouped and what answers them is decided elsewhere;
here each step is one transaction with the notices and the log's line that belong to it.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final

from knowledge.model.channel_settings import EVERYTHING, AnsweredFrom
from knowledge.model.notes import NoticeEvent
from knowledge.model.questions import Evidence
from knowledge.store.audit_log import AuditLog
from knowledge.store.database import CommunityDatabase, moment
from knowledge.store.notices import Notices
from knowledge.store.sqlite_file import record

# The newest so many of a guild are looked at; older ones come up when these are settled.
MOST_QUESTIONS: Final = 2_000

_WITH_CONTENT: Final = """
    select q.*, exists (select 1 from feedback f where f.question_id = q.id
    and f.member_id = q.asker_id and f.verdict = 'helpful') as content
"""

_OPEN: Final = """
    from questions q where q.guild_id = ?1 and q.settled = ''
    and (q.evidence = 'none' or exists
        (select 1 from feedback f where f.question_id = q.id and f.verdict = 'unhelpful'))
"""


@dataclass(frozen=True, slots=True)
class OpenQuestion:
    """A question that is a gap. `content` is whether its asker found the answer helpful.

    `channels` are those that everybody whom it was answered to could read, `answered_from` what
    holds where it was asked. What was asked `private`ly was answered to its asker alone.
    """

    id: int
    guild_id: int
    channel_id: int | None
    asker_id: int
    text: str
    earlier: str
    asked_at: datetime
    evidence: Evidence
    content: bool
    channels: tuple[int, ...] = ()
    answered_from: AnsweredFrom = EVERYTHING
    private: bool = False


@dataclass(frozen=True, slots=True)
class Publication:
    """A live text of a note that the guild's gaps have not been asked against yet."""

    note_id: int
    guild_id: int
    revision_id: int
    number: int
    verified_at: str | None


class NotHandedOn(StrEnum):
    """Why a question is not put to the moderators."""

    ALREADY = "already"
    TOO_SOON = "too soon"
    NO_GAP = "no gap"


# A member puts one question to the moderators in so much time.
HANDING_PAUSE: Final = timedelta(minutes=10)


class Gaps:
    """The gaps in the community database."""

    def __init__(self, database: CommunityDatabase, log: AuditLog, notices: Notices) -> None:
        self._database = database
        self._log = log
        self._notices = notices

    def open(self, guild_id: int) -> list[OpenQuestion]:
        """The guild's gaps, newest first, at most `MOST_QUESTIONS` of them."""
        rows = self._database.rows(
            f"{_WITH_CONTENT} {_OPEN} and q.text != '' order by q.id desc limit ?2",
            [guild_id, MOST_QUESTIONS],
        )
        return [_open_question(row) for row in rows]

    def find(self, guild_id: int, question_id: int) -> OpenQuestion | None:
        """One of the guild's questions, whether or not it is still a gap."""
        rows = self._database.rows(
            "select q.*, 0 as content from questions q where q.id = ? and q.guild_id = ?",
            [question_id, guild_id],
        )
        return _open_question(rows[0]) if rows else None

    def number_open(self, guild_id: int) -> int:
        """How many questions of the guild are gaps that `open` could list."""
        rows = self._database.rows(
            f"select count(*) as number {_OPEN} and q.text != ''", [guild_id]
        )
        return int(rows[0]["number"])

    def settle(self, question_ids: Sequence[int]) -> None:
        """Remember that questions are answered by what there is today."""
        with self._database.writing():
            self._settle(question_ids, "answered")

    def _settle(self, question_ids: Sequence[int], how: str) -> None:
        self._database.run(
            "update questions set settled = ? where id in (select value from json_each(?))",
            [how, json.dumps(list(question_ids))],
        )

    def dismiss(self, guild_id: int, question_ids: Sequence[int], moderator_id: int) -> None:
        """Take questions off the list at a moderator's word; asked again, they come back."""
        with self._database.writing():
            self._settle(question_ids, "dismissed")
            self._log.append(
                guild_id,
                moderator_id,
                "gap_dismissed",
                f"question:{min(question_ids)}",
                {"questions": sorted(question_ids)},
            )

    # Gaps that are put to the moderators.

    def hand_on(
        self, guild_id: int, same: Sequence[int], member_id: int, at: datetime
    ) -> int | NotHandedOn:
        """Claim a question for being put to the moderators; whoever claims it posts it.

        `same` are the question's id, and the ids of gaps that ask the same in the same words.

        Returns:
            The question to post: one that was claimed before and whose posting was cut off keeps
            its number, by which Discord knows the message again.
        """
        ids = json.dumps(list(same))
        with self._database.writing():
            known = self._database.rows(
                "select question_id, posted from handed_on where question_id in "
                "(select value from json_each(?)) order by posted desc, question_id",
                [ids],
            )
            if known:
                return NotHandedOn.ALREADY if known[0]["posted"] else int(known[0]["question_id"])
            since = (at - HANDING_PAUSE).isoformat()
            if self._database.rows(
                # One that lies ahead was written by a clock that went wrong.
                "select 1 from handed_on where member_id = ? and guild_id = ? "
                "and at > ? and at <= ?",
                [member_id, guild_id, since, at.isoformat()],
            ):
                return NotHandedOn.TOO_SOON
            self._database.run(
                "insert into handed_on (question_id, guild_id, member_id, at) values (?, ?, ?, ?)",
                [same[0], guild_id, member_id, at.isoformat()],
            )
            return same[0]

    def handed_on(self, question_id: int, *, posted: bool) -> None:
        """Remember that a claimed question was posted, or give the claim up."""
        change = "update handed_on set posted = 1" if posted else "delete from handed_on"
        with self._database.writing():
            self._database.run(f"{change} where question_id = ?", [question_id])

    # Notes that are written for a gap.

    def written_for(self, guild_id: int, note_id: int, question_id: int) -> None:
        """Remember which question, and with it which group, a note was written for."""
        with self._database.writing():
            self._database.run(
                "insert or replace into gap_notes (note_id, question_id) "
                "select n.id, q.id from notes n, questions q "
                "where n.id = ? and q.id = ? and n.guild_id = ? and q.guild_id = n.guild_id",
                [note_id, question_id, guild_id],
            )

    def question_of(self, note_id: int) -> int | None:
        rows = self._database.rows("select question_id from gap_notes where note_id = ?", [note_id])
        return int(rows[0]["question_id"]) if rows else None

    def awaited(self, guild_id: int) -> frozenset[int]:
        """The questions for which a note has been written that waits for review."""
        rows = self._database.rows(
            "select g.question_id from gap_notes g join notes n on n.id = g.note_id "
            "join revisions r on r.note_id = n.id where n.guild_id = ? and r.state = 'pending'",
            [guild_id],
        )
        return frozenset(row["question_id"] for row in rows)

    # What goes live, and who is told.

    def unchecked(self) -> list[Publication]:
        """Live texts of notes that gaps have not been asked against, oldest note first."""
        rows = self._database.rows(
            "select n.id, n.guild_id, n.live_revision_id, n.verified_at, r.number from notes n "
            "join revisions r on r.id = n.live_revision_id "
            "left join gap_checks c on c.note_id = n.id where c.note_id is null "
            "or c.revision_id != n.live_revision_id or c.verified_at is not n.verified_at "
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
        ]

    def checked(
        self,
        publication: Publication,
        answered: Sequence[int] = (),
        told: Sequence[OpenQuestion] = (),
    ) -> None:
        """Remember what a publication answers, and whom to tell: each question's asker once.

        Who does not want to be told is not.
        """
        with self._database.writing():
            self._settle(answered, "answered")
            for question in told:
                if not self.quiet(question.asker_id) and not self._noticed(question.id):
                    self._notices.add(
                        question.guild_id,
                        question.asker_id,
                        question.channel_id or 0,
                        NoticeEvent.ANSWERED,
                        revision_id=publication.revision_id,
                        question_id=question.id,
                    )
            self._database.run(
                "insert or replace into gap_checks (note_id, revision_id, verified_at) "
                "values (?, ?, ?)",
                [publication.note_id, publication.revision_id, publication.verified_at],
            )

    def _noticed(self, question_id: int) -> bool:
        return bool(
            self._database.rows(
                "select 1 from notices where question_id = ? and event = ?",
                [question_id, NoticeEvent.ANSWERED.value],
            )
        )

    def reopen(self, notice_id: int, question_id: int) -> None:
        """Take back a notice that is no longer true: its question is a gap again."""
        with self._database.writing():
            self._database.run("delete from notices where id = ?", [notice_id])
            self._database.run("update questions set settled = '' where id = ?", [question_id])

    def last_told(self, member_id: int) -> datetime | None:
        rows = self._database.rows(
            "select max(sent_at) as at from notices where member_id = ? and event = ?",
            [member_id, NoticeEvent.ANSWERED.value],
        )
        return moment(rows[0]["at"])

    def told_as(self, question_id: int) -> int | None:
        """The recorded question that holds the later answer to this one, if there is one."""
        rows = self._database.rows(
            # An answer that was private and is shared answers it once more, for others.
            "select q.id from questions q join questions earlier on earlier.id = q.told_for "
            "where q.told_for = ? and q.private = earlier.private",
            [question_id],
        )
        return int(rows[0]["id"]) if rows else None

    # Who does not want to be told.

    def quiet(self, member_id: int) -> bool:
        return bool(
            self._database.rows("select 1 from quiet_members where member_id = ?", [member_id])
        )

    def keep_quiet(self, member_id: int, *, quiet: bool) -> None:
        """Remember whether a member wants to be told; what waited to be told is dropped if not."""
        with self._database.writing():
            if not quiet:
                self._database.run("delete from quiet_members where member_id = ?", [member_id])
                return
            self._database.run(
                "insert or ignore into quiet_members (member_id) values (?)", [member_id]
            )
            self._database.run(
                "delete from notices where member_id = ? and event = ? and sent_at is null",
                [member_id, NoticeEvent.ANSWERED.value],
            )


def _open_question(row: dict[str, Any]) -> OpenQuestion:
    return record(
        OpenQuestion,
        row,
        asked_at=datetime.fromisoformat(row["asked_at"]),
        evidence=Evidence(row["evidence"]),
        content=bool(row["content"]),
        private=bool(row["private"]),
        channels=tuple(json.loads(row["channels"])),
        answered_from=AnsweredFrom.read(row["answered_from"]),
    )
