"""Archives of a database on a server: untrusted files, restorable into either kind of database."""

import json
import zipfile
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import psycopg
import pytest

from knowledge.backup import archives, backups
from knowledge.backup.backups import BackupError, OptInRows
from knowledge.store.postgres.database import PostgresDatabase
from knowledge.store.store import Store
from tests.knowledge.full_store import AT, GUILD, MIRA, approved, exported, lived
from tests.postgres import Cluster
from tests.stores import EMPTY_TABLES, make_tables

EVERYTHING = tuple(OptInRows)


@pytest.fixture
def database(postgres: Cluster, tmp_path: Path) -> Iterator[PostgresDatabase]:
    url = postgres.shared("community", make_tables)
    (tmp_path / "data").mkdir()
    opened = PostgresDatabase(url, tmp_path / "data")
    yield opened
    opened.close()
    postgres.execute(EMPTY_TABLES, url)


@pytest.fixture
def store(database: PostgresDatabase) -> Store:
    return Store(database)


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    return tmp_path / "backups" / archives.name(AT)


def test_archive_equals_the_export(
    database: PostgresDatabase, store: Store, archive: Path, tmp_path: Path
) -> None:
    lived(store)
    archives.back_up(database, archive)
    archives.back_up(database, tmp_path / "again.zip")
    assert archive.read_bytes() == (tmp_path / "again.zip").read_bytes()
    assert [each.name for each in archive.parent.iterdir()] == [archive.name]
    files = exported(store, tmp_path / "export")
    with zipfile.ZipFile(archive) as packed:
        assert {name: packed.read(name) for name in packed.namelist()} == files
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(BackupError, match="No backup was taken"):
        archives.back_up(database, tmp_path / "file" / "one.zip")


def test_restore_keeps_old_rows(database: PostgresDatabase, store: Store, archive: Path) -> None:
    lived(store)
    before = store.audit_log.entries()
    archives.back_up(database, archive)
    lost = approved(store, "Written since.")
    restored = archives.restore(archive, store, database, AT, EVERYTHING)
    assert lost.id not in [note.id for note in store.notes.every_live()]
    *entries, last = store.audit_log.entries()
    assert entries == before
    assert (last.event, last.subject) == ("restored", "database")
    # No id is reused.
    assert approved(store).id > lost.id
    assert restored.kept is not None
    archives.restore(restored.kept, store, database, AT + timedelta(days=1))
    assert lost.id in [note.id for note in store.notes.every_live()]


def test_restored_deletions_stay(database: PostgresDatabase, store: Store, archive: Path) -> None:
    approved(store)
    archives.back_up(database, archive)
    store.personal_data.forget(MIRA.id, withdraw=True)
    restored = archives.restore(archive, store, database, AT)
    assert store.notes.every_live() == []
    assert store.personal_data.summary(MIRA.id, GUILD)["notes"].everywhere == 0
    # The kept archive is deleted when the next member is forgotten.
    assert restored.kept is not None
    assert restored.kept.exists()
    store.personal_data.forget(7, withdraw=True)
    assert not restored.kept.exists()


def test_restore_needs_sole_access(database: PostgresDatabase, store: Store, archive: Path) -> None:
    note = approved(store)
    archives.back_up(database, archive)
    store.decisions.retire(GUILD, note.id, MIRA)
    named = f"{database.url}&application_name=commonplace%20elsewhere"
    with psycopg.connect(named), pytest.raises(BackupError, match="1 other connections"):
        archives.restore(archive, store, database, AT)
    assert store.notes.every_live() == []
    archives.restore(archive, store, database, AT)
    assert [each.id for each in store.notes.every_live()] == [note.id]


def test_backup_restores_into_each_database(
    database: PostgresDatabase, store: Store, archive: Path, tmp_path: Path
) -> None:
    lived(store)
    archives.back_up(database, archive)
    path, copy = tmp_path / "community.db", tmp_path / "copy.db"
    backups.restore(archive, path, AT, EVERYTHING, archives.read)
    backups.back_up(path, copy)
    with Store(path) as there:
        before = there.audit_log.entries()
    archives.restore(copy, store, database, AT, EVERYTHING)
    assert store.audit_log.entries()[:-1] == before


def _with(archive: Path, name: str, content: bytes) -> None:
    with zipfile.ZipFile(archive, "a", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr(name, content)


def _torn(archive: Path) -> None:
    content = archive.read_bytes()
    archive.write_bytes(content[: len(content) // 2])


def _spoilt(archive: Path) -> None:
    content = bytearray(archive.read_bytes())
    content[len(content) // 3] ^= 255
    content[len(content) // 3 + 40] ^= 255
    archive.write_bytes(content)


def _log_rewritten(archive: Path) -> None:
    with zipfile.ZipFile(archive) as packed:
        files = {name: packed.read(name) for name in packed.namelist()}
    files["log.jsonl"] = files["log.jsonl"].replace(b'"approved"', b'"rejected"')
    with zipfile.ZipFile(archive, "w") as packed:
        for name, content in files.items():
            packed.writestr(name, content)


HOSTILE: dict[str, Callable[[Path], None]] = {
    "is damaged": _torn,
    "is damaged|can't be used": _spoilt,
    "1 note is in another state than its log leads to": _log_rewritten,
    r"'\.\./\.\./evil\.jsonl' isn't a file of an export": (
        lambda archive: _with(archive, "../../evil.jsonl", b"{}")
    ),
    "'/etc/evil' isn't a file of an export": lambda archive: _with(archive, "/etc/evil", b""),
    "far more than an export of its size": (
        lambda archive: _with(archive, "bomb.jsonl", bytes(20_000_000))
    ),
    "has an unknown table or column": (lambda archive: _with(archive, "surprises.jsonl", b"{}\n")),
}


@pytest.mark.parametrize(("sentence", "change"), HOSTILE.items(), ids=HOSTILE)
def test_hostile_archive_is_refused(
    database: PostgresDatabase,
    store: Store,
    archive: Path,
    sentence: str,
    change: Callable[[Path], None],
) -> None:
    approved(store)
    archives.back_up(database, archive)
    before = store.audit_log.entries()
    change(archive)
    with pytest.raises(BackupError, match=sentence) as error:
        archives.restore(archive, store, database, AT)
    assert len(str(error.value)) < 600
    assert store.audit_log.entries() == before
    assert {each.name for each in database.folder.iterdir()} <= {"tombstones.jsonl", "opening.lock"}


def test_rotation_keeps_unique(database: PostgresDatabase, store: Store, archive: Path) -> None:
    folder = archive.parent
    taken = []
    for day in range(3):
        approved(store, f"On day {day}.")
        taken.append(folder / archives.name(AT + timedelta(days=day)))
        archives.back_up(database, taken[-1])
    torn = folder / archives.name(AT + timedelta(days=-1))
    torn.write_bytes(b"PK torn")
    forked = folder / archives.name(AT + timedelta(days=-2))
    with zipfile.ZipFile(forked, "w") as packed:
        line = {"guild_id": GUILD, "number": 2, "at": "2026", "event": "left", "subject": "guild"}
        packed.writestr("log.jsonl", json.dumps({**line, "detail": "{}"}))
    (folder / "notes.txt").write_text("mine")
    assert archives.rotate(folder, 1, taken[-1]) == (taken[:2], [forked, torn])
    assert (folder / "notes.txt").exists()
