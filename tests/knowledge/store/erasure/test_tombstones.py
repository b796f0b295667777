"""Tombstones, in the database and in the file beside it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from knowledge.store.database import now
from knowledge.store.erasure.tombstones import FILE
from knowledge.store.sqlite_database import copies_beside
from knowledge.store.store import Store, StoreError
from knowledge.values.tombstones import TombstoneKind
from tests.knowledge.decided_notes import ELSEWHERE, GUILD, MIRA
from tests.knowledge.two_guilds import approved, live, restored
from tests.stores import Place, take_tombstones


@pytest.mark.parametrize("lost", ["the file", "the database"])
def test_either_place_tells_deletions(backup: Path, path: Path, store: Store, lost: str) -> None:
    store.purge.guild(GUILD)
    store.close()
    if lost == "the file":
        path.with_name(FILE).unlink()
    else:
        path.write_bytes(b"damaged " * 1_000)
    restored(backup, path)
    assert live(path) == [ELSEWHERE]


def test_a_torn_line_in_the_file_spoils_no_other(path: Path, store: Store) -> None:
    with store.database.writing():
        store.tombstones.add(TombstoneKind.NOTE, 7)
    file = path.with_name(FILE)
    file.write_bytes(file.read_bytes() + b'{"at": "2026')
    with store.database.writing():
        store.tombstones.add(TombstoneKind.QUESTION, 8)
    found = {(each.kind, each.subject) for each in store.tombstones.in_file()}
    assert found == {(TombstoneKind.NOTE, "7"), (TombstoneKind.QUESTION, "8")}


def test_no_tombstone_says_who_was_forgotten(path: Path, store: Store) -> None:
    with store.database.writing():
        store.tombstones.add(TombstoneKind.MEMBER, MIRA.id)
    [row] = store.database.rows("select * from tombstones")
    assert str(MIRA.id) not in str(row)
    assert str(MIRA.id) not in path.with_name(FILE).read_text()
    assert path.with_name(FILE).stat().st_mode & 0o077 == 0


# Copies kept by upgrades and restores.


def _copies(path: Path) -> list[Path]:
    """Copies left by an upgrade, a restore, and a crash."""
    names = ("community.m001_first_tables.db", "community.replaced-20260304T050600.0Z.db")
    kept = [path.with_name(name) for name in (*names, f"{names[1]}-wal", "community.m002.part")]
    for copy in kept:
        copy.write_bytes(b"what was deleted")
    return kept


@pytest.mark.parametrize("deletion", ["member", "guild"])
def test_forgotten_member_is_in_no_upgraded_copy(path: Path, store: Store, deletion: str) -> None:
    approved(store)
    kept = _copies(path)
    assert copies_beside(path) == sorted(kept)
    if deletion == "member":
        store.personal_data.forget(MIRA.id, withdraw=True)
    else:
        store.purge.guild(GUILD)
    assert [copy for copy in kept if copy.exists()] == []
    assert store.database.integrity_problem() == ""


def test_opt_out_from_quotation_keeps_copies(path: Path, store: Store) -> None:
    kept = _copies(path)
    store.quote_opt_outs.withhold(MIRA.id)
    store.quote_opt_outs.quote_again(MIRA.id)
    assert copies_beside(path) == sorted(kept)


def test_forgotten_members_are_told_since_a_moment(store: Store) -> None:
    before = now()
    with store.database.writing():
        store.tombstones.add(TombstoneKind.MEMBER, MIRA.id)
        store.tombstones.add(TombstoneKind.OPTED_OUT, 77)
        store.tombstones.add(TombstoneKind.GUILD, GUILD)
    deleted = store.tombstones.since(before)
    assert deleted.has(MIRA.id, ELSEWHERE, before)
    assert deleted.has(78, GUILD, before)
    assert not deleted.has(77, ELSEWHERE, before)
    assert not deleted.has(MIRA.id, GUILD, now())
    assert not store.tombstones.since(now()).tombstones


# Several machines with one database.


@pytest.fixture
def shared(community_url: str, tmp_path: Path) -> Iterator[tuple[Store, Store]]:
    """One database, opened on two machines."""
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
    first, second = (Place(tmp_path / name, community_url).store() for name in ("first", "second"))
    yield first, second
    first.close()
    second.close()


def test_machine_recognising_nobody_is_refused(shared: tuple[Store, Store], tmp_path: Path) -> None:
    first, second = shared
    first.tombstones.check_key()
    first.tombstones.check_key()
    with pytest.raises(StoreError, match="is missing, or differs from the file"):
        second.tombstones.check_key()
    assert not (tmp_path / "second" / FILE).exists()

    # A key made locally doesn't help.
    assert not second.quote_opt_outs.is_withheld(MIRA.id)
    second.tombstones.digester()
    with pytest.raises(StoreError, match="Copy the file"):
        second.tombstones.check_key()


def test_opt_out_is_recognised_on_each_machine(shared: tuple[Store, Store], tmp_path: Path) -> None:
    first, second = shared
    first.tombstones.check_key()
    take_tombstones(tmp_path / "first", tmp_path / "second")
    second.tombstones.check_key()

    first.quote_opt_outs.withhold(MIRA.id)
    assert second.quote_opt_outs.is_withheld(MIRA.id)

    # Deletions elsewhere reach the file at the next start.
    assert second.quote_opt_outs.unrecognizable() == 1
    second.tombstones.check_key()
    assert second.quote_opt_outs.unrecognizable() == 0
    assert second.tombstones.in_file() == first.tombstones.in_file()
