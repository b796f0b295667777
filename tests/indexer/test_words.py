import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexer.words import query_words, words


@given(st.text(max_size=200))
def test_no_word_holds_a_blank_or_a_quote(text: str) -> None:
    for word in [*words(text), *query_words(text)]:
        assert word
        assert not any(character.isspace() or character == '"' for character in word)


@given(st.text(max_size=200))
def test_words_are_the_same_however_they_are_capitalised(text: str) -> None:
    assert words(text.casefold()) == words(text.casefold().upper().casefold())


@pytest.mark.parametrize(
    ("said", "asked"),
    [
        ("licences", "licence"),
        ("Universities", "university"),
        ("Zürich", "zurich"),
        ("the model's weights", "weight model"),
        ("pip --no-cache-dir", "--no-cache-dir"),
        ("C++ and C#", "c++"),
        ("snake_case", "case"),
        ("v2.7.1", "V2.7.1"),
        ("東京都", "東京"),
        ("ｆｕｌｌ", "full"),
    ],
)
def test_a_query_finds_what_is_said_in_another_form(said: str, asked: str) -> None:
    assert set(query_words(asked)) <= set(words(said))


def test_the_commonest_words_are_not_looked_for() -> None:
    assert query_words("What is the licence of the model?") == ["licence", "model"]


def test_a_query_of_nothing_but_common_words_keeps_them() -> None:
    assert query_words("What is it to you?") == ["what", "is", "it", "to", "you"]


@pytest.mark.parametrize("text", ["", " ", "?!…", "\x00", '"" "*'])
def test_a_text_without_words_has_none(text: str) -> None:
    assert words(text) == query_words(text) == []
