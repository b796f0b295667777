"""The audit log: append-only, a chain of digests, and what the tables say."""

import pytest

from knowledge.model.guilds import GuildSettings
from knowledge.model.notes import Decision, Member, Note
from knowledge.model.submissions import Submission
from knowledge.store.decisions import Ruling
from knowledge.store.store import Store
from tests.stores import REFUSED, Place

GUILD = 10

MIRA, ADA = Member(1, "Mira"), Member(2, "Ada")

TEXT = Submission("GPU hours", "The club has 40 GPU hours a month.", ("gpu",), "https://a.org/")


def _proposed(store: Store, guild_id: int = GUILD, submission: Submission = TEXT) -> Note:
    return store.contributions.propose(guild_id, MIRA, 77, submission).note


@pytest.mark.parametrize("statement", ["update log set event = 'x'", "delete from log"])
def test_the_log_can_only_be_appended_to(place: Place, store: Store, statement: str) -> None:
    _proposed(store)
    before = store.audit_log.entries()
    with pytest.raises(REFUSED, match="append-only"):
        place.change(statement)
    assert store.audit_log.entries() == before


def test_the_log_tells_who_did_what(store: Store) -> None:
    note = _proposed(store)
    store.decisions.decide(GUILD, note.revision.id, ADA, Ruling(Decision.REJECT, "Out of date."))
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
    assert store.audit_log.breaks() == []


@pytest.mark.parametrize(
    ("statement", "broken"),
    [
        ("update log set actor = 99 where id = 2", 2),
        ("update log set detail = '{}' where id = 2", 2),
        ("update log set at = '2020-01-01T00:00:00+00:00' where id = 1", 1),
        ("delete from log where id = 2", 3),
        ("delete from log where id = 1", 2),
    ],
)
def test_a_log_that_was_tampered_with_is_found_out(
    place: Place, store: Store, statement: str, broken: int
) -> None:
    for _ in range(3):
        note = _proposed(store)
        store.decisions.decide(GUILD, note.revision.id, ADA, Ruling(Decision.REJECT, "why"))
    place.change_the_log(statement)
    entry = store.audit_log.first_broken_entry()
    assert entry is not None
    assert entry.id == broken


def test_notes_that_were_changed_behind_the_log_are_named(store: Store) -> None:
    first, second = _proposed(store), _proposed(store)
    store.decisions.decide(GUILD, first.revision.id, ADA, Ruling(Decision.APPROVE))
    assert store.audit_log.contradicted_notes() == []
    with store.database.writing():
        store.database.run("update notes set live_revision_id = null where id = ?", [first.id])
    assert store.audit_log.contradicted_notes() == [first.id]
    with store.database.writing():
        store.database.run("update revisions set state = 'rejected' where note_id = ?", [second.id])
    assert store.audit_log.contradicted_notes() == [first.id, second.id]
