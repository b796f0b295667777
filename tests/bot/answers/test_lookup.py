"""What of a conversation a question is looked up with: plain values."""

from datetime import UTC, datetime

import pytest

from bot.answers.lookup import (
    Ask,
    Lookup,
    as_sure,
    context_after,
    counts,
    queries,
)
from knowledge.model.questions import EARLIER_CHARACTERS, Evidence, Question

NOT_COVERED = {"coverage": 0.0}


def asked(text: str, earlier: str = "", evidence: Evidence = Evidence.PARTIAL) -> Question:
    return Question(1, None, None, 1, text, evidence, datetime.now(UTC), 1, earlier=earlier)


def test_after_an_answer_the_question_before_it_is_carried_along() -> None:
    assert context_after(asked("When?", "Who made it?")) == "Who made it?\nWhen?"


def test_two_questions_are_carried_and_no_more() -> None:
    assert context_after(asked("Third?", "First?\nSecond?")) == "Second?\nThird?"


def test_after_a_refusal_nothing_of_the_topic_before_is_carried() -> None:
    assert context_after(asked("Pancakes?", "Who made it?", Evidence.NONE)) == "Pancakes?"


def test_a_question_of_several_lines_is_one_line_of_what_is_carried() -> None:
    asked_so = asked("Hello,\n\nwhen  was that?", "Who?")
    assert context_after(asked_so) == "Who?\nHello, when was that?"


def test_a_long_question_is_carried_alone() -> None:
    long = "why " * (EARLIER_CHARACTERS // 4)
    assert context_after(asked(long, "Who made it?")) == long.strip()


def test_an_erased_question_carries_nothing() -> None:
    assert context_after(asked("", "Who made it?")) == ""


@pytest.mark.parametrize(
    ("earlier", "wanted"),
    [
        ("", ["its?"]),
        ("Who?", ["its?", "Who?\nits?"]),
        ("Who?\nWhen?", ["its?", "When?\nits?", "Who?\nWhen?\nits?"]),
    ],
)
def test_a_question_is_looked_up_by_itself_with_the_last_and_with_all(
    earlier: str, wanted: list[str]
) -> None:
    assert queries("its?", earlier) == wanted


@pytest.mark.parametrize(
    "text",
    [
        "Who is the mayor of Berlin?",
        "Wer ist der neue Bürgermeister von Berlin?",
        "Good pancake recipes?",
    ],
)
def test_a_new_topic_is_not_answered_by_what_the_old_one_finds(text: str) -> None:
    assert not counts(text, f"Who made PyTorch?\n{text}", NOT_COVERED)


@pytest.mark.parametrize(
    "text",
    [
        "When did they publish that version?",
        "and with stable versions?",
        "What about commercial users?",
        "Any examples?",
        "Why not?",
        "Wann wurde sie zuerst veröffentlicht?",
        "Und unter Windows und Linux?",
        "Braucht man dafür Grafikkarten?",
    ],
)
def test_what_refers_back_or_says_too_little_is_answered_with_what_came_before(text: str) -> None:
    assert counts(text, f"Who made PyTorch?\n{text}", NOT_COVERED)


def test_what_the_passage_says_answers_also_where_nothing_refers_back() -> None:
    text = "Which licence has PyTorch?"
    assert counts(text, f"Who made PyTorch?\n{text}", {"coverage": 0.5})


def test_in_a_language_whose_words_are_not_known_evidence_alone_chooses() -> None:
    text = "¿Quién es el alcalde de la ciudad de Berlín?"
    assert counts(text, f"Who made PyTorch?\n{text}", NOT_COVERED)


def test_a_question_has_no_sign_that_no_database_keeps() -> None:
    ask = Ask("When\0?", asker_id=1, earlier="Wh\0o\ud83d?")
    assert (ask.text, ask.earlier) == ("When?", "Who\ufffd?")


def test_a_question_by_itself_always_counts() -> None:
    text = "Who is the mayor of Berlin?"
    assert counts(text, text, NOT_COVERED)
    assert counts(text, f"Who?\n{text}", {})


@pytest.mark.parametrize(
    ("text", "earlier", "coverage", "evidence"),
    [
        ("im on hotmail", "no mail came", 0.0, Evidence.PARTIAL),
        ("im on hotmail", "no mail came", 0.3, Evidence.STRONG),
        ("and then?", "no mail came", 0.0, Evidence.STRONG),
        ("im on hotmail", "", 0.0, Evidence.STRONG),
    ],
)
def test_what_has_nothing_of_a_follow_up_is_partial_at_most(
    text: str, earlier: str, coverage: float, evidence: Evidence
) -> None:
    ask = Ask(text, asker_id=1, earlier=earlier)
    query = queries(text, earlier)[-1]
    found = Lookup(ask, query, [], Evidence.STRONG, {"coverage": coverage})
    assert as_sure(found).evidence is evidence
