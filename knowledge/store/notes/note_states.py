"""State changes of notes, one step each, and the pictures of their revisions.

`contributions` and `decisions` check permissions, and call these steps inside their transactions.
Pictures are backed up and exported like texts. Each picture's bytes are stored once, and deleted
with its last revision.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from knowledge.store.audit_log import AuditLog
from knowledge.store.database import now
from knowledge.store.guilds import Guilds
from knowledge.store.interactions import NO_CHANNEL, Notices
from knowledge.store.notes.note_records import STANDING, Notes
from knowledge.store.notes.review_cards import mark_due
from knowledge.store.rows import Tables
from knowledge.values.guilds import requirements
from knowledge.values.notes import (
    CheckState,
    Decision,
    Member,
    Note,
    NoticeEvent,
    PageVeto,
    Picture,
    Problem,
    SourceMessage,
    State,
)
from knowledge.values.submissions import Submission


class Pictures(Tables):
    """The pictures in the community database."""

    def of(self, revision_id: int) -> tuple[Picture, ...]:
        pictures = self._db.records(
            Picture,
            "select p.kind, p.content from revision_pictures r join pictures p "
            "on p.digest = r.digest where r.revision_id = ? order by r.position",
            [revision_id],
        )
        return tuple(pictures)

    def by_digest(self, digest: str) -> Picture | None:
        sql = "select kind, content from pictures where digest = ?"
        return self._db.find(Picture, sql, [digest])

    def keep(self, revision_id: int, pictures: Sequence[Picture]) -> None:
        """Store a new revision's pictures, inside the transaction that writes it."""
        # One order everywhere, so two guilds never deadlock.
        for picture in sorted(pictures, key=lambda picture: picture.digest):
            self._db.run(
                # The update locks an existing picture against deletion by another guild.
                "insert into pictures (digest, kind, content) values (?, ?, ?) "
                "on conflict (digest) do update set kind = excluded.kind",
                [picture.digest, picture.kind, picture.content],
            )
        for position, picture in enumerate(pictures):
            values = {"revision_id": revision_id, "position": position, "digest": picture.digest}
            self._db.insert("revision_pictures", values)

    def drop(self, revision_id: int) -> None:
        self._db.run("delete from revision_pictures where revision_id = ?", [revision_id])


# The columns of a note restored by an undo.
_UNDONE: Final = ("live_revision_id", "retired_revision_id", "verified_at", "review_at")


