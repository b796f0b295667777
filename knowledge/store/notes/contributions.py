"""Transactions of contributors: propose, revise, withdraw, report.

Each method is one transaction with its lines in the log, and gives back how the note stands then.
A note belongs to its guild: for any other guild it is not there.
"""

from collections.abc import Sequence
from datetime import datetime

from knowledge.store.database import Database
from knowledge.store.guilds.guild_settings import Guilds
from knowledge.store.notes.note_states import NoteStates
from knowledge.store.row_guilds import only_guild
from knowledge.values.guilds import requirements
from knowledge.values.notes import (
    Decision,
    Member,
    Note,
    NoticeEvent,
    Obstacle,
    Outcome,
    PageVeto,
    Problem,
    SourceChange,
    SourceMessage,
    State,
)
from knowledge.values.pictures import Picture
from knowledge.values.submissions import Submission


class Contributions:
    """The contributors' half of a note's life; None where the guild has no such note."""

    def __init__(self, database: Database, guilds: Guilds, states: NoteStates) -> None:
        self._database = database
        self._guilds = guilds
        self._states = states
        self._notes = states.notes

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
        """Keep a new note with its first revision: pending, or live where a rule says so.

        `role_ids` are the contributor's, for rules that publish at once. The text is `for_page` if
        the contributor was told of the public page, and `off_page` if they want it kept off.
        """
        with self._database.writing(guild_id):
            note_id = self._states.add(guild_id, contributor, channel_id, source)
            if off_page:
                self._states.veto_page(note_id, PageVeto.WRITER, vetoed=True)
            note, _ = self._states.write(
                note_id, contributor, submission, pictures, for_page=for_page
            )
            self._states.record(note, contributor.id, "proposed")
            return self._published_at_once(note, contributor, role_ids)

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
        """Propose another text of a note, beside the live one if there is one.

        A revision that was still pending is replaced. Without `pictures` it has those that the
        latest one has. By somebody else than the contributor, it is an extension of what is live.
        """
        with self._database.writing(guild_id):
            latest = self._notes.latest(guild_id, note_id)
            if latest is None:
                return None
            if latest.contributor_id != contributor.id:
                return self._extended(latest, contributor, submission, pictures, for_page=for_page)
            stands = latest.revision.state is State.PENDING or latest.live
            if stands and latest.revision.submission == submission and pictures is None:
                return Outcome(latest, Obstacle.UNCHANGED)
            given = latest.revision.id if pictures is None else pictures
            note, replaced = self._states.write(
                note_id, contributor, submission, given, for_page=for_page
            )
            self._states.record(note, contributor.id, "revised", replaced=replaced)
            self._take_back_extension(latest)
            return self._published_at_once(note, contributor, role_ids)

    def _extended(
        self,
        latest: Note,
        writer: Member,
        submission: Submission,
        pictures: Sequence[Picture] | None,
        *,
        for_page: bool,
    ) -> Outcome | None:
        """Propose a text of somebody else's live note, which moderators decide on in any case."""
        live = self._notes.live(latest.id)
        if live is None:
            # As if there were none, where it is not public.
            return None
        theirs = latest.revision.extension and latest.revision.writer_id == writer.id
        if latest.revision.state is State.PENDING and not theirs:
            return Outcome(live, Obstacle.WAITS)
        if live.revision.submission.shown == submission.shown and not pictures:
            return Outcome(live, Obstacle.UNCHANGED)
        given = pictures or live.revision.id
        note, replaced = self._states.write(
            latest.id,
            writer,
            submission,
            given,
            extension=True,
            # The contributor's words are in it, too.
            for_page=for_page and live.revision.for_page,
        )
        self._states.record(note, writer.id, "revised", replaced=replaced)
        # Who goes on with what waits is told of once.
        if not replaced:
            self._states.tell_contributor(note, NoticeEvent.EXTENDED)
        return Outcome(note)

    def _take_back_extension(self, note: Note) -> None:
        """Tell whoever extended a note that its contributor has taken that back, if it waited."""
        if note.revision.extension and note.revision.state is State.PENDING:
            self._states.tell_of_extension(note, NoticeEvent.EXTENSION_WITHDRAWN)

    def _not_theirs(self, note_id: int) -> Outcome | None:
        """That a note is somebody else's; None, as if there were none, where it is not public."""
        live = self._notes.live(note_id)
        return Outcome(live, Obstacle.NOT_YOURS) if live is not None else None

    def _published_at_once(
        self, note: Note, contributor: Member, role_ids: Sequence[int]
    ) -> Outcome:
        """Publish a revision that was just written, where the contributor's role allows it."""
        tags = note.revision.submission.tags
        asked = requirements(self._guilds.rules(note.guild_id), tags)
        if not asked.published_at_once(role_ids):
            return Outcome(note)
        self._states.review(note, contributor, Decision.APPROVE)
        self._states.set_state(note.revision.id, State.APPROVED)
        self._states.set_live(note, note.revision.id, contributor.id)
        self._states.record(note, contributor.id, "published_at_once")
        every = self._guilds.settings(note.guild_id).sample_every
        if every and note.revision.id % every == 0:
            self._states.sample(note)
        return Outcome(self._notes.of_revision(note.revision.id), live_changed=True)

    def written_since(self, guild_id: int, member_id: int, since: datetime) -> list[datetime]:
        """When a member wrote texts of notes, theirs or others', after a moment."""
        rows = self._database.rows(
            "select r.created_at from revisions r join notes n on n.id = r.note_id "
            "where r.writer_id = ? and r.created_at > ? and n.guild_id = ? "
            "order by r.created_at, r.id",
            [member_id, since.isoformat(), guild_id],
        )
        return [datetime.fromisoformat(row["created_at"]) for row in rows]

    def withdraw(self, guild_id: int, note_id: int, contributor_id: int) -> Outcome | None:
        """Take back what waits for a decision of a note of one's own, or else what is live."""
        with self._database.writing(guild_id):
            latest = self._notes.latest(guild_id, note_id)
            if latest is None:
                return None
            if latest.contributor_id != contributor_id:
                return self._not_theirs(note_id)
            waits = latest.revision.state in {State.PENDING, State.CHANGES_REQUESTED}
            published = latest.live_revision_id or latest.retired_revision_id
            revision_id = latest.revision.id if waits else published
            if revision_id is None:
                return Outcome(latest, Obstacle.NOT_LIVE)
            note = self._notes.of_revision(revision_id)
            self._take_back_extension(note)
            self._states.set_state(revision_id, State.WITHDRAWN)
            if not waits:
                self._states.set_live(note, None, contributor_id)
                withdrawn = NoticeEvent.REPORT_WITHDRAWN
                self._states.close_reports(note, withdrawn, contributor_id)
            self._states.record(note, contributor_id, "withdrawn")
            return Outcome(self._notes.of_revision(revision_id), live_changed=note.live)

    def report(
        self, guild_id: int, note_id: int, member_id: int, problem: Problem, reason: str
    ) -> Outcome | None:
        """Keep what a member says is the matter with a live note.

        A second report of the same problem by the same member takes the place of the first.

        """
        with self._database.writing(guild_id):
            note = self._notes.live_one(guild_id, note_id)
            if not isinstance(note, Note):
                return note
            self._states.add_report(note, member_id, problem, reason)
            self._states.record(note, member_id, "reported", problem=problem.value)
            return Outcome(self._notes.of_revision(note.revision.id))

    def source_changed(self, message_ids: Sequence[int], change: SourceChange) -> list[Note]:
        """Flag the notes that were saved from messages which were edited or deleted.

        Returns:
            The notes that were not flagged like that before.
        """
        noted = self._notes.saved_from(message_ids, change)
        if not noted:
            return []
        with self._database.writing(only_guild(note.guild_id for note in noted)):
            flagged = self._states.flag_sources(message_ids, change)
            for note in flagged:
                self._states.record(note, None, f"source_{change.value}")
            return flagged
