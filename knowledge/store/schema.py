"""Schema of the community database: each table's facts, declared once.

A column is declared if it holds a member's id, if its imported values are checked beyond the type
of its field in a record, or if a migration adds it. These facts follow from the declarations:

- Erasure: a forgotten member's rows are deleted, or stay without the member's id and name.
- Exports: the rows left out, their order, and the checks of an imported row.
- Migrations: the SQL of both databases for tables and columns with `since`.

The released files of `tables/` made everything without `since`, and aren't edited. On PostgreSQL
two releases run side by side during an upgrade, so a migration must not break the previous one:
it adds tables, and columns with a default.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, fields, replace
from datetime import datetime
from functools import partial
from typing import Any, Final

from knowledge.store import rows
from knowledge.values.notes import NoteCheck, Notice, Review, SourceChange
from knowledge.values.questions import (
    FeedbackReason,
    HandoverState,
    HelpedQuestion,
    HelperAnswer,
    Question,
    RecordedPhrasing,
)
from knowledge.values.settings import EffectiveSettings, GuildSettings, WeeklyDigest, facts_of
from knowledge.values.submissions import Submission
from knowledge.values.tombstones import Tombstone

FORMER_MEMBER: Final = "a former member"
FORMER_MODERATOR: Final = "a former moderator"


@dataclass(frozen=True, slots=True)
class Column:
    """A declared column.

    Attributes:
        sql: its type and constraints for the migration `since`, in SQLite's SQL.
        since: its migration; after the release, neither is changed any more.
        check: whether an imported value is valid, by the truth of the result; it may also raise
            ValueError, TypeError or KeyError.
        of_member: whether it holds a member's id.
        kept: the changes to a forgotten member's row, as SQL after `set`. If empty, the row is
            deleted.
    """

    sql: str = ""
    since: str = ""
    check: Callable[[Any], object] = lambda _: True
    of_member: bool = False
    kept: str = ""

    def added(self, since: str, sql: str) -> "Column":
        """The column as the migration `since` adds it."""
        return replace(self, since=since, sql=sql)


@dataclass(frozen=True, slots=True)
class Table:
    """A declared table.

    Attributes:
        columns: the declared columns, by name; with `since`, all of them. A column without its own
            `since` is of the table's migration.
        record: a dataclass; imported values must fit the types of its fields.
        exported: the SQL condition of the rows in an export.
        order: the order of exported rows, if it isn't their key's.
        since: the table's migration.
        constraints: constraints of several columns, for the same migration.
        indexes: the migration, table and columns of each later index, by name: for example
            `("m004_songs", "songs (title)")`.
    """

    columns: Mapping[str, Column] = field(default_factory=dict)
    record: type | None = None
    exported: str = "true"
    order: str = ""
    since: str = ""
    constraints: tuple[str, ...] = ()
    indexes: Mapping[str, tuple[str, str]] = field(default_factory=dict)


# Checks.


def _is_time(value: Any) -> bool:
    return datetime.fromisoformat(value).tzinfo is not None


def _is_id(value: Any) -> bool:
    """Whether this is an id. Ids above 2**62 are refused, so higher ids remain for new rows."""
    return isinstance(value, int) and 0 <= value <= 2**62


_ALARMS: Final = "m005_source_alarms"
_SIMILAR: Final = "m006_similar_posts"
_SOLVED: Final = "m008_solved"
_FRESHNESS: Final = "m011_freshness"
_HELPERS: Final = "m007_helper_answers"
_GOLDEN: Final = "m009_golden_questions"


def _choice(*choices: str) -> Column:
    return Column(check=lambda value: value in choices)


PLAIN: Final = Column()
TIME: Final = Column(check=_is_time)
# The range of numeric settings.
AMOUNT: Final = Column(check=lambda value: isinstance(value, int) and 0 <= value <= 1_000_000)
OBJECT: Final = Column(check=lambda value: isinstance(json.loads(value), dict))

# A member's id; the row is deleted when the member is forgotten.
MEMBER: Final = Column(of_member=True)


def _keep(changes: str) -> Column:
    """A member's id; the row is changed and stays when the member is forgotten."""
    return Column(of_member=True, kept=changes)


def _settings(kind: type, *, inherited: bool = False) -> dict[str, Column]:
    """The columns of a dataclass's settings; null stands for an inherited one."""
    columns = {}
    for known in fields(kind):
        if known.name in facts_of(kind):
            facts, default = facts_of(kind)[known.name], rows.column(known.default)
            number = isinstance(default, int) or known.type in (int | None, bool | None)
            sql = "integer" if number else "text"
            if default is not None and not inherited:
                said = default if number else f"'{default}'"
                sql = f"{sql} not null default {said}"
            columns[known.name] = Column(sql, facts.since, facts.check)
    return columns


