"""Writers are asked once for each reason, then the moderators; notes change owners."""

import threading
from collections.abc import Mapping
from datetime import datetime, timedelta

import pytest

from knowledge.store.database import now
from knowledge.store.store import Store
from knowledge.values.guilds import Rule, every_guild
from knowledge.values.notes import (
    MOST_ASKED,
    CheckReason,
    CheckState,
    Member,
    Note,
    NoticeEvent,
    Obstacle,
    Problem,
)
from knowledge.values.questions import Evidence, Feedback, Verdict
from knowledge.values.settings import GuildSettings
from tests.knowledge.decided_notes import (
    ADA,
    APPROVE,
    BEN,
    FIRST,
    GUILD,
    MIRA,
    SECOND,
    asked,
    decided,
    live_note,
    proposed,
    revised,
    some,
)
from tests.stores import Place, in_both

DAYS = timedelta(days=1)


@pytest.fixture(autouse=True)
def asks_writers(store: Store) -> None:
    store.guilds.change(GUILD, {"ask_writers": True}, ADA.id)


def quoted(
    store: Store, note: Note, verdict: Verdict | None = None, at: datetime | None = None
) -> int:
    """Record an answer that quotes the note, and perhaps a verdict on it."""
    question_id = asked(store, f"Where? {now()}", Evidence.STRONG, f"note:{note.id}")
    at = at or now()
    with store.database.writing():
        store.database.run(
            "update questions set asked_at = ? where id = ?", [at.isoformat(), question_id]
        )
    if verdict is not None:
        store.feedback_records.record(Feedback(question_id, BEN.id, verdict))
    return question_id


def unhelpful(store: Store, note: Note, number: int = 3) -> None:
    for _ in range(number):
        quoted(store, note, Verdict.UNHELPFUL, now())


def overdue(store: Store, note: Note, since: timedelta = DAYS) -> None:
    with store.database.writing():
        store.database.run(
            "update notes set review_at = ? where id = ?", [(now() - since).isoformat(), note.id]
        )


def ask(store: Store, at: datetime | None = None, newer: Mapping[int, str] | None = None) -> None:
    store.note_checks.ask(GUILD, at or now(), newer or {})


def questions(store: Store) -> list[int]:
    """The members who are asked whether a note is still true."""
    return [
        notice.member_id
        for notice in store.notices.queue()
        if notice.event is NoticeEvent.STILL_TRUE
    ]


def queue(store: Store, at: datetime) -> list[int]:
    return [note.id for note in store.notes.queue(GUILD, at)]


# Reasons.


def test_an_overdue_note_is_its_writers_if_it_was_quoted(store: Store) -> None:
    forgotten, old, note = (live_note(store) for _ in range(3))
    for each in (forgotten, old, note):
        overdue(store, each)
    quoted(store, old, at=now() - 8 * DAYS)
    quoted(store, note)

    ask(store)
    ask(store)

    assert questions(store) == [MIRA.id]
    assert queue(store, now()) == [forgotten.id, old.id]
    check = some(store.note_checks.open_for(note.id))
    assert (check.reason, check.state) == (CheckReason.DATE, CheckState.ASKED)


@pytest.mark.parametrize(
    ("verdicts", "number"),
    [("uuu", 1), ("huuu", 1), ("uu", 0), ("uuhu", 0), ("uuuh", 0), ("uuuu", 1)],
)
def test_three_verdicts_in_a_row_ask(store: Store, verdicts: str, number: int) -> None:
    note = live_note(store)
    for letter in verdicts:
        quoted(store, note, Verdict.HELPFUL if letter == "h" else Verdict.UNHELPFUL, now())
    ask(store)
    assert len(questions(store)) == number


def test_verdicts_before_a_confirmation_count_no_more(store: Store) -> None:
    note = live_note(store)
    unhelpful(store, note)
    ask(store)
    store.note_checks.confirm(GUILD, note.revision.id, MIRA.id)
    unhelpful(store, note, 2)
    ask(store)
    assert len(questions(store)) == 1
    unhelpful(store, note, 1)
    ask(store)
    assert len(questions(store)) == 2


def test_each_newer_release_asks_once(store: Store) -> None:
    note = live_note(store)
    for _ in range(2):
        ask(store, newer={note.id: "tool 5.1"})
        store.note_checks.confirm(GUILD, note.revision.id, MIRA.id)
    assert len(questions(store)) == 1

    ask(store, newer={note.id: "tool 5.2"})

    check = some(store.note_checks.open_for(note.id))
    assert (check.reason, check.cause) == (CheckReason.RELEASE, "tool 5.2")


