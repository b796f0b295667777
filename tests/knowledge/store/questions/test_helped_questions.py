"""Unsolicited questions: only ids are stored, and each is answered at most once."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from knowledge.store.questions.helped_questions import WATCHED_FOR
from knowledge.store.store import Store
from knowledge.values.questions import DailyCaps, Evidence, HelpedQuestion, HelpState, Question

NOW = datetime(2026, 1, 2, tzinfo=UTC)
LATER = NOW + WATCHED_FOR
ASKED = HelpedQuestion(77, 10, 20, 1, is_post=False, asked_at=NOW, due_at=NOW)
NO_CAPS = DailyCaps(0, 0)
ANSWERED = Question(0, 10, 20, 1, "", Evidence.STRONG, NOW, 1)
GAP = replace(ANSWERED, text="How do quokkas swim?", evidence=Evidence.NONE)


def asked(store: Store, message_id: int, asker_id: int = 1, channel_id: int = 20) -> HelpedQuestion:
    made = replace(ASKED, message_id=message_id, asker_id=asker_id, channel_id=channel_id)
    assert store.helped_questions.add(made)
    return made


def answered(store: Store, question: HelpedQuestion, caps: DailyCaps = NO_CAPS) -> bool:
    return store.helped_questions.answer(question, ANSWERED, caps, NOW) is not None


def test_a_message_begins_to_wait_once(store: Store) -> None:
    assert store.helped_questions.add(ASKED)
    assert not store.helped_questions.add(replace(ASKED, asker_id=2))
    assert store.helped_questions.waiting() == [ASKED]


def test_a_question_is_answered_once_whatever_came_between(store: Store) -> None:
    store.helped_questions.add(ASKED)
    assert answered(store, ASKED)
    assert not answered(store, ASKED)
    assert not store.helped_questions.add(ASKED)
    assert not answered(store, ASKED)
    other = asked(store, 78)
    store.helped_questions.finish(other.message_id)
    assert not answered(store, other)


def test_answered_question_is_due_after_a_day(store: Store) -> None:
    store.helped_questions.add(ASKED)
    question_id = store.helped_questions.answer(ASKED, ANSWERED, NO_CAPS, NOW)
    store.helped_questions.record_reply(77, 99)
    left = asked(store, 78)
    store.helped_questions.watch(left)
    assert store.helped_questions.due(LATER - timedelta(seconds=1), 9) == []
    watched = replace(ASKED, state=HelpState.WATCHED, due_at=LATER)
    assert store.helped_questions.due(LATER, 9) == [
        replace(watched, question_id=question_id, reply_id=99),
        replace(watched, message_id=78),
    ]
    assert len(store.helped_questions.due(LATER, 1)) == 1
    store.helped_questions.finish(77)
    store.helped_questions.finish(78)
    assert store.helped_questions.due(LATER, 9) == []


def test_member_and_channel_have_daily_limits(store: Store) -> None:
    caps = DailyCaps(member=1, channel=2)
    assert answered(store, asked(store, 1), caps)
    # The same member elsewhere, then others here, one more than the cap.
    assert not answered(store, asked(store, 2, channel_id=21), caps)
    assert answered(store, asked(store, 3, asker_id=2), caps)
    assert not answered(store, asked(store, 4, asker_id=3), caps)
    assert answered(store, asked(store, 5, asker_id=3, channel_id=21), caps)
    late = replace(ASKED, message_id=6, asked_at=LATER, due_at=LATER)
    store.helped_questions.add(late)
    tomorrow = LATER + timedelta(minutes=1)
    assert store.helped_questions.answer(late, ANSWERED, caps, tomorrow) is not None


def test_what_was_not_answered_does_not_count_for_the_caps(store: Store) -> None:
    caps = DailyCaps(member=1, channel=1)
    store.helped_questions.watch(asked(store, 1))
    assert answered(store, asked(store, 2), caps)


def test_gap_goes_with_its_message(store: Store) -> None:
    store.helped_questions.watch(asked(store, 1))
    store.helped_questions.finish(1, GAP)
    [gap] = store.gaps.open(10)
    assert (gap.text, gap.asker_id) == (GAP.text, 1)
    assert store.helped_questions.guilds() == {10}
    assert store.helped_questions.forget([1])
    assert not store.helped_questions.forget([1])
    assert store.gaps.open(10) == []
    assert store.question_records.question(gap.id) is None
    files = store.database.folder.iterdir()
    assert GAP.text.encode() not in b"".join(one.read_bytes() for one in files)
    # No trace is left: it could begin anew.
    assert store.helped_questions.add(replace(ASKED, message_id=1))


def test_answers_record_outlives_its_message(store: Store) -> None:
    store.helped_questions.add(ASKED)
    question_id = store.helped_questions.answer(ASKED, ANSWERED, NO_CAPS, NOW)
    store.helped_questions.forget([77])
    assert store.question_records.question(question_id or 0) is not None


def test_what_is_older_than_questions_are_kept_is_dropped(store: Store) -> None:
    store.helped_questions.add(ASKED)
    store.helped_questions.prune(NOW)
    assert len(store.helped_questions.waiting()) == 1
    store.helped_questions.prune(NOW + timedelta(seconds=1))
    assert store.helped_questions.waiting() == []


def test_message_stands_in_its_channel_and_a_post_alone() -> None:
    assert ASKED.place_id == 20
    assert replace(ASKED, is_post=True).place_id == 77
