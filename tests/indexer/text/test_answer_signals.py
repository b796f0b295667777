"""Features of an answer: what turns a question's meaning round, whom it names, what it asks for."""

import pytest

from indexer.text.analyzer import word_set
from indexer.text.answer_signals import fitting, missing, names, opposed


@pytest.mark.parametrize(
    ("question", "text", "ways"),
    [
        ("Who signed the treaty?", "Norway signed the treaty.", 0),
        ("Who did not sign the treaty?", "Norway signed the treaty.", 1),
        ("Who did not sign the treaty?", "Norway never signed the treaty.", 0),
        ("Why does it not start?", "Hold the button and it starts.", 0),
        ("What is the first step?", "The last step is to save.", 1),
        ("Is it legal?", "It is illegal here.", 1),
        ("What is illegal here?", "It is legal there.", 1),
        ("Who did not join first?", "Ada joined last.", 2),
    ],
)
def test_a_window_is_opposed_in_as_many_ways_as_it_turns_the_question(
    question: str, text: str, ways: int
) -> None:
    assert opposed(question, word_set(question), text, word_set(text)) == ways


def test_names_are_capitals_behind_the_first_word_and_words_with_digits() -> None:
    assert names("Where did Ada Lovelace run v2 and I not?") == ["Ada", "Lovelace", "v2"]


def test_a_question_in_capitals_names_only_what_has_digits() -> None:
    assert names("WHERE IS ADA IN 1843") == ["1843"]


def test_missing_is_the_share_of_names_that_a_passage_lacks() -> None:
    assert missing(["Ada", "Lovelace"], word_set("Ada wrote it.")) == 0.5
    assert missing([], word_set("Ada wrote it.")) == 0
    assert missing(["@", "=="], word_set("`@` is a decorator.")) == 0.5


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
