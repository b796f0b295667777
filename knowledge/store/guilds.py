"""Tables of administrators' choices: settings and review rules, channels, and weekly digests.

The choice of a synced channel is exported, backed up, and deleted with its guild; its content is
derived data and stored elsewhere. Each change is one transaction, so two administrators don't undo
each other's changes. A digest is claimed before it is posted, and settled afterwards, so no two
processes post it.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from itertools import groupby
from operator import itemgetter
from typing import Any, Final, NamedTuple

from knowledge.store.audit_log import AuditLog
from knowledge.store.database import Database, moment, recall
from knowledge.store.rows import Tables, column, columns, record, values
from knowledge.values.guilds import (
    GuildFilter,
    Language,
    Rule,
    SourceCard,
    SyncedChannel,
    every_guild,
)
from knowledge.values.settings import (
    SETTINGS,
    Chosen,
    Edition,
    EffectiveSettings,
    GuildChoices,
    GuildSettings,
    WeeklyDigest,
    facts_of,
)
from knowledge.values.synonyms import Synonym, parse_synonyms, serialize_synonyms

# Between two calls of `count_absence`, at most this time counts as observed absence. So a clock
# jumping ahead can't make the retention of a guild's data end early.
LONGEST_LOOK: Final = timedelta(days=1)
# The key of the last call's time.
LAST_LOOK: Final = "absences were looked at"


class SourceSwitches(NamedTuple):
    """Whether a guild uses the bundled articles, and documents on the server itself."""

    articles: bool = True
    server_documents: bool = True


class Guilds(Tables):
    """Settings and rules in the community database."""

    def __init__(self, database: Database, log: AuditLog) -> None:
        super().__init__(database)
        self._log = log
        # Counters of this process's changes by guild, for caches to compare.
        self.saves: Counter[int] = Counter()

    def settings(self, guild_id: int) -> GuildSettings:
        rows = self._db.rows("select * from guilds where id = ?", [guild_id])
        return _guild_settings(rows[0]) if rows else GuildSettings(guild_id)

    def save_settings(self, settings: GuildSettings, actor_id: int) -> None:
        values = _columns(settings)
        self.saves[settings.guild_id] += 1
        with self._db.writing(settings.guild_id):
            self._begin(settings.guild_id)
            before = _columns(self.settings(settings.guild_id))
            changes = ", ".join(f"{column} = ?" for column in values)
            self._db.run(
                f"update guilds set {changes} where id = ?",  # noqa: S608 - columns named above
                [*values.values(), settings.guild_id],
            )
            logged = {
                name: values[name]
                for name, facts in facts_of(GuildSettings).items()
                if facts.logged and values[name] != before[name]
            }
            self._log.append(settings.guild_id, actor_id, "settings", "guild", logged)

    def _begin(self, guild_id: int) -> None:
        """Insert the guild's row if it is missing, inside a transaction."""
        self._db.insert_new("guilds", {"id": guild_id})

    def change(self, guild_id: int, changes: Mapping[str, Any], actor_id: int) -> GuildSettings:
        """Change settings of a guild, by name; returns all of them."""
        return self.update(guild_id, lambda settings: replace(settings, **changes), actor_id)

    def update(
        self, guild_id: int, change: Callable[[GuildSettings], GuildSettings], actor_id: int
    ) -> GuildSettings:
        """Apply the function `change` to a guild's settings; returns the changed settings."""
        with self._db.writing(guild_id):
            settings = change(self.settings(guild_id))
            self.save_settings(settings, actor_id)
            return settings

    def synonyms(self) -> dict[int, tuple[Synonym, ...]]:
        rows = self._db.rows("select id, synonyms from guilds where synonyms <> '[]'")
        return {row["id"]: parse_synonyms(row["synonyms"]) for row in rows}

    def every(self) -> dict[int, GuildSettings]:
        rows = self._db.rows("select * from guilds order by id")
        return {row["id"]: _guild_settings(row) for row in rows}

    def languages(self) -> dict[int, Language]:
        rows = self._db.rows("select id, language from guilds order by id")
        return {row["id"]: Language(row["language"]) for row in rows}

    def without_articles(self, scopes: Iterable[int]) -> bool:
        """Whether one of these scopes is a guild without the bundled articles."""
        sql = "select 1 from guilds where id in (?) and articles = 0"
        return bool(self._db.rows(sql, [[*scopes]]))

    def sources_turned_off(self) -> dict[int, SourceSwitches]:
        """The switches of each guild that turned the articles or the server's documents off."""
        rows = self._db.rows(
            "select id, articles, server_documents from guilds "
            "where articles = 0 or server_documents = 0"
        )
        return {
            row["id"]: SourceSwitches(bool(row["articles"]), bool(row["server_documents"]))
            for row in rows
        }

    def claim_reminder(self, guild_id: int, at: datetime, waiting_since: datetime) -> bool:
        """Claim the reminder of waiting notes for a guild's moderators; returns whether it is due.

        A reminder is due if a note has waited for the guild's `reminder_hours`, and as many hours
        have passed since the last reminder.
        """
        hours = timedelta(hours=self.settings(guild_id).reminder_hours)
        if not hours or at - waiting_since < hours:
            return False
        with self._db.writing(guild_id):
            reminded = self._db.run(
                # A time in the future comes from a wrong clock.
                "update guilds set reminded_at = ? where id = ? "
                "and (reminded_at is null or reminded_at <= ? or reminded_at > ?)",
                [at, guild_id, at - hours, at],
            )
        return reminded == 1

    # Joining and leaving.

    def known(self) -> set[int]:
        return set(
            self._db.column(
                "select id from guilds union select guild_id from notes union "
                "select guild_id from questions where guild_id is not null union "
                "select guild_id from rules union select guild_id from channels union "
                "select guild_id from channel_settings"
            )
        )

    def departed(self) -> set[int]:
        return set(self._db.column("select id from guilds where left_at is not null"))

    def leave(self, guild_id: int, at: datetime) -> bool:
        """Record that the bot left a guild; False if the departure was recorded before."""
        with self._db.writing(guild_id):
            self._begin(guild_id)
            news = self._db.run(
                "update guilds set left_at = ? where id = ? and left_at is null", [at, guild_id]
            )
            if news:
                self._log.append(guild_id, None, "left", "guild")
            return news == 1

    def come_back(self, guild_id: int) -> bool:
        """Record that the bot is in a guild again; False if no departure was recorded."""
        if not self._db.rows(
            "select 1 from guilds where id = ? and left_at is not null", [guild_id]
        ):
            return False
        with self._db.writing(guild_id):
            news = self._db.run(
                "update guilds set left_at = null where id = ? and left_at is not null", [guild_id]
            )
            if news:
                self._log.append(guild_id, None, "returned", "guild")
            return news == 1

    def count_absence(self, at: datetime) -> None:
        """Postpone recorded departures by the time that the bot was stopped or its clock jumped.

        A guild's data is deleted some time after its recorded departure. The running bot calls this
        method regularly. If the time since the last call exceeds `LONGEST_LOOK`, departures are
        postponed by the excess. So the data isn't deleted early.
        """
        with self._db.writing():
            last = moment(recall(self._db, LAST_LOOK))
            for row in self._db.rows("select id, left_at from guilds where left_at is not null"):
                left_at = datetime.fromisoformat(row["left_at"])
                seen = max(left_at, last or left_at)
                unseen = max(at - seen - LONGEST_LOOK, timedelta())
                counted = min(left_at + unseen, at)
                if counted != left_at:
                    self._db.run("update guilds set left_at = ? where id = ?", [counted, row["id"]])
            self._db.replace("memory", {"key": LAST_LOOK, "value": at}, ["key"])

    # Review rules.

    def rules(self, guild_id: int) -> list[Rule]:
        """The guild's rules by tag; the general rule (tag "") comes first."""
        return self._db.records(
            Rule, "select * from rules where guild_id = ? order by tag", [guild_id]
        )

    def set_quorum(self, guild_id: int, quorum: int, actor_id: int) -> None:
        """Change the quorum of the general rule; the rest of the rule stays."""
        with self._db.writing(guild_id):
            rule = next((rule for rule in self.rules(guild_id) if not rule.tag), Rule(""))
            if quorum != rule.quorum:
                self.save_rule(guild_id, replace(rule, quorum=quorum), actor_id)

    def save_rule(self, guild_id: int, rule: Rule, actor_id: int) -> None:
        """Replace a tag's rule. If the new rule has only default values, no rule is stored."""
        with self._db.writing(guild_id):
            if rule == Rule(rule.tag):
                self._db.run(
                    "delete from rules where guild_id = ? and tag = ?", [guild_id, rule.tag]
                )
            else:
                row = {"guild_id": guild_id, **asdict(rule)}
                self._db.replace("rules", row, ["guild_id", "tag"])
            self._log.append(guild_id, actor_id, "rule", "guild", asdict(rule))


