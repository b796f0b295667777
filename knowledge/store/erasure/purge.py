"""Purge: permanent deletion of the data of guilds that the bot has left.

Each deletion is one transaction with its tombstone, and deleted rows are overwritten. If an older
copy of the data is restored, the deletions recorded by later tombstones are repeated in the copy.
These include deletions of notes and questions, and of members' data (`personal_data`).
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Final

from knowledge.store.audit_log import NOTE_DELETED, PURGED, AuditLog
from knowledge.store.database import Database
from knowledge.store.erasure.personal_data import PersonalData
from knowledge.store.erasure.tombstones import Tombstones
from knowledge.store.rows import run_among
from knowledge.store.schema import member_columns
from knowledge.values.documents import document_of_note
from knowledge.values.tombstones import FORGOTTEN, MEMBERS, Tombstone, TombstoneKind

# Rows of notes, in an order without dangling references.
_OF_NOTES: Final = (
    "delete from notices where revision_id in (select id from revisions where note_id in (?))",
    "delete from reports where note_id in (?)",
    "delete from reviews where revision_id in (select id from revisions where note_id in (?))",
    "delete from revision_pictures "
    "where revision_id in (select id from revisions where note_id in (?))",
    "delete from copied_wordings where note_id in (?)",
    "delete from revisions where note_id in (?)",
    "delete from notes where id in (?)",
)


class Purge:
    """Permanent deletion in the community database."""

    def __init__(
        self,
        database: Database,
        log: AuditLog,
        tombstones: Tombstones,
        personal_data: PersonalData,
    ) -> None:
        self._personal_data = personal_data
        self._database = database
        self._log = log
        self._tombstones = tombstones

    def guilds_left_before(self, before: datetime) -> list[int]:
        """Guilds left by the bot before the time `before`."""
        rows = self._database.rows(
            "select id from guilds where left_at < ? order by id", [before.isoformat()]
        )
        return [row["id"] for row in rows]

    def guild(self, guild_id: int) -> list[int]:
        """Delete everything of a guild except its log lines.

        If all log lines of a member are in deleted guilds, the log no longer names the member.

        Returns:
            The ids of the guild's notes, to be removed from the index.
        """
        with self._database.erasing():
            self._tombstones.add(TombstoneKind.GUILD, guild_id)
            return self._delete_guild(guild_id)

    def apply(self, tombstones: Iterable[Tombstone]) -> int:
        """Repeat the deletions that tombstones of another copy record, in one transaction.

        Tombstones that this copy already has are skipped. Their deletions were made in this copy,
        and a forgotten member may have come back since then.

        Returns:
            The number of new tombstones.
        """
        fresh = sorted(set(tombstones) - self._tombstones.in_database())
        if not fresh:
            return 0
        members = self._members() if any(stone.kind in FORGOTTEN for stone in fresh) else {}
        with self._database.erasing():
            self._tombstones.keep(fresh)
            for tombstone in fresh:
                self._apply(tombstone, members)
        return len(fresh)

    def _apply(self, tombstone: Tombstone, members: dict[str, int]) -> None:
        if tombstone.kind in FORGOTTEN:
            member_id = members.get(tombstone.subject)
            if member_id is not None:
                withdraw = tombstone.kind is TombstoneKind.MEMBER_AND_NOTES
                self._personal_data.repeat_forgetting(member_id, withdraw=withdraw)
        elif tombstone.kind is TombstoneKind.NOTE:
            self._delete_note(int(tombstone.subject))
        elif tombstone.kind is TombstoneKind.QUESTION:
            self._database.run("delete from questions where id = ?", [int(tombstone.subject)])
        elif tombstone.kind not in MEMBERS:
            self._delete_guild(int(tombstone.subject))

    def _members(self) -> dict[str, int]:
        """The ids of all stored members, by their tombstone digest."""
        found: set[int] = set()
        for table, column, _ in member_columns():
            # Declared in the schema.
            rows = self._database.rows(
                f"select distinct {column} as id from {table} where {column} > 0"  # noqa: S608
            )
            found.update(row["id"] for row in rows)
        digest = self._tombstones.digester()
        return {digest(str(member_id)): member_id for member_id in found}

    def _delete_guild(self, guild_id: int) -> list[int]:
        rows = self._database.rows(
            "select id from notes where guild_id = ? order by id", [guild_id]
        )
        note_ids = [row["id"] for row in rows]
        self._delete_notes(note_ids)
        for table in self._database.tables("guild_id"):
            if table not in ("log", "log_heads", "notes"):
                self._database.run(f"delete from {table} where guild_id = ?", [guild_id])  # noqa: S608
        self._database.run("delete from guilds where id = ?", [guild_id])
        self._database.run("delete from sources where scope = ?", [guild_id])
        # Members with lines only in purged guilds lose their name.
        self._database.run(
            "delete from members where key in (select actor from log where guild_id = ?) "
            "and not exists (select 1 from log l where l.actor = members.key and "
            "l.guild_id is distinct from ? and not exists (select 1 from tombstones t "
            "where t.kind = 'guild' and t.subject = cast(l.guild_id as text)))",
            [guild_id, guild_id],
        )
        self._log.append(guild_id, None, PURGED, "guild", {"notes": len(note_ids)})
        return note_ids

    def _delete_note(self, note_id: int) -> None:
        for row in self._database.rows("select guild_id from notes where id = ?", [note_id]):
            self._delete_notes([note_id])
            detail = {"note": note_id}
            self._log.append(row["guild_id"], None, NOTE_DELETED, document_of_note(note_id), detail)

    def _delete_notes(self, note_ids: Sequence[int]) -> None:
        # Notes and revisions refer to each other.
        self._database.defer_references()
        run_among(
            self._database,
            "delete from recorded_passages where document_id in (?)",
            [document_of_note(note_id) for note_id in note_ids],
        )
        for statement in _OF_NOTES:
            run_among(self._database, statement, note_ids)
