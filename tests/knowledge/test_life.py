"""A note's life in a real database: what each step does, and what no order of steps can break."""

import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from knowledge.model.guilds import GuildSettings
from knowledge.model.notes import (
    Decision,
    Member,
    Note,
    NoticeEvent,
    Obstacle,
    Outcome,
    Problem,
    SourceChange,
    SourceMessage,
    State,
)
from knowledge.model.review_rules import Rule
from knowledge.model.submissions import Submission
from knowledge.store.database import now
from knowledge.store.decisions import Ruling
from knowledge.store.store import Store

GUILD, ELSEWHERE = 10, 11
MIRA, ADA, BEN = Member(1, "Mira"), Member(2, "Ada"), Member(3, "Ben")
FIRST = Submission("GPU hours", "The club has 40 GPU hours a month.", ("gpu",), "https://a.org/")
SECOND = Submission("GPU hours", "The club has 60 GPU hours a month.", ("gpu",))
APPROVE, REJECT = Ruling(Decision.APPROVE), Ruling(Decision.REJECT, "Out of date.")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "community.db"


@pytest.fixture
def store(path: Path) -> Iterator[Store]:
    with Store(path) as opened:
        yield opened


def proposed(store: Store, submission: Submission = FIRST, **options: object) -> Note:
    return store.contributions.propose(GUILD, MIRA, 77, submission, **options).note  # type: ignore[arg-type]


def decided(store: Store, note: Note, ruling: Ruling = APPROVE, by: Member = ADA) -> Outcome:
    outcome = store.decisions.decide(note.guild_id, note.revision.id, by, ruling)
    assert outcome is not None
    return outcome


def live_text(store: Store, note: Note) -> str | None:
    live = store.notes.live(note.id)
    return live.revision.submission.text if live else None


def events(store: Store) -> list[str]:
    return [entry.event for entry in store.audit_log.entries()]


def told(store: Store) -> list[NoticeEvent]:
    return [notice.event for notice in store.notices.unsent()]


# What can go wrong.


def test_deciding_on_a_revision_that_is_not_there_decides_nothing(store: Store) -> None:
    assert store.decisions.decide(GUILD, 99, ADA, APPROVE) is None
    assert store.audit_log.entries() == []


@pytest.mark.parametrize("what", ["decide", "undo", "roll_back", "edit"])
def test_a_revision_of_another_guild_is_not_there(store: Store, what: str) -> None:
    revision_id = proposed(store).revision.id
    deciding = store.decisions
    outcome = {
        "decide": lambda: deciding.decide(ELSEWHERE, revision_id, ADA, APPROVE),
        "undo": lambda: deciding.undo(ELSEWHERE, revision_id, ADA),
        "roll_back": lambda: deciding.roll_back(ELSEWHERE, revision_id, ADA),
        "edit": lambda: deciding.edit_and_approve(ELSEWHERE, revision_id, ADA, SECOND),
    }[what]()
    assert outcome is None
    assert events(store) == ["proposed"]


@pytest.mark.parametrize("what", ["retire", "restore", "keep", "withdraw", "report", "revise"])
def test_a_note_of_another_guild_is_not_there(store: Store, what: str) -> None:
    note = proposed(store)
    decided(store, note)
    before = events(store)
    outcome = {
        "retire": lambda: store.decisions.retire(ELSEWHERE, note.id, ADA),
        "restore": lambda: store.decisions.restore(ELSEWHERE, note.id, ADA),
        "keep": lambda: store.decisions.keep(ELSEWHERE, note.id, ADA),
        "withdraw": lambda: store.contributions.withdraw(ELSEWHERE, note.id, MIRA.id),
        "report": lambda: store.contributions.report(ELSEWHERE, note.id, 4, Problem.WRONG, "x"),
        "revise": lambda: store.contributions.revise(ELSEWHERE, note.id, MIRA, SECOND),
    }[what]()
    assert outcome is None
    assert events(store) == before


