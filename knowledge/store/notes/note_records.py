"""Queries for notes with their revisions, reviews and reports.

Each revision of a note has a review card. At most one revision is pending, and at most one live.
`knowledge.store.notes.note_states` changes notes.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from operator import itemgetter
from typing import Any, Final

from knowledge.secrets import without_secrets
from knowledge.store.database import moment
from knowledge.store.rows import Tables, record
from knowledge.values.guilds import GuildFilter, every_guild
from knowledge.values.notes import (
    Decision,
    Note,
    Obstacle,
    Outcome,
    PageVeto,
    Report,
    Review,
    Revision,
    SourceChange,
    SourceMessage,
    State,
    Watched,
)
from knowledge.values.submissions import Submission

# An accepted extension `e` of a note `m`, also one edited by a moderator.
ACCEPTED: Final = """
    e.extension = 1 and e.writer_id not in (0, m.contributor_id) and (e.state = 'approved' or exists
    (select 1 from revisions x where x.id = e.replaced_by and x.state = 'approved'
     and x.writer_id != m.contributor_id))
"""

_NOTE: Final = """
    select n.*, r.id as revision_id, r.number, r.title, r.text, r.tags, r.link, r.wordings, r.state,
           r.created_at as written_at, r.card_channel_id, r.card_message_id, r.writer_id, r.writer,
           r.replaced_by, r.extension, r.for_page,
           (select max(id) from revisions where note_id = n.id) as latest_id
    from notes n join revisions r on r.note_id = n.id
"""

# Writers of accepted extensions of some notes, in the order of their extensions.
_CO_AUTHORS: Final = f"""
    select e.note_id, e.writer from revisions e join notes m on m.id = e.note_id
    where e.note_id in (?) and {ACCEPTED} order by e.id
"""  # noqa: S608 - constants only

_LATEST: Final = "r.id = (select max(id) from revisions where note_id = n.id)"

# Live notes for moderators to review again: due, reported, sampled, or with a changed source. A due
# note is the moderators' once its writer isn't asked about it.
_RECONSIDERED: Final = """
    (n.sampled <> 0 or n.source_change != ''
    or exists (select 1 from reports p where p.note_id = n.id and p.closed_at is null)
    or n.review_at <= ? and not exists
    (select 1 from note_checks c where c.note_id = n.id and c.state = 'asked'))
"""

# The earliest possible start of waiting for a moderator, by guild.
_WAITING: Final = f"""
    select guild_id, min(since) as since from (
        select n.guild_id, r.created_at as since from revisions r join notes n on n.id = r.note_id
        where r.state = 'pending'
        union all
        select n.guild_id, '' from notes n where n.live_revision_id is not null
        and {_RECONSIDERED}
    ) every_one group by guild_id