@dataclass(eq=False)
class NoteStates(Tables):
    """Steps that change notes."""

    _log: AuditLog
    _guilds: Guilds
    notes: Notes
    _notices: Notices
    pictures: Pictures

    def record(self, note: Note, member_id: int | None, event: str, **detail: Any) -> None:
        """Log an action on a note's revision, with the details for replaying the log."""
        self._log.append(
            note.guild_id,
            member_id,
            event,
            f"revision:{note.revision.id}",
            {"note": note.id, "revision": note.revision.id, **detail},
        )

    def add(
        self,
        guild_id: int,
        contributor: Member,
        channel_id: int,
        source: SourceMessage | None,
        asked_message_id: int | None = None,
    ) -> int:
        return self._db.insert_id(
            "notes",
            {
                "guild_id": guild_id,
                "contributor_id": contributor.id,
                "contributor": contributor.name,
                "channel_id": channel_id,
                "source_channel_id": source.channel_id if source else None,
                "source_message_id": source.message_id if source else None,
                "asked_message_id": asked_message_id,
                "created_at": now(),
            },
        )

    def write(
        self,
        note_id: int,
        writer: Member,
        submission: Submission,
        pictures: Sequence[Picture] | int = (),
        *,
        extension: bool = False,
        for_page: bool = False,
    ) -> tuple[Note, list[int]]:
        """Write a note's next revision as pending; it replaces a pending revision.

        `pictures` are new pictures, or the id of the revision to inherit pictures from. Returns the
        note with that revision, and the ids of the replaced revisions.
        """
        sql = "select id from revisions where note_id = ? and state = 'pending' order by id"
        replaced = self._db.column(sql, [note_id])
        # A decision on the latest revision can't be undone any more, so its card loses *Undo*.
        latest = "select max(id) from revisions where note_id = ?"
        mark_due(self._db, self._db.value(int, latest, [note_id]))
        # The schema allows one pending revision, so this comes first; its pictures may be inherited
        # below.
        self._db.run(
            "update revisions set state = 'withdrawn' where note_id = ? and state = 'pending'",
            [note_id],
        )
        number = "select max(number) from revisions where note_id = ?"
        revision_id = self._db.insert_id(
            "revisions",
            {
                "note_id": note_id,
                "number": (self._db.value(int, number, [note_id]) or 0) + 1,
                "title": submission.title,
                "text": submission.text,
                "tags": json.dumps(submission.tags, ensure_ascii=False),
                "link": submission.link,
                "wordings": json.dumps(submission.wordings, ensure_ascii=False),
                "state": State.PENDING,
                "created_at": now(),
                "writer_id": writer.id,
                "writer": writer.name,
                "extension": int(extension),
                "for_page": int(for_page),
            },
        )
        if isinstance(pictures, int):
            self._db.run(
                "insert into revision_pictures (revision_id, position, digest) "
                "select ?, position, digest from revision_pictures where revision_id = ?",
                [revision_id, pictures],
            )
        else:
            self.pictures.keep(revision_id, pictures)
        for earlier_id in replaced:
            self.set_state(earlier_id, State.WITHDRAWN)
            self._db.run(
                "update revisions set replaced_by = ? where id = ?", [revision_id, earlier_id]
            )
        return self.notes.of_revision(revision_id), replaced

    def describe(self, note: Note, submission: Submission) -> Note:
        """Change the tags, link and wordings of a revision in place."""
        self._db.run(
            "update revisions set tags = ?, link = ?, wordings = ? where id = ?",
            [
                json.dumps(submission.tags, ensure_ascii=False),
                submission.link,
                json.dumps(submission.wordings, ensure_ascii=False),
                note.revision.id,
            ],
        )
        mark_due(self._db, note.revision.id)
        return self.notes.of_revision(note.revision.id)

    def tell_of_extension(self, note: Note, outcome: NoticeEvent) -> None:
        """Notify the writer of an extension of its approval, refusal or withdrawal."""
        self._notices.add(
            note.guild_id,
            note.revision.writer_id,
            NO_CHANNEL,
            outcome,
            revision_id=note.revision.id,
        )

    def tell_contributor(self, note: Note, event: NoticeEvent) -> None:
        """Notify the note's owner, and its contributor about their own text."""
        told = [note.responsible_id]
        if note.revision.writer_id == note.contributor_id:
            told.append(note.contributor_id)
        for member_id in dict.fromkeys(told):
            self._notices.add(
                note.guild_id, member_id, note.channel_id, event, revision_id=note.revision.id
            )

    def review(
        self,
        note: Note,
        moderator: Member,
        decision: Decision,
        reason: str = "",
        duplicate_of: str = "",
    ) -> int:
        [before] = self._db.rows(
            f"select {', '.join(_UNDONE)} from notes where id = ?",  # noqa: S608
            [note.id],
        )
        review_id = self._db.insert_id(
            "reviews",
            {
                "revision_id": note.revision.id,
                "moderator_id": moderator.id,
                "moderator": moderator.name,
                "decision": decision,
                "reason": reason,
                "duplicate_of": duplicate_of,
                "before": json.dumps(before),
                "created_at": now(),
            },
        )
        mark_due(self._db, note.revision.id)
        return review_id

    def take_back(self, note: Note) -> dict[str, Any]:
        """Undo the last review of the note's revision; returns the restored columns."""
        [review, *_] = self._db.rows(
            f"select id, before from reviews where revision_id = ? and {STANDING} "  # noqa: S608
            "order by id desc limit 1",
            [note.revision.id],
        )
        self._db.run("update reviews set undone_at = ? where id = ?", [now(), review["id"]])
        before: dict[str, Any] = json.loads(review["before"])
        if note.live:
            changes = ", ".join(f"{column} = ?" for column in _UNDONE)
            self._db.run(
                f"update notes set {changes} where id = ?",  # noqa: S608 - columns of this module
                [*(before[column] for column in _UNDONE), note.id],
            )
        self.set_state(note.revision.id, State.PENDING)
        mark_due(self._db, before["live_revision_id"], before["retired_revision_id"])
        return before

    def set_state(self, revision_id: int, state: State) -> None:
        """Change a revision's state, and mark its review card as outdated.

        A withdrawn revision loses its pictures.
        """
        self._db.run(
            "update revisions set state = ?, card_due = card_due + 1 where id = ?",
            [state, revision_id],
        )
        if state is State.WITHDRAWN:
            self.pictures.drop(revision_id)

    def set_live(self, note: Note, revision_id: int | None, by: int) -> None:
        """Make a revision live, and mark the note as verified now; with None, nothing is live.

        The review cards of all affected revisions are marked as outdated.
        """
        mark_due(self._db, note.live_revision_id, note.retired_revision_id)
        self._db.run(
            "update notes set live_revision_id = ?, retired_revision_id = null where id = ?",
            [revision_id, note.id],
        )
        if revision_id is not None:
            live = note if revision_id == note.revision.id else self.notes.of_revision(revision_id)
            self.verify(live, NoticeEvent.REPORT_REVISED, by)

    def retire(self, note: Note, by: int) -> None:
        self._db.run(
            "update notes set retired_revision_id = live_revision_id, live_revision_id = null, "
            "sampled = 0 where id = ?",
            [note.id],
        )
        self.close_reports(note, NoticeEvent.REPORT_RETIRED, by)

    def verify(self, note: Note, outcome: NoticeEvent, by: int) -> None:
        """Mark the note as verified now, schedule its next review, and close its open reports.

        The members who reported the note get the notice `outcome`, except the member `by`.
        """
        self.confirm(note)
        self._db.run("update notes set sampled = 0, source_change = '' where id = ?", [note.id])
        self.close_reports(note, outcome, by)

    def confirm(self, note: Note) -> None:
        """Mark the note as verified now, schedule its next review, and settle its checks."""
        asked = requirements(self._guilds.rules(note.guild_id), note.revision.submission.tags)
        at = now()
        again = at + timedelta(days=asked.review_after_days) if asked.review_after_days else None
        self._db.run(
            "update notes set verified_at = ?, review_at = ? where id = ?", [at, again, note.id]
        )
        self._db.run(
            "update note_checks set state = ? where note_id = ?", [CheckState.SETTLED, note.id]
        )
        mark_due(self._db, note.revision.id)

    def settle_answered_check(self, note_id: int) -> None:
        self._db.run(
            "update note_checks set state = ? where note_id = ? and state = ?",
            [CheckState.SETTLED, note_id, CheckState.ASKED],
        )

    def add_report(self, note: Note, member_id: int, problem: Problem, reason: str) -> None:
        """Add a member's report; it replaces their open report about the same problem."""
        self._db.run(
            "delete from reports where note_id = ? and member_id = ? and problem = ? "
            "and closed_at is null",
            [note.id, member_id, problem],
        )
        self._db.insert(
            "reports",
            {
                "note_id": note.id,
                "revision_id": note.revision.id,
                "member_id": member_id,
                "problem": problem,
                "reason": reason,
                "created_at": now(),
            },
        )
        mark_due(self._db, note.revision.id)

    def close_reports(self, note: Note, outcome: NoticeEvent, by: int) -> None:
        """Close the note's open reports, and notify the reporters except `by`.

        Notices go by direct message alone, because reports are confidential.
        """
        for member_id in sorted({report.member_id for report in note.reports} - {by}):
            self._notices.add(
                note.guild_id, member_id, NO_CHANNEL, outcome, revision_id=note.revision.id
            )
        if note.reports:
            self._db.run(
                "update reports set closed_at = ? where note_id = ? and closed_at is null",
                [now(), note.id],
            )
        mark_due(self._db, note.revision.id)

    def veto_page(self, note_id: int, by: PageVeto, *, vetoed: bool) -> None:
        """Set or clear a veto against the public page, by the contributor or the moderators."""
        self._db.run(
            f"update notes set off_page_{by.value} = ? where id = ?",  # noqa: S608 - of two names
            [int(vetoed), note_id],
        )
