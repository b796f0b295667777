"""Databases of every earlier release: opened, kept as they were, and as good as a fresh one."""

import re
import sqlite3
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlite_utils import Database

from knowledge.backup import backups
from knowledge.store.audit import log_chain
from knowledge.store.migrations import MIGRATIONS
from knowledge.store.store import Store, StoreError
from knowledge.store.submitted_forms import SubmittedForm
from tests.knowledge.full_store import picture

AT = datetime(2026, 3, 4, 5, 6, tzinfo=UTC)
NAMES = [migration.name for migration in MIGRATIONS._migrations]

# Those whose log has a chain for each guild.
CHAINED = NAMES[NAMES.index("m026_chains_by_guild") :]

# Values for columns in which not every value is allowed, or which others refer to.
CHOSEN: dict[str, Any] = {
    "state": "approved",
    "evidence": "none",
    "verdict": "helpful",
    "reason_code": "other",
    "problem": "wrong",
    "decision": "approve",
    "event": "approved",
    "tags": '["gpu"]',
    "legs": "words",
    "detail": '{"note": 1, "revision": 1}',
    "subject": "revision:1",
    "allowed_hosts": "[]",
    "signals": "{}",
    "answered_from": "",
    "mode": "help",
    "standing": "open",
    "before": "{}",
    "actor_id": 7,
    "told_for": None,
    "replaced_by": None,
    "retired_revision_id": None,
    "left_at": None,
    "reads": "threads",
    "kind": "member",
    "channels": "[]",
    "listen_channels": "[]",
    "edition": "moderators",
    "limits": "{}",
    "language": "en",
    "source_change": "edited",
    # What comes from a channel has no words; what has words comes from none.
    "source_channel_id": None,
    "passage_digest": "digest",
    "pruned_at": None,
}

# A picture is checked against its digest when a database is restored.
PICTURE = picture()
OF_TABLE: dict[str, dict[str, Any]] = {
    "pictures": {"digest": PICTURE.digest, "kind": "png", "content": PICTURE.content},
    "revision_pictures": {"digest": PICTURE.digest},
}

# What a migration moves out of a table, and where to.
MOVED = {"hits": "recorded_passages"}


def of_release(path: Path, name: str) -> list[str]:
    """A database as a release left it that ended with this migration, a row in each table."""
    later = NAMES[NAMES.index(name) + 1 :]
    with closing(sqlite3.connect(path)) as connection:
        database = Database(connection)
        MIGRATIONS.apply(database, stop_before=later)
        connection.execute("pragma foreign_keys = off")
        tables = [
            table
            for table in database.table_names()
            if not table.startswith(("_", "sqlite_")) and table not in ("log", "log_heads")
        ]
        # The digest of the log's line is over its other columns, so it comes last.
        for table in [*tables, "log"]:
            fill(connection, table)
        if "log_heads" in database.table_names():
            connection.execute(log_chain.KEEP_HEADS)
        connection.commit()
        assert backups.problem(connection) == ""
    return [*tables, "log"]


def fill(connection: sqlite3.Connection, table: str) -> None:
    columns = connection.execute("select name, type from pragma_table_info(?)", [table]).fetchall()
    moment = "2026-03-04T05:06:00+00:00"
    chosen = {name: moment for name, kind in columns if re.search("(^|_)at$", name)} | CHOSEN
    row = {
        name: chosen.get(name, 1 if kind in ("INTEGER", "REAL") else name) for name, kind in columns
    }
    row |= OF_TABLE.get(table, {})
    if table == "log":
        chained = "number" in row
        before = list(row.values())[:-1]
        row["digest"] = log_chain.digest("", row) if chained else backups.log_digest("", before)
    marks = ", ".join("?" for _ in row)
    connection.execute(
        f"insert into {table} ({', '.join(row)}) values ({marks})",  # noqa: S608
        list(row.values()),
    )


def schema(path: Path) -> dict[str, list[tuple[Any, ...]]]:
    """Every table's columns with their types and constraints, every index and trigger."""
    with closing(sqlite3.connect(path)) as connection:
        found: dict[str, list[tuple[Any, ...]]] = {}
        for kind, name in connection.execute("select type, name from sqlite_master").fetchall():
            about = "pragma_table_xinfo" if kind == "table" else "pragma_index_xinfo"
            rows = connection.execute(f"select * from {about}(?)", [name]).fetchall()  # noqa: S608
            keys = connection.execute("select * from pragma_foreign_key_list(?)", [name]).fetchall()
            found[f"{kind} {name}"] = [*sorted(map(repr, rows)), *sorted(map(repr, keys))]  # type: ignore[list-item]
        return found


def content(path: Path) -> dict[str, list[dict[str, Any]]]:
    with closing(sqlite3.connect(path)) as connection:
        database = Database(connection)
        return {
            table: list(database.query(f"select * from {table}"))  # noqa: S608
            for table in database.table_names()
            if not table.startswith("_")
        }


def test_migrations_are_numbered_one_after_another() -> None:
    """Two of a number would run in an order that nobody chose."""
    assert [int(name[1:4]) for name in NAMES] == list(range(1, len(NAMES) + 1))


