"""Hand-overs: in any order of steps, a question has one helper."""

import itertools
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from knowledge.store.store import Store
from knowledge.values.notes import NoticeEvent
from knowledge.values.questions import (
    HANDING_PAUSE,
    Evidence,
    Handover,
    HandoverOutcome,
    HandoverState,
    NotHandedOn,
    OpenQuestion,
    Question,
)
from knowledge.values.settings import GuildSettings
from tests.knowledge.decided_notes import some
from tests.stores import Place

GUILD, ELSEWHERE = 10, 11
ASKER, ANNA, BERT = 3, 4, 5
AT = datetime(2026, 1, 1, tzinfo=UTC)


def handed(store: Store, text: str = "Where is it?", at: datetime = AT, by: int = ASKER) -> int:
    question = Question(0, GUILD, 5, by, text, Evidence.NONE, AT, 1)
    [question_id] = store.question_records.record([question])
    assert store.handovers.enqueue(GUILD, [question_id], by, at) == question_id
    return question_id


def found(store: Store, question_id: int) -> Handover:
    return some(store.handovers.find(GUILD, question_id))


def done_by(
    store: Store, asked: OpenQuestion, chosen: tuple[str, int, bool], at: datetime
) -> HandoverOutcome | None:
    """A step by a member, possibly a moderator."""
    step, member, moderator = chosen
    if step == "claim":
        return store.handovers.claim(GUILD, asked.id, member, at)
    if step == "take":
        return store.handovers.claim_group(GUILD, [asked.id], member, at)
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


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    with Place(tmp_path_factory.mktemp("handovers")).store() as store:
        store.guilds.save_settings(GuildSettings(GUILD, handover_hours=1), 9)
        yield store


_askers = itertools.count(100)


@settings(max_examples=40)
@given(STEPS)
def test_question_has_one_helper_always(shared: Store, steps: list[tuple[str, int, bool]]) -> None:
    store = shared
    key = handed(store, by=next(_askers))
    asked = next(one for one in store.gaps.open(GUILD) if one.id == key)
    for number, (step, member, moderator) in enumerate(steps):
        before, at = found(store, key), AT + timedelta(minutes=number)
        done = False
        if step == "stale":
            store.handovers.mark_stale(at + timedelta(days=1))
        else:
            outcome = some(done_by(store, asked, (step, member, moderator), at))
            assert outcome.handover == found(store, key)
            done = outcome.done
        after = found(store, key)
        anothers = before.state is HandoverState.CLAIMED and before.helper_id != member
        # Only done steps change anything, nothing follows an answer, and only moderators or
        # staleness end a claim.
        assert done == (after.state != before.state or after.changed_at != before.changed_at)
        assert not (done and before.state is HandoverState.ANSWERED)
        if done and anothers:
            assert before.stale or (moderator and step in ("back", "decline"))
        assert (after.helper_id == 0) == (after.state is HandoverState.OPEN)
    answered = found(store, key).state is HandoverState.ANSWERED
    told = [notice for notice in store.notices.queue() if notice.question_id == key]
    assert [one.event for one in told] == [NoticeEvent.HELPED] * answered
    assert bool(found(store, key).answer) is answered


def test_open_handover_is_stale_after_the_servers_hours(store: Store) -> None:
    store.guilds.save_settings(GuildSettings(GUILD, handover_hours=2), 9)
    key = handed(store)
    store.handovers.mark_shown(found(store, key))

    store.handovers.mark_stale(AT + timedelta(hours=1, minutes=59))
    assert not found(store, key).stale
    assert store.handovers.due() == []
    store.handovers.mark_stale(AT + timedelta(hours=2))
    assert found(store, key).stale
    [due] = store.handovers.due()
    store.handovers.claim(GUILD, key, ANNA, AT)

    # The message shows an earlier state than the present one.
    store.handovers.mark_shown(due)
    assert not found(store, key).stale
    assert [one.question_id for one in store.handovers.due()] == [key]


def test_with_no_hours_nothing_is_ever_stale(store: Store) -> None:
    store.guilds.save_settings(GuildSettings(GUILD, handover_hours=0), 9)
    key = handed(store)

    store.handovers.mark_stale(AT + timedelta(days=1_000))

    assert not found(store, key).stale


def test_a_server_reaches_no_other_servers_questions(store: Store) -> None:
    question_id = handed(store)

    assert store.handovers.claim(ELSEWHERE, question_id, ANNA, AT) is None
    assert store.handovers.find(ELSEWHERE, question_id) is None
    assert store.handovers.of_guild(ELSEWHERE) == {}


def test_gap_not_handed_over_can_be_claimed(store: Store) -> None:
    question = Question(0, GUILD, 5, ASKER, "Where?", Evidence.NONE, AT, 1)
    ids = store.question_records.record([question, question])

    first = store.handovers.claim_group(GUILD, ids, ANNA, AT)
    second = store.handovers.claim_group(GUILD, ids[::-1], BERT, AT)

    assert first is not None
    assert first.done
    assert second is not None
    assert (second.done, second.handover.helper_id) == (False, ANNA)
    assert [one.posted for one in store.handovers.of_guild(GUILD).values()] == [True]


def test_question_is_handed_over_once(store: Store) -> None:
    first = handed(store)
    second = store.question_records.record(
        [Question(0, GUILD, 5, ASKER, "Why?", Evidence.NONE, AT, 1)]
    )
    later = AT + HANDING_PAUSE

    # Its posting was interrupted, so it is still due.
    assert store.handovers.enqueue(GUILD, [first], ASKER, AT) == first
    assert store.handovers.enqueue(GUILD, second, ASKER, AT) is NotHandedOn.TOO_SOON
    store.handovers.record_message(first, 7, 8)
    assert store.handovers.enqueue(GUILD, [first], ASKER, later) is NotHandedOn.ALREADY
    store.handovers.drop_queued(first)
    assert found(store, first).posted
    assert store.handovers.enqueue(GUILD, second, ASKER, later) == second[0]


def test_the_answer_goes_when_its_question_is_pruned(store: Store) -> None:
    question_id = handed(store)
    store.handovers.answer(GUILD, question_id, (ANNA, "Anna", "In Perth."), [], AT)

    store.question_records.prune(AT + timedelta(days=1), 9)

    assert found(store, question_id).answer == ""
