"""Names in a question."""

from indexer.text.answer_signals import names


def test_names_are_capitals_behind_the_first_word_and_words_with_digits() -> None:
    assert names("Where did Ada Lovelace run v2 and I not?") == ["Ada", "Lovelace", "v2"]


def test_a_question_in_capitals_names_only_what_has_digits() -> None:
    assert names("WHERE IS ADA IN 1843") == ["1843"]
