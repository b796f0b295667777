"""What of a conversation a question is looked up with: plain values."""

from datetime import UTC, datetime

from bot.answers.ask import Ask
from bot.answers.lookup import SIBLING_GAIN, context_after, with_sibling_sections
from indexer.retrieval.hit import Hit
from knowledge.values.questions import EARLIER_CHARACTERS, Evidence, Question
from tests.bot.values import file_passage


def asked(text: str, earlier: str = "", evidence: Evidence = Evidence.PARTIAL) -> Question:
    return Question(1, None, None, 1, text, evidence, datetime.now(UTC), 1, earlier=earlier)


def test_the_question_before_an_answer_is_carried_along() -> None:
    assert context_after(asked("When?", "Who made it?")) == "Who made it?\nWhen?"


def test_two_questions_are_carried_and_no_more() -> None:
    assert context_after(asked("Third?", "First?\nSecond?")) == "Second?\nThird?"


def test_nothing_is_carried_after_a_refusal() -> None:
    assert context_after(asked("Pancakes?", "Who made it?", Evidence.NONE)) == "Pancakes?"


def test_a_carried_question_is_one_line() -> None:
    asked_so = asked("Hello,\n\nwhen  was that?", "Who?")
    assert context_after(asked_so) == "Who?\nHello, when was that?"


def test_a_long_question_is_carried_alone() -> None:
    long = "why " * (EARLIER_CHARACTERS // 4)
    assert context_after(asked(long, "Who made it?")) == long.strip()


def test_an_erased_question_carries_nothing() -> None:
    assert context_after(asked("", "Who made it?")) == ""


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