@pytest.mark.parametrize("name", NAMES)
def test_a_database_of_an_earlier_release_ends_like_a_fresh_one_with_its_rows(
    tmp_path: Path, name: str
) -> None:
    path, fresh = tmp_path / "community.db", tmp_path / "fresh.db"
    tables = of_release(path, name)
    before = content(path)
    with Store(path) as store:
        assert store.database.integrity_problem() == ""
        assert store.audit_log.breaks() == []
    Store(fresh).close()
    assert schema(path) == schema(fresh)
    after = content(path)
    for table in set(tables) - {"log"}:
        moved = after[MOVED[table]] if table in MOVED else [{}]
        for old, new, more in zip(before[table], after[table], moved, strict=True):
            assert (new | more).items() >= old.items(), table
    events = ["approved"] if name in CHAINED else ["approved", "rechained"]
    assert [row["event"] for row in after["log"]] == events


@pytest.mark.parametrize("name", NAMES[:-1])
def test_it_is_kept_as_it_was_before_anything_is_changed(tmp_path: Path, name: str) -> None:
    path = tmp_path / "community.db"
    of_release(path, name)
    before = content(path)
    Store(path).close()
    kept = tmp_path / f"community.{name}.db"
    assert content(kept) == before
    assert sorted(each.name for each in tmp_path.glob("*.db")) == sorted([kept.name, path.name])
    # What was kept is a backup like any other.
    backups.verify(kept)


def test_a_fresh_database_and_one_that_is_current_are_not_copied(tmp_path: Path) -> None:
    for _ in range(2):
        Store(tmp_path / "community.db").close()
    assert [each.name for each in tmp_path.glob("*.db*")] == ["community.db"]


@pytest.mark.parametrize("name", [None, NAMES[0], NAMES[-2]])
def test_openings_at_once_of_a_new_or_an_older_database_all_succeed(
    tmp_path: Path, name: str | None
) -> None:
    path, together = tmp_path / "community.db", threading.Barrier(8)
    if name is not None:
        of_release(path, name)

    def opened(_number: int) -> list[str]:
        together.wait()
        with Store(path) as store:
            found = store.database.rows("select name from _sqlite_migrations order by id")
        return [row["name"] for row in found]

    with ThreadPoolExecutor(8) as threads:
        assert list(threads.map(opened, range(8))) == [NAMES] * 8


def test_forms_are_kept_in_a_database_of_a_release_that_had_none(tmp_path: Path) -> None:
    path = tmp_path / "community.db"
    of_release(path, "m013_passages_once")
    sent = SubmittedForm(1, None, 2, "token", "en", "form:1", [("title", "é")], AT)
    with Store(path) as store:
        store.submitted_forms.keep(sent)
        assert store.submitted_forms.left(AT + timedelta(minutes=1)) == [sent]


def test_a_database_that_can_not_be_kept_is_not_changed(tmp_path: Path) -> None:
    path = tmp_path / "community.db"
    of_release(path, NAMES[0])
    before = schema(path)
    (tmp_path / f"community.{NAMES[0]}.part").mkdir()
    with pytest.raises(StoreError):
        Store(path)
    assert schema(path) == before


@pytest.mark.parametrize("name", NAMES[:-1])
def test_a_backup_of_an_earlier_release_can_be_put_back(tmp_path: Path, name: str) -> None:
    old, path, fresh = (tmp_path / each for each in ("old.db", "community.db", "fresh.db"))
    of_release(old, name)
    Store(path).close()
    Store(fresh).close()
    backups.restore(old, path, datetime.now(UTC))
    assert schema(path) == schema(fresh)
    events = ["approved", "restored"] if name in CHAINED else ["approved", "rechained", "restored"]
    assert [row["event"] for row in content(path)["log"]] == events


@pytest.mark.parametrize(
    ("label", "code"),
    [
        ("It's about something else", "off_topic"),
        ("A part of the answer is missing", "incomplete"),
        ("It's outdated", "outdated"),
        ("It's wrong", "wrong"),
        ("I don't understand it", "unclear"),
        ("", ""),
    ],
)
def test_a_reason_that_was_kept_as_its_label_is_a_code(
    tmp_path: Path, label: str, code: str
) -> None:
    path = tmp_path / "community.db"
    of_release(path, "m011_handing_on")
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("update feedback set reason = ?", [label])
        connection.commit()
    Store(path).close()
    [row] = content(path)["feedback"]
    assert (row["reason"], row["reason_code"]) == ("", code)


def test_a_reason_in_ones_own_words_is_kept_in_them(tmp_path: Path) -> None:
    path = tmp_path / "community.db"
    of_release(path, "m011_handing_on")
    Store(path).close()
    [row] = content(path)["feedback"]
    assert (row["reason"], row["reason_code"]) == ("reason", "other")


def test_of_several_revisions_of_a_note_that_wait_the_last_one_waits_on(tmp_path: Path) -> None:
    path = tmp_path / "community.db"
    of_release(path, "m027_handled_interactions")
    with closing(sqlite3.connect(path)) as connection:
        columns = "note_id, number, title, text, tags, link, state, created_at"
        for number in range(2, 5):
            connection.execute(
                f"insert into revisions ({columns}) "  # noqa: S608
                f"select note_id, {number}, title, text, tags, link, 'pending', created_at "
                "from revisions where number = 1"
            )
        connection.commit()
    Store(path).close()
    found = [(row["id"], row["state"], row["replaced_by"]) for row in content(path)["revisions"]]
    first, *others, last = (each for each, _, _ in found)
    assert found == [
        (first, "approved", None),
        *((each, "withdrawn", last) for each in others),
        (last, "pending", None),
    ]
