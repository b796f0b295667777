"""Permanent deletion of guilds, notes and questions."""

from datetime import timedelta
from pathlib import Path

from knowledge.store.store import Store
from knowledge.values.documents import Scope
from knowledge.values.tombstones import Tombstone, TombstoneKind
from tests.knowledge.decided_notes import ELSEWHERE, GUILD
from tests.knowledge.two_guilds import AT, TEXT, approved, asked, live, restored, standings, told
from tests.stores import FILE, Place


def test_purged_guild_stays_purged_after_restores(backup: Path, path: Path, store: Store) -> None:
    assert store.purge.guild(GUILD) == [1]
    store.close()
    restored(backup, path)
    assert live(path) == [ELSEWHERE]
    with Store(path) as reopened:
        assert reopened.question_records.question(1) is None
        assert reopened.question_records.question(2) is not None


def test_notes_and_questions_on_tombstones_are_deleted_once(store: Store) -> None:
    note, other, question = approved(store), approved(store), asked(store)
    stones = [
        Tombstone("2026", TombstoneKind.NOTE, str(note.id)),
        Tombstone("2026", TombstoneKind.QUESTION, str(question)),
    ]
    assert store.purge.apply(stones) == 2
    assert [each.id for each in store.notes.every_live()] == [other.id]
    assert store.question_records.question(question) is None
    assert store.purge.apply(stones) == 0
    assert store.database.integrity_problem() == ""


def test_log_replays_to_the_tables_after_a_purge(store: Store) -> None:
    approved(store)
    elsewhere = approved(store, ELSEWHERE)
    store.purge.guild(GUILD)
    assert set(told(store)) == {elsewhere.id}
    assert told(store) == standings(store)
    again = approved(store)
    assert set(told(store)) == {elsewhere.id, again.id}
    assert told(store) == standings(store)


def test_purged_guild_leaves_only_log_lines(place: Place, store: Store) -> None:
    approved(store)
    asked(store)
    store.add_source("/somewhere", Scope(GUILD))
    store.purge.guild(GUILD)
    for table in {*store.database.tables("guild_id")} - {"log", "log_heads"}:
        left = f"select * from {table} where guild_id = ?"  # noqa: S608
        assert store.database.rows(left, [GUILD]) == []
    assert store.sources() == []
    assert store.audit_log.entries(GUILD)[-1].event == "purged"
    assert store.audit_log.members() == {}
    assert TEXT.text.encode() not in (place.folder / FILE).read_bytes()


def test_absent_guild_is_due_after_its_time(store: Store) -> None:
    assert store.guilds.leave(GUILD, AT)
    assert not store.guilds.leave(GUILD, AT + timedelta(days=9))
    assert store.purge.guilds_left_before(AT) == []
    assert store.purge.guilds_left_before(AT + timedelta(seconds=1)) == [GUILD]
    assert store.guilds.come_back(GUILD)
    assert not store.guilds.come_back(GUILD)
    assert store.purge.guilds_left_before(AT + timedelta(days=99)) == []
