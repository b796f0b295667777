"""PostgreSQL's tables equal SQLite's, and are made once."""

import re
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg
import pytest
from sqlite_utils import Database

from knowledge.store import migrations, schema
from knowledge.store.database import StoreVersionError
from knowledge.store.notes.decisions import Ruling
from knowledge.store.postgres.database import SCRIPTS, PostgresDatabase
from knowledge.store.store import Store
from knowledge.values.notes import Decision, Member
from knowledge.values.submissions import Submission
from tests.knowledge.decided_notes import some
from tests.knowledge.versions import BEFORE_1_0_0, NEXT, add_next_migration
from tests.postgres import Cluster

KINDS = {"INTEGER": "bigint", "TEXT": "text", "REAL": "double precision", "BLOB": "bytea"}
# PostgreSQL's additions to a stored condition, and its spelling of some words.
ADDED = re.compile(r'::\w+|COLLATE "C"')
NAMED = re.compile(r"'(?:[^']|'')*'|\b\w+\b")
WORDS = {"check", "in", "any", "array", "between", "and", "or", "is", "not", "null", "where"}


@pytest.fixture
def database(postgres: Cluster, tmp_path: Path) -> Iterator[PostgresDatabase]:
    url = postgres.empty()
    opened = PostgresDatabase(url, tmp_path)
    yield opened
    opened.close()
    postgres.drop(url)


