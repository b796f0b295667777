"""Backups of a real database: taken, verified, rotated, restored; deleted data stays deleted."""

import os
import shutil
import sqlite3
import stat
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from knowledge.backup import backups
from knowledge.backup.backups import BackupError, OptInRows
from knowledge.backup.importer import import_folder
from knowledge.store.store import Store
from knowledge.values.documents import SHARED, Scope
from knowledge.values.tombstones import TombstoneKind
from tests.knowledge.decided_notes import ELSEWHERE, GUILD, MIRA
from tests.knowledge.full_store import exported
from tests.knowledge.two_guilds import AT, approved, asked, live, restored, standings, told


@pytest.mark.parametrize("content", [None, b"", b"no database " * 500])
def test_other_files_no_backups(
    tmp_path: Path, path: Path, store: Store, content: bytes | None
) -> None:
    approved(store)
    store.close()
    other = tmp_path / "other.db"
    if content is not None:
        other.write_bytes(content)
    with pytest.raises(BackupError, match="commonplace backup"):
        restored(other, path)
    assert live(path) == [GUILD]


def test_damaged_backup_is_refused(backup: Path, path: Path, store: Store) -> None:
    store.close()
    content = bytearray(backup.read_bytes())
    middle = len(content) // 2 // 4096 * 4096
    content[middle : middle + 4096 * 8] = b"\xff" * 4096 * 8
    backup.write_bytes(content)
    with pytest.raises(BackupError, match=r"damaged|not a usable database"):
        restored(backup, path)
    assert live(path) == [GUILD, ELSEWHERE]
    assert [each.name for each in path.parent.glob("*.db*")] == ["community.db"]


@pytest.mark.parametrize(
    ("statements", "sentence"),
    [
        (
            ["drop trigger log_is_never_changed",
             "update log set event = 'rejected' where id = 2"],
            "1 note is in another state than its log leads to",
        ),
        (
            ["drop trigger log_is_never_cut",
             "delete from log where id = (select max(id) from log)"],
            "1 note is in another state than its log leads to",
        ),
        (
            ["insert into _sqlite_migrations (migration_set, name, applied_at) "
             "values ('commonplace', 'm999_from_the_future', '2030-01-01')"],
            r"later version .*m999_from_the_future",
        ),
    ],
)  # fmt: skip
def test_forged_or_later_copy_is_refused(
    backup: Path, path: Path, store: Store, statements: list[str], sentence: str
) -> None:
    store.close()
    with closing(sqlite3.connect(backup)) as connection, connection:
        for statement in statements:
            connection.execute(statement)
    with pytest.raises(BackupError, match=sentence):
        restored(backup, path)


def test_open_database_is_not_replaced(backup: Path, path: Path, store: Store) -> None:
    with pytest.raises(BackupError, match="Another process has"):
        restored(backup, path)
    store.close()
    with pytest.raises(BackupError, match="is the database itself"):
        restored(path, path)
    assert live(path) == [GUILD, ELSEWHERE]


def test_failed_backup_leaves_the_last_one(backup: Path, path: Path, store: Store) -> None:
    before = backup.read_bytes()
    (backup.parent / "file").write_text("in the way")
    with pytest.raises(BackupError, match="can't be written"):
        backups.back_up(path, backup.parent / "file" / "two.db")
    assert backup.read_bytes() == before


def test_damage_replaces_no_backup(tmp_path: Path, backup: Path, path: Path, store: Store) -> None:
    store.close()
    broken = tmp_path / "broken.db"
    shutil.copy(path, broken)
    with closing(sqlite3.connect(broken)) as connection, connection:
        connection.execute("pragma foreign_keys = off")
        connection.execute("update revisions set note_id = id + 98")
    before = backup.read_bytes()
    with pytest.raises(BackupError, match=r"No backup was taken.*2 rows refer"):
        backups.back_up(broken, backup)
    assert backup.read_bytes() == before
    assert list(backup.parent.iterdir()) == [backup]


def taken(path: Path, folder: Path, days: range) -> list[Path]:
    """A backup on each of these days."""
    targets = [folder / backups.name(AT + timedelta(days=day)) for day in days]
    for target in targets:
        backups.back_up(path, target)
    return targets


def test_rotation_keeps_the_newest(tmp_path: Path, path: Path, store: Store) -> None:
    approved(store)
    folder = tmp_path / "backups"
    targets = taken(path, folder, range(4))
    (folder / "notes.txt").write_text("mine")
    assert backups.rotate(folder, 2, targets[-1]) == (targets[:2], [])
    assert {each.name for each in folder.iterdir()} == {
        *(each.name for each in targets[2:]),
        "notes.txt",
    }


def test_rotation_keeps_backups_with_unique_data(tmp_path: Path, path: Path, store: Store) -> None:
    folder = tmp_path / "backups"
    [empty] = taken(path, folder, range(1))
    approved(store)
    good = taken(path, folder, range(1, 3))
    torn = folder / backups.name(AT + timedelta(days=3))
    torn.write_bytes(b"torn")
    store.close()
    path.unlink()
    Store(path).close()
    anew = taken(path, folder, range(4, 7))
    assert backups.rotate(folder, 2, anew[-1]) == ([empty, anew[0]], [*good, torn])
    backups.verify(good[-1])
    assert live(good[-1]) == [GUILD]


