"""Notes on a guild's public page: consent, vetoes, and contributors' names.

All queries share one condition. A live text is on the page unless its writer or moderators veto it.
The writer must have been told about the page, or a moderator must have released the text.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from knowledge.store.database import moment, now
from knowledge.store.notes.note_records import ACCEPTED
from knowledge.store.notes.note_states import NoteStates
from knowledge.store.notes.review_cards import mark_due
from knowledge.store.rows import Tables, record
from knowledge.values.notes import Member, Obstacle, Outcome, PageName, PageVeto, PictureKind
from knowledge.values.submissions import Submission

# A forgotten contributor can't consent any more.
_MAY_BE: Final = """
    n.guild_id = ? and r.id = n.live_revision_id and n.contributor_id <> 0
    and n.off_page_writer = 0 and n.off_page_moderator = 0
"""
_ON_PAGE: Final = f"""
    {_MAY_BE} and r.for_page = 1
    and exists (select 1 from guilds g where g.id = n.guild_id and g.page = 1 and g.left_at is null)
"""  # noqa: S608 - constants only
_FROM: Final = "from notes n join revisions r on r.note_id = n.id"
_UNRELEASED: Final = f"{_FROM} where {_MAY_BE} and r.for_page = 0"

_PUBLIC: Final = f"""
    select n.id, r.id as revision_id, r.title, r.text, r.tags, r.link, n.verified_at, r.created_at
    {_FROM} where {_ON_PAGE} order by n.id
"""
_APPROVALS: Final = f"""
    select n.id, a.id as revision_id, v.created_at {_FROM}
    join revisions a on a.note_id = n.id and a.state = 'approved'
    join reviews v on v.revision_id = a.id and v.decision = 'approve' and v.undone_at is null
    where {_ON_PAGE} order by v.id
"""
# Notes approved with consent once, so possibly published.
_GONE: Final = f"""
    select n.id from notes n where n.guild_id = ? and exists (
        select 1 from revisions o join reviews v on v.revision_id = o.id
        where o.note_id = n.id and o.for_page = 1 and o.state in ('approved', 'withdrawn')
        and v.decision = 'approve' and v.undone_at is null)
    and n.id not in (select n.id {_FROM} where {_ON_PAGE}) order by n.id
"""  # noqa: S608
_PICTURES: Final = f"""
    select n.id, p.digest, p.kind {_FROM} join revision_pictures o on o.revision_id = r.id
    join pictures p on p.digest = o.digest where {_ON_PAGE} order by n.id, o.position
"""
_NAMES: Final = f"""
    select n.id, c.shown, n.contributor as name, 0 as place {_FROM}
    join page_names c on c.member_id = n.contributor_id where {_ON_PAGE}
    union select m.id, c.shown, e.writer, e.id {_FROM} join notes m on m.id = n.id
    join revisions e on e.note_id = m.id join page_names c on c.member_id = e.writer_id
    where {_ON_PAGE} and {ACCEPTED} and e.id <= r.id order by 1, 4
"""
_OF_MEMBER: Final = f"""
    select count(distinct n.id) as number {_FROM} join notes m on m.id = n.id
    left join revisions e on e.note_id = n.id and {ACCEPTED} and e.id <= r.id and e.writer_id = ?
    where {_ON_PAGE} and (n.contributor_id = ? or e.id is not null)
"""
# Public questions with the note first in their answer.
_ASKED: Final = """
    select p.document_id, count(distinct q.id) as number from questions q
    join hits h on h.question_id = q.id and h.rank = 1
    join recorded_passages p on p.digest = h.passage_digest
    where q.guild_id = ? and q.private = 0 and q.evidence <> 'none' and q.told_for is null
    group by p.document_id
"""


@dataclass(frozen=True, slots=True)
class PublicNote:
    """A note on its guild's page; the renderer removes secrets.

    Its present, first and previous texts were approved at `updated_at`, `first_at` and
    `previous_at`. The authors' names have the form that each has chosen for the page.
    """

    id: int
    submission: Submission
    verified_at: datetime | None
    updated_at: datetime
    first_at: datetime
    previous_at: datetime | None
    names: tuple[str, ...]
    pictures: tuple[tuple[str, PictureKind], ...]


@dataclass(frozen=True, slots=True)
class ListedText:
    """A revision's text, without secrets, in a list of notes to decide on together."""

    id: int
    revision_id: int
    submission: Submission