"""  # noqa: S608 - constants only

# Reviews that determine a revision's state: not undone, and no undo, retirement or restoration.
STANDING: Final = "undone_at is null and decision not in ('undo', 'retire', 'restore')"

_REVIEWS: Final = (
    "select * from reviews where undone_at is null and decision not in ('undo', 'restore') "
    "and revision_id in (?) order by id"
)
_REPORTS: Final = "select * from reports where closed_at is null and note_id in (?) order by id"


@dataclass(frozen=True, slots=True)
class ListedNote:
    """A note in a list; secrets are removed from its titles.

    `title` and `state` are the latest revision's, for the contributor and moderators only. `tags`
    and `live_title` are the live revision's; `live_title` is None if no revision is live.
    """

    id: int
    contributor_id: int
    title: str
    state: State
    live_title: str | None
    tags: tuple[str, ...]


class Notes(Tables):
    """The notes in the community database."""

    # Queries.

    def listed(self, guild_id: int) -> list[ListedNote]:
        rows = self._db.rows(
            "select n.id, n.contributor_id, latest.title, latest.state, live.title as live_title, "
            "coalesce(live.tags, '[]') as tags from notes n "
            "join revisions latest on latest.id = "
            "(select max(id) from revisions where note_id = n.id) "
            "left join revisions live on live.id = n.live_revision_id "
            "where n.guild_id = ? order by n.id desc",
            [guild_id],
        )
        return [
            record(
                ListedNote,
                row,
                title=without_secrets(row["title"]),
                live_title=row["live_title"] and without_secrets(row["live_title"]),
            )
            for row in rows
        ]

    def watched(self) -> list[Watched]:
        """The source messages of notes, and the questions of pending proposals from replies."""
        rows = self._db.rows(
            "select source_message_id as message_id, source_channel_id as channel_id, "
            "created_at as saved_at from notes where source_message_id is not null union all "
            "select n.asked_message_id, n.source_channel_id, n.created_at from notes n "
            "join revisions r on r.note_id = n.id "
            "where n.asked_message_id is not null and r.state = 'pending' "
            "order by saved_at desc, message_id"
        )
        # The first of several notes from one message wins.
        return list({row["message_id"]: record(Watched, row) for row in rows}.values())

    def messages_of_proposals(self, mine: GuildFilter = every_guild) -> list[SourceMessage]:
        """The replies and questions of pending proposals, each in the channel of the reply."""
        rows = self._db.rows(
            "select n.guild_id, n.source_channel_id, n.source_message_id, n.asked_message_id "
            "from notes n join revisions r on r.note_id = n.id "
            "where n.asked_message_id is not null and r.state = 'pending' order by n.id"
        )
        return [
            SourceMessage(row["source_channel_id"], row[column])
            for row in rows
            if mine(row["guild_id"])
            for column in ("source_message_id", "asked_message_id")
        ]

    def of_revision(self, revision_id: int) -> Note:
        """The note with this revision; raises LookupError if the revision doesn't exist."""
        found = self.find(revision_id)
        if found is None:
            raise LookupError(f"There is no revision {revision_id} here.")
        return found

    def find(self, revision_id: int, guild_id: int | None = None) -> Note | None:
        of_guild, values = _of_guild(guild_id)
        return self._first(f"r.id = ? {of_guild}", [revision_id, *values])

    def latest(self, guild_id: int | None, note_id: int) -> Note | None:
        of_guild, values = _of_guild(guild_id)
        return self._first(f"n.id = ? {of_guild} and {_LATEST}", [note_id, *values])

    def live(self, note_id: int) -> Note | None:
        """The note with its live revision, if any."""
        return self._first("n.id = ? and r.id = n.live_revision_id", [note_id])

    def live_or_outcome(self, guild_id: int, note_id: int) -> Note | Outcome | None:
        """The guild's note with its live revision, for actions on live notes.

        Returns an `Outcome` with the reason if the note isn't live; None if the guild has no such
        note.
        """
        latest = self.latest(guild_id, note_id)
        if latest is None:
            return None
        return self.live(note_id) or Outcome(latest, Obstacle.NOT_LIVE)

    def every_live(self) -> list[Note]:
        return self._select("r.id = n.live_revision_id", [], "n.id")

    def history(self, guild_id: int, note_id: int) -> list[Note]:
        return self._select("n.id = ? and n.guild_id = ?", [note_id, guild_id], "r.id")

    def of_member(self, guild_id: int, member_id: int) -> list[Note]:
        """A contributor's own notes, and others' live notes in their care."""
        return self._select(
            f"n.guild_id = ? and (n.contributor_id = ? and {_LATEST} or n.owner_id = ? "
            "and n.contributor_id <> n.owner_id and r.id = n.live_revision_id)",
            [guild_id, member_id, member_id],
            "n.id desc",
        )

    def pending(self, guild_id: int) -> list[Note]:
        return self._select("n.guild_id = ? and r.state = 'pending'", [guild_id], "r.id")

    def queue(self, guild_id: int, at: datetime) -> list[Note]:
        """The notes for moderators to decide on, the longest waiting first."""
        found = self._select(
            "n.guild_id = ? and (r.state = 'pending' or "
            f"(r.id = n.live_revision_id and {_RECONSIDERED}))",
            [guild_id, at],
            "r.id",
        )
        return sorted(found, key=lambda note: note.waiting_since)

    def waiting(self, at: datetime, mine: GuildFilter = every_guild) -> list[int]:
        """Ids of guilds with waiting notes, where a reminder to moderators may be due.

        The caller checks how long the notes have waited, so only a due reminder is sent.
        """
        rows = self._db.rows(
            f"select g.id, g.reminder_hours, g.reminded_at, w.since from ({_WAITING}) w "  # noqa: S608
            "join guilds g on g.id = w.guild_id where g.review_channel_id is not null "
            "and g.moderator_role_id is not null and g.reminder_hours > 0 order by g.id",
            [at],
        )
        found = []
        for row in rows:
            before = at - timedelta(hours=row["reminder_hours"])
            last = moment(row["reminded_at"])
            # A time in the future comes from a wrong clock.
            free = last is None or not before < last <= at
            if free and row["since"] <= before.isoformat() and mine(row["id"]):
                found.append(row["id"])
        return found

    def due_ids(self, at: datetime) -> list[int]:
        return self._db.column(
            "select id from notes where review_at <= ? and live_revision_id is not null "
            "order by id",
            [at],
        )

    def revision_titles(self, guild_id: int, revision_ids: Iterable[int]) -> dict[int, str]:
        rows = self._db.rows(
            "select r.id, r.title from revisions r join notes n on n.id = r.note_id "
            "where n.guild_id = ? and r.id in (?)",
            [guild_id, [*revision_ids]],
        )
        return {row["id"]: without_secrets(row["title"]) for row in rows}

    def reasons(self, guild_id: int, review_ids: Iterable[int]) -> dict[int, str]:
        rows = self._db.rows(
            "select v.id, v.reason from reviews v join revisions r on r.id = v.revision_id "
            "join notes n on n.id = r.note_id where n.guild_id = ? and v.id in (?)",
            [guild_id, [*review_ids]],
        )
        return {row["id"]: row["reason"] for row in rows}

    def last_reason(self, revision_id: int, decision: Decision) -> str:
        """The last reason for this decision on a revision, or an empty string."""
        return (
            self._db.value(
                str,
                "select reason from reviews where revision_id = ? and decision = ? "
                "order by id desc limit 1",
                [revision_id, decision],
            )
            or ""
        )

    def saved_from(self, message_ids: Sequence[int], change: SourceChange) -> list[Note]:
        """Notes saved from these messages, to be flagged with a change of the messages.

        Notes that already have this flag are left out, and so are notes flagged as deleted.
        """
        rows = self._db.rows(
            f"{_NOTE} where n.source_message_id in (?) "  # noqa: S608 - written here
            "and n.source_change not in (?, 'deleted') and r.id = coalesce(n.live_revision_id, "
            "(select max(id) from revisions where note_id = n.id))",
            [[*message_ids], change],
        )
        return self._with_relations(sorted(rows, key=itemgetter("id")))

    def proposed_from_replies(self, message_ids: Sequence[int]) -> list[Note]:
        """The pending proposals from these replies, or from replies to these questions."""
        rows = {
            row["id"]: row
            for column in ("source_message_id", "asked_message_id")
            for row in self._db.rows(
                f"{_NOTE} where n.asked_message_id is not null and r.state = 'pending' "
                f"and n.{column} in (?)",
                [[*message_ids]],
            )
        }
        return self._with_relations([rows[note_id] for note_id in sorted(rows)])

    def record_of(self, note: Note) -> dict[str, int]:
        """The numbers of the contributor's other notes by a revision's state, but not replaced."""
        rows = self._db.rows(
            "select r.state, count(distinct n.id) as number "
            "from revisions r join notes n on n.id = r.note_id "
            "where n.guild_id = ? and n.contributor_id = ? and n.id != ? and r.replaced_by is null "
            "group by r.state order by r.state",
            [note.guild_id, note.contributor_id, note.id],
        )
        return {row["state"]: row["number"] for row in rows}

    # Rows to values.

    def _first(self, condition: str, values: Sequence[Any]) -> Note | None:
        notes = self._select(condition, values, "r.id")
        return notes[0] if notes else None

    def _select(self, condition: str, values: Sequence[Any], order: str) -> list[Note]:
        """The notes with the revisions that meet a condition, with reviews and reports."""
        # Conditions and orders are constants of this module; values are bound.
        return self._with_relations(
            self._db.rows(f"{_NOTE} where {condition} order by {order}", values)
        )

    def _with_relations(self, rows: list[dict[str, Any]]) -> list[Note]:
        """Notes from their rows and the rows of related tables."""
        note_ids = [row["id"] for row in rows]
        found_reviews, found_reports, co_authors = self._db.rows_together(
            [
                (_REVIEWS, [[row["revision_id"] for row in rows]]),
                (_REPORTS, [note_ids]),
                (_CO_AUTHORS, [note_ids]),
            ]
        )
        reviews: defaultdict[int, list[Review]] = defaultdict(list)
        retirements: dict[int, Review] = {}
        for row in found_reviews:
            review = record(Review, row)
            if review.decision is Decision.RETIRE:
                retirements[row["revision_id"]] = review
            else:
                reviews[row["revision_id"]].append(review)
        reports: defaultdict[int, list[Report]] = defaultdict(list)
        for row in found_reports:
            reports[row["note_id"]].append(record(Report, row))
        writers: defaultdict[int, dict[str, None]] = defaultdict(dict)
        for row in co_authors:
            writers[row["note_id"]][row["writer"]] = None
        return [
            _note(
                row,
                tuple(reviews[row["revision_id"]]),
                retirements.get(row["revision_id"]),
                tuple(reports[row["id"]]),
                tuple(writers[row["id"]]),
            )
            for row in rows
        ]


def _of_guild(guild_id: int | None) -> tuple[str, list[int]]:
    """The SQL condition for a guild's notes, with its value; empty without a guild."""
    return ("", []) if guild_id is None else ("and n.guild_id = ?", [guild_id])


def _note(
    row: dict[str, Any],
    reviews: tuple[Review, ...],
    retirement: Review | None,
    reports: tuple[Report, ...],
    co_authors: tuple[str, ...],
) -> Note:
    card = None
    if row["card_message_id"] is not None:
        card = (row["card_channel_id"], row["card_message_id"])
    source = None
    if row["source_message_id"] is not None:
        source = SourceMessage(
            row["source_channel_id"], row["source_message_id"], SourceChange(row["source_change"])
        )
    revision = record(
        Revision,
        row,
        id=row["revision_id"],
        note_id=row["id"],
        submission=record(Submission, row),
        created_at=datetime.fromisoformat(row["written_at"]),
    )
    return record(
        Note,
        row,
        revision=revision,
        reviews=reviews,
        retirement=retirement,
        card=card,
        reports=reports,
        source=source,
        latest_revision_id=row["latest_id"],
        co_authors=co_authors,
        off_page=frozenset(veto for veto in PageVeto if row[f"off_page_{veto.value}"]),
    )