@pytest.mark.parametrize("attempt", ["approve", "undo", "keep", "restore", "roll_back", "edit"])
def test_nobody_decides_on_a_note_of_their_own_and_the_attempt_is_logged(
    store: Store, attempt: str
) -> None:
    note = proposed(store)
    deciding, revision_id = store.decisions, note.revision.id
    if attempt not in {"approve", "edit"}:
        decided(store, note)
    if attempt == "restore":
        deciding.retire(GUILD, note.id, ADA)
    if attempt == "roll_back":
        decided(store, _revised(store, note, SECOND))
    outcome = {
        "approve": lambda: deciding.decide(GUILD, revision_id, MIRA, APPROVE),
        "edit": lambda: deciding.edit_and_approve(GUILD, revision_id, MIRA, SECOND),
        "undo": lambda: deciding.undo(GUILD, revision_id, MIRA),
        "keep": lambda: deciding.keep(GUILD, note.id, MIRA),
        "restore": lambda: deciding.restore(GUILD, note.id, MIRA),
        "roll_back": lambda: deciding.roll_back(GUILD, revision_id, MIRA),
    }[attempt]()
    assert outcome is not None
    assert outcome.obstacle is Obstacle.OWN_NOTE
    assert events(store)[-1] == "refused_own_note"


def test_where_four_eyes_are_not_asked_for_a_moderator_may_approve_their_own(store: Store) -> None:
    store.guilds.save_settings(GuildSettings(GUILD, 1, 2, four_eyes=False), 9)
    note = proposed(store)
    assert decided(store, note, by=MIRA).done
    assert live_text(store, note) == FIRST.text


def test_only_its_contributor_revises_or_withdraws_a_note(store: Store) -> None:
    note = proposed(store)
    revised = store.contributions.revise(GUILD, note.id, BEN, SECOND)
    withdrawn = store.contributions.withdraw(GUILD, note.id, BEN.id)
    assert revised is not None
    assert withdrawn is not None
    assert (revised.obstacle, withdrawn.obstacle) == (Obstacle.NOT_YOURS, Obstacle.NOT_YOURS)
    assert events(store) == ["proposed"]


# Deciding.


def test_the_second_of_two_moderators_is_told_who_was_first(store: Store) -> None:
    note = proposed(store)
    first, second = decided(store, note, REJECT), decided(store, note, by=BEN)
    assert (first.done, second.obstacle) == (True, Obstacle.DECIDED)
    assert second.note == first.note
    assert second.note.review is not None
    assert (second.note.review.moderator, second.note.review.reason) == ("Ada", "Out of date.")
    assert events(store) == ["proposed", "rejected"]
    assert store.notes.every_live() == []


def test_of_two_processes_that_decide_at_once_exactly_one_wins(path: Path) -> None:
    with Store(path) as store:
        revisions = [proposed(store).revision.id for _ in range(12)]
    barrier = threading.Barrier(2)
    won: dict[str, list[bool]] = {"Ada": [], "Ben": []}

    def decide(moderator: Member, ruling: Ruling) -> None:
        with Store(path) as own:
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
    with Store(path) as store:
        assert len(store.notes.every_live()) == sum(won["Ada"])
        assert store.audit_log.first_broken_entry() is None


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


def test_a_quorum_of_two_needs_two_moderators(store: Store) -> None:
    store.guilds.save_rule(GUILD, Rule("gpu", quorum=2), 9)
    note = proposed(store)
    first, again = decided(store, note), decided(store, note)
    assert (first.done, first.note.revision.state) == (True, State.PENDING)
    assert again.obstacle is Obstacle.VOTED
    assert live_text(store, note) is None
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
    outcome = store.decisions.edit_and_approve(GUILD, note.revision.id, ADA, SECOND)
    assert outcome is not None
    assert live_text(store, note) == SECOND.text
    assert (outcome.note.revision.writer, outcome.note.contributor) == ("Ada", "Mira")
    first, second = store.notes.history(GUILD, note.id)
    assert first.revision.submission == FIRST
    assert (first.revision.state, first.revision.replaced_by) == (
        State.WITHDRAWN,
        second.revision.id,
    )
    assert told(store) == [NoticeEvent.EDITED]


def test_a_role_publishes_at_once_where_its_rule_says_so(store: Store) -> None:
    store.guilds.save_rule(GUILD, Rule("gpu", publish_role_id=55), 9)
    outcome = store.contributions.propose(GUILD, MIRA, 7, FIRST, role_ids=(55,))
    other = store.contributions.propose(GUILD, MIRA, 7, FIRST, role_ids=(56,))
    untagged = store.contributions.propose(GUILD, MIRA, 7, Submission("T", "x"), role_ids=(55,))
    assert outcome.live_changed
    assert outcome.note.live
    assert not other.live_changed
    assert not untagged.live_changed
    assert "published_at_once" in events(store)