@dataclass(eq=False)
class PublicNotes(Tables):
    """The texts of public pages in the community database."""

    _states: NoteStates

    # Content of the page.

    def of_guild(self, guild_id: int) -> list[PublicNote]:
        pictures: dict[int, list[tuple[str, PictureKind]]] = {}
        for row in self._db.rows(_PICTURES, [guild_id]):
            picture = row["digest"], PictureKind(row["kind"])
            pictures.setdefault(row["id"], []).append(picture)
        names: dict[int, dict[str, None]] = {}
        for row in self._db.rows(_NAMES, [guild_id] * 2):
            if shown := _page_name(row["name"], PageName(row["shown"])):
                names.setdefault(row["id"], {})[shown] = None
        approvals: dict[int, list[tuple[int, str]]] = {}
        for row in self._db.rows(_APPROVALS, [guild_id]):
            approval = row["revision_id"], row["created_at"]
            approvals.setdefault(row["id"], []).append(approval)
        found = []
        for row in self._db.rows(_PUBLIC, [guild_id]):
            live, written = row["revision_id"], row["created_at"]
            approved = approvals.get(row["id"], [])
            before = [at for revision_id, at in approved if revision_id < live]
            note = PublicNote(
                row["id"],
                record(Submission, row),
                moment(row["verified_at"]),
                datetime.fromisoformat(
                    max((at for number, at in approved if number == live), default=written)
                ),
                datetime.fromisoformat(min((at for _, at in approved), default=written)),
                moment(max(before, default=None)),
                tuple(names.get(row["id"], ())),
                tuple(pictures.get(row["id"], ())),
            )
            found.append(note)
        return found

    def formerly_public(self, guild_id: int) -> list[int]:
        """Notes that may have been on the guild's page before, but aren't now."""
        return self._db.column(_GONE, [guild_id] * 2)

    def on_page(self, guild_id: int, note_ids: Collection[int]) -> frozenset[int]:
        """The ids among `note_ids` whose notes are on the guild's page."""
        sql = f"select n.id {_FROM} where {_ON_PAGE} and n.id in (?)"
        return frozenset(self._db.column(sql, [guild_id, [*note_ids]]))

    def times_asked(self, guild_id: int) -> dict[str, int]:
        """The number of public questions with each document as the best hit, by document id."""
        rows = self._db.rows(_ASKED, [guild_id])
        return {row["document_id"]: row["number"] for row in rows}

    def version(self, guild_id: int) -> tuple[Any, ...]:
        """A value that changes with everything the guild's page depends on.

        It is made of the guild's last line in the log (decisions, vetoes, settings), the number of
        tombstones (erasures), and the last choice of a contributor's name.
        """
        [row] = self._db.rows(
            "select (select max(number) from log_heads where guild_id = ?) as log, "
            "(select count(*) from tombstones) as tombstones, count(*) as names, "
            "max(changed_at) as named_at from page_names",
            [guild_id],
        )
        return tuple(row.values())

    def guilds(self) -> list[int]:
        return self._db.column(
            "select id from guilds where page = 1 and left_at is null order by id"
        )

    def number_of_member(self, member_id: int) -> int | None:
        """How many notes with texts of a member are on pages; None if no guild has a page."""
        guilds = self.guilds()
        found = (
            self._db.rows(_OF_MEMBER, [member_id, guild_id, member_id])[0]["number"]
            for guild_id in guilds
        )
        return sum(found) if guilds else None

    # Consent.

    def set_veto(
        self, guild_id: int, note_id: int, member: Member, by: PageVeto, *, vetoed: bool
    ) -> Outcome | None:
        """Set or clear a veto; None if the guild has no such note.

        The caller checks that the member is the note's contributor or a moderator.
        """
        with self._db.writing(guild_id):
            note = self._states.notes.latest(guild_id, note_id)
            if note is None:
                return None
            if (by in note.off_page) == vetoed:
                return Outcome(note, Obstacle.UNCHANGED)
            self._states.veto_page(note_id, by, vetoed=vetoed)
            self._states.record(note, member.id, "page_off" if vetoed else "page_on")
            mark_due(self._db, note.revision.id, note.live_revision_id)
            return Outcome(self._states.notes.of_revision(note.revision.id))

    def unreleased_count(self, guild_id: int) -> int:
        """The number of live texts for moderators to release."""
        return self._db.value(int, f"select count(*) as number {_UNRELEASED}", [guild_id]) or 0

    def unreleased(self, guild_id: int, limit: int, offset: int = 0) -> list[ListedText]:
        """A page of the live texts for moderators to release, by note number."""
        rows = self._db.rows(
            f"select n.id, r.id as revision_id, r.title, r.text, r.tags, r.link {_UNRELEASED} "
            "order by n.id limit ? offset ?",
            [guild_id, limit, offset],
        )
        return texts_from(rows)

    def release(self, guild_id: int, revision_ids: Sequence[int], moderator_id: int) -> int:
        """Release these texts for the page if they are still live; returns how many."""
        with self._db.writing(guild_id):
            sql = f"select r.id {_UNRELEASED} and r.id in (?)"
            unreleased = self._db.column(sql, [guild_id, [*revision_ids]])
            for revision_id in unreleased:
                self._db.run("update revisions set for_page = 1 where id = ?", [revision_id])
                note = self._states.notes.of_revision(revision_id)
                self._states.record(note, moderator_id, "page_on")
                mark_due(self._db, revision_id)
            return len(unreleased)

    # Names.

    def name_of(self, member_id: int) -> PageName:
        sql = "select shown from page_names where member_id = ?"
        return self._db.value(PageName, sql, [member_id]) or PageName.NOBODY

    def choose_name(self, member_id: int, shown: PageName) -> None:
        with self._db.writing():
            self._db.run("delete from page_names where member_id = ?", [member_id])
            if shown is not PageName.NOBODY:
                row = {"member_id": member_id, "shown": shown, "changed_at": now()}
                self._db.insert("page_names", row)


def texts_from(rows: Iterable[dict[str, Any]]) -> list[ListedText]:
    return [ListedText(row["id"], row["revision_id"], record(Submission, row).safe) for row in rows]


def _page_name(name: str, shown: PageName) -> str:
    if shown is PageName.NAME:
        return name
    initial = next((sign for sign in name if sign.isalnum()), "")
    return f"{initial.upper()}." if initial else ""
