"""Table of synced channels, chosen by administrators.

The choice is exported, backed up, and deleted with its guild. The channels' content
is derived data and stored elsewhere.
"""

from collections.abc import Sequence

from knowledge.store.audit_log import AuditLog
from knowledge.store.database import Database
from knowledge.store.rows import record
from knowledge.values.synced_channels import SyncedChannel


class SyncedChannels:
    """The channels in the community database."""

    def __init__(self, database: Database, log: AuditLog) -> None:
        self._database = database
        self._log = log

    def add(self, channel: SyncedChannel, actor_id: int) -> bool:
        with self._database.writing(channel.guild_id):
            added = self._database.insert_new(
                "channels",
                {
                    "id": channel.id,
                    "guild_id": channel.guild_id,
                    "reads": channel.reads.value,
                    "added_at": channel.added_at.isoformat(),
                },
            )
            if added:
                detail = {"reads": channel.reads.value}
                self._log.append(
                    channel.guild_id, actor_id, "followed", f"channel:{channel.id}", detail
                )
        return added

    def remove(self, channel_id: int, guild_id: int, actor_id: int | None) -> bool:
        with self._database.writing(guild_id):
            removed = self._database.run(
                "delete from channels where id = ? and guild_id = ?", [channel_id, guild_id]
            )
            if removed:
                self._log.append(guild_id, actor_id, "unfollowed", f"channel:{channel_id}")
        return removed == 1

    def all(self) -> Sequence[SyncedChannel]:
        rows = self._database.rows("select * from channels order by added_at, id")
        return [record(SyncedChannel, row) for row in rows]