def test_every_fifth_note_that_was_published_at_once_comes_to_the_queue(store: Store) -> None:
    store.guilds.save_rule(GUILD, Rule("", publish_role_id=55), 9)
    for _ in range(10):
        store.contributions.propose(GUILD, MIRA, 7, FIRST, role_ids=(55,))
    assert [note.revision.id for note in store.notes.queue(GUILD, now())] == [5, 10]


# Undoing.


def test_an_approval_that_is_taken_back_leaves_the_note_as_it_was(store: Store) -> None:
    note = proposed(store)
    decided(store, note)
    second = _revised(store, note, SECOND)
    decided(store, second)
    outcome = store.decisions.undo(GUILD, second.revision.id, BEN)
    assert outcome is not None
    assert outcome.live_changed
    assert outcome.note.revision.state is State.PENDING
    assert live_text(store, note) == FIRST.text
    assert told(store)[-1] is NoticeEvent.UNDONE
    assert decided(store, second).done


def test_a_vote_can_be_taken_back_too(store: Store) -> None:
    store.guilds.save_rule(GUILD, Rule("", quorum=2), 9)
    note = proposed(store)
    decided(store, note)
    outcome = store.decisions.undo(GUILD, note.revision.id, ADA)
    assert outcome is not None
    assert outcome.note.approvals == ()
    assert told(store) == []


def test_undoing_is_too_late_once_something_was_built_on_it(store: Store) -> None:
    note = proposed(store)
    decided(store, note)
    _revised(store, note, SECOND)
    outcome = store.decisions.undo(GUILD, note.revision.id, ADA)
    assert outcome is not None
    assert outcome.obstacle is Obstacle.TOO_LATE
    assert live_text(store, note) == FIRST.text


def test_undoing_is_too_late_after_the_guilds_time_for_it(store: Store) -> None:
    store.guilds.save_settings(GuildSettings(GUILD, 1, 2, undo_minutes=0), 9)
    note = proposed(store)
    decided(store, note)
    outcome = store.decisions.undo(GUILD, note.revision.id, ADA)
    assert outcome is not None
    assert outcome.obstacle is Obstacle.TOO_LATE


# Afterwards.


def test_a_revision_waits_beside_the_live_one(store: Store) -> None:
    note = proposed(store)
    decided(store, note)
    second = _revised(store, note, SECOND)
    assert (second.revision.number, second.revision.state) == (2, State.PENDING)
    assert live_text(store, note) == FIRST.text
    decided(store, second)
    assert live_text(store, note) == SECOND.text


def test_a_revision_takes_the_place_of_one_that_is_still_pending(store: Store) -> None:
    note = proposed(store)
    second = _revised(store, note, SECOND)
    assert [one.revision.id for one in store.notes.pending(GUILD)] == [second.revision.id]
    assert decided(store, note).obstacle is Obstacle.DECIDED


def test_the_same_text_again_is_no_revision(store: Store) -> None:
    note = proposed(store)
    outcome = store.contributions.revise(GUILD, note.id, MIRA, FIRST)
    assert outcome is not None
    assert outcome.obstacle is Obstacle.UNCHANGED


def test_a_rejected_note_can_be_revised_and_proposed_again(store: Store) -> None:
    note = proposed(store)
    decided(store, note, REJECT)
    second = _revised(store, note, SECOND)
    assert decided(store, second).note.live


@pytest.mark.parametrize("live", [True, False])
def test_a_contributor_withdraws_what_waits_or_else_what_is_live(store: Store, live: bool) -> None:
    note = proposed(store)
    if live:
        decided(store, note)
    outcome = store.contributions.withdraw(GUILD, note.id, MIRA.id)
    assert outcome is not None
    assert outcome.live_changed is live
    assert outcome.note.revision.state is State.WITHDRAWN
    assert live_text(store, note) is None
    restored = store.decisions.restore(GUILD, note.id, ADA)
    assert restored is not None
    assert restored.obstacle is Obstacle.NOT_LIVE


def test_a_note_is_retired_and_restored(store: Store) -> None:
    note = proposed(store)
    decided(store, note)
    retired = store.decisions.retire(GUILD, note.id, ADA)
    assert retired is not None
    assert retired.note.retired
    assert live_text(store, note) is None
    restored = store.decisions.restore(GUILD, note.id, BEN)
    assert restored is not None
    assert restored.note.live
    assert told(store) == [NoticeEvent.APPROVED, NoticeEvent.RETIRED, NoticeEvent.RESTORED]