def test_restore_never_reuses_an_id(backup: Path, path: Path, store: Store) -> None:
    lost, question = approved(store, 12), asked(store)
    store.close()
    kept = restored(backup, path)
    assert live(path) == [GUILD, ELSEWHERE]
    assert kept is not None
    assert live(kept) == [GUILD, ELSEWHERE, 12]
    assert {each.name for each in path.parent.glob("*.db*")} == {"community.db", kept.name}
    with Store(path) as reopened:
        note = approved(reopened)
        assert note.id > lost.id
        assert note.revision.id > lost.revision.id
        assert asked(reopened) > question


def test_restore_into_an_empty_folder_works(backup: Path, tmp_path: Path, store: Store) -> None:
    (tmp_path / "new").mkdir()
    assert restored(backup, tmp_path / "new" / "community.db") is None
    assert live(tmp_path / "new" / "community.db") == [GUILD, ELSEWHERE]


def test_damaged_database_is_replaced_and_kept(backup: Path, path: Path, store: Store) -> None:
    store.close()
    path.write_bytes(b"\xff" * 10_000)
    kept = restored(backup, path)
    assert live(path) == [GUILD, ELSEWHERE]
    assert kept is not None
    assert kept.read_bytes() == b"\xff" * 10_000
    with Store(path) as reopened:
        # The ids given since the backup are unknown.
        assert approved(reopened).id > 10_000


@pytest.mark.parametrize(
    ("kind", "subject"),
    [(TombstoneKind.GUILD, GUILD), (TombstoneKind.NOTE, 1), (TombstoneKind.NOTE, 99)],
)
def test_restored_log_replays_its_tables(
    backup: Path, path: Path, store: Store, kind: TombstoneKind, subject: int
) -> None:
    with store.database.writing():
        store.tombstones.add(kind, subject)
    store.close()
    restored(backup, path)
    with Store(path) as reopened:
        assert len(standings(reopened)) == (2 if subject == 99 else 1)
        assert told(reopened) == standings(reopened)


@pytest.mark.parametrize(("withdraw", "left"), [(True, []), (False, ["a former member"])])
def test_forgotten_member_stays_forgotten_after_a_restore(
    backup: Path, path: Path, store: Store, withdraw: bool, left: list[str]
) -> None:
    store.personal_data.forget(MIRA.id, withdraw=withdraw)
    assert told(store) == standings(store)
    store.close()
    restored(backup, path)
    with Store(path) as reopened:
        assert told(reopened) == standings(reopened)
        assert sorted({note.contributor for note in reopened.notes.every_live()}) == left
        assert all(
            number.everywhere == 0 for number in reopened.personal_data.summary(1, None).values()
        )
        assert reopened.question_records.question(1) is None
    content = path.read_bytes()
    assert b"Mira" not in content
    assert b"how many?" not in content


def test_returned_member_survives_a_later_restore(tmp_path: Path, path: Path, store: Store) -> None:
    approved(store)
    store.personal_data.forget(MIRA.id, withdraw=True)
    again = approved(store)
    backups.back_up(path, tmp_path / "later.db")
    store.close()
    restored(tmp_path / "later.db", path)
    with Store(path) as reopened:
        assert [note.id for note in reopened.notes.every_live()] == [again.id]


# Concurrent backups, and crashes.


def test_concurrent_backups_to_one_file_succeed(path: Path, store: Store, tmp_path: Path) -> None:
    approved(store)
    target, together = tmp_path / "one.db", threading.Barrier(4)

    def take(_number: int) -> None:
        together.wait()
        backups.back_up(path, target)

    with ThreadPoolExecutor(4) as threads:
        assert list(threads.map(take, range(4))) == [None] * 4
    backups.verify(target)
    assert [each.name for each in tmp_path.glob("one.db*")] == ["one.db"]


