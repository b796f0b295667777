"""Table of hand-overs: questions for the helpers, each claimed, answered or declined once.

Each step is one transaction that checks the present state, so exactly one of two simultaneous
helpers wins. Each step also marks the hand-over's message as outdated. The outbox updates the
message, even after a restart.
"""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from knowledge.store.database import Database
from knowledge.store.notices import Notices
from knowledge.store.rows import RowKind, guild_of, record, rows_among, run_among
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

_SELECT: Final = (
    "select h.*, exists (select 1 from gap_notes g where g.question_id = h.question_id) as noted "
    "from handed_on h"
)


class Handovers:
    """The hand-overs in the community database."""

    def __init__(self, database: Database, notices: Notices) -> None:
        self._database = database
        self._notices = notices

    def enqueue(
        self, guild_id: int, same: Sequence[int], member_id: int, at: datetime
    ) -> int | NotHandedOn:
        """Queue a question for the helpers.

        `same` are the ids of the question and of other gaps with the same words.

        Returns:
            The id of the question to post, or the reason for refusing. If one of these questions
            was queued before, but not posted because of an interruption, its id is returned.
        """
        with self._database.writing(guild_id):
            known = {
                row["question_id"]: bool(row["posted"])
                for row in rows_among(
                    self._database,
                    "select question_id, posted from handed_on where question_id in (?)",
                    same,
                )
            }
            if known:
                return NotHandedOn.ALREADY if any(known.values()) else min(known)
            since = (at - HANDING_PAUSE).isoformat()
            if self._database.rows(
                # A time in the future comes from a wrong clock.
                "select 1 from handed_on where member_id = ? and guild_id = ? "
                "and at > ? and at <= ?",
                [member_id, guild_id, since, at.isoformat()],
            ):
                return NotHandedOn.TOO_SOON
            self._add(guild_id, same[0], member_id, at, posted=False)
            return same[0]

    def _add(
        self, guild_id: int, question_id: int, member_id: int, at: datetime, *, posted: bool
    ) -> None:
        self._database.insert(
            "handed_on",
            {
                "question_id": question_id,
                "guild_id": guild_id,
                "member_id": member_id,
                "at": at.isoformat(),
                "changed_at": at.isoformat(),
                "posted": int(posted),
                "changes": int(not posted),
            },
        )

    def drop_queued(self, question_id: int) -> None:
        """Drop a queued question for lack of a channel."""
        with self._database.writing(guild_of(self._database, RowKind.QUESTION, question_id)):
            self._database.run(
                "delete from handed_on where question_id = ? and posted = 0", [question_id]
            )

    # Message.

    def due(self, mine: GuildFilter = every_guild) -> list[Handover]:
        """Hand-overs with an unposted or outdated message."""
        found = self._select(f"{_SELECT} where h.shown < h.changes order by h.question_id", [])
        return [handover for handover in found if mine(handover.guild_id)]

    def record_attempt(self, question_id: int) -> None:
        """Record that posting begins, so that a later attempt first looks for the message."""
        with self._database.writing(guild_of(self._database, RowKind.QUESTION, question_id)):
            self._database.run(
                "update handed_on set tried = 1 where question_id = ?", [question_id]
            )

    def record_message(
        self, question_id: int, channel_id: int | None, message_id: int | None
    ) -> None:
        """Record the message of a hand-over; None records that the message was deleted."""
        with self._database.writing(guild_of(self._database, RowKind.QUESTION, question_id)):
            self._database.run(
                "update handed_on set posted = 1, channel_id = ?, message_id = ? "
                "where question_id = ?",
                [channel_id, message_id, question_id],
            )

    def mark_shown(self, handover: Handover) -> None:
        """Record that the message shows this state of the hand-over."""
        with self._database.writing(handover.guild_id):
            self._database.run(
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
        """The hand-over that a message shows."""
        found = self._select(
            f"{_SELECT} where h.message_id = ? and h.guild_id = ?", [message_id, guild_id]
        )
        return found[0] if found else None

    def of_guild(self, guild_id: int) -> dict[int, Handover]:
        """A guild's hand-overs, by question id."""
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
        with self._database.writing(guild_id):
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
        with self._database.writing(guild_id):
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
        with self._database.writing(guild_id):
            before = self.find(guild_id, question_id)
            if before is None:
                return None
            if not may(before):
                return HandoverOutcome(False, before)
            values = {**values, "changed_at": at.isoformat(), "stale": 0}
            changes = ", ".join(f"{column} = ?" for column in values)
            self._database.run(
                f"update handed_on set {changes}, changes = changes + 1 "  # noqa: S608 - see above
                "where question_id = ?",
                [*values.values(), question_id],
            )
            after = self.find(guild_id, question_id)
            return HandoverOutcome(True, after) if after is not None else None

    def mark_stale(self, at: datetime, mine: GuildFilter = every_guild) -> None:
        """Mark waiting hand-overs as stale after the guild's `handover_hours` without a change."""
        waiting = self._database.rows(
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
            with self._database.writing():
                run_among(
                    self._database,
                    "update handed_on set stale = 1, changes = changes + 1 "
                    "where question_id in (?)",
                    ids,
                )

    def _select(self, sql: str, values: list[Any]) -> list[Handover]:
        rows = self._database.rows(sql, values)
        return [record(Handover, row, state=HandoverState(row["standing"])) for row in rows]