def test_an_earlier_text_can_be_made_live_again_as_a_new_revision(store: Store) -> None:
    note = proposed(store)
    decided(store, note)
    decided(store, _revised(store, note, SECOND))
    outcome = store.decisions.roll_back(GUILD, note.revision.id, ADA)
    assert outcome is not None
    assert live_text(store, note) == FIRST.text
    assert (outcome.note.revision.number, outcome.note.contributor) == (3, "Mira")


def test_what_waits_is_decided_on_before_a_roll_back(store: Store) -> None:
    note = proposed(store)
    decided(store, note)
    decided(store, _revised(store, note, SECOND))
    _revised(store, note, Submission("GPU hours", "A third text."))
    outcome = store.decisions.roll_back(GUILD, note.revision.id, ADA)
    assert outcome is not None
    assert outcome.obstacle is Obstacle.PENDING


def test_a_report_brings_a_live_note_to_the_queue_until_it_is_kept(store: Store) -> None:
    note = proposed(store)
    decided(store, note)
    assert store.notes.queue(GUILD, now()) == []
    store.contributions.report(GUILD, note.id, 4, Problem.OUTDATED, "It is 60 now.")
    store.contributions.report(GUILD, note.id, 4, Problem.OUTDATED, "It is 70 now.")
    [waiting] = store.notes.queue(GUILD, now())
    assert [report.reason for report in waiting.reports] == ["It is 70 now."]
    store.decisions.keep(GUILD, note.id, ADA)
    assert store.notes.queue(GUILD, now()) == []


def test_only_a_live_note_can_be_reported(store: Store) -> None:
    note = proposed(store)
    outcome = store.contributions.report(GUILD, note.id, 4, Problem.WRONG, "")
    assert outcome is not None
    assert outcome.obstacle is Obstacle.NOT_LIVE


def test_a_note_comes_back_for_review_when_its_tags_rule_says_so(store: Store) -> None:
    store.guilds.save_rule(GUILD, Rule("gpu", review_after_days=30), 9)
    note = proposed(store)
    decided(store, note)
    assert store.notes.queue(GUILD, now() + timedelta(days=29)) == []
    later = now() + timedelta(days=31)
    assert [one.id for one in store.notes.queue(GUILD, later)] == [note.id]
    assert [one.id for one in store.notes.newly_due(later)] == [note.id]
    assert store.notes.newly_due(later + timedelta(hours=1)) == []


def test_a_note_whose_message_changed_is_flagged_once(store: Store) -> None:
    note = proposed(store, source=SourceMessage(5, 66))
    decided(store, note)
    assert len(store.contributions.source_changed([66], SourceChange.EDITED)) == 1
    assert store.contributions.source_changed([66], SourceChange.EDITED) == []
    assert len(store.contributions.source_changed([66], SourceChange.DELETED)) == 1
    assert store.contributions.source_changed([66], SourceChange.EDITED) == []
    [waiting] = store.notes.queue(GUILD, now())
    assert waiting.source == SourceMessage(5, 66, SourceChange.DELETED)


def test_the_queue_begins_with_what_has_waited_longest(store: Store) -> None:
    notes = [proposed(store) for _ in range(3)]
    decided(store, notes[0])
    store.contributions.report(GUILD, notes[0].id, 4, Problem.WRONG, "")
    assert [note.id for note in store.notes.queue(GUILD, now())] == [2, 3, 1]


# Cards and notices.


def test_a_cards_change_stays_due_until_what_it_shows_is_the_last(store: Store) -> None:
    note = proposed(store)
    [(_, due)] = store.notes.cards_due(GUILD)
    store.notes.place_card(note.revision.id, 123, 456)
    decided(store, note)
    store.notes.card_shown(note.revision.id, due)
    [(again, due)] = store.notes.cards_due(GUILD)
    assert again.card == (123, 456)
    store.notes.card_shown(note.revision.id, due)
    assert store.notes.cards_due() == []


def test_a_notice_waits_until_it_was_sent(path: Path, store: Store) -> None:
    decided(store, proposed(store))
    with Store(path) as reopened:
        [notice] = reopened.notices.unsent()
        assert (notice.member_id, notice.channel_id, notice.revision_id) == (MIRA.id, 77, 1)
        reopened.notices.sent(notice.id)
    assert store.notices.unsent() == []


def _revised(store: Store, note: Note, submission: Submission) -> Note:
    outcome = store.contributions.revise(GUILD, note.id, MIRA, submission)
    assert outcome is not None
    assert outcome.done
    return outcome.note
