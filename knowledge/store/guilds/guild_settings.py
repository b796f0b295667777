"""Table of guilds: administrators' settings, and review rules by tag."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, replace
from datetime import datetime, timedelta
from typing import Any, Final

from knowledge.store.audit_log import AuditLog
from knowledge.store.database import Database, moment
from knowledge.store.rows import columns, record
from knowledge.store.value_lists import rows_among
from knowledge.values.guilds import Language, Rule
from knowledge.values.settings import GuildSettings, declared
from knowledge.values.synonyms import Synonym, parse_synonyms, serialize_synonyms

# Between two calls of `count_absence`, at most this time counts as observed absence. So a clock
# jumping ahead can't make the retention of a guild's data end early.
LONGEST_LOOK: Final = timedelta(days=1)
# The key of the last call's time.
LAST_LOOK: Final = "absences were looked at"


class Guilds:
    """Settings and rules in the community database."""

    def __init__(self, database: Database, log: AuditLog) -> None:
        self._database = database
        self._log = log
        # Counters of this process's changes by guild, for caches to compare.
        self.saves: Counter[int] = Counter()

    def settings(self, guild_id: int) -> GuildSettings:
        """The guild's settings, with defaults."""
        rows = self._database.rows("select * from guilds where id = ?", [guild_id])
        return _settings(rows[0]) if rows else GuildSettings(guild_id)

    def save_settings(self, settings: GuildSettings, actor_id: int) -> None:
        values = columns(settings, synonyms=serialize_synonyms(settings.synonyms))
        del values["guild_id"]
        self.saves[settings.guild_id] += 1
        with self._database.writing(settings.guild_id):
            self._begin(settings.guild_id)
            changes = ", ".join(f"{column} = ?" for column in values)
            self._database.run(
                f"update guilds set {changes} where id = ?",  # noqa: S608 - columns named above
                [*values.values(), settings.guild_id],
            )
            logged = {
                name: values[name]
                for name, facts in declared(GuildSettings).items()
                if facts.logged
            }
            self._log.append(settings.guild_id, actor_id, "settings", "guild", logged)

    def _begin(self, guild_id: int) -> None:
        """Insert the guild's row if it is missing, inside a transaction."""
        self._database.insert_new("guilds", {"id": guild_id})

    def change(self, guild_id: int, changes: Mapping[str, Any], actor_id: int) -> GuildSettings:
        """Change some settings of a guild, by name; returns all of them."""
        return self.update(guild_id, lambda settings: replace(settings, **changes), actor_id)

    def update(
        self, guild_id: int, change: Callable[[GuildSettings], GuildSettings], actor_id: int
    ) -> GuildSettings:
        """Apply the function `change` to a guild's settings; returns the changed settings.

        The change is one transaction, so two administrators don't undo each other's changes.
        """
        with self._database.writing(guild_id):
            settings = change(self.settings(guild_id))
            self.save_settings(settings, actor_id)
            return settings

    def synonyms(self) -> dict[int, tuple[Synonym, ...]]:
        """The synonyms of each guild that has any, by guild id."""
        rows = self._database.rows("select id, synonyms from guilds where synonyms <> '[]'")
        return {row["id"]: parse_synonyms(row["synonyms"]) for row in rows}

    def every(self) -> dict[int, GuildSettings]:
        rows = self._database.rows("select * from guilds order by id")
        return {row["id"]: _settings(row) for row in rows}

    def languages(self) -> dict[int, Language]:
        """Each guild's language, by guild id."""
        rows = self._database.rows("select id, language from guilds order by id")
        return {row["id"]: Language(row["language"]) for row in rows}

    def without_articles(self, scopes: Iterable[int]) -> bool:
        """Whether one of these scopes is a guild without the bundled articles."""
        sql = "select 1 from guilds where id in (?) and articles = 0"
        return bool(rows_among(self._database, sql, list(scopes)))

    def all_without_articles(self) -> list[int]:
        """The guilds without the bundled articles."""
        rows = self._database.rows("select id from guilds where articles = 0")
        return [row["id"] for row in rows]

    def claim_reminder(self, guild_id: int, at: datetime, waiting_since: datetime) -> bool:
        """Claim the reminder of waiting notes for a guild's moderators; returns whether it is due.

        A reminder is due if a note has waited for the guild's `reminder_hours`, and as many hours
        have passed since the last reminder.
        """
        hours = timedelta(hours=self.settings(guild_id).reminder_hours)
        if not hours or at - waiting_since < hours:
            return False
        with self._database.writing(guild_id):
            reminded = self._database.run(
                # A time in the future comes from a wrong clock.
                "update guilds set reminded_at = ? where id = ? "
                "and (reminded_at is null or reminded_at <= ? or reminded_at > ?)",
                [at.isoformat(), guild_id, (at - hours).isoformat(), at.isoformat()],
            )
        return reminded == 1

    # Joining and leaving.

    def known(self) -> set[int]:
        rows = self._database.rows(
            "select id from guilds union select guild_id from notes union "
            "select guild_id from questions where guild_id is not null union "
            "select guild_id from rules union select guild_id from channels union "
            "select guild_id from channel_settings"
        )
        return {row["id"] for row in rows}

    def departed(self) -> set[int]:
        """Guilds that the bot has left."""
        rows = self._database.rows("select id from guilds where left_at is not null")
        return {row["id"] for row in rows}

    def leave(self, guild_id: int, at: datetime) -> bool:
        """Record that the bot left a guild; False if the departure was recorded before."""
        with self._database.writing(guild_id):
            self._begin(guild_id)
            news = self._database.run(
                "update guilds set left_at = ? where id = ? and left_at is null",
                [at.isoformat(), guild_id],
            )
            if news:
                self._log.append(guild_id, None, "left", "guild")
            return news == 1

    def come_back(self, guild_id: int) -> bool:
        """Record that the bot is in a guild again; False if no departure was recorded."""
        if not self._database.rows(
            "select 1 from guilds where id = ? and left_at is not null", [guild_id]
        ):
            return False
        with self._database.writing(guild_id):
            news = self._database.run(
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
        with self._database.writing():
            rows = self._database.rows("select value from memory where key = ?", [LAST_LOOK])
            last = moment(rows[0]["value"]) if rows else None
            for row in self._database.rows(
                "select id, left_at from guilds where left_at is not null"
            ):
                left_at = datetime.fromisoformat(row["left_at"])
                seen = max(left_at, last or left_at)
                unseen = max(at - seen - LONGEST_LOOK, timedelta())
                counted = min(left_at + unseen, at)
                if counted != left_at:
                    self._database.run(
                        "update guilds set left_at = ? where id = ?",
                        [counted.isoformat(), row["id"]],
                    )
            self._database.replace("memory", {"key": LAST_LOOK, "value": at.isoformat()}, ["key"])

    # Review rules.

    def rules(self, guild_id: int) -> list[Rule]:
        """The guild's rules by tag; the general rule (tag "") comes first."""
        rows = self._database.rows(
            "select * from rules where guild_id = ? order by tag", [guild_id]
        )
        return [record(Rule, row) for row in rows]

    def set_quorum(self, guild_id: int, quorum: int, actor_id: int) -> None:
        """Change the quorum of the general rule; the rest of the rule stays."""
        with self._database.writing(guild_id):
            rule = next((rule for rule in self.rules(guild_id) if not rule.tag), Rule(""))
            if quorum != rule.quorum:
                self.save_rule(guild_id, replace(rule, quorum=quorum), actor_id)

    def save_rule(self, guild_id: int, rule: Rule, actor_id: int) -> None:
        """Replace a tag's rule. If the new rule has only default values, no rule is stored."""
        with self._database.writing(guild_id):
            if rule == Rule(rule.tag):
                self._database.run(
                    "delete from rules where guild_id = ? and tag = ?", [guild_id, rule.tag]
                )
            else:
                row = {"guild_id": guild_id, **asdict(rule)}
                self._database.replace("rules", row, ["guild_id", "tag"])
            self._log.append(guild_id, actor_id, "rule", "guild", asdict(rule))


def _settings(row: Mapping[str, Any]) -> GuildSettings:
    return record(GuildSettings, row, guild_id=row["id"], synonyms=parse_synonyms(row["synonyms"]))
