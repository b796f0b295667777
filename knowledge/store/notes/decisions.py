"""Transactions of moderators: decisions on notes, each made exactly once, notes' wordings, imports.

Every method of `Decisions` is one write transaction that checks the state before it changes it. So
one of two simultaneous clicks takes effect, and the second moderator gets the note's new state. The
caller checks the moderator's role; this module refuses decisions on one's own note.

Wordings are other ways to ask a note's question. A suggestion copies a member's words. So only
public questions are suggested, and the copies of a forgotten member are deleted.

An imported note, made of another bot's tag, is a pending revision without a review card: cards of
hundreds of notes would bury the review channel. Any later change of the revision makes a card due,
as for other notes.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from knowledge.store.database import now
from knowledge.store.guilds import Guilds
from knowledge.store.notes.note_records import STANDING
from knowledge.store.notes.note_states import NoteStates
from knowledge.store.notes.public_notes import ListedText, texts_from
from knowledge.store.notes.review_cards import mark_due
from knowledge.store.rows import Tables
from knowledge.values.documents import document_of_note
from knowledge.values.guilds import requirements
from knowledge.values.notes import (
    Decision,
    Member,
    Note,
    NoticeEvent,
    Obstacle,
    Outcome,
    State,
    SuggestedWording,
)
from knowledge.values.submissions import WORDINGS, Submission

# The newest questions that a note answered after a click.
_MOST_SUGGESTED: Final = 50


class Wordings(Tables):
    """Wordings of revisions in the community database."""

    def suggested(self, note: Note) -> list[SuggestedWording]:
        """Public questions whose confirmed answer is the note, newest first.

        Follow-ups are left out, because they mean little alone.
        """
        return self._db.records(
            SuggestedWording,
            "select q.id as question_id, q.text, q.asker_id, q.channel_id from questions q "
            "join hits h on h.question_id = q.id and h.rank = 1 "
            "join recorded_passages p on p.digest = h.passage_digest "
            "where q.guild_id = ? and p.document_id = ? and q.confirmed_at is not null "
            "and q.private = 0 and q.text != '' and q.earlier = '' and q.told_for is null "
            "order by q.confirmed_at desc, q.id desc limit ?",
            [note.guild_id, document_of_note(note.id), _MOST_SUGGESTED],
        )

    def forget(self, member_id: int) -> list[int]:
        """Delete a member's questions from wordings, in a transaction; returns the notes."""
        rows = self._db.rows(
            "select r.id, r.note_id, r.wordings, c.wording from copied_wordings c "
            "join revisions r on r.note_id = c.note_id where c.member_id = ? order by r.id",
            [member_id],
        )
        copied = {(row["note_id"], row["wording"]) for row in rows}
        for row in {row["id"]: row for row in rows}.values():
            own, note_id = json.loads(row["wordings"]), row["note_id"]
            self.change(row["id"], [wording for wording in own if (note_id, wording) not in copied])
        return list(dict.fromkeys(row["note_id"] for row in rows))

    def change(self, revision_id: int, wordings: Sequence[str]) -> None:
        """Replace a revision's wordings and mark its card as outdated, inside a transaction."""
        self._db.run(
            "update revisions set wordings = ? where id = ?",
            [json.dumps(wordings, ensure_ascii=False), revision_id],
        )
        mark_due(self._db, revision_id)


_NOTICES = {
    Decision.APPROVE: NoticeEvent.APPROVED,
    Decision.REQUEST_CHANGES: NoticeEvent.CHANGES_REQUESTED,
    Decision.REJECT: NoticeEvent.REJECTED,
    Decision.DUPLICATE: NoticeEvent.DUPLICATE,
}


@dataclass(frozen=True, slots=True)
class Ruling:
    """A decision with its reason; for a duplicate, with the other note."""

    decision: Decision
    reason: str = ""
    duplicate_of: str = ""


