"""Checks of live notes with their writers, and the hand-over of notes to other owners.

A check and its notice are one transaction, which looks for the reason again. So several processes
ask once, and a kill loses nothing. Without an answer, the note becomes due for the moderators.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from knowledge.store.database import now
from knowledge.store.interactions import NO_CHANNEL, Notices
from knowledge.store.notes.note_states import NoteStates
from knowledge.store.notes.review_cards import mark_due
from knowledge.store.rows import Tables
from knowledge.values.guilds import GuildFilter
from knowledge.values.notes import (
    MOST_ASKED,
    UNHELPFUL_IN_A_ROW,
    VERDICTS_COUNT_FOR,
    WEEK,
    CheckReason,
    CheckState,
    Note,
    NoteCheck,
    Notice,
    NoticeEvent,
    Obstacle,
    Outcome,
)

# Due notes with a quotation in an answer since a time.
_DUE_AND_QUOTED: Final = """
    select n.id, n.review_at from notes n where n.guild_id = ? and n.live_revision_id is not null
    and n.review_at <= ? and exists (select 1 from recorded_passages p
    join hits h on h.passage_digest = p.digest join questions q on q.id = h.question_id
    where p.document_id = 'note:' || cast(n.id as text) and q.evidence <> 'none'
    and h.rank <= coalesce(q.quotations, 1) and q.asked_at >= ?) order by n.id
"""

# Live notes with *Not helpful* as their last verdicts in a row, and the last one's time. A verdict
# is on the document it names, or else on the answer's first. A confirmation or a question about the
# verdicts begins a new row.
_UNHELPFUL: Final = f"""
    with judged as (select f.verdict, f.created_at, coalesce(nullif(f.document_id, ''),
        (select p.document_id from hits h join recorded_passages p on p.digest = h.passage_digest
        where h.question_id = q.id and h.rank = 1)) as document_id
        from feedback f join questions q on q.id = f.question_id
        where q.guild_id = ? and f.created_at >= ?),
    verdicts as (select n.id, j.verdict, j.created_at,
        row_number() over (partition by n.id order by j.created_at desc) as place
        from judged j join notes n on n.id = case when substr(j.document_id, 1, 5) = 'note:'
        then cast(substr(j.document_id, 6) as bigint) end
        where n.live_revision_id is not null and j.created_at > coalesce(n.verified_at, '')
        and j.created_at > coalesce((select max(c.asked_at) from note_checks c
        where c.note_id = n.id and c.reason = 'unhelpful'), ''))
    select id, max(created_at) as judged_at from verdicts where place <= {UNHELPFUL_IN_A_ROW}
    group by id having count(*) = {UNHELPFUL_IN_A_ROW} and min(verdict) = 'unhelpful' order by id
