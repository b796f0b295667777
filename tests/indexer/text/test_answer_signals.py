"""Features of an answer: what turns a question's meaning round, whom it names, what it asks for."""

import pytest

from indexer.text.analyzer import word_set
from indexer.text.answer_signals import fitting, names


def test_names_are_capitals_behind_the_first_word_and_words_with_digits() -> None:
    assert names("Where did Ada Lovelace run v2 and I not?") == ["Ada", "Lovelace", "v2"]


def test_a_question_in_capitals_names_only_what_has_digits() -> None:
    assert names("WHERE IS ADA IN 1843") == ["1843"]


@pytest.mark.parametrize(
    ("question", "text", "fit"),
    [
        ("How many rooms are there?", "There are twelve rooms.", 1),
        ("How many rooms are there?", "There are rooms.", -1),
        ("When did the 1912 ship sink?", "The 1912 ship sank.", -1),
        ("When did the ship sink?", "The ship sank in 1912.", 1),
        ("Why is it slow?", "It is slow because it swaps.", 1),
        ("Is it slow?", "It is slow.", 0),
    ],
)
def test_a_text_fits_where_it_has_a_new_span_of_the_kind_asked_for(
    question: str, text: str, fit: int
) -> None:
    assert fitting(question, word_set(question), text) == fit
