"""Opt-outs from quotation: recognized anonymously, and kept by restores."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from knowledge.backup import backups
from knowledge.chat.conversations import Message
from knowledge.store.erasure.quote_opt_outs import NOTHING, Withheld
from knowledge.store.erasure.tombstones import FILE
from knowledge.store.store import Store
from knowledge.values.tombstones import Tombstone, TombstoneKind

AT = datetime(2026, 3, 1, tzinfo=UTC)
MIRA, ADA = 700_100_200_300_400_501, 700_100_200_300_400_502


def said(author_id: int, author: str = "somebody") -> Message:
    return Message(1, author_id, author, AT, "Something.")


def by(withheld: Withheld) -> list[int]:
    return [member for member in (MIRA, ADA) if said(member) in withheld]


def test_only_opted_out_and_forgotten_members_are_withheld(store: Store) -> None:
    assert by(store.quote_opt_outs.withheld()) == []
    assert not store.quote_opt_outs.is_withheld(MIRA)
    assert not (store.database.folder / FILE).exists()
    assert store.personal_data.summary(MIRA, 10)["preferences"].everywhere == 0
    store.quote_opt_outs.withhold(MIRA)
    assert by(store.quote_opt_outs.withheld()) == [MIRA]
    assert store.quote_opt_outs.is_withheld(MIRA)
    assert not store.quote_opt_outs.is_withheld(ADA)
    assert store.personal_data.summary(MIRA, 10)["preferences"].everywhere == 1
    store.personal_data.forget(ADA, withdraw=True)
    assert by(store.quote_opt_outs.withheld()) == [MIRA, ADA]


def test_the_last_choice_counts(store: Store) -> None:
    for again in range(3):
        store.quote_opt_outs.withhold(MIRA, "mira")
        assert store.quote_opt_outs.is_withheld(MIRA), again
        store.quote_opt_outs.quote_again(MIRA, "mira")
        assert not store.quote_opt_outs.is_withheld(MIRA), again
    assert said(0, "mira") not in store.quote_opt_outs.withheld()


def test_the_last_choice_counts_though_the_clock_was_put_back(store: Store) -> None:
    digest = store.tombstones.digester()(str(MIRA))
    with store.database.writing():
        store.tombstones.keep(
            [Tombstone("2099-01-01T00:00:00+00:00", TombstoneKind.OPTED_IN, digest)]
        )
    store.quote_opt_outs.withhold(MIRA)
    assert store.quote_opt_outs.is_withheld(MIRA)
    store.quote_opt_outs.quote_again(MIRA)
    assert not store.quote_opt_outs.is_withheld(MIRA)


def test_plain_text_has_names_alone_and_is_matched_by_them(store: Store) -> None:
    store.personal_data.forget(MIRA, withdraw=False, name="mira.sol")
    withheld = store.quote_opt_outs.withheld()
    assert said(0, "Mira.Sol") in withheld
    assert said(0, "mira") not in withheld
    # With an id the name doesn't count: anybody may use it.
    assert said(ADA, "mira.sol") not in withheld


def test_neither_database_nor_file_says_who_it_is(store: Store) -> None:
    store.quote_opt_outs.withhold(MIRA, "mira.sol")
    store.database.rows("pragma wal_checkpoint(truncate)")
    written = b"".join(path.read_bytes() for path in store.database.folder.iterdir())
    assert str(MIRA).encode() not in written
    assert b"mira.sol" not in written


def test_the_version_tells_who_is_withheld_and_nothing_else(store: Store) -> None:
    nobody = store.quote_opt_outs.withheld().version
    store.quote_opt_outs.withhold(MIRA)
    mira = store.quote_opt_outs.withheld().version
    store.quote_opt_outs.withhold(MIRA)
    assert store.quote_opt_outs.withheld().version == mira != nobody
    store.quote_opt_outs.quote_again(MIRA)
    assert store.quote_opt_outs.withheld().version == nobody


def test_a_restore_undoes_no_choice(tmp_path: Path, store: Store) -> None:
    path, backup = store.database.folder / "community.db", tmp_path / "backup.db"
    store.quote_opt_outs.withhold(ADA)
    backups.back_up(path, backup)
    store.quote_opt_outs.withhold(MIRA)
    store.quote_opt_outs.quote_again(ADA)
    store.close()
    backups.restore(backup, path, AT)
    with Store(path) as restored:
        assert by(restored.quote_opt_outs.withheld()) == [MIRA]


def test_what_can_not_be_recognised_without_its_key_is_told(store: Store) -> None:
    store.quote_opt_outs.withhold(MIRA, "mira")
    assert store.quote_opt_outs.unrecognizable() == 0
    (store.database.folder / FILE).unlink()
    assert store.quote_opt_outs.unrecognizable() == 2
    store.quote_opt_outs.withhold(ADA)
    assert store.quote_opt_outs.unrecognizable() == 2


DELETED = ["Deleted User", "Deleted User#0000", "Deleted User 1a2b3c4d#1234",
           "deleted_user_0123456789ab"]  # fmt: skip
OTHERS = ["Deleted Users", "deleted_user_x", "A Deleted User"]


@pytest.mark.parametrize("name", [*DELETED, *OTHERS])
def test_deleted_accounts_alone_are_always_withheld(name: str) -> None:
    assert (said(MIRA, name) in NOTHING) is (name in DELETED)
    assert (said(0, name) in NOTHING) is (name in DELETED)
