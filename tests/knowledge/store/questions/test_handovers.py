"""Hand-overs: in any order of steps, a question has one helper."""

import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from knowledge.store.store import Store
from knowledge.values.guilds import GuildSettings
from knowledge.values.handovers import (
    HANDING_PAUSE,
    Handover,
    HandoverOutcome,
    HandoverState,
    NotHandedOn,
)
from knowledge.values.notes import NoticeEvent
from knowledge.values.questions import Evidence, OpenQuestion, Question

GUILD, ELSEWHERE = 10, 11
ASKER, ANNA, BERT = 3, 4, 5
AT = datetime(2026, 1, 1, tzinfo=UTC)


def handed(store: Store, text: str = "Where is it?", at: datetime = AT, by: int = ASKER) -> int:
    question = Question(0, GUILD, 5, by, text, Evidence.NONE, AT, 1)
    [question_id] = store.question_records.record([question])
    assert store.handovers.hand_on(GUILD, [question_id], by, at) == question_id
    return question_id


def found(store: Store, question_id: int = 1) -> Handover:
    handover = store.handovers.find(GUILD, question_id)
    assert handover is not None
    return handover


def done_by(
    store: Store, asked: OpenQuestion, chosen: tuple[str, int, bool], at: datetime
) -> HandoverOutcome | None:
    """A step by a member, possibly a moderator."""
    step, member, moderator = chosen
    if step == "claim":
        return store.handovers.claim(GUILD, asked.id, member, at)
    if step == "take":
        return store.handovers.take(GUILD, [asked.id], member, at)
    if step == "answer":
        answer = (member, "", f"By {member}.")
        return store.handovers.answer(GUILD, asked.id, answer, [asked], at)
    end = store.handovers.give_back if step == "back" else store.handovers.decline
    return end(GUILD, asked.id, member, at, moderator=moderator)


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["claim", "take", "back", "decline", "answer", "stale"]),
        st.sampled_from([ANNA, BERT]),
        st.booleans(),
    ),
    max_size=12,
)


@settings(max_examples=60, deadline=None)
@given(STEPS)
def test_in_whatever_order_helpers_click_a_question_has_one_helper_and_one_answer(
    steps: list[tuple[str, int, bool]],
) -> None:
    with tempfile.TemporaryDirectory() as folder, Store(Path(folder) / "community.db") as store:
        handed(store)
        [asked] = store.gaps.open(GUILD)
        for number, (step, member, moderator) in enumerate(steps):
            before, at = found(store), AT + timedelta(minutes=number)
            done = False
            if step == "stale":
                store.guilds.save_settings(GuildSettings(GUILD, handover_hours=1), 9)
                store.handovers.went_stale(at + timedelta(days=1))
            else:
                outcome = done_by(store, asked, (step, member, moderator), at)
                assert outcome is not None
                assert outcome.handover == found(store)
                done = outcome.done
            after = found(store)
            anothers = before.state is HandoverState.CLAIMED and before.helper_id != member
            # Only done steps change anything, nothing follows an answer, and only moderators or
            # staleness end a claim.
            assert done == (after.state != before.state or after.changed_at != before.changed_at)
            assert not (done and before.state is HandoverState.ANSWERED)
            if done and anothers:
                assert before.stale or (moderator and step in ("back", "decline"))
            assert (after.helper_id == 0) == (after.state is HandoverState.OPEN)
        answered = found(store).state is HandoverState.ANSWERED
        told = [one for one in store.notices.unsent() if one.event is NoticeEvent.HELPED]
        assert len(told) == answered
        assert bool(found(store).answer) is answered


def test_what_waits_for_the_servers_hours_is_stale_until_something_is_done(store: Store) -> None:
    store.guilds.save_settings(GuildSettings(GUILD, handover_hours=2), 9)
    question_id = handed(store)
    store.handovers.shown(found(store))

    store.handovers.went_stale(AT + timedelta(hours=1, minutes=59))
    assert not found(store).stale
    assert store.handovers.due() == []
    store.handovers.went_stale(AT + timedelta(hours=2))
    assert found(store).stale
    [due] = store.handovers.due()
    store.handovers.claim(GUILD, question_id, ANNA, AT)

    # The message shows an earlier state than the present one.
    store.handovers.shown(due)
    assert not found(store).stale
    assert [one.question_id for one in store.handovers.due()] == [question_id]


def test_with_no_hours_nothing_is_ever_stale(store: Store) -> None:
    store.guilds.save_settings(GuildSettings(GUILD, handover_hours=0), 9)
    handed(store)

    store.handovers.went_stale(AT + timedelta(days=1_000))

    assert not found(store).stale


def test_a_server_reaches_no_other_servers_questions(store: Store) -> None:
    question_id = handed(store)

    assert store.handovers.claim(ELSEWHERE, question_id, ANNA, AT) is None
    assert store.handovers.find(ELSEWHERE, question_id) is None
    assert store.handovers.every(ELSEWHERE) == {}


def test_a_gap_that_nobody_handed_over_can_be_claimed_and_is_posted_nowhere(store: Store) -> None:
    question = Question(0, GUILD, 5, ASKER, "Where?", Evidence.NONE, AT, 1)
    ids = store.question_records.record([question, question])

    first = store.handovers.take(GUILD, ids, ANNA, AT)
    second = store.handovers.take(GUILD, ids[::-1], BERT, AT)

    assert first is not None
    assert first.done
    assert second is not None
    assert (second.done, second.handover.helper_id) == (False, ANNA)
    assert [one.posted for one in store.handovers.every(GUILD).values()] == [True]


def test_a_question_is_handed_over_once_and_one_at_a_time(store: Store) -> None:
    first = handed(store)
    second = store.question_records.record(
        [Question(0, GUILD, 5, ASKER, "Why?", Evidence.NONE, AT, 1)]
    )
    later = AT + HANDING_PAUSE

    # Its posting was interrupted, so it is still due.
    assert store.handovers.hand_on(GUILD, [first], ASKER, AT) == first
    assert store.handovers.hand_on(GUILD, second, ASKER, AT) is NotHandedOn.TOO_SOON
    store.handovers.placed(first, 7, 8)
    assert store.handovers.hand_on(GUILD, [first], ASKER, later) is NotHandedOn.ALREADY
    store.handovers.given_up(first)
    assert found(store, first).posted
    assert store.handovers.hand_on(GUILD, second, ASKER, later) == second[0]


def test_the_answer_goes_when_its_question_is_pruned(store: Store) -> None:
    question_id = handed(store)
    store.handovers.answer(GUILD, question_id, (ANNA, "Anna", "In Perth."), [], AT)

    store.question_records.prune(AT + timedelta(days=1), 9)

    assert found(store).answer == ""
