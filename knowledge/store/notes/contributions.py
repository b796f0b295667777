"""Transactions of contributors: propose, revise, withdraw, report.

Each method is one transaction with its log lines, and returns the note's new state. A note belongs
to its guild; other guilds can't see it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from knowledge.store.guilds import Guilds
from knowledge.store.notes.note_states import NoteStates
from knowledge.store.notes.review_cards import mark_due
from knowledge.store.rows import Tables, only_guild
from knowledge.values.guilds import requirements
from knowledge.values.notes import (
    Decision,
    Member,
    Note,
    NoticeEvent,
    Obstacle,
    Outcome,
    PageVeto,
    Picture,
    Problem,
    SourceChange,
    SourceMessage,
    State,
)
from knowledge.values.submissions import Submission


@dataclass(eq=False)
class Contributions(Tables):
    """Actions of contributors on notes.

    Methods return None if the guild has no such note.
    """

    _guilds: Guilds
    _states: NoteStates

    def propose(
        self,
        guild_id: int,
        contributor: Member,
        channel_id: int,
        submission: Submission,
        *,
        role_ids: Sequence[int] = (),
        source: SourceMessage | None = None,
        pictures: Sequence[Picture] = (),
        for_page: bool = False,
        off_page: bool = False,
    ) -> Outcome:
        """Store a new note with its first revision: pending, or live if a rule publishes it.

        `role_ids` are the contributor's roles, for rules about immediate publication. `for_page` is
        whether the contributor was told about the public page, and `off_page` whether they opted
        out of the page.
        """
        with self._db.writing(guild_id):
            note_id = self._states.add(guild_id, contributor, channel_id, source)
            if off_page:
                self._states.veto_page(note_id, PageVeto.WRITER, vetoed=True)
            note, _ = self._states.write(
                note_id, contributor, submission, pictures, for_page=for_page
            )
            self._states.record(note, contributor.id, "proposed")
            return self._publish_at_once(note, contributor, role_ids)

    def propose_reply(
        self,
        guild_id: int,
        contributor: Member,
        submission: Submission,
        source: SourceMessage,
        asked_message_id: int,
        question_id: int | None,
    ) -> Note | None:
        """Store a member's reply to a question as a pending note, and notify the member.

        `question_id` is the id of the question's record, or None if it wasn't recorded. Returns the
        note; None if there is a note from this message already, or a pending or live note for the
        question.
        """
        with self._db.writing(guild_id):
            if self.has_note(guild_id, source.message_id, asked_message_id, question_id):
                return None
            note_id = self._states.add(
                guild_id, contributor, source.channel_id, source, asked_message_id
            )
            note, _ = self._states.write(note_id, contributor, submission)
            self._states.record(note, None, "proposed")
            self._states.tell_contributor(note, NoticeEvent.FROM_REPLY)
            return note

    def has_note(
        self, guild_id: int, message_id: int, asked_message_id: int, question_id: int | None
    ) -> bool:
        """Whether there is a note from this reply, or a pending or live note for its question."""
        return bool(
            self._db.rows(
                "select 1 from notes n where n.guild_id = ? and (n.source_message_id = ? "
                "or (n.asked_message_id = ? or exists (select 1 from gap_notes g "
                "where g.note_id = n.id and g.question_id = ?)) "
                "and (n.live_revision_id is not null or exists "
                "(select 1 from revisions r where r.note_id = n.id and r.state = 'pending')))",
                [guild_id, message_id, asked_message_id, question_id or 0],
            )
        )

    def revise(
        self,
        guild_id: int,
        note_id: int,
        contributor: Member,
        submission: Submission,
        *,
        role_ids: Sequence[int] = (),
        pictures: Sequence[Picture] | None = None,
        for_page: bool = False,
    ) -> Outcome | None:
        """Propose another text for a note.

        The new revision replaces a pending revision; a live revision stays live. Without
        `pictures`, the pictures of the latest revision are kept. If another member than the
        contributor proposes the text, the new revision is an extension. Tags, link and wordings of
        a pending revision that nobody has voted on are changed in place.
        """
        with self._db.writing(guild_id):
            latest = self._states.notes.latest(guild_id, note_id)
            if latest is None:
                return None
            if latest.contributor_id != contributor.id:
                return self._extend(latest, contributor, submission, pictures, for_page=for_page)
            stands = latest.revision.state is State.PENDING or latest.live
            if stands and latest.revision.submission == submission and pictures is None:
                return Outcome(latest, Obstacle.UNCHANGED)
            replaced: list[int] = []
            if latest.can_be_described(submission) and pictures is None:
                note = self._states.describe(latest, submission)
            else:
                given = latest.revision.id if pictures is None else pictures
                note, replaced = self._states.write(
                    note_id, contributor, submission, given, for_page=for_page
                )
            self._states.record(note, contributor.id, "revised", replaced=replaced)
            self._states.settle_answered_check(note_id)
            self._take_back_extension(latest)
            return self._publish_at_once(note, contributor, role_ids)

    def _extend(
        self,
        latest: Note,
        writer: Member,
        submission: Submission,
        pictures: Sequence[Picture] | None,
        *,
        for_page: bool,
    ) -> Outcome | None:
        """Propose a text for another member's live note; moderators always decide on it."""
        live = self._states.notes.live(latest.id)
        if live is None:
            # A note that isn't public doesn't exist for others.
            return None
        theirs = latest.revision.extension and latest.revision.writer_id == writer.id
        if latest.revision.state is State.PENDING and not theirs:
            return Outcome(live, Obstacle.WAITS)
        if live.revision.submission.safe == submission.safe and not pictures:
            return Outcome(live, Obstacle.UNCHANGED)
        given = pictures or live.revision.id
        note, replaced = self._states.write(
            latest.id,
            writer,
            submission,
            given,
            extension=True,
            # The text includes the contributor's words, so their consent is needed, too.
            for_page=for_page and live.revision.for_page,
        )
        self._states.record(note, writer.id, "revised", replaced=replaced)
        if writer.id == latest.owner_id:
            self._states.settle_answered_check(note.id)
        # An extension is announced once, however often its writer revises it.
        elif not replaced:
            self._states.tell_contributor(note, NoticeEvent.EXTENDED)
        return Outcome(note)

    def _take_back_extension(self, note: Note) -> None:
        """Notify the writer of a pending extension that the contributor has withdrawn it."""
        if note.revision.extension and note.revision.state is State.PENDING:
            self._states.tell_of_extension(note, NoticeEvent.EXTENSION_WITHDRAWN)

    def _publish_at_once(self, note: Note, contributor: Member, role_ids: Sequence[int]) -> Outcome:
        """Publish a new revision if the contributor's role allows it."""
        tags = note.revision.submission.tags
        asked = requirements(self._guilds.rules(note.guild_id), tags)
        if not asked.publishes_at_once(role_ids):
            return Outcome(note)
        self._states.review(note, contributor, Decision.APPROVE)
        self._states.set_state(note.revision.id, State.APPROVED)
        self._states.set_live(note, note.revision.id, contributor.id)
        self._states.record(note, contributor.id, "published_at_once")
        every = self._guilds.settings(note.guild_id).sample_every
        if every and note.revision.id % every == 0:
            self._db.run("update notes set sampled = 1 where id = ?", [note.id])
            mark_due(self._db, note.revision.id)
        return Outcome(self._states.notes.of_revision(note.revision.id), live_changed=True)

    def written_since(self, guild_id: int, member_id: int, since: datetime) -> list[datetime]:
        """The times of the revisions that a member wrote after the time `since`, oldest first."""
        moments = self._db.column(
            "select r.created_at from revisions r join notes n on n.id = r.note_id "
            "where r.writer_id = ? and r.created_at > ? and n.guild_id = ? "
            "order by r.created_at, r.id",
            [member_id, since, guild_id],
        )
        return [*map(datetime.fromisoformat, moments)]

    def withdraw(self, guild_id: int, note_id: int, contributor_id: int) -> Outcome | None:
        """Withdraw a contributor's note: the pending revision, or else the published revision."""
        with self._db.writing(guild_id):
            latest = self._states.notes.latest(guild_id, note_id)
            if latest is None:
                return None
            if latest.contributor_id != contributor_id:
                # Other members can't see a note that isn't live.
                live = self._states.notes.live(note_id)
                return Outcome(live, Obstacle.NOT_YOURS) if live is not None else None
            waits = latest.revision.state in {State.PENDING, State.CHANGES_REQUESTED}
            published = latest.live_revision_id or latest.retired_revision_id
            revision_id = latest.revision.id if waits else published
            if revision_id is None:
                return Outcome(latest, Obstacle.NOT_LIVE)
            note = self._states.notes.of_revision(revision_id)
            self._take_back_extension(note)
            self._states.set_state(revision_id, State.WITHDRAWN)
            if not waits:
                self._states.set_live(note, None, contributor_id)
                withdrawn = NoticeEvent.REPORT_WITHDRAWN
                self._states.close_reports(note, withdrawn, contributor_id)
            self._states.record(note, contributor_id, "withdrawn")
            return Outcome(self._states.notes.of_revision(revision_id), live_changed=note.live)

    def report(
        self, guild_id: int, note_id: int, member_id: int, problem: Problem, reason: str
    ) -> Outcome | None:
        """Store a member's report about a live note.

        The report replaces the member's earlier report about the same problem.
        """
        with self._db.writing(guild_id):
            note = self._states.notes.live_or_outcome(guild_id, note_id)
            if not isinstance(note, Note):
                return note
            self._states.add_report(note, member_id, problem, reason)
            self._states.record(note, member_id, "reported", problem=problem)
            return Outcome(self._states.notes.of_revision(note.revision.id))

    def flag_source_change(self, message_ids: Sequence[int], change: SourceChange) -> list[Note]:
        """Flag the notes saved from these edited or deleted messages.

        A proposal from a reply is withdrawn when the reply or its question is deleted. Returns the
        notes newly flagged or withdrawn.
        """
        deleted = change is SourceChange.DELETED
        noted = self._states.notes.saved_from(message_ids, change)
        proposed = self._states.notes.proposed_from_replies(message_ids) if deleted else []
        if not noted and not proposed:
            return []
        with self._db.writing(only_guild(note.guild_id for note in [*noted, *proposed])):
            flagged = self._states.notes.saved_from(message_ids, change)
            for note in flagged:
                self._db.run("update notes set source_change = ? where id = ?", [change, note.id])
                mark_due(self._db, note.revision.id)
                self._states.record(note, None, f"source_{change}")
            for note in proposed:
                self._states.set_state(note.revision.id, State.WITHDRAWN)
                self._states.record(note, note.contributor_id, "withdrawn")
            return [*flagged, *proposed]
