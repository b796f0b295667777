"""Foreign databases: only rows are copied, and odd files end in a sentence, never in a hang."""

import json
import random
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from knowledge.backup.backups import BackupError
from knowledge.store.store import Store
from tests.knowledge.full_store import exported
from tests.knowledge.two_guilds import restored

Change = Callable[[sqlite3.Connection], object]

NO_END = "with recursive r(n) as (select 1 union all select n + 1 from r)"
LOG = "n as id, '' as at, n as guild_id, n as actor, '' as event, '' as subject, '' as detail"


def _do(*statements: str) -> Change:
    def change(connection: sqlite3.Connection) -> None:
        for statement in statements:
            connection.execute(statement)

    return change


def _last_line(**columns: str) -> Change:
    """Change the last line of the log."""

    def change(connection: sqlite3.Connection) -> None:
        connection.execute("drop trigger log_is_never_changed")
        # In another guild, the line may have the number of another one.
        connection.execute("drop index log_by_number")
        for column, value in columns.items():
            connection.execute(
                f"update log set {column} = ? where id = (select max(id) from log)",  # noqa: S608
                [value],
            )

    return change


def _in(setting: str, change: Change) -> Change:
    """Change the file in ways SQLite would refuse."""

    def changed(connection: sqlite3.Connection) -> None:
        connection.execute(f"pragma {setting} = on")
        change(connection)

    return changed


ODD: dict[str, dict[str, Change]] = {
    "holds what no version of Commonplace has put there": {
        "a log without end": _do(
            "drop table log",
            f"create view log as {NO_END} select {LOG}, '' as digest from r",  # noqa: S608
        ),
        "migrations without end": _do(
            "drop table _sqlite_migrations",
            f"create view _sqlite_migrations as {NO_END} "  # noqa: S608
            "select 'commonplace' as migration_set, n as name from r",
        ),
        "a trigger that approves": _do(
            "create trigger approve after insert on revisions begin "
            "update revisions set state = 'approved' where id = new.id; end"
        ),
        "a view": _do("create view everything as select * from notes"),
        "a table": _do("create table songs (id integer primary key, sound blob)"),
        "a virtual table": _do("create virtual table words using fts5(text)"),
    },
    r"its table \w+ is another one": {
        "a replaced table": _do("drop table reports", "create table reports (id, note_id)"),
        "a lacking table": _do("drop table reports"),
    },
    "are generated": {
        "a computed column": _do(
            "alter table notes add column more text as (printf('%.*c', 1000000, 'x'))"
        )
    },
    "was written by a later version": {
        "a version of bytes": _do(
            "insert into _sqlite_migrations (migration_set, name, applied_at) "
            "values ('commonplace', x'ff', '')"
        )
    },
    "no version had these migrations": {"no migrations": _do("delete from _sqlite_migrations")},
    "has an invalid row in its table": {
        "hosts": _do("update guilds set allowed_hosts = 'a.org'"),
        "numbers as hosts": _do("update guilds set allowed_hosts = '[1]'"),
        "tags": _do("update revisions set tags = '['"),
        "a tag that leads out": _do("update revisions set tags = '[\"..\"]'"),
        "a link that runs": _do("update revisions set link = 'javascript:alert(1)'"),
        "a time": _do("update notes set created_at = 'yesterday'"),
        "a language": _do("update guilds set language = 'tlh'"),
        "a wait of years": _do("update guilds set reminder_hours = 1 << 60"),
        "a notice": _do("update notices set event = 'hello'"),
        "a state": _in(
            "ignore_check_constraints", _do("update feedback set verdict = 'wonderful'")
        ),
        "a list for a detail": _last_line(detail="[]"),
        "the last look": _do("insert into memory values ('absences were looked at', 'never')"),
    },
    "seq holds something else|id holds something else": {
        "the last notice": _do("update notices set id = 9223372036854775807 where id = 1"),
        "the last id": _do(
            "update sqlite_sequence set seq = 9223372036854775807 where name = 'log'"
        ),
    },
    "is damaged|is not a usable database": {
        "a log of bytes": _do(
            "drop table log",
            "create table log (id integer primary key, at, guild_id, actor, event, subject, "
            "detail, digest)",
            "insert into log values (1, x'ff', 10, 1, 'approved', 'x', '{}', 'x')",
        ),
        "half a sign": _do("update notes set contributor = cast(x'ff' as text)"),
        "a name of many millions": _do(
            "update notes set contributor = printf('%.*c', 17000000, 'x')"
        ),
    },
    r"3 notes are in another state than its log leads to \(1, 2, 3\)": {
        "nobody's approval": _do(
            "update revisions set state = 'approved'",
            "update notes set live_revision_id = "
            "(select max(id) from revisions where note_id = notes.id)",
        )
    },
    "its log can't be replayed": {
        "no note": _last_line(detail='{"revision": 1}', guild_id="10", event="approved"),
        "a note that is a list": _last_line(
            detail=json.dumps({"revision": 1, "note": []}), guild_id="10", event="approved"
        ),
    },
}


