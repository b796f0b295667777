"""The audit log: append-only, and consistent with the tables."""

import pytest

from knowledge.store.store import Store
from knowledge.values.settings import GuildSettings
from tests.knowledge.decided_notes import ADA, GUILD, MIRA, REJECT, decided, proposed
from tests.stores import REFUSED, Place, in_both


@in_both
@pytest.mark.parametrize("statement", ["update log set event = 'x'", "delete from log"])
def test_the_log_can_only_be_appended_to(place: Place, store: Store, statement: str) -> None:
    proposed(store)
    before = store.audit_log.entries()
    with pytest.raises(REFUSED, match="append-only"):
        place.change(statement)
    assert store.audit_log.entries() == before


def test_the_log_tells_who_did_what(store: Store) -> None:
    note = proposed(store)
    decided(store, note, REJECT)
    store.guilds.save_settings(GuildSettings(GUILD, 1, 2), 3)
    members = store.audit_log.members()
    assert [
        (members[entry.actor or 0], entry.event, entry.subject)
        for entry in store.audit_log.entries()
    ] == [
        (MIRA.id, "proposed", f"revision:{note.revision.id}"),
        (ADA.id, "rejected", f"revision:{note.revision.id}"),
        (3, "settings", "guild"),
    ]
    assert "Out of date." not in store.audit_log.entries()[1].detail


@in_both
@pytest.mark.parametrize("guild_id", [GUILD, None])
def test_no_number_is_given_twice_in_a_guild(store: Store, guild_id: int | None) -> None:
    store.audit_log.append(guild_id, None, "left", "guild")
    [row] = store.database.rows("select * from log")
    with pytest.raises(REFUSED, match=r"(?i)unique"):
        store.database.insert("log", {**row, "id": 9})


def test_notes_that_were_changed_behind_the_log_are_named(store: Store) -> None:
    first, second = proposed(store), proposed(store)
    decided(store, first)
    assert store.audit_log.contradicted_notes() == []
    with store.database.writing():
        store.database.run("update notes set live_revision_id = null where id = ?", [first.id])
    assert store.audit_log.contradicted_notes() == [first.id]
    with store.database.writing():
        store.database.run("update revisions set state = 'rejected' where note_id = ?", [second.id])
    assert store.audit_log.contradicted_notes() == [first.id, second.id]
