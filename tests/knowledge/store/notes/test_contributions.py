import pytest

from knowledge.store.database import now
from knowledge.store.store import Store
from knowledge.values.guilds import Rule
from knowledge.values.notes import NoticeEvent, Obstacle, Problem, State
from knowledge.values.submissions import Submission
from tests.knowledge.decided_notes import (
    ADA,
    BEN,
    FIRST,
    GUILD,
    MIRA,
    REJECT,
    SECOND,
    decided,
    events,
    live_text,
    proposed,
    revised,
    some,
)


def test_only_its_contributor_revises_or_withdraws_a_note(store: Store) -> None:
    note = proposed(store)
    revised = store.contributions.revise(GUILD, note.id, BEN, SECOND)
    withdrawn = store.contributions.withdraw(GUILD, note.id, BEN.id)
    # Another member's pending note doesn't exist for them.
    assert (revised, withdrawn) == (None, None)
    assert events(store) == ["proposed"]


def test_others_are_told_only_the_live_title(store: Store) -> None:
    note = proposed(store)
    decided(store, note)
    store.contributions.revise(GUILD, note.id, MIRA, SECOND)
    revised = store.contributions.revise(GUILD, note.id, BEN, SECOND)
    withdrawn = store.contributions.withdraw(GUILD, note.id, BEN.id)
    for outcome, obstacle in ((revised, Obstacle.WAITS), (withdrawn, Obstacle.NOT_YOURS)):
        assert outcome is not None
        assert outcome.obstacle is obstacle
        assert outcome.note.revision.id == note.revision.id


def test_extension_by_others_waits_for_review(store: Store) -> None:
    store.guilds.save_rule(GUILD, Rule("gpu", publish_role_id=55), 9)
    note = proposed(store)
    decided(store, note)
    for text in ("Fifty.", "Sixty."):
        submission = Submission("GPU hours", text, ("gpu",))
        outcome = some(store.contributions.revise(GUILD, note.id, BEN, submission, role_ids=(55,)))
        assert outcome.note.revision.state is State.PENDING
        assert outcome.note.revision.extension
    assert len(store.notes.pending(GUILD)) == 1
    told = [notice for notice in store.notices.queue() if notice.event is NoticeEvent.EXTENDED]
    assert [one.member_id for one in told] == [MIRA.id]


def test_forgotten_extender_leaves_only_the_live_text(store: Store) -> None:
    note = proposed(store)
    decided(store, note)
    extended = some(store.contributions.revise(GUILD, note.id, BEN, SECOND))
    decided(store, extended.note)
    waiting = some(
        store.contributions.revise(GUILD, note.id, BEN, Submission("GPU hours", "Sixty."))
    )
    assert some(store.notes.live(note.id)).co_authors == ("Ben",)

    forgotten = store.personal_data.forget(BEN.id, withdraw=False)

    assert note.id in forgotten
    live = some(store.notes.live(note.id))
    assert (live.revision.submission, live.co_authors) == (SECOND, ())
    gone = store.notes.of_revision(waiting.note.revision.id)
    assert gone.revision.state is State.WITHDRAWN
    assert "Sixty" not in gone.revision.submission.text
    assert store.audit_log.contradicted_notes() == []


def test_role_publishes_at_once_and_is_sampled(store: Store) -> None:
    store.guilds.save_rule(GUILD, Rule("gpu", publish_role_id=55), 9)
    outcome = store.contributions.propose(GUILD, MIRA, 7, FIRST, role_ids=(55,))
    other = store.contributions.propose(GUILD, MIRA, 7, FIRST, role_ids=(56,))
    untagged = store.contributions.propose(GUILD, MIRA, 7, Submission("T", "x"), role_ids=(55,))
    assert outcome.live_changed
    assert outcome.note.live
    assert not other.live_changed
    assert not untagged.live_changed
    assert "published_at_once" in events(store)
    for _ in range(7):
        store.contributions.propose(GUILD, MIRA, 7, FIRST, role_ids=(55,))
    queue = [note.revision.id for note in store.notes.queue(GUILD, now())]
    assert queue == [2, 3, 5, 10]


def test_a_revision_waits_beside_the_live_one(store: Store) -> None:
    note = proposed(store)
    decided(store, note)
    second = revised(store, note, SECOND)
    assert (second.revision.number, second.revision.state) == (2, State.PENDING)
    assert live_text(store, note) == FIRST.text
    decided(store, second)
    assert live_text(store, note) == SECOND.text


def test_revision_replaces_a_pending_one(store: Store) -> None:
    note = proposed(store)
    outcome = some(store.contributions.revise(GUILD, note.id, MIRA, FIRST))
    assert outcome.obstacle is Obstacle.UNCHANGED
    second = revised(store, note, SECOND)
    assert [one.revision.id for one in store.notes.pending(GUILD)] == [second.revision.id]
    assert decided(store, note).obstacle is Obstacle.DECIDED


def test_a_rejected_note_can_be_revised_and_proposed_again(store: Store) -> None:
    note = proposed(store)
    decided(store, note, REJECT)
    second = revised(store, note, SECOND)
    assert decided(store, second).note.live


@pytest.mark.parametrize("live", [True, False])
def test_a_contributor_withdraws_what_waits_or_else_what_is_live(store: Store, live: bool) -> None:
    note = proposed(store)
    if live:
        decided(store, note)
    outcome = some(store.contributions.withdraw(GUILD, note.id, MIRA.id))
    assert outcome.live_changed is live
    assert outcome.note.revision.state is State.WITHDRAWN
    assert live_text(store, note) is None
    assert some(store.decisions.restore(GUILD, note.id, ADA)).obstacle is Obstacle.NOT_LIVE


def test_only_a_live_note_can_be_reported(store: Store) -> None:
    note = proposed(store)
    outcome = some(store.contributions.report(GUILD, note.id, 4, Problem.WRONG, ""))
    assert outcome.obstacle is Obstacle.NOT_LIVE