@dataclass(eq=False)
class Decisions(Tables):
    """Actions of moderators on notes.

    Methods return None if the guild has no such revision or note.
    """

    _guilds: Guilds
    _states: NoteStates
    _wordings: Wordings

    def decide(
        self,
        guild_id: int,
        revision_id: int,
        moderator: Member,
        ruling: Ruling,
        *,
        quietly: bool = False,
    ) -> Outcome | None:
        """Decide on a pending revision; an approval counts towards the quorum of its tags.

        The contributor gets a notice, unless it is decided `quietly`.
        """
        with self._db.writing(guild_id):
            note = self._states.notes.find(revision_id, guild_id)
            if note is None:
                return None
            obstacle = self._obstacle(note, moderator, ruling.decision)
            if obstacle:
                return Outcome(note, obstacle)
            notice = None if quietly else NoticeEvent.APPROVED
            return self._carry_out(note, moderator, ruling, notice)

    def edit_and_approve(
        self, guild_id: int, revision_id: int, moderator: Member, submission: Submission
    ) -> Outcome | None:
        """Approve a pending revision in a moderator's words, stored as the next revision.

        The contributor's words stay in the earlier revision. If the moderator changed nothing, the
        pending revision is approved as it is.
        """
        with self._db.writing(guild_id):
            note = self._states.notes.find(revision_id, guild_id)
            if note is None:
                return None
            obstacle = self._obstacle(note, moderator, Decision.APPROVE)
            if obstacle:
                return Outcome(note, obstacle)
            ruling = Ruling(Decision.APPROVE)
            # Moderators see it without secrets, and couldn't have changed these.
            if submission.safe == note.revision.submission.safe:
                return self._carry_out(note, moderator, ruling, NoticeEvent.APPROVED)
            proposed = note.revision
            edited, replaced = self._states.write(
                note.id, moderator, submission, proposed.id, for_page=proposed.for_page
            )
            self._states.record(edited, moderator.id, "revised", replaced=replaced)
            return self._carry_out(edited, moderator, ruling, NoticeEvent.EDITED, note)

    def correct(
        self, guild_id: int, revision_id: int, moderator: Member, submission: Submission
    ) -> Outcome | None:
        """Approve a moderator's text for a live note, stored as its next revision.

        A pending revision has to be decided on first.
        """
        with self._db.writing(guild_id):
            note = self._states.notes.find(revision_id, guild_id)
            if note is None:
                return None
            latest = self._states.notes.of_revision(note.latest_revision_id)
            if latest.revision.state is State.PENDING:
                return Outcome(latest, Obstacle.PENDING)
            if not note.live:
                return Outcome(latest, Obstacle.REVISED if latest.live else Obstacle.NOT_LIVE)
            if self._refuse_as_own(note, moderator, "correct"):
                return Outcome(note, Obstacle.OWN_NOTE)
            if submission.safe == note.revision.submission.safe:
                return Outcome(note, Obstacle.UNCHANGED)
            corrected, _ = self._states.write(
                note.id, moderator, submission, revision_id, for_page=note.revision.for_page
            )
            self._states.record(corrected, moderator.id, "revised")
            ruling = Ruling(Decision.APPROVE)
            return self._carry_out(corrected, moderator, ruling, NoticeEvent.EDITED)

    def _obstacle(self, note: Note, moderator: Member, decision: Decision) -> Obstacle | None:
        if note.revision.state is not State.PENDING:
            return Obstacle.DECIDED
        if self._refuse_as_own(note, moderator, decision):
            return Obstacle.OWN_NOTE
        voted = any(review.moderator_id == moderator.id for review in note.approvals)
        return Obstacle.VOTED if voted and decision is Decision.APPROVE else None

    def _refuse_as_own(self, note: Note, moderator: Member, attempt: str) -> bool:
        """Refuse and log a forbidden decision on the moderator's own note; False if allowed."""
        settings = self._guilds.settings(note.guild_id)
        extended = note.revision.extension and note.revision.writer_id == moderator.id
        # An answer as an unnamed helper is the moderator's own, too.
        answer = self._db.rows(
            "select 1 from gap_notes g join handed_on h on h.question_id = g.question_id "
            "where g.note_id = ? and h.helper_id = ? and h.message_id = ?",
            [note.id, moderator.id, note.asked_message_id or 0],
        )
        own = extended or note.contributor_id == moderator.id or answer
        if not settings.four_eyes or not own:
            return False
        self._states.record(note, moderator.id, "refused_own_note", attempt=attempt)
        return True

    def _carry_out(
        self,
        note: Note,
        moderator: Member,
        ruling: Ruling,
        notice: NoticeEvent | None,
        proposed: Note | None = None,
    ) -> Outcome:
        """Decide on a revision; `proposed` is the original if a moderator edited the text.

        Without the `notice` of an approval, the contributor gets none of any decision.
        """
        review = self._states.review(
            note, moderator, ruling.decision, ruling.reason, ruling.duplicate_of
        )
        revision_id = note.revision.id
        approved = ruling.decision is Decision.APPROVE
        if approved:
            asked = requirements(self._guilds.rules(note.guild_id), note.revision.submission.tags)
            if len(note.approvals) + 1 < asked.quorum:
                self._states.record(note, moderator.id, "approval", review=review)
                return Outcome(self._states.notes.of_revision(revision_id))
        self._states.set_state(revision_id, ruling.decision.outcome)
        if approved:
            self._states.set_live(note, revision_id, moderator.id)
        logged = "duplicate" if ruling.decision is Decision.DUPLICATE else None
        event = logged or ruling.decision.outcome.value
        self._states.record(note, moderator.id, event, review=review)
        if notice is not None:
            self._tell(note, notice if approved else _NOTICES[ruling.decision], proposed or note)
        return Outcome(self._states.notes.of_revision(revision_id), live_changed=approved)

    def undo(
        self, guild_id: int, revision_id: int, moderator: Member, reason: str = ""
    ) -> Outcome | None:
        """Take back the last decision on a revision, within the guild's undo time.

        The revision becomes pending, and the note's previous live revision is live again. A
        decision can't be taken back after another revision or a retirement.
        """
        with self._db.writing(guild_id):
            note = self._states.notes.find(revision_id, guild_id)
            if note is None:
                return None
            if self._refuse_as_own(note, moderator, "undo"):
                return Outcome(note, Obstacle.OWN_NOTE)
            if note.revision.state is State.PENDING and not self._can_be_undone(note):
                return Outcome(note, Obstacle.UNCHANGED)
            if note.latest_revision_id != note.revision.id:
                return Outcome(note, Obstacle.REVISED)
            if not self._can_be_undone(note):
                return Outcome(note, Obstacle.TOO_LATE)
            before = self._states.take_back(note)
            restored = {
                "live": before["live_revision_id"],
                "retired": before["retired_revision_id"],
            }
            review = self._states.review(note, moderator, Decision.UNDO, reason)
            self._states.record(note, moderator.id, "undone", review=review, **restored)
            if note.revision.state is not State.PENDING:
                self._tell(note, NoticeEvent.UNDONE)
            return Outcome(self._states.notes.of_revision(revision_id), live_changed=note.live)

    def _can_be_undone(self, note: Note) -> bool:
        minutes = self._guilds.settings(note.guild_id).undo_minutes
        return note.can_be_undone(now(), timedelta(minutes=minutes))

    def retire(
        self, guild_id: int, note_id: int, moderator: Member, reason: str = ""
    ) -> Outcome | None:
        """Retire a live note: answers don't quote the note until it is restored."""
        with self._db.writing(guild_id):
            note = self._states.notes.live_or_outcome(guild_id, note_id)
            if not isinstance(note, Note):
                return note
            self._states.retire(note, moderator.id)
            review = self._states.review(note, moderator, Decision.RETIRE, reason)
            self._states.record(note, moderator.id, "retired", review=review)
            self._tell(note, NoticeEvent.RETIRED)
            return Outcome(self._states.notes.of_revision(note.revision.id), live_changed=True)

    def restore(
        self, guild_id: int, note_id: int, moderator: Member, reason: str = ""
    ) -> Outcome | None:
        """Make a retired note live again."""
        with self._db.writing(guild_id):
            latest = self._states.notes.latest(guild_id, note_id)
            if latest is None:
                return None
            if latest.retired_revision_id is None:
                live = latest.live_revision_id is not None
                return Outcome(latest, Obstacle.UNCHANGED if live else Obstacle.NOT_LIVE)
            note = self._states.notes.of_revision(latest.retired_revision_id)
            if self._refuse_as_own(note, moderator, "restore"):
                return Outcome(note, Obstacle.OWN_NOTE)
            self._states.set_live(note, note.revision.id, moderator.id)
            review = self._states.review(note, moderator, Decision.RESTORE, reason)
            self._states.record(note, moderator.id, "restored", review=review)
            self._tell(note, NoticeEvent.RESTORED)
            return Outcome(self._states.notes.of_revision(note.revision.id), live_changed=True)

    def roll_back(self, guild_id: int, revision_id: int, moderator: Member) -> Outcome | None:
        """Publish the text of an earlier approved revision again, as a new revision.

        A pending revision has to be decided on first.
        """
        with self._db.writing(guild_id):
            earlier = self._states.notes.find(revision_id, guild_id)
            if earlier is None:
                return None
            if earlier.revision.state is not State.APPROVED:
                return Outcome(earlier, Obstacle.NOT_LIVE)
            live, pictures = self._states.notes.live(earlier.id), self._states.pictures
            if live is not None and (
                live.revision.submission == earlier.revision.submission
                and pictures.of(live.revision.id) == pictures.of(revision_id)
            ):
                return Outcome(earlier, Obstacle.UNCHANGED)
            latest = self._states.notes.of_revision(earlier.latest_revision_id)
            if latest.revision.state is State.PENDING:
                return Outcome(latest, Obstacle.PENDING)
            if self._refuse_as_own(earlier, moderator, "roll_back"):
                return Outcome(earlier, Obstacle.OWN_NOTE)
            # The text was approved once, so no quorum is needed.
            note, _ = self._states.write(
                earlier.id,
                moderator,
                earlier.revision.submission,
                revision_id,
                for_page=earlier.revision.for_page,
            )
            self._states.review(note, moderator, Decision.APPROVE)
            self._states.set_state(note.revision.id, State.APPROVED)
            self._states.set_live(note, note.revision.id, moderator.id)
            self._states.record(note, moderator.id, "rolled_back", to=revision_id)
            self._tell(note, NoticeEvent.ROLLED_BACK)
            return Outcome(self._states.notes.of_revision(note.revision.id), live_changed=True)

    def keep(self, guild_id: int, note_id: int, moderator: Member) -> Outcome | None:
        """Confirm a live note: its reports are closed, and it counts as verified now."""
        with self._db.writing(guild_id):
            note = self._states.notes.live_or_outcome(guild_id, note_id)
            if not isinstance(note, Note):
                return note
            if self._refuse_as_own(note, moderator, "keep"):
                return Outcome(note, Obstacle.OWN_NOTE)
            self._states.verify(note, NoticeEvent.REPORT_KEPT, moderator.id)
            self._states.record(note, moderator.id, "kept")
            # Each quotation shows the date of verification.
            return Outcome(self._states.notes.of_revision(note.revision.id), live_changed=True)

    def reword(
        self,
        guild_id: int,
        revision_id: int,
        moderator: Member,
        wordings: Sequence[str] | SuggestedWording,
    ) -> Outcome | None:
        """Replace the wordings of a pending or live revision, or add a suggested one to them.

        This makes no new revision. Wordings added to a live revision are also added to the note's
        pending revision, up to the limit.
        """
        with self._db.writing(guild_id):
            note = self._states.notes.find(revision_id, guild_id)
            if note is None:
                return None
            if not (note.live or note.revision.state is State.PENDING):
                return Outcome(note, Obstacle.NOT_LIVE)
            if self._refuse_as_own(note, moderator, "reword"):
                return Outcome(note, Obstacle.OWN_NOTE)
            before = note.revision.submission.wordings
            if isinstance(wordings, SuggestedWording):
                new = (*before, wordings.text)
            else:
                new = tuple(wordings)
            if len(new) > WORDINGS or new == before:
                return Outcome(note, Obstacle.UNCHANGED)
            if isinstance(wordings, SuggestedWording):
                copy = {
                    "note_id": note.id,
                    "wording": wordings.text,
                    "member_id": wordings.asker_id,
                }
                self._db.replace("copied_wordings", copy, ["note_id", "wording"])
            self._wordings.change(revision_id, new)
            pending = self._states.notes.of_revision(note.latest_revision_id)
            if note.live and pending.revision.state is State.PENDING:
                theirs = pending.revision.submission.wordings
                added = [wording for wording in new if wording not in (*before, *theirs)]
                self._wordings.change(
                    pending.revision.id, [*theirs, *added][: max(WORDINGS, len(theirs))]
                )
            self._states.record(note, moderator.id, "reworded", number=len(new))
            return Outcome(self._states.notes.of_revision(revision_id), live_changed=note.live)

    def _tell(self, note: Note, event: NoticeEvent, proposed: Note | None = None) -> None:
        """Notify the contributor, and the writer of an extension (`proposed`)."""
        if proposed is not None and proposed.revision.extension:
            approved = event in {NoticeEvent.APPROVED, NoticeEvent.EDITED}
            refused = NoticeEvent.EXTENSION_REFUSED
            event = NoticeEvent.EXTENSION_APPROVED if approved else refused
            note = proposed
            self._states.tell_of_extension(note, event)
            if note.revision.writer_id == note.owner_id:
                return
        self._states.tell_contributor(note, event)


