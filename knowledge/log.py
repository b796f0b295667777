"""`Log`: who did what to what, append-only; each line's digest covers the line before it.

People stand in it by a key of their own, not by their Discord id: the table of members says whose
key it is. Who asks to be forgotten loses that row, and the log stays whole without naming them.
What people wrote is never in it, only what they did.
"""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from typing import Any

from knowledge.database import CommunityDatabase, now
from knowledge.model import LogEntry


class Log:
    """The log in the community database."""

    def __init__(self, database: CommunityDatabase) -> None:
        """The log of this database."""
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
        last = self._database.rows("select id, digest from log order by id desc limit 1")
        entry = LogEntry(
            id=last[0]["id"] + 1 if last else 1,
            at=now(),
            guild_id=guild_id,
            actor=None if member_id is None else self.key(member_id),
            event=event,
            subject=subject,
            detail=json.dumps(detail or {}, ensure_ascii=False, sort_keys=True),
            digest="",
        )
        entry = replace(entry, digest=digest(last[0]["digest"] if last else "", entry))
        self._database.insert(
            "log",
            {
                "id": entry.id,
                "at": entry.at.isoformat(),
                "guild_id": guild_id,
                "actor": entry.actor,
                "event": event,
                "subject": subject,
                "detail": entry.detail,
                "digest": entry.digest,
            },
        )

    def key(self, member_id: int) -> int:
        """The key under which the log knows a member; a new one for a new member."""
        rows = self._database.rows("select key from members where user_id = ?", [member_id])
        if rows:
            return int(rows[0]["key"])
        return self._database.insert("members", {"user_id": member_id})

    def members(self) -> dict[int, int]:
        """Discord's id of everybody in the log, by key; who was forgotten is not in it."""
        rows = self._database.rows("select key, user_id from members where user_id is not null")
        return {row["key"]: row["user_id"] for row in rows}

    def entries(self, guild_id: int | None = None, since: datetime | None = None) -> list[LogEntry]:
        """The log, oldest first: of one guild if one is given, from a moment on if one is."""
        rows = self._database.rows(
            "select * from log where (?1 is null or guild_id = ?1) and (?2 is null or at >= ?2) "
            "order by id",
            [guild_id, since.isoformat() if since else None],
        )
        return [
            LogEntry(
                id=row["id"],
                at=datetime.fromisoformat(row["at"]),
                guild_id=row["guild_id"],
                actor=row["actor"],
                event=row["event"],
                subject=row["subject"],
                detail=row["detail"],
                digest=row["digest"],
            )
            for row in rows
        ]

    def first_broken_entry(self) -> LogEntry | None:
        """The first line whose digest does not follow from the one before it."""
        return first_broken(self.entries())


def first_broken(entries: Iterable[LogEntry]) -> LogEntry | None:
    """The first of these lines, from the log's beginning, that breaks the chain."""
    previous = ""
    for entry in entries:
        if entry.digest != digest(previous, entry):
            return entry
        previous = entry.digest
    return None


def digest(previous: str, entry: LogEntry) -> str:
    """The digest of a line: SHA-256 over the digest of the line before it and its own fields."""
    fields = [
        previous,
        entry.id,
        entry.at.isoformat(),
        entry.guild_id,
        entry.actor,
        entry.event,
        entry.subject,
        entry.detail,
    ]
    return hashlib.sha256(json.dumps(fields, ensure_ascii=False).encode()).hexdigest()
