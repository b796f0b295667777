"""Table of guilds: their administrators' settings, and their review rules by tag."""

import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, replace
from datetime import datetime, timedelta
from typing import Any, Final

from knowledge.store.audit.audit_log import AuditLog
from knowledge.store.database import Database, moment
from knowledge.store.rows import record
from knowledge.store.value_lists import rows_among
from knowledge.values.guilds import GuildSettings, Language, Phrasing, Rule
from knowledge.values.limits import Limits

# As much of the time between two looks as counts as an absence that was seen. A clock that jumps
# ahead takes no more than this from the time for which a guild's data is kept.
LONGEST_LOOK: Final = timedelta(days=1)
# The key of the time when absences were counted last.
LAST_LOOK: Final = "absences were looked at"


class Guilds:
    """Settings and rules in the community database."""

    def __init__(self, database: Database, log: AuditLog) -> None:
        self._database = database
        self._log = log
        # How often this process has saved a guild's settings: what was read before may be wrong.
        self.saves: Counter[int] = Counter()

    def settings(self, guild_id: int) -> GuildSettings:
        """What the guild's administrators chose; the defaults if they have not yet."""
        rows = self._database.rows("select * from guilds where id = ?", [guild_id])
        return _settings(rows[0]) if rows else GuildSettings(guild_id)

    def save_settings(self, settings: GuildSettings, actor_id: int) -> None:
        private = settings.private_answers
        values = {
            **asdict(settings),
            "four_eyes": int(settings.four_eyes),
            "allowed_hosts": json.dumps(settings.allowed_hosts),
            "private_answers": None if private is None else int(private),
            "listen_channels": json.dumps(settings.listen_channels),
            "language": settings.language.value,
            "hand_on": int(settings.hand_on),
            "articles": int(settings.articles),
            "limits": settings.limits.written(),
            "phrasing": settings.phrasing.value,
            "page": int(settings.page),
            "page_indexed": int(settings.page_indexed),
        }
        del values["guild_id"]
        self.saves[settings.guild_id] += 1
        with self._database.writing(settings.guild_id):
            self._begin(settings.guild_id)
            changes = ", ".join(f"{column} = ?" for column in values)
            self._database.run(
                f"update guilds set {changes} where id = ?",  # noqa: S608 - columns named above
                [*values.values(), settings.guild_id],
            )
            # The log holds nobody's words.
            del values["page_welcome"]
            self._log.append(settings.guild_id, actor_id, "settings", "guild", values)

    def _begin(self, guild_id: int) -> None:
        """Let a guild have settings, inside a transaction."""
        self._database.run(
            "insert into guilds (id) values (?) on conflict (id) do nothing", [guild_id]
        )

    def change(
        self, guild_id: int, changes: Mapping[str, Any], quorum: int | None, actor_id: int
    ) -> tuple[GuildSettings, Rule]:
        """Change some settings, and the quorum of every note unless it is None; the rest stays.

        It is one transaction: of two administrators at once, neither undoes what the other chose.

        Returns:
            The settings, and the rule for every note, as they hold now.
        """
        with self._database.writing(guild_id):
            settings = replace(self.settings(guild_id), **changes)
            self.save_settings(settings, actor_id)
            rule = next((one for one in self.rules(guild_id) if not one.tag), Rule(""))
            if quorum is not None and quorum != rule.quorum:
                rule = replace(rule, quorum=quorum)
                self.save_rule(guild_id, rule, actor_id)
            return settings, rule

    def change_limits(
        self, guild_id: int, change: Callable[[Limits], Limits], actor_id: int
    ) -> GuildSettings:
        """Change the limits in one transaction, as `change` does; the settings as they hold now."""
        with self._database.writing(guild_id):
            settings = self.settings(guild_id)
            settings = replace(settings, limits=change(settings.limits))
            self.save_settings(settings, actor_id)
            return settings

    def every(self) -> dict[int, GuildSettings]:
        rows = self._database.rows("select * from guilds order by id")
        return {row["id"]: _settings(row) for row in rows}

    def languages(self) -> dict[int, Language]:
        """What is spoken in each guild, by its id."""
        rows = self._database.rows("select id, language from guilds order by id")
        return {row["id"]: Language(row["language"]) for row in rows}

    def without_articles(self, scopes: Iterable[int]) -> bool:
        """Whether one of these scopes is that of a guild which has ended the bundled articles."""
        sql = "select 1 from guilds where id in (?) and articles = 0"
        return bool(rows_among(self._database, sql, list(scopes)))

    def all_without_articles(self) -> list[int]:
        """The guilds that have ended the bundled articles."""
        rows = self._database.rows("select id from guilds where articles = 0")
        return [row["id"] for row in rows]

    def remind(self, guild_id: int, at: datetime, waiting_since: datetime) -> bool:
        """Whether moderators are to be reminded now of what has waited since then.

        They are, once it has waited for the guild's hours, and so many hours after the last time.
        """
        hours = timedelta(hours=self.settings(guild_id).reminder_hours)
        if not hours or at - waiting_since < hours:
            return False
        with self._database.writing(guild_id):
            return (
                self._database.run(
                    "update guilds set reminded_at = ? "
                    # One that lies ahead was written by a clock that went wrong.
                    "where id = ? and (reminded_at is null or reminded_at <= ? "
                    "or reminded_at > ?)",
                    [at.isoformat(), guild_id, (at - hours).isoformat(), at.isoformat()],
                )
                == 1
            )

    # Coming and going.

    def known(self) -> set[int]:
        rows = self._database.rows(
            "select id from guilds union select guild_id from notes union "
            "select guild_id from questions where guild_id is not null union "
            "select guild_id from rules union select guild_id from channels union "
            "select guild_id from channel_settings"
        )
        return {row["id"] for row in rows}

    def gone(self) -> set[int]:
        """The guilds that the bot was removed from."""
        rows = self._database.rows("select id from guilds where left_at is not null")
        return {row["id"] for row in rows}

    def leave(self, guild_id: int, at: datetime) -> bool:
        """Remember since when the bot is gone from a guild; False if that was known."""
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
        """Remember that the bot is in a guild; False if it was not known to have left it."""
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
        """Look at how long guilds have been left: what nobody has seen of that does not count.

        Time counts while the bot runs and looks, at most `LONGEST_LOOK` from one look to the next;
        the rest is put off, as if the bot had left so much later. So neither a clock that jumps
        nor a bot that was off for long makes the time end early.
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
            self._database.run(
                "insert into memory (key, value) values (?, ?) "
                "on conflict (key) do update set value = excluded.value",
                [LAST_LOOK, at.isoformat()],
            )

    # Rules.

    def rules(self, guild_id: int) -> list[Rule]:
        """The guild's rules, the one for every note (tag "") first, then by tag."""
        rows = self._database.rows(
            "select * from rules where guild_id = ? order by tag", [guild_id]
        )
        return [record(Rule, row) for row in rows]

    def save_rule(self, guild_id: int, rule: Rule, actor_id: int) -> None:
        """Keep a rule in place of its tag’s last one; one that asks for nothing is dropped."""
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
    private = row["private_answers"]
    return record(
        GuildSettings,
        row,
        guild_id=row["id"],
        four_eyes=bool(row["four_eyes"]),
        allowed_hosts=tuple(json.loads(row["allowed_hosts"])),
        private_answers=None if private is None else bool(private),
        listen_channels=tuple(json.loads(row["listen_channels"])),
        language=Language(row["language"]),
        hand_on=bool(row["hand_on"]),
        articles=bool(row["articles"]),
        limits=Limits.read(row["limits"]),
        phrasing=Phrasing(row["phrasing"]),
        page=bool(row["page"]),
        page_indexed=bool(row["page_indexed"]),
    )
