"""Append-only audit log of actions; triggers refuse changes and deletions.

A line names its actor by a key; the table `members` maps keys to Discord ids. Forgetting a member
deletes the row of that table, so the lines stay and nobody is named. Lines record actions, never
texts.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from knowledge.store.database import now
from knowledge.store.rows import NO_GUILD, Tables, columns
from knowledge.values.notes import State

_OUTCOMES = {
    "rejected": State.REJECTED,
    "duplicate": State.REJECTED,
    "changes_requested": State.CHANGES_REQUESTED,
}
# Events of deletion; they override earlier lines about the deleted data.
PURGED: Final = "purged"
NOTE_DELETED: Final = "note_deleted"
PUBLISHED = frozenset({"approved", "published_at_once", "rolled_back"})

# Actions on the database as a whole.
RESTORED: Final = "restored"
IMPORTED: Final = "imported"
WHOLE: Final = "database"

# The tables' view of notes, to compare with the log's.
STANDINGS: Final = (
    "select n.id, n.guild_id, n.live_revision_id, n.retired_revision_id, r.id as revision_id, "
    "r.state from notes n join revisions r on r.note_id = n.id"
)

# Fills `log_heads` (each guild's last number) for lines copied from another database. The column
# `digest` of both tables is of version 1.0.0, whose lines formed a hash chain.
ADD_MISSING_HEADS: Final = (
    "insert into log_heads (guild_id, number, digest) "
    "select coalesce(guild_id, 0), max(number), '' from log where true "
    "group by coalesce(guild_id, 0) on conflict (guild_id) do nothing"
)

# Above every id.
_NEWEST: Final = 2**63 - 1


@dataclass(frozen=True, slots=True)
class LogEntry:
    """One line of the log.

    `id` ascends over the lines of all guilds, and `number` counts the lines of its guild from 1.
    `actor` is a key in the table `members`; None for the bot.
    """

    id: int
    at: datetime
    guild_id: int | None
    number: int
    actor: int | None
    event: str
    subject: str
    detail: str


@dataclass(frozen=True, slots=True)
class LogFilter:
    """A filter of a guild's log by time, member and event; None matches everything."""

    since: datetime | None = None
    member_id: int | None = None
    event: str | None = None


class AuditLog(Tables):
    """The log in the community database."""

    def append(
        self,
        guild_id: int | None,
        member_id: int | None,
        event: str,
        subject: str,
        detail: dict[str, Any] | None = None,
    ) -> None:
        """Append a line, inside the transaction of the action.

        The guild None stands for the whole database, and the member None for the bot. The event is
        in the past tense, the subject `note:<id>`, `revision:<id>` or `guild`. The detail has
        numbers and names for replaying the action, and no text by members.
        """
        actor = None if member_id is None else self.key(member_id)
        text = json.dumps(detail or {}, ensure_ascii=False, sort_keys=True)
        self.add(LogEntry(0, now(), guild_id, 0, actor, event, subject, text))

    def add(self, entry: LogEntry) -> None:
        """Append an entry made by the caller, with the guild's next number.

        The guild's row in the table `log_heads` is locked until the transaction ends, so writers of
        one guild take turns, and its lines are committed in the order of their numbers.
        """
        [head] = self._db.rows(
            "insert into log_heads (guild_id, number, digest) values (?, 1, '') "
            "on conflict (guild_id) do update set number = log_heads.number + 1 returning number",
            [entry.guild_id or NO_GUILD],
        )
        row = {**columns(entry), "number": head["number"], "digest": ""}
        del row["id"]
        self._db.insert("log", row)

    def key(self, member_id: int) -> int:
        """A member's key in the log, created if it is missing."""
        key = self._db.value(int, "select key from members where user_id = ?", [member_id])
        if key is None:
            # A writer for another guild may have inserted the same member just now.
            [key] = self._db.column(
                "insert into members (user_id) values (?) "
                "on conflict (user_id) do update set user_id = excluded.user_id returning key",
                [member_id],
            )
        return key

    def members(self, keys: Iterable[int] | None = None) -> dict[int, int]:
        """Discord ids by key, of these keys or all; forgotten members are missing."""
        every = "select key, user_id from members where user_id is not null"
        query = (every,) if keys is None else (f"{every} and key in (?)", [[*keys]])
        return {row["key"]: row["user_id"] for row in self._db.rows(*query)}

    def entries(self, guild_id: int | None = None) -> list[LogEntry]:
        """The lines of one guild or all, oldest first."""
        of_guild, values = ("", []) if guild_id is None else ("where guild_id = ?", [guild_id])
        return self._db.records(LogEntry, f"select * from log {of_guild} order by id", values)  # noqa: S608

    def page(
        self,
        guild_id: int,
        wanted: LogFilter,
        limit: int,
        *,
        before: int = _NEWEST,
        after: int | None = None,
    ) -> list[LogEntry]:
        """A page of a guild's log: lines before an id, newest first, or after it, oldest first."""
        lowest = after or 0
        if wanted.since is not None:
            # Ids are in the order of time.
            first = self._db.value(
                int,
                "select id from log where guild_id = ? and at >= ? order by at, id limit 1",
                [guild_id, wanted.since],
            )
            lowest = max(lowest, (_NEWEST if first is None else first) - 1)
        conditions = ["guild_id = ?", "id > ?", "id < ?"]
        values: list[Any] = [guild_id, lowest, before]
        if wanted.member_id is not None:
            conditions.append("actor = (select key from members where user_id = ?)")
            values.append(wanted.member_id)
        if wanted.event is not None:
            conditions.append("event = ?")
            values.append(wanted.event)
        order = "desc" if after is None else "asc"
        return self._db.records(
            LogEntry,
            # The conditions are constants; values are bound.
            f"select * from log where {' and '.join(conditions)} order by id {order} limit ?",  # noqa: S608
            [*values, limit],
        )

    def contradicted_notes(self) -> list[int]:
        """Ids of notes whose state in the tables differs from their state in the log.

        A difference shows that another program has changed the tables or the log.
        """
        return contradictions(self._db.rows(STANDINGS), self.entries())


@dataclass(slots=True)
class ReplayedNote:
    """A note's state replayed from the log, with the states of its revisions by id."""

    guild_id: int
    states: dict[int, State] = field(default_factory=dict)
    live: int | None = None
    retired: int | None = None


def replay(entries: Iterable[LogEntry]) -> dict[int, ReplayedNote]:
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


def contradictions(
    standings: Iterable[Mapping[str, Any]], entries: Iterable[LogEntry]
) -> list[int]:
    """Ids of notes whose state in rows of `STANDINGS` differs from the log, oldest line first."""
    stored: dict[int, ReplayedNote] = {}
    for row in standings:
        live, retired = row["live_revision_id"], row["retired_revision_id"]
        note = stored.setdefault(
            row["id"], ReplayedNote(row["guild_id"], live=live, retired=retired)
        )
        note.states[row["revision_id"]] = State(row["state"])
    told = replay(entries)
    every = stored.keys() | told.keys()
    return sorted(note_id for note_id in every if stored.get(note_id) != told.get(note_id))


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
