"""Table of channel settings, chosen by administrators in `/channel`."""

from collections.abc import Mapping
from dataclasses import replace
from itertools import groupby
from operator import itemgetter
from typing import Any

from knowledge.store.audit_log import AuditLog
from knowledge.store.database import Database
from knowledge.store.guilds.guild_settings import Guilds
from knowledge.store.rows import column, values
from knowledge.values.settings import (
    SETTINGS,
    Chosen,
    EffectiveSettings,
    GuildChoices,
    GuildSettings,
)


class ChannelSettingsTable:
    """The channel settings in the community database."""

    def __init__(self, database: Database, log: AuditLog, guilds: Guilds) -> None:
        self._database = database
        self._log = log
        self._guilds = guilds

    def of_guild(self, guild_id: int) -> dict[int, Chosen]:
        """The settings of a guild's channels, by channel id; channels without any are missing."""
        rows = self._database.rows(
            "select * from channel_settings where guild_id = ? order by channel_id", [guild_id]
        )
        return {row["channel_id"]: values(EffectiveSettings, row) for row in rows}

    def choices(self, guild_id: int) -> GuildChoices:
        """A guild's settings, with its channels' settings."""
        return GuildChoices(self._guilds.settings(guild_id), self.of_guild(guild_id))

    def every(self) -> dict[int, GuildChoices]:
        """The `choices` of every guild, by guild id."""
        found = {
            guild_id: GuildChoices(settings) for guild_id, settings in self._guilds.every().items()
        }
        rows = self._database.rows("select * from channel_settings order by guild_id, channel_id")
        for guild_id, own in groupby(rows, key=itemgetter("guild_id")):
            known = found.get(guild_id) or GuildChoices(GuildSettings(guild_id))
            channels = {row["channel_id"]: values(EffectiveSettings, row) for row in own}
            found[guild_id] = replace(known, channels=channels)
        return found

    def change(
        self, channel_id: int, guild_id: int, changes: Mapping[str, Any], actor_id: int
    ) -> Chosen:
        """Change some settings of a channel. A setting that is changed to None is inherited.

        The change is one transaction, so two administrators don't undo each other's changes.
        """
        with self._database.writing(guild_id):
            known = self.of_guild(guild_id).get(channel_id, {})
            chosen = {
                name: value for name, value in {**known, **changes}.items() if value is not None
            }
            row = {name: column(chosen.get(name)) for name in SETTINGS}
            if chosen:
                row |= {"channel_id": channel_id, "guild_id": guild_id}
                self._database.replace("channel_settings", row, ["channel_id"])
            else:
                self.forget(channel_id, guild_id)
            if chosen != known:
                detail = {name: row[name] for name in sorted(changes)}
                self._log.append(
                    guild_id, actor_id, "channel_settings", f"channel:{channel_id}", detail
                )
        return chosen

    def forget(self, channel_id: int, guild_id: int) -> bool:
        """Delete the settings of a deleted channel; returns whether it had any."""
        with self._database.writing(guild_id):
            deleted = self._database.run(
                "delete from channel_settings where channel_id = ? and guild_id = ?",
                [channel_id, guild_id],
            )
        return deleted == 1