@pytest.fixture
def path(full_path: Path) -> Path:
    return full_path


@pytest.fixture
def backup(full_backup: Path) -> Path:
    return full_backup


def changed(backup: Path, change: Change) -> None:
    with closing(sqlite3.connect(backup)) as connection:
        change(connection)
        connection.commit()


def dump(path: Path) -> list[str]:
    with closing(sqlite3.connect(path)) as connection:
        return list(connection.iterdump())


@pytest.mark.parametrize(
    ("sentence", "change"),
    [
        pytest.param(sentence, change, id=name)
        for sentence, found in ODD.items()
        for name, change in found.items()
    ],
)
def test_odd_database_is_refused(backup: Path, path: Path, sentence: str, change: Change) -> None:
    before = dump(path)
    changed(backup, change)
    with pytest.raises(BackupError, match=sentence) as error:
        restored(backup, path)
    assert str(error.value).startswith(str(backup))
    assert len(str(error.value).splitlines()) == 1
    assert len(str(error.value)) < 500
    assert dump(path) == before
    assert {each.name for each in path.parent.glob("*.db*")} == {"community.db"}


@pytest.mark.parametrize("seed", range(6))
def test_flipped_bytes_are_refused_or_harmless(backup: Path, path: Path, seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311 - which bytes is no secret
    content = bytearray(backup.read_bytes())
    for _ in range(40):
        content[chance.randrange(100, len(content))] ^= 1 << chance.randrange(8)
    backup.write_bytes(content)
    said = ""
    try:
        restored(backup, path)
    except BackupError as error:
        said = str(error)
    assert len(said.splitlines()) <= 1
    with Store(path) as store:
        assert store.database.integrity_problem() == ""
        assert store.audit_log.contradicted_notes() == []


def test_backup_reading_ends(backup: Path, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("knowledge.backup.foreign_database.STEPS", 0)
    monkeypatch.setattr("knowledge.backup.foreign_database.STEPS_PER_BYTE", 0)
    monkeypatch.setattr("knowledge.backup.foreign_database._STEPS_AT_ONCE", 10)
    with pytest.raises(BackupError, match="interrupted"):
        restored(backup, path)


def test_restored_log_is_append_only(backup: Path, path: Path) -> None:
    changed(backup, _do("drop trigger log_is_never_changed", "drop trigger log_is_never_cut"))
    restored(backup, path)
    with closing(sqlite3.connect(path)) as connection:
        for statement in ("update log set event = 'x'", "delete from log"):
            with pytest.raises(sqlite3.IntegrityError, match="append-only"):
                connection.execute(statement)


def test_restore_leaves_out_unanswered_forms(backup: Path, path: Path) -> None:
    form = "1, null, 2, 'token', 'en', 'form:1', '[]', '2026-03-04T05:06:00+00:00', 0"
    changed(backup, _do(f"insert into inbox values ({form})"))  # noqa: S608
    restored(backup, path)
    with Store(path) as store:
        assert store.database.rows("select * from inbox") == []


def test_restored_backup_differs_by_one_log_line(backup: Path, path: Path, tmp_path: Path) -> None:
    with Store(path) as store:
        before = exported(store, tmp_path / "before")
    restored(backup, path)
    with Store(path) as store:
        after = exported(store, tmp_path / "after")
    assert before.keys() == after.keys()
    assert {name for name in before if before[name] != after[name]} == {
        "log.jsonl",
        "sqlite_sequence.jsonl",
    }
    assert after["log.jsonl"].startswith(before["log.jsonl"])
    [line] = after["log.jsonl"][len(before["log.jsonl"]) :].splitlines()
    assert json.loads(line)["event"] == "restored"
