"""The community database: messages about damaged files, full disks and locks."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta, tzinfo
from pathlib import Path

import pytest
from sqlite_utils import Database

from knowledge.backup import backups
from knowledge.store import database
from knowledge.store.audit_log import replay
from knowledge.store.sqlite_database import SqliteDatabase
from knowledge.store.store import Store, StoreError
from knowledge.values.guilds import Rule
from knowledge.values.submissions import Submission
from tests.knowledge.decided_notes import ADA, APPROVE, FIRST, GUILD, MIRA, proposed, some

LONG = replace(FIRST, text="x" * 4_000)


@pytest.mark.parametrize("content", [b"This is not a database. " * 100, b"\x00\xff" * 5_000])
def test_other_file_is_explained_and_left_alone(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    with pytest.raises(StoreError, match=r"not a usable database.*Restore it from a backup"):
        Store(path)
    assert path.read_bytes() == content


def test_a_folder_that_is_not_there_is_explained(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="can't be opened"):
        Store(tmp_path / "missing" / "community.db")


def test_full_disk_changes_nothing_until_it_has_room(path: Path, store: Store) -> None:
    _fill(store)
    before = _dump(path)
    with pytest.raises(
        StoreError, match=r"can't be written.*full.*Nothing was changed.*free space"
    ):
        proposed(store, LONG)
    assert _dump(path) == before
    _file(store).execute("pragma max_page_count = 100000")
    assert proposed(store, LONG).revision.submission == LONG
    assert store.audit_log.contradicted_notes() == []


def test_locked_database_is_explained(path: Path, store: Store) -> None:
    _file(store).execute("pragma busy_timeout = 20")
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("begin immediate")
        with pytest.raises(StoreError, match="locked"):
            proposed(store)
        other.execute("rollback")
    assert store.notes.pending(GUILD) == []


def test_reference_to_a_gone_row_is_a_problem(path: Path, store: Store) -> None:
    proposed(store)
    assert store.database.integrity_problem() == ""
    with closing(sqlite3.connect(path)) as other:
        other.execute("delete from notes")
        other.commit()
    assert "1 rows refer to rows that are gone" in store.database.integrity_problem()


def _file(store: Store) -> Database:
    assert isinstance(store.database, SqliteDatabase)
    return store.database._db


def _fill(store: Store) -> None:
    """Leave no room for another page, as on a full disk."""
    # Migrations leave free pages behind.
    database = _file(store)
    database.execute("vacuum")
    pages = database.execute("pragma page_count").fetchone()[0]
    database.execute(f"pragma max_page_count = {pages}")


def _dump(path: Path) -> list[str]:
    with closing(sqlite3.connect(path)) as connection:
        return list(connection.iterdump())


# A wrong clock for a while loses nothing, and leaves nothing wrong.


TODAY = datetime(2026, 3, 10, 12, tzinfo=UTC)
YEAR = timedelta(days=365)


@pytest.fixture
def set_clock(monkeypatch: pytest.MonkeyPatch) -> Callable[[datetime], None]:
    """Set the clock of the community database."""

    def set_to(moment: datetime) -> None:
        class Clock(datetime):
            @classmethod
            def now(cls, tz: tzinfo | None = None) -> "Clock":
                return cls.fromisoformat(moment.isoformat())

        sqlite3.register_adapter(Clock, datetime.isoformat)
        monkeypatch.setattr(database, "datetime", Clock)

    return set_to


def test_a_clock_that_is_put_back_breaks_neither_the_log_nor_the_order_of_revisions(
    store: Store, set_clock: Callable[[datetime], None]
) -> None:
    for number, at in enumerate((TODAY, TODAY + YEAR, TODAY - YEAR, TODAY)):
        set_clock(at)
        submission = Submission("A note", f"Text {number}")
        if number == 0:
            revision = store.contributions.propose(GUILD, MIRA, 5, submission).note.revision
        else:
            revised = some(store.contributions.revise(GUILD, 1, MIRA, submission))
            revision = revised.note.revision
        assert some(store.decisions.decide(GUILD, revision.id, ADA, APPROVE)).done
    entries = store.audit_log.entries()
    assert [entry.id for entry in entries] == list(range(1, len(entries) + 1))
    assert store.audit_log.contradicted_notes() == []
    assert store.database.integrity_problem() == ""
    [note] = store.notes.every_live()
    assert (note.revision.number, note.revision.submission.text) == (4, "Text 3")
    assert replay(entries)[1].live == note.revision.id
    assert [old.revision.number for old in store.notes.history(GUILD, 1)] == [1, 2, 3, 4]


def test_wrongly_passed_date_is_undone(store: Store, set_clock: Callable[[datetime], None]) -> None:
    set_clock(TODAY)
    store.guilds.save_rule(GUILD, Rule("", review_after_days=90), ADA.id)
    note = store.contributions.propose(GUILD, MIRA, 5, Submission("A note", "Text.")).note
    store.decisions.decide(GUILD, note.revision.id, ADA, APPROVE)
    assert [card.id for card in store.review_cards.mark_newly_due(TODAY + YEAR)] == [note.id]
    assert store.review_cards.mark_newly_due(TODAY) == []
    assert store.notes.due_ids(TODAY) == []
    assert [card.id for card in store.review_cards.mark_newly_due(TODAY + timedelta(days=91))] == [
        note.id
    ]


def test_a_reminder_that_a_wrong_clock_gave_silences_none(store: Store) -> None:
    waiting = TODAY - timedelta(days=2)
    with store.database.writing():
        store.database.run("insert into guilds (id) values (?)", [GUILD])
    assert store.guilds.claim_reminder(GUILD, TODAY + YEAR, waiting)
    assert store.guilds.claim_reminder(GUILD, TODAY, waiting)
    assert not store.guilds.claim_reminder(GUILD, TODAY + timedelta(hours=1), waiting)


def test_wrong_clocks_backups_delete_no_other(store: Store, tmp_path: Path) -> None:
    folder = tmp_path / "backups"
    days = [TODAY + YEAR + timedelta(days=days) for days in range(3)]
    taken = [folder / backups.name(at) for at in (*days, TODAY)]
    for target in taken:
        backups.back_up(store.database.folder / "community.db", target)
    assert backups.rotate(folder, 3, taken[-1]) == (taken[:1], [])


def test_only_days_that_are_seen_count_as_absence(store: Store) -> None:
    assert store.guilds.leave(GUILD, TODAY)
    for jump in (YEAR, YEAR, timedelta(), YEAR * 3):
        store.guilds.count_absence(TODAY + jump)
        assert store.purge.guilds_left_before(TODAY + jump - timedelta(days=30)) == []
    store.guilds.count_absence(TODAY)
    for day in range(1, 32):
        at = TODAY + timedelta(days=day)
        store.guilds.count_absence(at)
        assert store.purge.guilds_left_before(at - timedelta(days=30)) == (
            [GUILD] if day > 30 else []
        )