def _columns(settings: GuildSettings) -> dict[str, Any]:
    values = columns(settings, synonyms=serialize_synonyms(settings.synonyms))
    del values["guild_id"]
    return values


def _guild_settings(row: Mapping[str, Any]) -> GuildSettings:
    return record(GuildSettings, row, guild_id=row["id"], synonyms=parse_synonyms(row["synonyms"]))


@dataclass(eq=False)
class ChannelSettingsTable(Tables):
    """The channel settings in the community database."""

    _log: AuditLog
    _guilds: Guilds

    def of_guild(self, guild_id: int) -> dict[int, Chosen]:
        """The settings of a guild's channels, by channel id; channels without any are missing."""
        rows = self._db.rows(
            "select * from channel_settings where guild_id = ? order by channel_id", [guild_id]
        )
        return {row["channel_id"]: values(EffectiveSettings, row) for row in rows}

    def choices(self, guild_id: int) -> GuildChoices:
        return GuildChoices(self._guilds.settings(guild_id), self.of_guild(guild_id))

    def every(self) -> dict[int, GuildChoices]:
        """The `choices` of every guild, by guild id."""
        found = {
            guild_id: GuildChoices(settings) for guild_id, settings in self._guilds.every().items()
        }
        rows = self._db.rows("select * from channel_settings order by guild_id, channel_id")
        for guild_id, own in groupby(rows, key=itemgetter("guild_id")):
            known = found.get(guild_id) or GuildChoices(GuildSettings(guild_id))
            channels = {row["channel_id"]: values(EffectiveSettings, row) for row in own}
            found[guild_id] = replace(known, channels=channels)
        return found

    def change(
        self, channel_id: int, guild_id: int, changes: Mapping[str, Any], actor_id: int
    ) -> Chosen:
        """Change some settings of a channel. A setting that is changed to None is inherited."""
        with self._db.writing(guild_id):
            known = self.of_guild(guild_id).get(channel_id, {})
            chosen = {
                name: value for name, value in {**known, **changes}.items() if value is not None
            }
            row = {name: column(chosen.get(name)) for name in SETTINGS}
            if chosen:
                row |= {"channel_id": channel_id, "guild_id": guild_id}
                self._db.replace("channel_settings", row, ["channel_id"])
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
        with self._db.writing(guild_id):
            deleted = self._db.run(
                "delete from channel_settings where channel_id = ? and guild_id = ?",
                [channel_id, guild_id],
            )
        return deleted == 1