def test_reported_backup_is_on_disk(
    path: Path, store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "copies" / "one.db"
    synced: list[tuple[bool, bool]] = []
    sync = os.fsync

    def record(descriptor: int) -> None:
        synced.append((stat.S_ISDIR(os.fstat(descriptor).st_mode), target.exists()))
        sync(descriptor)

    monkeypatch.setattr(os, "fsync", record)
    backups.back_up(path, target)
    # The file is synced before its rename, and the folder after it.
    assert synced == [(False, False), (True, True)]


def test_leftovers_of_killed_backups_go(path: Path, store: Store, tmp_path: Path) -> None:
    old, young = tmp_path / "one.db.abc.part", tmp_path / "one.db.def.part"
    for torn in (old, young):
        torn.write_bytes(b"torn")
    os.utime(old, (0, 0))
    backups.back_up(path, tmp_path / "one.db")
    assert (old.exists(), young.exists()) == (False, True)


# Sources and tombstones of foreign copies are listed, and taken only on request.

SHOWN = {
    "sources": ["/etc (for every server)", "/srv/club (for server 10)"],
    "tombstones": ["guild 10"],
}


@pytest.fixture
def two_guilds(tmp_path: Path) -> Path:
    """A database with a note in each of two guilds, and one source."""
    two_guilds = tmp_path / "data" / "community.db"
    two_guilds.parent.mkdir()
    with Store(two_guilds) as store:
        approved(store, GUILD)
        approved(store, ELSEWHERE)
        store.add_source("/srv/handbook", SHARED)
    return two_guilds


@pytest.fixture
def hostile(tmp_path: Path, two_guilds: Path) -> Path:
    """A backup with foreign sources and a guild's tombstone added."""
    backup = tmp_path / "hostile.db"
    backups.back_up(two_guilds, backup)
    with Store(backup) as store:
        store.add_source("/etc", SHARED)
        store.add_source("/srv/club", Scope(GUILD))
        with store.database.writing():
            store.database.insert(
                "tombstones",
                {"at": AT.isoformat(), "kind": TombstoneKind.GUILD.value, "subject": str(GUILD)},
            )
    return backup


def sources(path: Path) -> list[str]:
    with Store(path) as store:
        return [location for location, _ in store.sources()]


def test_backups_private_rows_are_left_out(hostile: Path, two_guilds: Path, tmp_path: Path) -> None:
    good = tmp_path / "good.db"
    backups.back_up(two_guilds, good)
    assert backups.restore(hostile, two_guilds, AT).unknown == SHOWN
    assert sources(two_guilds) == ["/srv/handbook"]
    # Otherwise the tombstone would delete one of the notes now.
    two_guilds.with_name(f"community.replaced-{AT:%Y%m%dT%H%M%S.%fZ}.db").unlink()
    assert backups.restore(good, two_guilds, AT).unknown == {}
    assert live(two_guilds) == [GUILD, ELSEWHERE]


@pytest.mark.parametrize("asked", list(OptInRows))
def test_requested_kinds_of_rows_are_restored(
    hostile: Path, two_guilds: Path, asked: OptInRows
) -> None:
    assert backups.restore(hostile, two_guilds, AT, [asked]).unknown == SHOWN
    taken = ["/etc", "/srv/club"] if asked is OptInRows.SOURCES else []
    assert sources(two_guilds) == ["/srv/handbook", *taken]
    with Store(two_guilds) as store:
        assert bool(store.tombstones.in_database()) is (asked is OptInRows.TOMBSTONES)


def test_restore_into_empty_folder_takes_no_source(hostile: Path, tmp_path: Path) -> None:
    new = tmp_path / "new" / "community.db"
    new.parent.mkdir()
    backups.restore(hostile, new, AT)
    assert sources(new) == []
    assert live(new) == [GUILD, ELSEWHERE]


def test_known_tombstones_are_not_listed(two_guilds: Path, tmp_path: Path) -> None:
    with Store(two_guilds) as store:
        store.personal_data.forget(MIRA.id, withdraw=True)
    backup = tmp_path / "backup.db"
    backups.back_up(two_guilds, backup)
    two_guilds.unlink()
    # The tombstone file still has it.
    assert backups.restore(backup, two_guilds, AT).unknown.keys() == {"sources"}
    with Store(two_guilds) as store:
        assert {each.kind for each in store.tombstones.in_database()} == {
            TombstoneKind.MEMBER_AND_NOTES
        }


def test_exports_private_rows_are_left_out(hostile: Path, two_guilds: Path, tmp_path: Path) -> None:
    folder = tmp_path / "export"
    with Store(hostile) as store:
        exported(store, folder)
    with Store(two_guilds) as store:
        assert import_folder(store, folder).unknown == SHOWN
        assert store.tombstones.in_database() == set()
        assert [location for location, _ in store.sources()] == ["/srv/handbook"]
        imported = import_folder(store, folder, [OptInRows.SOURCES])
        assert imported.rows == {"sources": 2}
        assert store.audit_log.entries()[-1].event == "imported"
        assert len(store.sources()) == 3


def test_export_keeps_sites_with_their_links(tmp_path: Path) -> None:
    folder, other = tmp_path / "export", tmp_path / "other.db"
    repository = "git+https://git.example.org/handbook.git@main#docs"
    pattern = "https://git.example.org/handbook/{two_guilds}?h={commit}#n{first}"
    site = "crawl+https://docs.example.org/guide/#depth=4&pages=300"
    with Store(other) as store:
        store.add_source(repository, SHARED, pattern)
        store.add_source(site, Scope(GUILD))
        exported(store, folder)
    with Store(tmp_path / "empty.db") as store:
        import_folder(store, folder, [OptInRows.SOURCES])
        assert {(repository, SHARED), (site, Scope(GUILD))} <= set(store.sources())
        assert store.base_urls()[repository] == pattern