"""  # noqa: S608 - constants only


@dataclass(eq=False)
class NoteChecks(Tables):
    """The checks in the community database."""

    _states: NoteStates
    _notices: Notices

    def open_for(self, note_id: int) -> NoteCheck | None:
        """The check before the writer or the moderators, if any."""
        return self._db.find(
            NoteCheck,
            "select * from note_checks where note_id = ? and state <> 'settled' "
            "order by id desc limit 1",
            [note_id],
        )

    def asking_guilds(self, mine: GuildFilter) -> list[int]:
        sql = "select id from guilds where ask_writers <> 0 and left_at is null order by id"
        return [*filter(mine, self._db.column(sql))]

    def live_texts(self, guild_id: int, after: int, most: int) -> list[tuple[int, str]]:
        """The titles and texts of at most `most` live notes with ids above `after`, by id."""
        rows = self._db.rows(
            "select n.id, r.title, r.text from notes n join revisions r "
            "on r.id = n.live_revision_id where n.guild_id = ? and n.id > ? order by n.id limit ?",
            [guild_id, after, most],
        )
        return [(row["id"], f"{row['title']}\n{row['text']}") for row in rows]

    # Questions.

    def ask(self, guild_id: int, at: datetime, newer: Mapping[int, str] | None = None) -> None:
        """Ask the writers of doubtful notes, at most once for each reason.

        `newer` has the newer release for each note that names an older version. Without it, only
        dates count, because the other reasons take longer to find.
        """
        if not any(self._doubtful(guild_id, at, newer)):
            return
        with self._db.writing(guild_id):
            for note_id, reason, cause in list(self._doubtful(guild_id, at, newer)):
                self._ask(note_id, reason, cause, at)

    def _doubtful(
        self, guild_id: int, at: datetime, newer: Mapping[int, str] | None
    ) -> Iterator[tuple[int, CheckReason, str]]:
        """Find live notes without an open check, each with a new reason and its cause."""
        known = self._db.rows(
            "select note_id, reason, cause, state from note_checks where guild_id = ?", [guild_id]
        )
        causes = {(row["note_id"], row["reason"], row["cause"]) for row in known}
        seen = {row["note_id"] for row in known if row["state"] != CheckState.SETTLED}
        for note_id, reason, cause in self._reasons(guild_id, at, newer):
            if note_id not in seen and (note_id, reason, cause) not in causes:
                seen.add(note_id)
                yield note_id, reason, cause

    def _reasons(
        self, guild_id: int, at: datetime, newer: Mapping[int, str] | None
    ) -> Iterator[tuple[int, CheckReason, str]]:
        since = at - WEEK
        for row in self._db.rows(_DUE_AND_QUOTED, [guild_id, at, since]):
            yield row["id"], CheckReason.DATE, row["review_at"]
        if newer is not None:
            since = at - VERDICTS_COUNT_FOR
            for row in self._db.rows(_UNHELPFUL, [guild_id, since]):
                yield row["id"], CheckReason.UNHELPFUL, row["judged_at"]
            for note_id, release in newer.items():
                yield note_id, CheckReason.RELEASE, release

    def _ask(self, note_id: int, reason: CheckReason, cause: str, at: datetime) -> None:
        note = self._states.notes.live(note_id)
        if note is None:
            return
        writer_id = note.responsible_id
        waiting = self._db.value(
            int,
            "select count(*) from note_checks c join notes n on n.id = c.note_id "
            "where c.state = 'asked' and n.guild_id = ? "
            "and coalesce(n.owner_id, n.contributor_id) = ?",
            [note.guild_id, writer_id],
        )
        if writer_id and (waiting or 0) >= MOST_ASKED:
            return
        check_id = self._db.insert_id(
            "note_checks",
            {
                "guild_id": note.guild_id,
                "note_id": note_id,
                "reason": reason,
                "cause": cause,
                "asked_at": at,
                "state": CheckState.ASKED,
            },
        )
        if writer_id:
            self._tell(note, writer_id, NoticeEvent.STILL_TRUE)
            mark_due(self._db, note.revision.id)
        else:
            self._give_to_moderators(check_id, at)

    def _tell(self, note: Note, member_id: int, event: NoticeEvent) -> None:
        self._notices.add(note.guild_id, member_id, NO_CHANNEL, event, revision_id=note.revision.id)

    def end_waiting(self, at: datetime, mine: GuildFilter) -> None:
        """Ask the moderators after a week without the writer's answer."""
        for row in self._db.rows(
            "select id, guild_id from note_checks where state = 'asked' and asked_at <= ? "
            "order by id",
            [at - WEEK],
        ):
            if mine(row["guild_id"]):
                with self._db.writing(row["guild_id"]):
                    self._give_to_moderators(row["id"], at)

    def _give_to_moderators(self, check_id: int, at: datetime) -> None:
        """Make the note of an unanswered check due; settle the check of one that isn't live."""
        for row in self._db.rows(
            "select c.note_id, n.live_revision_id from note_checks c "
            "join notes n on n.id = c.note_id where c.id = ? and c.state = 'asked'",
            [check_id],
        ):
            live_id = row["live_revision_id"]
            state = CheckState.MODERATORS if live_id else CheckState.SETTLED
            self._db.run("update note_checks set state = ? where id = ?", [state, check_id])
            self._db.run(
                "update notes set review_at = ? "
                "where id = ? and live_revision_id is not null and coalesce(review_at, ?) >= ?",
                [at, row["note_id"], at, at],
            )
            mark_due(self._db, live_id)

    def confirm(self, guild_id: int, revision_id: int, member_id: int) -> Outcome | None:
        """Settle the check of the member's live note, which is verified now; None if not theirs."""
        with self._db.writing(guild_id):
            note = self._states.notes.find(revision_id, guild_id)
            if note is None or note.responsible_id != member_id:
                return None
            if not note.live or self.open_for(note.id) is None:
                return Outcome(note, Obstacle.UNCHANGED)
            self._states.confirm(note)
            self._states.record(note, member_id, "confirmed")
            return Outcome(self._states.notes.of_revision(revision_id), live_changed=True)

    def undeliverable(self, notice: Notice, at: datetime) -> None:
        """Go on without the member: they left, or refuse direct messages."""
        with self._db.writing(notice.guild_id):
            note = self._states.notes.find(notice.revision_id or 0, notice.guild_id)
            if note is None:
                return
            if notice.event is NoticeEvent.OFFERED:
                self.decline(note, notice.member_id)
            elif notice.member_id == note.responsible_id and (check := self.open_for(note.id)):
                self._give_to_moderators(check.id, at)

    # Owners.

    def offer(self, note: Note, member_id: int) -> None:
        """Offer a note to a member; a second offer replaces the first."""
        with self._db.writing(note.guild_id):
            live = self._states.notes.live(note.id)
            if live is not None and live.offered_id != member_id:
                self._set(live, "offered_id", member_id)
                self._tell(live, member_id, NoticeEvent.OFFERED)

    def take_over(self, note: Note, member_id: int) -> bool:
        """Make a member the owner of an offered note; False without the offer.

        The former owner's open question is asked of the new owner.
        """
        with self._db.writing(note.guild_id):
            live = self._states.notes.live(note.id)
            if live is None or live.offered_id != member_id:
                return False
            is_contributor = member_id == live.contributor_id
            self._set(live, "owner_id", None if is_contributor else member_id)
            self._set(live, "offered_id", None)
            self._states.record(live, member_id, "handed_on")
            self._tell(live, live.responsible_id, NoticeEvent.TAKEN_OVER)
            check = self.open_for(note.id)
            if check is not None and check.state is CheckState.ASKED:
                self._db.run("update note_checks set asked_at = ? where id = ?", [now(), check.id])
                self._tell(live, member_id, NoticeEvent.STILL_TRUE)
            return True

    def decline(self, note: Note, member_id: int) -> bool:
        """End a declined or undelivered offer; False without the offer."""
        with self._db.writing(note.guild_id):
            present = self._states.notes.latest(note.guild_id, note.id)
            if present is None or present.offered_id != member_id:
                return False
            self._set(note, "offered_id", None)
            self._tell(note, present.responsible_id, NoticeEvent.NOT_TAKEN_OVER)
            return True

    def _set(self, note: Note, column: str, member_id: int | None) -> None:
        self._db.run(
            f"update notes set {column} = ? where id = ?",  # noqa: S608 - columns of this module
            [member_id, note.id],
        )
        mark_due(self._db, note.revision.id)
