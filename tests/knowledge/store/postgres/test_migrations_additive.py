"""Migrations only add: during an upgrade, the release before goes on writing."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from knowledge.store import migrations
from knowledge.store.notes.decisions import Ruling
from knowledge.store.postgres.database import PostgresDatabase
from knowledge.store.postgres.migrations import TABLES
from knowledge.store.store import Store
from knowledge.values.notes import Decision, Member
from knowledge.values.submissions import Submission
from tests.knowledge.versions import add_next_migration

COMMENT = re.compile(r"--[^\n]*")
ADDS = re.compile(r"create (table|index) |alter table \w+ add column |(insert|update|delete) ")
TAKES = re.compile(r"\b(drop|rename|truncate|set not null|alter column|add constraint|unique)\b")


def narrowings(sql: str) -> Iterator[str]:
    """The statements of a migration that can make an older release's writes fail."""
    made = set(re.findall(r"create table (\w+)", sql))
    for statement in COMMENT.sub("", sql).split(";"):
        plain = " ".join(statement.lower().split())
        own = re.match(r"create (?:unique )?(?:table|index) (?:\w+ on )?(\w+)", plain)
        if not plain or (own and own[1] in made):
            continue
        column = plain.startswith("alter table")
        required = column and "not null" in plain and "default" not in plain
        referring = column and ("check" in plain or "references" in plain)
        if not ADDS.match(plain) or TAKES.search(plain) or required or referring:
            yield plain


def test_a_migration_after_the_first_only_adds() -> None:
    for name in migrations.names()[1:]:
        assert [*narrowings((TABLES / f"{name}.sql").read_text(encoding="utf-8"))] == [], name


@pytest.mark.parametrize(
    "sql",
    [
        "drop table notes",
        "alter table notes rename to texts",
        "alter table notes rename column link to links",
        "alter table notes drop column link",
        "alter table notes add column link text not null",
        "alter table notes add column link text unique",
        "alter table notes add column link bigint default 0 check (link > 0)",
        "alter table notes alter column link type bigint",
        "alter table notes alter column link set not null",
        "alter table notes add constraint one unique (link)",
        "create unique index one on notes (link)",
        "create trigger one before insert on notes execute function refuse()",
        "truncate notes",
    ],
)
def test_what_takes_something_away_is_seen(sql: str) -> None:
    assert [*narrowings(f"-- Why.\n\n{sql};\n")] == [sql]


def test_what_adds_is_let_through() -> None:
    sql = """-- Why.

create table kept (id bigint primary key, name text not null unique);

create unique index kept_once on kept (name);

create index notes_by_link on notes (link);

alter table notes add column link text;

alter table notes add column often bigint not null default 0;
"""
    assert [*narrowings(sql)] == []


def test_who_was_there_before_a_migration_goes_on_writing(
    postgres_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A process of this version writes while later migrations run."""
    opened_before = Store(PostgresDatabase(postgres_url, tmp_path))
    first = _decided(opened_before, "Before")
    later = add_next_migration(monkeypatch, tmp_path / "later")
    with Store(PostgresDatabase(postgres_url, tmp_path)) as newer:
        assert newer.database.migrations() == later
        second, third = _decided(opened_before, "Meanwhile"), _decided(newer, "Newer")
        live = {note.id: note.revision.submission.title for note in newer.notes.every_live()}
        assert live == {first: "Before", second: "Meanwhile", third: "Newer"}
        assert not newer.audit_log.breaks()
        assert newer.audit_log.contradicted_notes() == []
    opened_before.close()


def _decided(store: Store, title: str) -> int:
    """A note that was proposed, revised while pending, and approved; returns its id."""
    mira, ada = Member(1, "Mira"), Member(2, "Ada")
    note = store.contributions.propose(10, mira, 5, Submission("Draft", "Text.")).note
    revised = store.contributions.revise(10, note.id, mira, Submission(title, "Text."))
    assert revised is not None
    outcome = store.decisions.decide(10, revised.note.revision.id, ada, Ruling(Decision.APPROVE))
    assert outcome is not None
    assert outcome.done
    return note.id