def test_a_note_has_one_question_at_a_time(store: Store) -> None:
    note = live_note(store)
    overdue(store, note)
    unhelpful(store, note)
    for _ in range(3):
        ask(store, newer={note.id: "tool 5.1"})
    assert len(questions(store)) == 1


def test_only_live_texts_are_compared_with_releases(store: Store) -> None:
    notes = [live_note(store) for _ in range(3)]
    pending = proposed(store)
    store.decisions.retire(GUILD, notes[1].id, ADA)
    found = store.note_checks.live_texts(GUILD, 0, 2)
    assert [note_id for note_id, _ in found] == [notes[0].id, notes[2].id]
    assert found[0][1] == f"{FIRST.title}\n{FIRST.text}"
    assert store.note_checks.live_texts(GUILD, notes[2].id, 2) == []
    assert pending.id > notes[2].id


def test_a_writer_has_few_questions_at_a_time(store: Store) -> None:
    for _ in range(MOST_ASKED + 2):
        unhelpful(store, live_note(store))
    ask(store)
    assert questions(store) == [MIRA.id] * MOST_ASKED


def test_a_forgotten_writers_note_goes_to_the_moderators(store: Store) -> None:
    note = live_note(store)
    store.personal_data.forget(MIRA.id, withdraw=False)
    unhelpful(store, note)
    ask(store)
    assert questions(store) == []
    assert queue(store, now()) == [note.id]


def test_only_guilds_with_the_setting_ask(store: Store) -> None:
    assert store.note_checks.asking_guilds(every_guild) == [GUILD]
    store.guilds.change(GUILD, {"ask_writers": False}, ADA.id)
    assert store.note_checks.asking_guilds(every_guild) == []
    assert not GuildSettings(1).ask_writers


