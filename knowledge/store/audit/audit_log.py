"""Append-only audit log: who did what to what; a chain of digests for each guild (`log_chain`).

People stand in it by a key of their own, not by their Discord id: the table of members says whose
key it is. Who asks to be forgotten loses that row, and the log stays whole without naming them.
What people wrote is never in it, only what they did.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any, Final

from knowledge.store.audit import log_chain
from knowledge.store.database import Database, now
from knowledge.store.row_guilds import NO_GUILD
from knowledge.store.rows import record
from knowledge.store.value_lists import rows_among
from knowledge.values.notes import State

_OUTCOMES = {
    "rejected": State.REJECTED,
    "duplicate": State.REJECTED,
    "changes_requested": State.CHANGES_REQUESTED,
}
# What is deleted for good is nowhere any more, whatever was done to it before.
PURGED: Final = "purged"
NOTE_DELETED: Final = "note_deleted"
PUBLISHED = frozenset({"approved", "published_at_once", "rolled_back"})

# What was done to this database as a whole, and not by its community.
RESTORED: Final = "restored"
IMPORTED: Final = "imported"
WHOLE: Final = "database"

# What the tables say of notes.
STANDINGS: Final = (
    "select n.id, n.guild_id, n.live_revision_id, n.retired_revision_id, r.id as revision_id, "
    "r.state from notes n join revisions r on r.note_id = n.id"
)

# Beyond the last line's id.
_NEWEST: Final = 2**63 - 1


@dataclass(frozen=True, slots=True)
class LogEntry:
    """One line of the append-only log; its digest covers the line before it of its guild.

    `id` counts the lines of all guilds, `number` those of its guild. `actor` is a key of the log's
    own, by which a member can be forgotten without breaking it.
    """

    id: int
    at: datetime
    guild_id: int | None
    number: int
    actor: int | None
    event: str
    subject: str
    detail: str
    digest: str


@dataclass(frozen=True, slots=True)
class LogFilter:
    """Which lines of a guild's log: since when, of whom, what was done; None filters nothing."""

    since: datetime | None = None
    member_id: int | None = None
    event: str | None = None


class AuditLog:
    """The log in the community database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def append(
        self,
        guild_id: int | None,
        member_id: int | None,
        event: str,
        subject: str,
        detail: dict[str, Any] | None = None,
    ) -> None:
        """Append a line, inside the transaction that changes what it speaks of.

        Args:
            guild_id: where it happened.
            member_id: who did it; None where the bot did by itself.
            event: what was done, in the past tense.
            subject: to what: `note:<id>`, `revision:<id>`, `guild`.
            detail: numbers and names that the event needs to be replayed; nobody's words.
        """
        entry = LogEntry(
            id=0,
            at=now(),
            guild_id=guild_id,
            number=0,
            actor=None if member_id is None else self.key(member_id),
            event=event,
            subject=subject,
            detail=json.dumps(detail or {}, ensure_ascii=False, sort_keys=True),
            digest="",
        )
        self.add(entry)

    def add(self, entry: LogEntry) -> None:
        """Append a line of another copy's log as the next one of its guild.

        Raising the head locks it until the transaction ends: who writes for the same guild waits.
        """
        chain = entry.guild_id or NO_GUILD
        [head] = self._database.rows(
            "insert into log_heads (guild_id, number, digest) values (?, 1, '') "
            "on conflict (guild_id) do update set number = log_heads.number + 1 "
            "returning number, digest",
            [chain],
        )
        row = {**asdict(entry), "at": entry.at.isoformat(), "number": head["number"]}
        row["digest"] = log_chain.digest(head["digest"], row)
        del row["id"]
        self._database.insert("log", row)
        self._database.run(
            "update log_heads set digest = ? where guild_id = ?", [row["digest"], chain]
        )

    def keep_heads(self) -> None:
        """Write down where chains end whose lines were taken from another copy as they are."""
        self._database.run(log_chain.KEEP_HEADS)

    def key(self, member_id: int) -> int:
        """The key under which the log knows a member; a new one for a new member."""
        rows = self._database.rows("select key from members where user_id = ?", [member_id])
        if not rows:
            # Who writes for another guild may have met the same member a moment ago.
            rows = self._database.rows(
                "insert into members (user_id) values (?) "
                "on conflict (user_id) do update set user_id = excluded.user_id returning key",
                [member_id],
            )
        return int(rows[0]["key"])

    def members(self, keys: Iterable[int] | None = None) -> dict[int, int]:
        """Discord's id of everybody in the log, by key; who was forgotten is not in it.

        Args:
            keys: of these alone, if given.
        """
        every = "select key, user_id from members where user_id is not null"
        if keys is None:
            rows = self._database.rows(every)
        else:
            rows = rows_among(self._database, f"{every} and key in (?)", [*keys])
        return {row["key"]: row["user_id"] for row in rows}

    def entries(self, guild_id: int | None = None) -> list[LogEntry]:
        """The log, oldest first: of one guild if one is given."""
        of_guild, values = ("", []) if guild_id is None else ("where guild_id = ?", [guild_id])
        rows = self._database.rows(f"select * from log {of_guild} order by id", values)  # noqa: S608
        return [logged(row) for row in rows]

    def page(
        self,
        guild_id: int,
        wanted: LogFilter,
        limit: int,
        *,
        before: int = _NEWEST,
        after: int | None = None,
    ) -> list[LogEntry]:
        """The lines of a guild's log that are next to one of them; no others are read.

        Args:
            guild_id: whose log.
            wanted: the lines that are not passed over.
            limit: how many at the most.
            before: older ones than this line's id, newest first.
            after: newer ones than this line's id instead, oldest first.
        """
        lowest = after or 0
        if wanted.since is not None:
            # In the order of their ids, lines are in the order of time.
            lowest = max(lowest, self._first_since(guild_id, wanted.since) - 1)
        conditions = ["guild_id = ?", "id > ?", "id < ?"]
        values: list[Any] = [guild_id, lowest, before]
        if wanted.member_id is not None:
            conditions.append("actor = (select key from members where user_id = ?)")
            values.append(wanted.member_id)
        if wanted.event is not None:
            conditions.append("event = ?")
            values.append(wanted.event)
        order = "desc" if after is None else "asc"
        rows = self._database.rows(
            # Of what is put together, everything is written here.
            f"select * from log where {' and '.join(conditions)} order by id {order} limit ?",  # noqa: S608
            [*values, limit],
        )
        return [logged(row) for row in rows]

    def _first_since(self, guild_id: int, since: datetime) -> int:
        """The id of a guild's first line from a moment on; beyond the last one if there is none."""
        rows = self._database.rows(
            "select id from log where guild_id = ? and at >= ? order by at, id limit 1",
            [guild_id, since.isoformat()],
        )
        return int(rows[0]["id"]) if rows else _NEWEST

    def breaks(self) -> list[log_chain.Break]:
        """The first line of each guild that does not follow from the one before it, or is gone."""
        rows = self._database.rows
        return log_chain.breaks(rows(log_chain.LINES), rows(log_chain.HEADS))

    def contradicted_notes(self) -> list[int]:
        """The notes that are in another state than the log leads to, by id.

        Either the log or the tables were changed by something else than this program.
        """
        return contradicted(self._database.rows(STANDINGS), self.entries())