@pytest.fixture
def newest(
    postgres: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[PostgresDatabase]:
    """With one more migration, which adds one of everything."""
    add_next_migration(monkeypatch)
    url = postgres.empty()
    with closing(PostgresDatabase(url, tmp_path)) as opened:
        yield opened
    postgres.drop(url)


def test_every_migration_of_the_one_is_one_of_the_other(database: PostgresDatabase) -> None:
    files = {path.stem for path in SCRIPTS.glob("*.sql")}
    assert files | schema.migrations() == {*migrations.names()}
    assert database.migrations() == migrations.names()


def test_tables_have_the_same_columns(newest: PostgresDatabase) -> None:
    own = _sqlite()
    names = [
        row["name"]
        for row in own.query(
            "select name from sqlite_master where type = 'table' and name not like 'sqlite_%' "
            "and name not like '\\_%' escape '\\' order by name"
        )
    ]
    assert newest.tables() == names
    for table in names:
        assert _columns(newest, table) == [
            (row["name"], KINDS[row["type"].upper()], bool(row["required"]), _default(row))
            for row in own.query(
                'select name, type, dflt_value, "notnull" or pk as required '
                "from pragma_table_info(?) order by cid",
                [table],
            )
        ], table


def _columns(database: PostgresDatabase, table: str) -> list[tuple[Any, ...]]:
    rows = database.rows(
        "select column_name, data_type, is_nullable = 'NO' as required, column_default "
        "from information_schema.columns where table_schema = 'community' and table_name = ? "
        "order by ordinal_position",
        [table],
    )
    return [
        (row["column_name"], row["data_type"], bool(row["required"]),
         ADDED.sub("", row["column_default"] or "").strip("'"))
        for row in rows
    ]  # fmt: skip


def _default(row: dict[str, Any]) -> str:
    return str(row["dflt_value"] or "").strip("'")


def test_words_are_ordered_by_code_point(newest: PostgresDatabase) -> None:
    others = newest.rows(
        "select table_name, column_name from information_schema.columns where data_type = 'text' "
        "and table_schema = 'community' and collation_name is distinct from 'C'"
    )
    assert others == []


def test_tables_have_the_same_keys_references_and_conditions(newest: PostgresDatabase) -> None:
    own = _sqlite()
    for table in newest.tables():
        [row] = own.query("select sql from sqlite_master where name = ?", [table])
        assert _constraints(newest, table) == _written(own, table, row["sql"]), table


def _constraints(database: PostgresDatabase, table: str) -> list[tuple[str, ...]]:
    rows = database.rows(
        "select contype, condeferrable, pg_get_constraintdef(oid) as said from pg_constraint "
        "where conrelid = ?::regclass",
        [table],
    )
    assert all(row["condeferrable"] for row in rows if row["contype"] == "f")
    found = []
    for row in rows:
        kind, said = row["contype"], ADDED.sub("", row["said"]).replace(" DEFERRABLE", "")
        said = said.replace('"', "")
        if kind == "c":
            found.append(("check", *_names(said)))
        elif kind == "f":
            column, other, key, rest = re.findall(
                r"FOREIGN KEY \((\w+)\) REFERENCES (\w+)\((\w+)\)(.*)", said
            )[0]
            found.append(("reference", column, other, key, rest.strip().lower()))
        else:
            found.append(("unique" if kind == "u" else "key", said.partition("(")[2][:-1]))
    return sorted(found)


def _written(own: Database, table: str, sql: str) -> list[tuple[str, ...]]:
    found = [("check", *_names(said)) for said in _checks(sql)]
    for row in own.query(
        'select "table", "from", "to", on_delete from pragma_foreign_key_list(?)', [table]
    ):
        action = "" if row["on_delete"] == "NO ACTION" else f"on delete {row['on_delete'].lower()}"
        found.append(("reference", row["from"], row["table"], row["to"], action))
    keys = own.query("select name from pragma_table_info(?) where pk order by pk", [table])
    if key := ", ".join(row["name"] for row in keys):
        found.append(("key", key))
    for index in own.query("select name, origin from pragma_index_list(?)", [table]):
        columns = own.query("select name from pragma_index_info(?)", [index["name"]])
        if index["origin"] == "u":
            found.append(("unique", ", ".join(row["name"] for row in columns)))
    return sorted(found)


def _checks(sql: str) -> list[str]:
    """The conditions in a table's definition."""
    found = []
    for beginning in re.finditer(r"\bcheck\s*\(", sql):
        depth, end = 1, beginning.end()
        while depth:
            depth += {"(": 1, ")": -1}.get(sql[end], 0)
            end += 1
        found.append(sql[beginning.end() : end - 1])
    return found


def _names(said: str) -> list[str]:
    """The columns and values in a condition."""
    return sorted({each for each in NAMED.findall(said) if each.lower() not in WORDS})


def test_indexes_are_the_same(newest: PostgresDatabase) -> None:
    own = {
        row["name"]: (bool(re.match(r"create unique", row["sql"], re.I)), *_indexed(row["sql"]))
        for row in _sqlite().query(
            "select name, sql from sqlite_master where type = 'index' and sql is not null "
            "and name not like 'idx\\_\\_%' escape '\\'"
        )
    }
    found = {
        row["name"]: (bool(row["indisunique"]), *_indexed(row["said"]))
        for row in newest.rows(
            "select c.relname as name, i.indisunique, pg_get_indexdef(i.indexrelid) as said "
            "from pg_index i join pg_class c on c.oid = i.indexrelid "
            "where c.relnamespace = 'community'::regnamespace and not exists "
            "(select 1 from pg_constraint k where k.conindid = i.indexrelid)"
        )
    }
    assert found == own


def _indexed(sql: str) -> tuple[str, list[str]]:
    """An index's columns, and its condition's."""
    columns, condition = re.findall(
        r"\son\s+[\w.]+\s*(?:using btree )?\(([^)]*)\)(?:\s+where\s+(.*))?", sql, re.I | re.S
    )[0]
    return " ".join(columns.split()), _names(ADDED.sub("", condition))


def test_triggers_do_the_same(newest: PostgresDatabase) -> None:
    own = {row["name"] for row in _sqlite().query("select name from sqlite_master "
                                                  "where type = 'trigger'")}  # fmt: skip
    rows = newest.rows("select tgname as name from pg_trigger where not tgisinternal")
    # In SQLite only deletion can empty a table.
    assert {row["name"] for row in rows} == own | {"log_is_never_emptied"}


def test_a_later_version_brings_it_up_to_date_with_its_rows(
    database: PostgresDatabase, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    database.insert("memory", {"key": "a", "value": "b"})
    later = add_next_migration(monkeypatch)
    with closing(PostgresDatabase(database.url, tmp_path)) as newer:
        assert newer.migrations() == later
        assert "songs" in newer.tables()
        assert newer.rows("select * from memory") == [{"key": "a", "value": "b"}]
    # An open connection goes on; opening it anew is refused.
    assert database.rows("select * from memory") == [{"key": "a", "value": "b"}]
    monkeypatch.undo()
    with pytest.raises(StoreVersionError, match=NEXT):
        PostgresDatabase(database.url, tmp_path)


def test_older_database_is_refused_alike(database: PostgresDatabase, tmp_path: Path) -> None:
    database.run("delete from _migrations where name <> ?", [migrations.names()[0]])
    database.run("update _migrations set name = ?", [BEFORE_1_0_0])
    with pytest.raises(StoreVersionError, match=re.escape(migrations.misfit([BEFORE_1_0_0]))):
        PostgresDatabase(database.url, tmp_path)


def test_of_two_first_openings_at_once_both_succeed(postgres: Cluster, tmp_path: Path) -> None:
    url, barrier = postgres.empty(), threading.Barrier(2)
    found: list[list[str]] = []

    def open_it() -> None:
        barrier.wait()
        database = PostgresDatabase(url, tmp_path)
        found.append(database.migrations())
        database.close()

    threads = [threading.Thread(target=open_it) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [migrations.names()] * 2
    postgres.drop(url)


def test_half_a_migration_leaves_nothing(postgres: Cluster, tmp_path: Path) -> None:
    url = postgres.empty()
    # The script's last table exists already, so it stops at its end.
    postgres.execute("create schema community", url)
    postgres.execute("create table community.memory (id bigint)", url)
    with pytest.raises(Exception, match="already exists"):
        PostgresDatabase(url, tmp_path)
    left = postgres.execute("select relname from pg_class where relkind = 'r' and "
                            "relnamespace = 'community'::regnamespace", url)  # fmt: skip
    assert left == [("memory",)]
    postgres.drop(url)


def test_of_two_revisions_of_a_note_one_waits(database: PostgresDatabase) -> None:
    database.run("insert into notes (guild_id, contributor_id, contributor, channel_id, "
                 "created_at) values (1, 1, 'Mira', 1, '2026')")  # fmt: skip
    propose = (
        "insert into revisions (note_id, number, title, text, tags, link, state, created_at) "
        "values (1, ?, '', '', '[]', '', 'pending', '2026')"
    )
    database.run(propose, [1])
    with pytest.raises(psycopg.errors.UniqueViolation, match="one_pending"):
        database.run(propose, [2])


def test_the_release_before_goes_on_writing_after_a_migration(
    postgres_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A process of this version writes while later migrations run."""
    opened_before = Store(PostgresDatabase(postgres_url, tmp_path))
    first = _decided(opened_before, "Before")
    later = add_next_migration(monkeypatch)
    with Store(PostgresDatabase(postgres_url, tmp_path)) as newer:
        assert newer.database.migrations() == later
        second, third = _decided(opened_before, "Meanwhile"), _decided(newer, "Newer")
        live = {note.id: note.revision.submission.title for note in newer.notes.every_live()}
        assert live == {first: "Before", second: "Meanwhile", third: "Newer"}
        assert newer.audit_log.contradicted_notes() == []
    opened_before.close()


def _decided(store: Store, title: str) -> int:
    """A note that was proposed, revised while pending, and approved; returns its id."""
    mira, ada = Member(1, "Mira"), Member(2, "Ada")
    note = store.contributions.propose(10, mira, 5, Submission("Draft", "Text.")).note
    revised = some(store.contributions.revise(10, note.id, mira, Submission(title, "Text.")))
    outcome = some(
        store.decisions.decide(10, revised.note.revision.id, ada, Ruling(Decision.APPROVE))
    )
    assert outcome.done
    return note.id


def _sqlite() -> Database:
    database = Database(memory=True)
    migrations.apply(database)
    return database
