"""Sources and tombstones of foreign copies are listed, and taken only on request."""

from pathlib import Path

import pytest

from knowledge.backup import backups
from knowledge.backup.backups import OptInRows
from knowledge.backup.importer import import_folder
from knowledge.store.store import Store
from knowledge.values.documents import SHARED, Scope
from knowledge.values.tombstones import TombstoneKind
from tests.knowledge.decided_notes import ELSEWHERE, GUILD, MIRA
from tests.knowledge.full_store import exported
from tests.knowledge.two_guilds import AT, approved, live

SHOWN = {
    "sources": ["/etc (for every server)", "/srv/club (for server 10)"],
    "tombstones": ["guild 10"],
}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A database with a note in each of two guilds, and one source."""
    path = tmp_path / "data" / "community.db"
    path.parent.mkdir()
    with Store(path) as store:
        approved(store, GUILD)
        approved(store, ELSEWHERE)
        store.add_source("/srv/handbook", SHARED)
    return path


@pytest.fixture
def hostile(tmp_path: Path, path: Path) -> Path:
    """A backup with foreign sources and a guild's tombstone added."""
    backup = tmp_path / "hostile.db"
    backups.back_up(path, backup)
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


def test_backups_private_rows_are_left_out(hostile: Path, path: Path, tmp_path: Path) -> None:
    good = tmp_path / "good.db"
    backups.back_up(path, good)
    assert backups.restore(hostile, path, AT).unknown == SHOWN
    assert sources(path) == ["/srv/handbook"]
    # Otherwise the tombstone would delete one of the notes now.
    path.with_name(f"community.replaced-{AT:%Y%m%dT%H%M%S.%fZ}.db").unlink()
    assert backups.restore(good, path, AT).unknown == {}
    assert live(path) == [GUILD, ELSEWHERE]


@pytest.mark.parametrize("asked", list(OptInRows))
def test_requested_kinds_of_rows_are_restored(hostile: Path, path: Path, asked: OptInRows) -> None:
    assert backups.restore(hostile, path, AT, [asked]).unknown == SHOWN
    taken = ["/etc", "/srv/club"] if asked is OptInRows.SOURCES else []
    assert sources(path) == ["/srv/handbook", *taken]
    with Store(path) as store:
        assert bool(store.tombstones.in_database()) is (asked is OptInRows.TOMBSTONES)


def test_restore_into_empty_folder_takes_no_source(hostile: Path, tmp_path: Path) -> None:
    new = tmp_path / "new" / "community.db"
    new.parent.mkdir()
    backups.restore(hostile, new, AT)
    assert sources(new) == []
    assert live(new) == [GUILD, ELSEWHERE]


def test_known_tombstones_are_not_listed(path: Path, tmp_path: Path) -> None:
    with Store(path) as store:
        store.personal_data.forget(MIRA.id, withdraw=True)
    backup = tmp_path / "backup.db"
    backups.back_up(path, backup)
    path.unlink()
    # The tombstone file still has it.
    assert backups.restore(backup, path, AT).unknown.keys() == {"sources"}
    with Store(path) as store:
        assert {each.kind for each in store.tombstones.in_database()} == {
            TombstoneKind.MEMBER_AND_NOTES
        }


def test_exports_private_rows_are_left_out(hostile: Path, path: Path, tmp_path: Path) -> None:
    folder = tmp_path / "export"
    with Store(hostile) as store:
        exported(store, folder)
    with Store(path) as store:
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
    pattern = "https://git.example.org/handbook/{path}?h={commit}#n{first}"
    site = "crawl+https://docs.example.org/guide/#depth=4&pages=300"
    with Store(other) as store:
        store.add_source(repository, SHARED, pattern)
        store.add_source(site, Scope(GUILD))
        exported(store, folder)
    with Store(tmp_path / "empty.db") as store:
        import_folder(store, folder, [OptInRows.SOURCES])
        assert {(repository, SHARED), (site, Scope(GUILD))} <= set(store.sources())
        assert store.base_urls()[repository] == pattern
