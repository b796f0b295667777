import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexer.text.analyzer import names, query_words, words


def _is_found(asked: str, said: str) -> bool:
    """Whether every word that a query insists on is said, in one of its forms."""
    wanted = [word for word in query_words(asked) if not word.optional]
    return bool(wanted) and all(set(word.forms) & set(words(said)) for word in wanted)


def _forms(text: str) -> list[tuple[str, ...]]:
    return [word.forms for word in query_words(text)]


@given(st.text(max_size=200))
def test_no_word_is_empty_or_holds_a_blank(text: str) -> None:
    forms = [form for word in query_words(text) for form in word.forms]
    for word in [*words(text), *forms]:
        assert word
        assert not any(character.isspace() for character in word)


@given(st.text(max_size=200))
def test_no_word_is_looked_for_twice(text: str) -> None:
    wanted = query_words(text)
    assert len(set(wanted)) == len(wanted)


@pytest.mark.parametrize(
    ("said", "asked"),
    [
        ("licences", "licence"),
        ("Universities", "university"),
        ("Zürich", "zurich"),
        ("the model's weights", "weight model"),
        ("pip --no-cache-dir", "--no-cache-dir"),
        ("C++ and C#", "c++"),
        ("call snake_case here", "snake case"),
        ("v2.7.1", "V2.7.1"),
        ("東京都", "東京"),
        ("\uff46\uff55\uff4c\uff4c", "full"),
        ("kubernetes", "k8s"),
        ("k8s pods", "kubernetes pods"),
        ("guest pw", "guest password"),
    ],
)
def test_a_query_finds_what_is_said_in_another_form(said: str, asked: str) -> None:
    assert _is_found(asked, said)


def test_a_query_does_not_find_what_is_not_said() -> None:
    assert not _is_found("cows", "bees make honey")


def test_words_of_mere_grammar_are_not_looked_for() -> None:
    assert len(_forms("What is the licence of the model?")) == 2


def test_one_word_of_an_abbreviation_is_not_enough() -> None:
    assert not _is_found("machine", "ml")


@pytest.mark.parametrize(
    "text",
    ["Why doesn't the printer work?", "why dont u like it, printer works", "whats ur printer"],
)
def test_what_is_left_of_grammar_is_not_looked_for(text: str) -> None:
    assert {form for forms in _forms(text) for form in forms} <= {"printer", "work", "like"}


def test_a_query_of_nothing_but_grammar_keeps_its_words() -> None:
    assert len(_forms("What is it?")) == 3


@pytest.mark.parametrize("text", ["", " ", "?!…", "\x00", '"" "*'])
def test_a_text_without_words_has_none(text: str) -> None:
    assert words(text) == []
    assert query_words(text) == []


@given(st.text(st.characters(codec="ascii"), max_size=80))
def test_plain_ascii_gives_the_words_that_the_patterns_give(text: str) -> None:
    """Blanks are put in by a table there; a letter beyond ASCII takes the way of the patterns."""
    assert words(text, "en") == words(f"{text} 日", "en")[:-1]


def test_names_are_later_capitals_and_words_with_digits() -> None:
    assert names("Where did Ada Lovelace run v2 and I not?") == ["Ada", "Lovelace", "v2"]


def test_a_question_in_capitals_names_only_what_has_digits() -> None:
    assert names("WHERE IS ADA IN 1843") == ["1843"]
