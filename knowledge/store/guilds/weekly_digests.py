"""Table of weekly digests: administrators' choices, and the progress of each.

A digest is claimed before it is posted, and settled afterwards, so no two processes post it.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

from knowledge.store.audit_log import AuditLog
from knowledge.store.database import Database
from knowledge.store.rows import record
from knowledge.values.guilds import GuildFilter, every_guild
from knowledge.values.settings import declared
from knowledge.values.weekly_digests import Edition, WeeklyDigest

_OF_ONE: Final = "where guild_id = ? and edition = ?"


class WeeklyDigests:
    """The digests in the community database."""

    def __init__(self, database: Database, log: AuditLog) -> None:
        self._database = database
        self._log = log

    def all(self, mine: GuildFilter = every_guild) -> list[WeeklyDigest]:
        """The digests of all guilds with the bot."""
        rows = self._database.rows(
            "select d.* from digests d left join guilds g on g.id = d.guild_id "
            "where g.left_at is null order by d.guild_id, d.edition desc"
        )
        return [record(WeeklyDigest, row) for row in rows if mine(row["guild_id"])]

    def of_guild(self, guild_id: int) -> dict[Edition, WeeklyDigest]:
        rows = self._database.rows(
            "select * from digests where guild_id = ? order by edition desc", [guild_id]
        )
        return {Edition(row["edition"]): record(WeeklyDigest, row) for row in rows}

    def change(
        self,
        guild_id: int,
        edition: Edition,
        changes: Mapping[str, Any],
        actor_id: int,
        at: datetime,
    ) -> WeeklyDigest | None:
        """Change some settings of a digest; a missing digest is created with default settings.

        The change is one transaction, so two administrators don't undo each other's changes.

        Returns:
            The digest after the change. None if a missing digest has no channel, chosen or default.
        """
        with self._database.writing(guild_id):
            before = self.of_guild(guild_id).get(edition)
            if before is None:
                channel_id = changes.get("channel_id") or self._default_channel(guild_id, edition)
                if channel_id is None:
                    return None
                before = WeeklyDigest(guild_id, edition, channel_id, chosen_at=at)
            changed = replace(before, **{**changes, "chosen_at": at})
            self.choose(changed, actor_id)
        return changed

    def _default_channel(self, guild_id: int, edition: Edition) -> int | None:
        """The review channel for the moderators' edition; None for the other edition."""
        if edition is not Edition.MODERATORS:
            return None
        rows = self._database.rows("select review_channel_id from guilds where id = ?", [guild_id])
        return rows[0]["review_channel_id"] if rows else None

    def choose(self, digest: WeeklyDigest, actor_id: int) -> None:
        """Store the channel and time of a digest; its progress stays."""
        chosen = {name: getattr(digest, name) for name in declared(WeeklyDigest)}
        row = {
            "guild_id": digest.guild_id,
            "edition": digest.edition.value,
            "channel_id": digest.channel_id,
            **chosen,
            "chosen_at": digest.chosen_at.isoformat(),
            "warned": 0,
        }
        with self._database.writing(digest.guild_id):
            self._database.insert_new("guilds", {"id": digest.guild_id})
            self._database.replace("digests", row, ["guild_id", "edition"])
            detail = {
                "edition": digest.edition.value,
                "channel": digest.channel_id,
                **chosen,
            }
            self._log.append(digest.guild_id, actor_id, "digest", "guild", detail)

    def end(self, guild_id: int, edition: Edition, actor_id: int) -> bool:
        """Delete a digest; False if there was none."""
        with self._database.writing(guild_id):
            ended = self._run("delete from digests", guild_id, edition)
            if ended:
                detail = {"edition": edition.value}
                self._log.append(guild_id, actor_id, "digest_off", "guild", detail)
        return ended

    def claim(self, digest: WeeklyDigest, at: datetime) -> bool:
        """Claim the digest for the scheduled time `at`; False if it was claimed before."""
        with self._database.writing(digest.guild_id):
            self._run("update digests set claimed_at = ?", *_key(digest), at.isoformat())
        return digest.claimed_at != at

    def settle(self, digest: WeeklyDigest, at: datetime, *, covered: bool) -> None:
        """Record that the digest for the scheduled time `at` is finished, posted or not.

        If `covered`, the news was posted, or there was none, and the next digest begins with the
        time `at`. Otherwise, the next digest also covers this digest's period.
        """
        with self._database.writing(digest.guild_id):
            self._run("update digests set settled_at = ?", *_key(digest), at.isoformat())
            if covered:
                self._run("update digests set covered_at = settled_at", *_key(digest))

    def warn(self, digest: WeeklyDigest, *, warned: bool) -> bool:
        """Record whether administrators were warned of a failed digest; False if unchanged."""
        with self._database.writing(digest.guild_id):
            self._run("update digests set warned = ?", *_key(digest), int(warned))
        return digest.warned != warned

    def _run(self, change: str, guild_id: int, edition: Edition, *values: Any) -> bool:
        # The statements are constants of this module; values are bound.
        return self._database.run(f"{change} {_OF_ONE}", [*values, guild_id, edition.value]) == 1


def _key(digest: WeeklyDigest) -> tuple[int, Edition]:
    return digest.guild_id, digest.edition
