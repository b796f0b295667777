import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexer.text.analyzer import query_words, words
from indexer.text.symbols import symbols


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("what does == do", ["=="]),
        ("what is ==?", ["=="]),
        ("a==b, c != d", ["==", "!="]),
        ("what is >>> in the prompt", [">>>"]),
        ("`&&` goes on, `|` pipes", ["&&", "|"]),
        ("difference between => and ->", ["=>", "->"]),
        ("why does a list[::-1] turn round", ["[::-1]"]),
        ("whats ::-1", ["[::-1]"]),
        ("items[1:] and items[:5]", ["[1:]", "[:5]"]),
        ("def f(*args, **kwargs):", ["*args", "**kwargs"]),
        ("what are *args and **kwargs", ["*args", "**kwargs"]),
        ("what does @ do before a function", ["@"]),
        ("the ^ operator", ["^"]),
        ("what does & do", ["&"]),
        ("is the .env read?", [".env"]),
        ("Was bedeutet @ hier?", ["@"]),
    ],
)
def test_signs_that_are_spoken_of_are_words(text: str, found: list[str]) -> None:
    assert symbols(text) == found
    assert set(found) <= set(words(text))


@pytest.mark.parametrize(
    "text",
    [
        "How do I? Now! ... ?!",
        "**bold**, *two words*, ~~gone~~, ||spoiler||, __under__",
        "# Heading\n> quote\n- item\n* item\n---",
        "| a | b |\n|---|:--:|\n| 1 | 2 |",
        "Settings -> Network > Wifi",
        "salt & pepper, and/or, 5 % of 3 $, the # of users -- well",
        "<@123> said :) <3 xD ->",
        "at 10:30 [10:30] see [1] and https://example.org/a?b=c",
        "std::string, self-hosted, 3 > 2",
    ],
)
def test_punctuation_arrows_and_marks_of_markdown_are_none(text: str) -> None:
    assert symbols(text) == []


def test_a_symbol_counts_once_however_often_code_has_it() -> None:
    assert words("x == 1 and y == 2").count("==") == 1


def test_a_symbol_is_looked_for_and_grammar_is_not() -> None:
    [sign] = query_words("what does == do")
    assert (sign.forms, sign.optional) == (("==",), False)


def test_a_symbol_with_a_word_in_it_may_be_missing() -> None:
    sign, word = query_words("what are *args")
    assert (sign.forms, sign.optional, word.forms) == (("*args",), True, ("arg",))


@given(st.text(st.sampled_from("a=&|>*[]:.-1 `!@\n"), max_size=60))
def test_symbols_stand_in_the_text_and_hold_no_blank(text: str) -> None:
    for symbol in symbols(text):
        assert symbol.strip("[]") in text
        assert not any(map(str.isspace, symbol))