@dataclass(eq=False)
class SyncedChannels(Tables):
    """The channels in the community database."""

    _log: AuditLog

    def add(self, channel: SyncedChannel, actor_id: int) -> bool:
        with self._db.writing(channel.guild_id):
            added = self._db.insert_new("channels", columns(channel))
            if added:
                detail = {"reads": channel.reads.value}
                self._log.append(
                    channel.guild_id, actor_id, "followed", f"channel:{channel.id}", detail
                )
        return added

    def remove(self, channel_id: int, guild_id: int, actor_id: int | None) -> bool:
        with self._db.writing(guild_id):
            removed = self._db.run(
                "delete from channels where id = ? and guild_id = ?", [channel_id, guild_id]
            )
            if removed:
                self._log.append(guild_id, actor_id, "unfollowed", f"channel:{channel_id}")
        return removed == 1

    def all(self) -> Sequence[SyncedChannel]:
        return self._db.records(SyncedChannel, "select * from channels order by added_at, id")


_OF_ONE: Final = "where guild_id = ? and edition = ?"


@dataclass(eq=False)
class WeeklyDigests(Tables):
    """The digests in the community database."""

    _log: AuditLog

    def all(self, mine: GuildFilter = every_guild) -> list[WeeklyDigest]:
        """The digests of all guilds with the bot."""
        rows = self._db.rows(
            "select d.* from digests d left join guilds g on g.id = d.guild_id "
            "where g.left_at is null order by d.guild_id, d.edition desc"
        )
        return [record(WeeklyDigest, row) for row in rows if mine(row["guild_id"])]

    def of_guild(self, guild_id: int) -> dict[Edition, WeeklyDigest]:
        rows = self._db.rows(
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

        Returns the digest after the change; None if a missing digest has no channel, chosen or
        default.
        """
        with self._db.writing(guild_id):
            before = self.of_guild(guild_id).get(edition)
            if before is None:
                channel_id = changes.get("channel_id")
                if channel_id is None and edition is Edition.MODERATORS:
                    guilds = self._db.rows(
                        "select review_channel_id from guilds where id = ?", [guild_id]
                    )
                    channel_id = guilds[0]["review_channel_id"] if guilds else None
                if channel_id is None:
                    return None
                before = WeeklyDigest(guild_id, edition, channel_id, chosen_at=at)
            changed = replace(before, **{**changes, "chosen_at": at})
            self.choose(changed, actor_id)
        return changed

    def choose(self, digest: WeeklyDigest, actor_id: int) -> None:
        """Store the channel and time of a digest; its progress stays."""
        chosen = {name: getattr(digest, name) for name in facts_of(WeeklyDigest)}
        row = {
            "guild_id": digest.guild_id,
            "edition": digest.edition,
            "channel_id": digest.channel_id,
            **chosen,
            "chosen_at": digest.chosen_at,
            "warned": 0,
        }
        with self._db.writing(digest.guild_id):
            self._db.insert_new("guilds", {"id": digest.guild_id})
            self._db.replace("digests", row, ["guild_id", "edition"])
            detail = {"edition": row["edition"], "channel": digest.channel_id, **chosen}
            self._log.append(digest.guild_id, actor_id, "digest", "guild", detail)

    def end(self, guild_id: int, edition: Edition, actor_id: int) -> bool:
        """Delete a digest; False if there was none."""
        with self._db.writing(guild_id):
            ended = self._run("delete from digests", guild_id, edition)
            if ended:
                detail = {"edition": edition}
                self._log.append(guild_id, actor_id, "digest_off", "guild", detail)
        return ended

    def claim(self, digest: WeeklyDigest, at: datetime) -> bool:
        """Claim the digest for the scheduled time `at`; False if it was claimed before."""
        with self._db.writing(digest.guild_id):
            self._run("update digests set claimed_at = ?", *_digest_key(digest), at)
        return digest.claimed_at != at

    def settle(self, digest: WeeklyDigest, at: datetime, *, covered: bool) -> None:
        """Record that the digest for the scheduled time `at` is finished, posted or not.

        If `covered`, the news was posted, or there was none, and the next digest begins with the
        time `at`. Otherwise, the next digest also covers this digest's period.
        """
        with self._db.writing(digest.guild_id):
            self._run("update digests set settled_at = ?", *_digest_key(digest), at)
            if covered:
                self._run("update digests set covered_at = settled_at", *_digest_key(digest))

    def warn(self, digest: WeeklyDigest, *, warned: bool) -> bool:
        """Record whether administrators were warned of a failed digest; False if unchanged."""
        with self._db.writing(digest.guild_id):
            self._run("update digests set warned = ?", *_digest_key(digest), int(warned))
        return digest.warned != warned

    def _run(self, change: str, guild_id: int, edition: Edition, *values: Any) -> bool:
        # The statements are constants of this module; values are bound.
        return self._db.run(f"{change} {_OF_ONE}", [*values, guild_id, edition]) == 1


def _digest_key(digest: WeeklyDigest) -> tuple[int, Edition]:
    return digest.guild_id, digest.edition


class SourceCards(Tables):
    """Cards of failing sources, stored before they are posted: a second attempt has the nonce."""

    def all(self, mine: GuildFilter = every_guild) -> list[SourceCard]:
        rows = self._db.rows("select * from source_cards order by guild_id, source")
        return [record(SourceCard, row) for row in rows if mine(row["guild_id"])]

    def keep(self, card: SourceCard) -> None:
        with self._db.writing(card.guild_id):
            self._db.replace("source_cards", columns(card), ["guild_id", "source"])

    def drop(self, guild_id: int, source: str) -> None:
        with self._db.writing(guild_id):
            self._db.run(
                "delete from source_cards where guild_id = ? and source = ?", [guild_id, source]
            )