# Columns of these names, wherever nothing else is declared, besides times (`…_at`).
BY_NAME: Final[Mapping[str, Column]] = {
    "at": TIME,
    **dict.fromkeys(("id", "key", "number", "seq"), Column(check=_is_id)),
}


# Rows are erased in this order, after `PersonalData` has taken back texts and deleted questions.
TABLES: Mapping[str, Table] = {
    "guilds": Table(_settings(GuildSettings), GuildSettings),
    "rules": Table({"review_after_days": AMOUNT}),
    "digests": Table(record=WeeklyDigest),
    "channel_settings": Table(_settings(EffectiveSettings, inherited=True), EffectiveSettings),
    # Sources come in the order they were added.
    "sources": Table(order="added_at, location, scope"),
    "notes": Table(
        {
            "contributor_id": _keep(f"contributor_id = 0, contributor = '{FORMER_MEMBER}'"),
            "source_change": _choice(*SourceChange),
            "owner_id": _keep("owner_id = null").added(_FRESHNESS, "integer"),
            "offered_id": _keep("offered_id = null").added(_FRESHNESS, "integer"),
        }
    ),
    "revisions": Table(
        {"writer_id": _keep(f"writer_id = 0, writer = '{FORMER_MEMBER}'")}, Submission
    ),
    "note_checks": Table(
        {
            "id": Column("integer primary key autoincrement", check=_is_id),
            "guild_id": Column("integer not null"),
            "note_id": Column("integer not null references notes(id) on delete cascade"),
            "reason": Column("text not null"),
            "cause": Column("text not null"),
            "asked_at": Column("text not null", check=_is_time),
            "state": Column("text not null"),
        },
        NoteCheck,
        since=_FRESHNESS,
        constraints=("unique (note_id, reason, cause)",),
    ),
    "copied_wordings": Table({"member_id": MEMBER}),
    "reviews": Table(
        {
            "moderator_id": _keep(f"moderator_id = 0, moderator = '{FORMER_MODERATOR}'"),
            "before": OBJECT,
        },
        Review,
    ),
    "reports": Table({"member_id": _keep("member_id = 0")}),
    "questions": Table(
        {"asker_id": _keep("asker_id = 0, channel_id = null, earlier = ''"), "quotations": AMOUNT},
        Question,
    ),
    "feedback": Table(
        {
            # Negative numbers count forgotten members; real ids are positive.
            "member_id": _keep(
                "reason = '', reason_code = '', member_id = (select case when min(o.member_id) < 0 "
                "then min(o.member_id) else 0 end - 1 from feedback o "
                "where o.question_id = feedback.question_id)"
            ),
            "reason_code": _choice("", *FeedbackReason),
        }
    ),
    "phrasings": Table(record=RecordedPhrasing),
    "handed_on": Table(
        {
            "member_id": _keep("member_id = 0"),
            # A hand-over claimed by them is open again.
            "helper_id": _keep(
                "helper_id = 0, helper = '', answer = '', changes = changes + 1, "
                "standing = case standing when 'claimed' then 'open' else standing end"
            ),
            "standing": _choice(*HandoverState),
        }
    ),
    "notices": Table({"member_id": MEMBER}, Notice),
    "quiet_members": Table({"member_id": MEMBER}),
    "page_names": Table({"member_id": MEMBER}),
    "helped_questions": Table(
        {
            "asker_id": MEMBER,
            "similar_ids": Column("text not null default '[]'", _SIMILAR),
            "post_state": Column("text not null default 'open'", _SOLVED),
            "look_at": Column("text", _SOLVED),
        },
        HelpedQuestion,
    ),
    "helper_answers": Table(
        {
            "message_id": Column("integer not null"),
            "note_id": Column("integer not null"),
            "guild_id": Column("integer not null"),
            "channel_id": Column("integer not null"),
            "helper_id": _keep("helper_id = 0").added(_HELPERS, "integer not null"),
            "question_id": Column("integer not null"),
            "chosen_at": Column("text not null"),
            "reply_id": Column("integer"),
        },
        HelperAnswer,
        since=_HELPERS,
        constraints=("primary key (message_id, note_id)",),
    ),
    "members": Table({"user_id": MEMBER}),
    "log": Table({"detail": OBJECT}),
    "tombstones": Table(record=Tombstone),
    # Expired or derived rows: waiting forms are valid for 15 minutes, recent questions for a day,
    # log heads follow from the log, old interactions don't come again, an alarm goes on, and golden
    # questions are asked again.
    "inbox": Table({"member_id": MEMBER}, exported="false"),
    "recent_questions": Table({"member_id": MEMBER}, exported="false"),
    "log_heads": Table(exported="false"),
    "handled": Table(exported="false"),
    "source_cards": Table(
        {
            "guild_id": Column("integer not null"),
            "source": Column("text not null"),
            "began_at": Column("text not null"),
            "channel_id": Column("integer"),
            "message_id": Column("integer"),
            "shown": Column("text not null"),
        },
        exported="false",
        since=_ALARMS,
        constraints=("primary key (guild_id, source)",),
    ),
    "golden_questions": Table(
        {
            "question_id": Column(
                "integer primary key references questions (id) on delete cascade"
            ),
            "guild_id": Column("integer not null"),
            "expected": Column("text not null"),
            "checked": Column("text not null"),
            "checked_at": Column("text not null"),
            "state": Column("text not null"),
            "first": Column("text not null"),
            "changed_at": Column("text"),
        },
        exported="false",
        since=_GOLDEN,
        indexes={"golden_questions_changed": (_GOLDEN, "golden_questions (guild_id, changed_at)")},
    ),
    # Without a deployment's own state: Discord's command digest, withheld notices, machines.
    "memory": Table(
        {"key": PLAIN},
        exported="key <> 'commands digest' and substr(key, 1, 14) <> 'withheld from ' "
        "and substr(key, 1, 10) <> 'machines: '",
    ),
}