_WAITING: Final = f"""
    from notes n join revisions r on r.note_id = n.id
    where n.guild_id = ? and r.state = 'pending' and r.card_due = 0 and r.card_message_id is null
    and n.contributor_id <> ? and not exists (select 1 from reviews v
    where v.revision_id = r.id and v.moderator_id = ? and {STANDING})
"""  # noqa: S608 - constants only
_NO_CARD: Final = "update revisions set card_due = 0 where id = ? and card_message_id is null"


@dataclass(eq=False)
class Imports(Tables):
    """Imported notes in the community database."""

    _guilds: Guilds
    _states: NoteStates
    _decisions: Decisions

    def propose(
        self, guild_id: int, contributor: Member, channel_id: int, submissions: Sequence[Submission]
    ) -> int:
        """Store pending notes, and return how many.

        Texts that are or were in the guild's notes under the same title are left out, so a file
        imported again doubles nothing.
        """
        new = 0
        with self._db.writing(guild_id):
            for submission in submissions:
                if self._db.rows(
                    "select 1 from revisions r join notes n on n.id = r.note_id "
                    "where n.guild_id = ? and r.title = ? and r.text = ? limit 1",
                    [guild_id, submission.title, submission.text],
                ):
                    continue
                note_id = self._states.add(guild_id, contributor, channel_id, None)
                note, _ = self._states.write(note_id, contributor, submission)
                self._states.record(note, contributor.id, "proposed")
                self._db.run(_NO_CARD, [note.revision.id])
                new += 1
        return new

    def waiting_count(self, guild_id: int, moderator_id: int) -> int:
        """The number of imported notes that a moderator may decide on."""
        return (
            self._db.value(
                int,
                f"select count(*) as number {_WAITING}",
                [guild_id, *self._deciding(guild_id, moderator_id)],
            )
            or 0
        )

    def waiting(
        self, guild_id: int, moderator_id: int, limit: int, offset: int = 0
    ) -> list[ListedText]:
        """A page of the imported notes that a moderator may decide on, by note number."""
        rows = self._db.rows(
            f"select n.id, r.id as revision_id, r.title, r.text, r.tags, r.link {_WAITING} "
            "order by n.id limit ? offset ?",
            [guild_id, *self._deciding(guild_id, moderator_id), limit, offset],
        )
        return texts_from(rows)

    def _deciding(self, guild_id: int, moderator_id: int) -> tuple[int, int]:
        """The contributor whose notes the moderator can't decide on, if any, and the moderator."""
        four_eyes = self._guilds.settings(guild_id).four_eyes
        # A forgotten contributor has the id 0.
        return (moderator_id if four_eyes else -1), moderator_id

    def decide(
        self, guild_id: int, revision_id: int, moderator: Member, decision: Decision
    ) -> Outcome | None:
        """Decide on an imported note, without a card and a notice to its importer."""
        with self._db.writing(guild_id):
            outcome = self._decisions.decide(
                guild_id, revision_id, moderator, Ruling(decision), quietly=True
            )
            if outcome is not None and outcome.done:
                self._db.run(_NO_CARD, [revision_id])
            return outcome
