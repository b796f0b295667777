"""`Store` on a real database file: promises about the precious data."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from knowledge.store.notes.decisions import Ruling
from knowledge.store.store import Store
from knowledge.values.documents import SHARED, Scope
from knowledge.values.notes import Decision, Member, Note
from knowledge.values.questions import Evidence, Feedback, Question, RecordedHit, Verdict
from knowledge.values.submissions import Submission
from tests.refused import refused_questions
from tests.stores import REFUSED

GUILD = 10

MIRA, ADA = Member(1, "Mira"), Member(2, "Ada")

TEXT = Submission("GPU hours", "The club has 40 GPU hours a month.", ("gpu",), "https://a.org/")


def _proposed(store: Store, guild_id: int = GUILD, submission: Submission = TEXT) -> Note:
    return store.contributions.propose(guild_id, MIRA, 77, submission).note


def _question(**changed: object) -> Question:
    question = Question(
        id=0,
        guild_id=GUILD,
        channel_id=5,
        asker_id=1,
        text="how many gpu hours?",
        evidence=Evidence.STRONG,
        asked_at=datetime(2026, 3, 4, 5, 6, tzinfo=UTC),
        generation=9,
        hits=[
            RecordedHit("note:1", "GPU hours", "A › B", "40 a month", 0.75, ("meaning", "words")),
            RecordedHit("article:x", "X", "", "text", 0.5, ("words",), "https://x.org/"),
        ],
    )
    return replace(question, **changed)  # type: ignore[arg-type]


def test_a_question_is_kept_with_its_hits_in_order(store: Store) -> None:
    question_id = store.question_records.record([_question()])[0]
    assert store.question_records.question(question_id) == _question(id=question_id)


SAID = RecordedHit("chat:1", "", "", "", 0.5, ("words",), source_channel_id=7, position=2)


def test_a_hit_from_a_channel_is_kept_as_where_it_was(store: Store) -> None:
    question = _question(channels=(7, 9), hits=[SAID])
    [question_id] = store.question_records.record([question])
    assert store.question_records.question(question_id) == replace(question, id=question_id)


@pytest.mark.parametrize("words", ["title", "heading", "passage"])
def test_the_database_takes_no_word_of_what_a_channels_messages_say(
    store: Store, words: str
) -> None:
    said = replace(SAID, **{words: "Said by somebody."})  # type: ignore[arg-type]
    with pytest.raises(REFUSED, match=r"(?i)check"):
        store.question_records.record([_question(hits=[said])])
    assert store.question_records.question(1) is None


def test_a_question_that_was_never_asked_is_none(store: Store) -> None:
    assert store.question_records.question(1) is None


def test_gaps_are_the_refused_questions_of_one_guild_newest_first(store: Store) -> None:
    store.question_records.record([_question(text="answered")])[0]
    store.question_records.record([_question(text="old gap", evidence=Evidence.NONE, hits=[])])[0]
    store.question_records.record(
        [_question(text="elsewhere", evidence=Evidence.NONE, guild_id=11)]
    )[0]
    store.question_records.record(
        [_question(text="direct", evidence=Evidence.NONE, guild_id=None)]
    )[0]
    store.question_records.record([_question(text="new gap", evidence=Evidence.NONE, hits=[])])[0]
    assert [gap.text for gap in refused_questions(store, GUILD)] == ["new gap", "old gap"]
    assert [gap.text for gap in refused_questions(store, None)] == ["direct"]


def test_feedback_on_an_unknown_question_is_not_kept(store: Store) -> None:
    assert store.feedback_records.record(Feedback(5, 1, Verdict.HELPFUL)) is False


def test_the_last_verdict_of_a_member_counts(store: Store) -> None:
    question_id = store.question_records.record([_question()])[0]
    store.feedback_records.record(Feedback(question_id, 1, Verdict.HELPFUL))
    store.feedback_records.record(Feedback(question_id, 2, Verdict.HELPFUL))
    store.feedback_records.record(Feedback(question_id, 1, Verdict.UNHELPFUL, "old"))
    found = sorted(store.feedback_records.of(question_id), key=lambda feedback: feedback.member_id)
    assert found == [
        Feedback(question_id, 1, Verdict.UNHELPFUL, "old"),
        Feedback(question_id, 2, Verdict.HELPFUL),
    ]
    assert all(isinstance(feedback.verdict, Verdict) for feedback in found)


def test_counts_are_those_of_one_guild(store: Store) -> None:
    for guild_id in (GUILD, GUILD, 11):
        _proposed(store, guild_id)
    store.decisions.decide(GUILD, 1, ADA, Ruling(Decision.APPROVE))
    store.question_records.record([_question()])[0]
    assert store.counts(GUILD) == {"live": 1, "pending": 1, "questions": 1}


def test_a_source_is_remembered_once(store: Store) -> None:
    assert store.add_source("docs", SHARED) is True
    assert store.add_source("docs", SHARED) is False
    assert store.add_source("docs", Scope(GUILD)) is True
    store.remove_source("docs", SHARED)
    assert store.sources() == [("docs", Scope(GUILD))]


def test_memory_holds_the_last_value(store: Store) -> None:
    assert store.recall("key") is None
    store.remember("key", "old")
    store.remember("key", "new")
    assert store.recall("key") == "new"
    store.remember("key ring", "one")
    store.remember("another", "two")
    assert store.remembered("key") == {"": "new", " ring": "one"}
    assert store.remembered("key ") == {"ring": "one"}
    assert store.remembered("%") == {}
