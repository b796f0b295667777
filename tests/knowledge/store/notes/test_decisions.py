"""Decisions of moderators in a real database: each is made exactly once."""

import json
import threading
from collections.abc import Callable
from dataclasses import replace

import pytest

from knowledge.store.notes.decisions import Ruling
from knowledge.store.store import Store
from knowledge.values.guilds import Rule
from knowledge.values.notes import Decision, Member, NoticeEvent, Obstacle, Outcome, Problem, State
from knowledge.values.settings import GuildSettings
from knowledge.values.submissions import Submission
from tests.knowledge.decided_notes import (
    ADA,
    APPROVE,
    BEN,
    ELSEWHERE,
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
from tests.stores import Place, in_both


def told(store: Store) -> list[NoticeEvent]:
    return [notice.event for notice in store.notices.queue()]


def test_another_guilds_notes_and_revisions_are_not_there(store: Store) -> None:
    note = proposed(store)
    decided(store, note)
    deciding, contributing, revision_id = store.decisions, store.contributions, note.revision.id
    before = events(store)
    outcomes = [
        deciding.decide(GUILD, 99, ADA, APPROVE),
        deciding.decide(ELSEWHERE, revision_id, ADA, APPROVE),
        deciding.undo(ELSEWHERE, revision_id, ADA),
        deciding.roll_back(ELSEWHERE, revision_id, ADA),
        deciding.edit_and_approve(ELSEWHERE, revision_id, ADA, SECOND),
        deciding.correct(ELSEWHERE, revision_id, ADA, SECOND),
        deciding.retire(ELSEWHERE, note.id, ADA),
        deciding.restore(ELSEWHERE, note.id, ADA),
        deciding.keep(ELSEWHERE, note.id, ADA),
        contributing.withdraw(ELSEWHERE, note.id, MIRA.id),
        contributing.report(ELSEWHERE, note.id, 4, Problem.WRONG, "x"),
        contributing.revise(ELSEWHERE, note.id, MIRA, SECOND),
    ]
    assert outcomes == [None] * len(outcomes)
    assert events(store) == before


@pytest.mark.parametrize(
    "attempt", ["approve", "undo", "keep", "restore", "roll_back", "edit", "correct"]
)
def test_nobody_decides_on_their_own_note(store: Store, attempt: str) -> None:
    note = proposed(store)
    deciding, revision_id = store.decisions, note.revision.id
    if attempt not in {"approve", "edit"}:
        decided(store, note)
    if attempt == "restore":
        deciding.retire(GUILD, note.id, ADA)
    if attempt == "roll_back":
        decided(store, revised(store, note, SECOND))
    outcome = some(
        {
            "approve": lambda: deciding.decide(GUILD, revision_id, MIRA, APPROVE),
            "edit": lambda: deciding.edit_and_approve(GUILD, revision_id, MIRA, SECOND),
            "correct": lambda: deciding.correct(GUILD, revision_id, MIRA, SECOND),
            "undo": lambda: deciding.undo(GUILD, revision_id, MIRA),
            "keep": lambda: deciding.keep(GUILD, note.id, MIRA),
            "restore": lambda: deciding.restore(GUILD, note.id, MIRA),
            "roll_back": lambda: deciding.roll_back(GUILD, revision_id, MIRA),
        }[attempt]()
    )
    assert outcome.obstacle is Obstacle.OWN_NOTE
    assert events(store)[-1] == "refused_own_note"


def test_moderator_may_approve_their_own_without_four_eyes(store: Store) -> None:
    store.guilds.save_settings(GuildSettings(GUILD, 1, 2, four_eyes=False), 9)
    note = proposed(store)
    assert decided(store, note, by=MIRA).done
    assert live_text(store, note) == FIRST.text


def test_the_second_of_two_moderators_is_told_who_was_first(store: Store) -> None:
    note = proposed(store)
    first, second = decided(store, note, REJECT), decided(store, note, by=BEN)
    assert (first.done, second.obstacle) == (True, Obstacle.DECIDED)
    assert second.note == first.note
    assert second.note.review is not None
    assert (second.note.review.moderator, second.note.review.reason) == ("Ada", "Out of date.")
    assert events(store) == ["proposed", "rejected"]
    assert store.notes.every_live() == []


@in_both
def test_of_two_processes_that_decide_at_once_exactly_one_wins(place: Place) -> None:
    with place.store() as store:
        revisions = [proposed(store).revision.id for _ in range(12)]
    barrier = threading.Barrier(2)
    won: dict[str, list[bool]] = {"Ada": [], "Ben": []}

    def decide(moderator: Member, ruling: Ruling) -> None:
        with place.store() as own:
            for revision_id in revisions:
                barrier.wait()
                outcome = own.decisions.decide(GUILD, revision_id, moderator, ruling)
                won[moderator.name].append(outcome is not None and outcome.done)

    threads = [
        threading.Thread(target=decide, args=(ADA, APPROVE)),
        threading.Thread(target=decide, args=(BEN, REJECT)),
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [a + b for a, b in zip(won["Ada"], won["Ben"], strict=True)] == [1] * len(revisions)
    with place.store() as store:
        assert len(store.notes.every_live()) == sum(won["Ada"])
        assert store.audit_log.contradicted_notes() == []


@pytest.mark.parametrize(
    ("decision", "state", "event"),
    [
        (Decision.APPROVE, State.APPROVED, NoticeEvent.APPROVED),
        (Decision.REJECT, State.REJECTED, NoticeEvent.REJECTED),
        (Decision.REQUEST_CHANGES, State.CHANGES_REQUESTED, NoticeEvent.CHANGES_REQUESTED),
        (Decision.DUPLICATE, State.REJECTED, NoticeEvent.DUPLICATE),
    ],
)
def test_each_decision_leads_to_its_state_and_the_contributor_is_to_be_told(
    store: Store, decision: Decision, state: State, event: NoticeEvent
) -> None:
    note = proposed(store)
    outcome = decided(store, note, Ruling(decision, "why", "note:3"))
    assert outcome.note.revision.state is state
    assert outcome.live_changed is (decision is Decision.APPROVE)
    assert told(store) == [event]


def test_quorum_of_two_needs_two_moderators(store: Store) -> None:
    store.guilds.save_rule(GUILD, Rule("gpu", quorum=2), 9)
    note = proposed(store)
    decided(store, note)
    assert some(store.decisions.undo(GUILD, note.revision.id, ADA)).note.approvals == ()
    first, again = decided(store, note), decided(store, note)
    assert (first.done, first.note.revision.state) == (True, State.PENDING)
    assert again.obstacle is Obstacle.VOTED
    assert live_text(store, note) is None
    assert told(store) == []
    second = decided(store, note, by=BEN)
    assert second.note.revision.state is State.APPROVED
    assert [review.moderator for review in second.note.approvals] == ["Ada", "Ben"]
    assert told(store) == [NoticeEvent.APPROVED]


def test_one_moderator_can_reject_what_another_has_approved(store: Store) -> None:
    store.guilds.save_rule(GUILD, Rule("", quorum=2), 9)
    note = proposed(store)
    decided(store, note)
    assert decided(store, note, REJECT, BEN).note.revision.state is State.REJECTED


def test_a_moderators_words_go_live_and_the_contributors_are_kept(store: Store) -> None:
    note = proposed(store)
    outcome = some(store.decisions.edit_and_approve(GUILD, note.revision.id, ADA, SECOND))
    assert live_text(store, note) == SECOND.text
    assert (outcome.note.revision.writer, outcome.note.contributor) == ("Ada", "Mira")
    first, second = store.notes.history(GUILD, note.id)
    assert first.revision.submission == FIRST
    assert (first.revision.state, first.revision.replaced_by) == (
        State.WITHDRAWN,
        second.revision.id,
    )
    assert told(store) == [NoticeEvent.EDITED]


def test_correction_is_live_at_once_and_can_be_undone(store: Store) -> None:
    note = proposed(store)
    decided(store, note)
    outcome = some(store.decisions.correct(GUILD, note.revision.id, ADA, SECOND))
    assert outcome.live_changed
    assert live_text(store, note) == SECOND.text
    assert told(store) == [NoticeEvent.APPROVED, NoticeEvent.EDITED]
    store.decisions.undo(GUILD, outcome.note.revision.id, BEN)
    assert live_text(store, note) == FIRST.text


@pytest.mark.parametrize(
    ("state", "obstacle"),
    [
        ("pending", Obstacle.PENDING),
        ("retired", Obstacle.NOT_LIVE),
        ("replaced", Obstacle.REVISED),
        ("same", Obstacle.UNCHANGED),
    ],
)
def test_only_a_live_text_is_corrected(store: Store, state: str, obstacle: Obstacle) -> None:
    note = proposed(store)
    decided(store, note)
    if state == "pending":
        revised(store, note, SECOND)
    elif state == "retired":
        store.decisions.retire(GUILD, note.id, ADA)
    elif state == "replaced":
        decided(store, revised(store, note, SECOND))
    text = FIRST if state == "same" else replace(FIRST, text="Sixty.")
    assert some(store.decisions.correct(GUILD, note.revision.id, BEN, text)).obstacle is obstacle


def test_unchanged_edit_approves_the_typed_text(store: Store) -> None:
    typed = replace(FIRST, text="The token is ghp_aB3dE5fG7hI9jK1lM3nO5pQ7rS9tU1vW3xY5, they say.")
    note = proposed(store, typed)
    shown = typed.safe
    assert shown != typed

    store.decisions.edit_and_approve(GUILD, note.revision.id, ADA, shown)

    [only] = store.notes.history(GUILD, note.id)
    assert only.revision.submission == typed
    assert told(store) == [NoticeEvent.APPROVED]


def test_undone_approval_leaves_the_note_as_before(store: Store) -> None:
    note = proposed(store)
    decided(store, note)
    second = revised(store, note, SECOND)
    decided(store, second)
    outcome = some(store.decisions.undo(GUILD, second.revision.id, BEN))
    assert outcome.live_changed
    assert outcome.note.revision.state is State.PENDING
    assert live_text(store, note) == FIRST.text
    assert told(store)[-1] is NoticeEvent.UNDONE
    assert decided(store, second).done


@pytest.mark.parametrize("undo_minutes", [0, 15])
def test_late_undo_is_refused(store: Store, undo_minutes: int) -> None:
    store.guilds.save_settings(GuildSettings(GUILD, 1, 2, undo_minutes=undo_minutes), 9)
    note = proposed(store)
    decided(store, note)
    if undo_minutes:
        revised(store, note, SECOND)
    outcome = some(store.decisions.undo(GUILD, note.revision.id, ADA))
    assert outcome.obstacle is (Obstacle.REVISED if undo_minutes else Obstacle.TOO_LATE)
    assert live_text(store, note) == FIRST.text


@pytest.mark.parametrize("what", ["undo", "restore", "roll_back"])
def test_what_was_done_already_is_not_said_to_be_impossible(store: Store, what: str) -> None:
    """A second click after a lost reply changes nothing more."""
    note = proposed(store)
    decided(store, note)
    deciding, first = store.decisions, note.revision.id
    if what == "restore":
        deciding.retire(GUILD, note.id, ADA)
    elif what == "roll_back":
        decided(store, revised(store, note, SECOND))
    changes: dict[str, Callable[[], Outcome | None]] = {
        "undo": lambda: deciding.undo(GUILD, first, ADA),
        "restore": lambda: deciding.restore(GUILD, note.id, ADA),
        "roll_back": lambda: deciding.roll_back(GUILD, first, ADA),
    }
    outcomes = [changes[what]() for _ in range(2)]
    assert [one.obstacle for one in outcomes if one] == [None, Obstacle.UNCHANGED]


def test_a_note_is_retired_and_restored(store: Store) -> None:
    note = proposed(store)
    decided(store, note)
    assert some(store.decisions.retire(GUILD, note.id, ADA)).note.retired
    assert live_text(store, note) is None
    assert some(store.decisions.restore(GUILD, note.id, BEN)).note.live
    assert told(store) == [NoticeEvent.APPROVED, NoticeEvent.RETIRED, NoticeEvent.RESTORED]


def test_rollback_is_a_new_revision(store: Store) -> None:
    note = proposed(store)
    decided(store, note)
    decided(store, revised(store, note, SECOND))
    third = revised(store, note, Submission("GPU hours", "A third text."))
    refused = some(store.decisions.roll_back(GUILD, note.revision.id, ADA))
    assert refused.obstacle is Obstacle.PENDING
    decided(store, third, REJECT)
    outcome = some(store.decisions.roll_back(GUILD, note.revision.id, ADA))
    assert live_text(store, note) == FIRST.text
    assert (outcome.note.revision.number, outcome.note.contributor) == (4, "Mira")


def test_undo_restores_values_by_column(store: Store) -> None:
    note = proposed(store)
    decided(store, note)
    before = store.notes.of_revision(note.revision.id)
    edited = some(
        store.decisions.edit_and_approve(
            GUILD, revised(store, note, SECOND).revision.id, ADA, SECOND
        )
    )
    with store.database.writing():
        [row] = store.database.rows("select id, before from reviews order by id desc limit 1")
        reversed_keys = dict(reversed(json.loads(row["before"]).items()))
        store.database.run(
            "update reviews set before = ? where id = ?", [json.dumps(reversed_keys), row["id"]]
        )

    store.decisions.undo(GUILD, edited.note.revision.id, ADA)

    after = store.notes.of_revision(note.revision.id)
    assert after.live
    assert not after.retired
    assert (after.verified_at, after.review_at) == (before.verified_at, before.review_at)