def logged(row: Mapping[str, Any]) -> LogEntry:
    return record(LogEntry, row, at=datetime.fromisoformat(row["at"]))


@dataclass(slots=True)
class ReplayedNote:
    """A note as the log tells it: its revisions' states, which one is live, which retired."""

    guild_id: int
    states: dict[int, State] = field(default_factory=dict)
    live: int | None = None
    retired: int | None = None


def replayed(entries: Iterable[LogEntry]) -> dict[int, ReplayedNote]:
    """Every note in the log, by id, as it stands after the last of these entries."""
    guilds: dict[int | None, dict[int, ReplayedNote]] = {}
    for entry in entries:
        detail: dict[str, Any] = json.loads(entry.detail)
        notes = guilds.setdefault(entry.guild_id, {})
        if entry.event == PURGED:
            notes.clear()
        elif entry.event == NOTE_DELETED:
            notes.pop(detail["note"], None)
        elif "revision" in detail and entry.guild_id is not None:
            note = notes.setdefault(detail["note"], ReplayedNote(entry.guild_id))
            _apply(note, entry.event, detail["revision"], detail)
    return {note_id: note for notes in guilds.values() for note_id, note in notes.items()}


def contradicted(standings: Iterable[Mapping[str, Any]], entries: Iterable[LogEntry]) -> list[int]:
    """The notes that are in another state than a log leads to, by id.

    Args:
        standings: what the tables say, as `STANDINGS` asks for it.
        entries: the log, oldest first.
    """
    stored: dict[int, ReplayedNote] = {}
    for row in standings:
        live, retired = row["live_revision_id"], row["retired_revision_id"]
        note = stored.setdefault(
            row["id"], ReplayedNote(row["guild_id"], live=live, retired=retired)
        )
        note.states[row["revision_id"]] = State(row["state"])
    told = replayed(entries)
    every = stored.keys() | told.keys()
    return sorted(each for each in every if stored.get(each) != told.get(each))


def _apply(note: ReplayedNote, event: str, revision: int, detail: dict[str, Any]) -> None:
    if event in {"proposed", "revised"}:
        note.states[revision] = State.PENDING
        for replaced in detail.get("replaced", ()):
            note.states[replaced] = State.WITHDRAWN
    elif event in PUBLISHED:
        note.states[revision] = State.APPROVED
        note.live, note.retired = revision, None
    elif event in _OUTCOMES:
        note.states[revision] = _OUTCOMES[event]
    elif event == "withdrawn":
        note.states[revision] = State.WITHDRAWN
        note.live = None if note.live == revision else note.live
        note.retired = None if note.retired == revision else note.retired
    elif event == "retired":
        note.live, note.retired = None, revision
    elif event == "restored":
        note.live, note.retired = revision, None
    elif event == "undone":
        if note.states[revision] is State.APPROVED:
            note.live, note.retired = detail["live"], detail["retired"]
        note.states[revision] = State.PENDING