@in_both
def test_two_processes_ask_once(place: Place) -> None:
    with place.store() as store:
        store.guilds.change(GUILD, {"ask_writers": True}, ADA.id)
        unhelpful(store, live_note(store))
        barrier = threading.Barrier(2)

        def process() -> None:
            with place.store() as own:
                barrier.wait()
                ask(own)

        threads = [threading.Thread(target=process) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(questions(store)) == 1


# Answers.


def test_a_confirmation_counts_once_and_schedules_the_next_review(store: Store) -> None:
    store.guilds.save_rule(GUILD, Rule("gpu", review_after_days=30), ADA.id)
    note = live_note(store)
    overdue(store, note)
    quoted(store, note)
    ask(store)
    store.contributions.report(GUILD, note.id, BEN.id, Problem.OUTDATED, "It moved.")

    first = store.note_checks.confirm(GUILD, note.revision.id, MIRA.id)
    again = store.note_checks.confirm(GUILD, note.revision.id, MIRA.id)

    assert first is not None
    assert again is not None
    assert (first.done, first.live_changed) == (True, True)
    assert again.obstacle is Obstacle.UNCHANGED
    live = some(store.notes.live(note.id))
    assert live.review_at is not None
    assert live.review_at > now() + 29 * DAYS
    # A writer closes no report about their note.
    assert len(live.reports) == 1


@pytest.mark.parametrize("member", [BEN, ADA])
def test_others_cant_confirm(store: Store, member: Member) -> None:
    note = live_note(store)
    unhelpful(store, note)
    ask(store)
    assert store.note_checks.confirm(GUILD, note.revision.id, member.id) is None


def test_a_revision_settles_the_question(store: Store) -> None:
    note = live_note(store)
    unhelpful(store, note)
    ask(store)
    pending = revised(store, note, SECOND)
    ask(store)
    store.note_checks.end_waiting(now() + 8 * DAYS, every_guild)
    assert len(questions(store)) == 1
    assert queue(store, now() + 8 * DAYS) == [note.id]

    decided(store, pending, APPROVE)

    assert queue(store, now() + 8 * DAYS) == []


def test_after_a_week_the_moderators_have_it_once(store: Store) -> None:
    note = live_note(store)
    unhelpful(store, note)
    ask(store)
    store.note_checks.end_waiting(now() + 6 * DAYS, every_guild)
    assert queue(store, now() + 6 * DAYS) == []

    later = now() + 8 * DAYS
    store.note_checks.end_waiting(later, every_guild)
    store.note_checks.end_waiting(later, every_guild)
    ask(store, later)

    assert queue(store, later) == [note.id]
    assert len(questions(store)) == 1
    # The writer may still answer.
    assert some(store.note_checks.confirm(GUILD, note.revision.id, MIRA.id)).done
    assert queue(store, later) == []


@pytest.mark.parametrize("action", ["keep", "retire", "withdraw"])
def test_a_decision_meanwhile_settles_the_question(store: Store, action: str) -> None:
    note = live_note(store)
    unhelpful(store, note)
    ask(store)
    if action == "keep":
        store.decisions.keep(GUILD, note.id, ADA)
    elif action == "retire":
        store.decisions.retire(GUILD, note.id, ADA)
    else:
        store.contributions.withdraw(GUILD, note.id, MIRA.id)
    later = now() + 8 * DAYS
    store.note_checks.end_waiting(later, every_guild)
    assert queue(store, later) == []
    assert not some(store.note_checks.confirm(GUILD, note.revision.id, MIRA.id)).done


# Owners.


def handed_on(store: Store, note: Note, to: Member = BEN) -> None:
    store.note_checks.offer(note, to.id)
    assert store.note_checks.take_over(note, to.id)


def test_new_owner_is_asked_and_writer_credited(store: Store) -> None:
    note = live_note(store)
    unhelpful(store, note)
    ask(store)
    handed_on(store, note)

    # The open question is the new owner's now.
    assert questions(store) == [MIRA.id, BEN.id]
    assert store.note_checks.confirm(GUILD, note.revision.id, MIRA.id) is None
    assert store.note_checks.confirm(GUILD, note.revision.id, BEN.id) is not None
    assert some(store.notes.live(note.id)).authors_line == MIRA.name
    assert [each.id for each in store.notes.of_member(GUILD, BEN.id)] == [note.id]


def test_an_owner_sees_no_unpublished_text(store: Store) -> None:
    note = live_note(store)
    handed_on(store, note)
    revised(store, note, SECOND)
    [seen] = store.notes.of_member(GUILD, BEN.id)
    assert seen.revision.id == note.revision.id


def test_an_owners_text_is_reviewed_and_told_once(store: Store) -> None:
    note = live_note(store)
    handed_on(store, note)
    before = len(store.notices.queue())
    extended = some(store.contributions.revise(GUILD, note.id, BEN, SECOND))
    decided(store, extended.note)
    told = [(notice.member_id, notice.event) for notice in store.notices.queue()[before:]]
    assert told == [(BEN.id, NoticeEvent.EXTENSION_APPROVED)]
    assert some(store.notes.live(note.id)).authors_line == f"{MIRA.name}, {BEN.name}"


def test_only_the_invited_member_takes_over(store: Store) -> None:
    note = live_note(store)
    store.note_checks.offer(note, BEN.id)
    store.note_checks.offer(note, BEN.id)
    assert not store.note_checks.take_over(note, ADA.id)
    store.note_checks.offer(note, ADA.id)
    assert not store.note_checks.take_over(note, BEN.id)
    assert store.note_checks.take_over(note, ADA.id)
    assert not store.note_checks.take_over(note, ADA.id)
    told = [notice.event for notice in store.notices.queue()]
    assert told.count(NoticeEvent.OFFERED) == 2
    assert told.count(NoticeEvent.TAKEN_OVER) == 1


def test_a_decline_is_told_once(store: Store) -> None:
    note = live_note(store)
    store.note_checks.offer(note, BEN.id)
    for _ in range(2):
        store.note_checks.decline(note, BEN.id)
    told = [
        (notice.member_id, notice.event)
        for notice in store.notices.queue()
        if notice.event is NoticeEvent.NOT_TAKEN_OVER
    ]
    assert told == [(MIRA.id, NoticeEvent.NOT_TAKEN_OVER)]
    assert not store.note_checks.take_over(note, BEN.id)


def test_a_forgotten_owner_leaves_the_note_to_its_writer(store: Store) -> None:
    note, other = live_note(store), live_note(store)
    handed_on(store, note)
    store.note_checks.offer(other, BEN.id)
    store.personal_data.forget(BEN.id, withdraw=False)
    for each in (note, other):
        live = some(store.notes.live(each.id))
        assert (live.responsible_id, live.offered_id) == (MIRA.id, None)
