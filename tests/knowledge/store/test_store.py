"""`Store` on a real database file: promises about the precious data."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from knowledge.store.store import Store
from knowledge.values.documents import SHARED, Scope
from knowledge.values.questions import Evidence, Feedback, Question, RecordedHit, Verdict
from tests.knowledge.decided_notes import decided, proposed
from tests.stores import REFUSED

GUILD = 10


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


SAID = RecordedHit("chat:1", "", "", "", 0.5, ("words",), source_channel_id=7, position=2)


@pytest.mark.parametrize("changed", [{}, {"channels": (7, 9), "hits": [SAID]}])
def test_question_keeps_its_hits_in_order(store: Store, changed: dict[str, object]) -> None:
    question = _question(**changed)
    [question_id] = store.question_records.record([question])
    assert store.question_records.question(question_id) == replace(question, id=question_id)
    assert store.question_records.question(question_id + 1) is None


@pytest.mark.parametrize("words", ["title", "heading", "passage"])
def test_no_word_of_a_channel_is_stored(store: Store, words: str) -> None:
    said = replace(SAID, **{words: "Said by somebody."})  # type: ignore[arg-type]
    with pytest.raises(REFUSED, match=r"(?i)check"):
        store.question_records.record([_question(hits=[said])])
    assert store.question_records.question(1) is None


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
    assert store.feedback_records.record(Feedback(question_id + 1, 1, Verdict.HELPFUL)) is False


def test_counts_are_those_of_one_guild(store: Store) -> None:
    first, *_ = [proposed(store, guild_id=guild_id) for guild_id in (GUILD, GUILD, 11)]
    decided(store, first)
    store.question_records.record([_question()])
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
