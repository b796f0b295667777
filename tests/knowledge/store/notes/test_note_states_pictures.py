"""Pictures of notes: stored once, and deleted with their last revision."""

from knowledge.store.notes.decisions import Ruling
from knowledge.store.store import Store
from knowledge.values.notes import Decision, State
from knowledge.values.submissions import Submission
from tests.knowledge.decided_notes import some
from tests.knowledge.full_store import ADA, APPROVE, BEN, GUILD, MIRA, picture

SHELF = Submission("Shelf", "The key is on the shelf.")
DOOR = Submission("Shelf", "The key is behind the door.")
TWO = (picture(3), picture(4))


def kept(store: Store) -> int:
    return len(store.database.rows("select 1 from pictures"))


def test_picture_is_stored_once_until_its_last_note_goes(store: Store) -> None:
    first = store.contributions.propose(GUILD, MIRA, 5, SHELF, pictures=TWO).note
    second = store.contributions.propose(GUILD, MIRA, 5, DOOR, pictures=TWO[:1]).note
    assert store.pictures.of(first.revision.id) == TWO
    assert kept(store) == 2

    store.contributions.withdraw(GUILD, first.id, MIRA.id)
    assert store.pictures.of(second.revision.id) == TWO[:1]
    assert kept(store) == 1

    store.contributions.withdraw(GUILD, second.id, MIRA.id)
    assert kept(store) == 0


def test_new_text_keeps_pictures_unless_it_has_its_own(store: Store) -> None:
    note = store.contributions.propose(GUILD, MIRA, 5, SHELF, pictures=TWO).note

    inherited = some(store.contributions.revise(GUILD, note.id, MIRA, DOOR))
    assert store.pictures.of(inherited.note.revision.id) == TWO

    own = some(store.contributions.revise(GUILD, note.id, MIRA, DOOR, pictures=[picture(9)]))
    assert own.obstacle is None
    assert store.pictures.of(own.note.revision.id) == (picture(9),)
    assert kept(store) == 1


def test_edit_and_restore_keep_the_pictures(store: Store) -> None:
    note = store.contributions.propose(GUILD, MIRA, 5, SHELF, pictures=TWO).note
    edited = some(store.decisions.edit_and_approve(GUILD, note.revision.id, ADA, DOOR))
    assert store.pictures.of(edited.note.revision.id) == TWO

    store.contributions.revise(GUILD, note.id, MIRA, SHELF, pictures=[picture(9)])
    latest = some(store.notes.latest(GUILD, note.id))
    store.decisions.decide(GUILD, latest.revision.id, ADA, APPROVE)
    again = some(store.decisions.roll_back(GUILD, edited.note.revision.id, BEN))
    assert store.pictures.of(again.note.revision.id) == TWO


def test_retired_note_keeps_its_pictures(store: Store) -> None:
    note = store.contributions.propose(GUILD, MIRA, 5, SHELF, pictures=TWO).note
    store.decisions.decide(GUILD, note.revision.id, ADA, APPROVE)
    store.decisions.retire(GUILD, note.id, ADA)

    assert store.pictures.of(note.revision.id) == TWO


def test_a_rejected_text_keeps_its_pictures_until_that_is_undone(store: Store) -> None:
    note = store.contributions.propose(GUILD, MIRA, 5, SHELF, pictures=TWO).note
    store.decisions.decide(GUILD, note.revision.id, ADA, Ruling(Decision.REJECT, "No."))
    store.decisions.undo(GUILD, note.revision.id, ADA)

    assert some(store.notes.find(note.revision.id)).revision.state is State.PENDING
    assert store.pictures.of(note.revision.id) == TWO


def test_forgetting_keeps_only_pictures_of_live_notes(store: Store) -> None:
    store.contributions.propose(GUILD, MIRA, 5, SHELF, pictures=TWO)
    live = store.contributions.propose(GUILD, MIRA, 5, DOOR, pictures=[picture(9)]).note
    store.decisions.decide(GUILD, live.revision.id, ADA, APPROVE)

    store.personal_data.forget(MIRA.id, withdraw=False)
    assert store.pictures.of(live.revision.id) == (picture(9),)
    assert kept(store) == 1


def test_deletion_leaves_no_picture(store: Store) -> None:
    live = store.contributions.propose(GUILD, MIRA, 5, DOOR, pictures=TWO).note
    store.decisions.decide(GUILD, live.revision.id, ADA, APPROVE)
    store.personal_data.forget(MIRA.id, withdraw=True)
    assert kept(store) == 0

    store.contributions.propose(GUILD, BEN, 5, SHELF, pictures=TWO)
    store.purge.guild(GUILD)
    assert kept(store) == 0
    assert store.database.rows("select 1 from revision_pictures") == []
