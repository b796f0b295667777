"""What of a conversation a question is looked up with: plain values."""

from datetime import UTC, datetime

import pytest

from bot.answers.ask import Ask, Lookup
from bot.answers.lookup import (
    SIBLING_GAIN,
    cap_evidence,
    context_after,
    with_sibling_sections,
)
from indexer.retrieval.hit import Hit
from knowledge.values.documents import SHARED
from knowledge.values.questions import EARLIER_CHARACTERS, Evidence, Question
from tests.bot.values import file_passage


def asked(text: str, earlier: str = "", evidence: Evidence = Evidence.PARTIAL) -> Question:
    return Question(1, None, None, 1, text, evidence, datetime.now(UTC), 1, earlier=earlier)


LONG = "why " * (EARLIER_CHARACTERS // 4)


@pytest.mark.parametrize(
    ("question", "context"),
    [
        pytest.param(asked("When?", "Who made it?"), "Who made it?\nWhen?", id="before an answer"),
        pytest.param(asked("Third?", "First?\nSecond?"), "Second?\nThird?", id="no more than two"),
        pytest.param(
            asked("Pancakes?", "Who made it?", Evidence.NONE), "Pancakes?", id="after a refusal"
        ),
        pytest.param(
            asked("Hello,\n\nwhen  was that?", "Who?"), "Who?\nHello, when was that?", id="one line"
        ),
        pytest.param(asked(LONG, "Who made it?"), LONG.strip(), id="long question alone"),
        pytest.param(asked("", "Who made it?"), "", id="erased"),
    ],
)
def test_at_most_two_questions_are_carried_along(question: Question, context: str) -> None:
    assert context_after(question) == context


def test_a_followed_question_is_its_members_own_here() -> None:
    ask = Ask("And then?", 1, 2, 3, "Who?\nWhen?", channels=(4,))
    assert ask.previous == Ask("When?", 1, 2, 3, "Who?", channels=(4,))
    assert ask.previous.previous == Ask("Who?", 1, 2, 3, channels=(4,))


def test_a_question_loses_signs_no_database_keeps() -> None:
    ask = Ask("When\0?", asker_id=1, earlier="Wh\0o\ud83d?")
    assert (ask.text, ask.earlier) == ("When?", "Who\ufffd?")


def found(document: str, number: int, score: float) -> Hit:
    passage = file_passage(f"Text {number}.", id=number, document_id=f"file:{document}")
    return Hit(passage, score, 0.0, 0.0, 0.0, ())


def test_another_section_is_preferred_unless_far_worse() -> None:
    shown = found("press", 1, 0.9)
    hits = [shown, found("cows", 2, 0.6), found("bees", 3, 0.3)]

    def order(score: float) -> list[int]:
        siblings = [found("press", 4, score)]
        return [hit.passage.id for hit in with_sibling_sections(hits, siblings, shown.passage)]

    assert order(0.6 - SIBLING_GAIN / 2) == [4, 2, 3]
    assert order(0.6 - SIBLING_GAIN * 1.5) == [2, 4, 3]
    assert order(0.0) == [2, 3, 4]


def test_other_hits_keep_a_rerankers_order() -> None:
    shown = found("press", 1, 0.9)
    hits = [found("bees", 3, 0.3), shown, found("cows", 2, 0.6)]

    after = with_sibling_sections(hits, [found("press", 4, 0.7)], shown.passage)

    assert [hit.passage.id for hit in after] == [4, 3, 2]


@pytest.mark.parametrize(
    ("ask", "heading", "evidence"),
    [
        pytest.param(Ask("wpa3?", 1, detail="wpa3?"), "WPA3", Evidence.STRONG, id="named"),
        pytest.param(Ask("wpa3?", 1, detail="wpa3?"), "Wine", Evidence.NONE, id="mentioned"),
        pytest.param(Ask("wpa3?", 1), "Wine", Evidence.STRONG, id="no follow-up"),
        pytest.param(
            Ask("set up wpa3", 1, earlier="set up wpa2", detail="wpa3?"),
            "Wine",
            Evidence.STRONG,
            id="in full",
        ),
        pytest.param(
            Ask("set up 5g", 1, earlier="set up wpa2", detail="5g?"),
            "Wine",
            Evidence.PARTIAL,
            id="in full, missing",
        ),
    ],
)
def test_a_detail_must_be_in_the_answer(ask: Ask, heading: str, evidence: Evidence) -> None:
    passage = file_passage("It knows wpa3.", heading=heading)
    lookup = Lookup(ask, [Hit(passage, 0.9, 0.8, 0.8, 0.5, ())], Evidence.STRONG, {}, (SHARED,))
    assert cap_evidence(lookup).evidence is evidence