# Derived facts.


def table(name: str) -> Table:
    return TABLES.get(name, Table())


def unexported_tables() -> set[str]:
    return {name for name, table in TABLES.items() if table.exported == "false"}


def member_columns() -> list[tuple[str, str, str]]:
    """The table and name of each column for a member's id, with the changes to kept rows."""
    return [
        (name, column, declared.kept)
        for name, table in TABLES.items()
        for column, declared in table.columns.items()
        if declared.of_member
    ]


def is_valid(table_name: str, column: str, value: Any) -> bool:
    """Whether an imported value passes the check of its column."""
    declared = table(table_name).columns.get(column) or BY_NAME.get(column, PLAIN)
    if declared is PLAIN and column.endswith("_at"):
        declared = TIME
    record = table(table_name).record
    return passes_check(declared.check, value) and (
        record is None or passes_check(partial(rows.is_readable, record, column), value)
    )


def passes_check(check: Callable[[Any], object], value: Any) -> bool:
    """Whether a check returns a true value, and raises none of the errors of wrong values."""
    try:
        return bool(check(value))
    except (ValueError, TypeError, KeyError, RecursionError):
        return False


# Migrations.

_POSTGRES_TYPES: Final = {
    "integer": "bigint",
    "text": 'text collate "C"',
    "real": "double precision",
    "blob": "bytea",
}


# The previous release may break these constraints.
_BREAKING: Final = ("check", "references", "unique", "primary key")


def migrations() -> set[str]:
    return {
        since
        for table in TABLES.values()
        for since in (
            table.since,
            *(column.since for column in table.columns.values()),
            *(since for since, _ in table.indexes.values()),
        )
        if since
    }


def statements(migration: str, *, postgres: bool = False) -> Iterator[str]:
    """The SQL of a migration's declared tables, columns and indexes.

    Raises ValueError if a column of an older table isn't optional.
    """
    translate = in_postgres if postgres else str
    for name, table in TABLES.items():
        added = {
            key: column
            for key, column in table.columns.items()
            if (column.since or table.since) == migration
        }
        columns = [f"{key} {translate(column.sql)}" for key, column in added.items()]
        if table.since == migration:
            inside = ",\n    ".join((*columns, *table.constraints))
            yield f"create table {name} (\n    {inside}\n){'' if postgres else ' strict'}"
            continue
        for key, column in added.items():
            required = "not null" in column.sql and "default" not in column.sql
            if required or any(word in column.sql for word in _BREAKING):
                raise ValueError(f"{name}.{key} would break the writes of the previous release")
        yield from (f"alter table {name} add column {sql}" for sql in columns)
    for table in TABLES.values():
        for name, (since, columns_of) in table.indexes.items():
            if since == migration:
                yield f"create index {name} on {columns_of}"


def in_postgres(sql: str) -> str:
    """Translate a column's type and constraints to PostgreSQL's SQL."""
    kind, _, rest = sql.partition(" ")
    rest = rest.replace("primary key autoincrement", "generated by default as identity primary key")
    # For the deletion of rows with references to each other.
    rest += " deferrable" * ("references" in rest)
    return f"{_POSTGRES_TYPES[kind]} {rest}".rstrip()
