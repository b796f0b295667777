from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexer.text.analyzer import query_words
from indexer.text.query_normalization import normalize, spelt_out

WAYS = list(product(["open-source", "open source"], ["What's", "Whats"], ["", "?", " ?!", "!"]))


@pytest.mark.parametrize(("noun", "asking", "end"), WAYS)
def test_punctuation_makes_no_difference(noun: str, asking: str, end: str) -> None:
    question = f"{asking} the {noun} licence{end}"
    assert spelt_out(question).lower() == "what is the open source licence?"
    assert query_words(question) == query_words("whats the open source licence")


@pytest.mark.parametrize(
    ("typed", "read"),
    [
        ("how do u send ur pics w/o bt", "how do you send your pictures without bluetooth?"),
        ("Don't know. thx!", "do not know."),
        ("i cant login, (plz) help", "i can not login?"),
        ("(where r the keys)", "where are the keys?"),
        ("how do i pay.", "how do i pay?"),
        ("<@123> how do i pay \U0001f62d ~", "how do i pay?"),
        ("hey guys, can i pay", "can i pay?"),
        ("hi all how do i pay plz help", "how do i pay?"),
        ("lol keys lost ngl", "keys lost?"),
        ("hello world example", "hello world example?"),
        ("what does tbh mean", "what does tbh mean?"),
        ("who says lol", "who says lol?"),
        ("how do i say thanks", "how do i say thanks?"),
        ("please help", "please help?"),
        ("what r package draws", "what r package draws?"),
        ("which new r package draws", "which new r package draws?"),
        ("what keys r there", "what keys are there?"),
        ("keys pls", "keys?"),
        ("hey guys, keys?", "keys?"),
        ("lol", "lol?"),
        ("where is the well I'll need", "where is the well Ill need?"),
        ("It expires after a year.", "It expires after a year."),
        ("it\u2019s the server's fault", "its the servers fault?"),
        ("wo steht das im Menü?", "wo steht das im Menü?"),
    ],
)
def test_shorthand_is_spelt_out(typed: str, read: str) -> None:
    assert spelt_out(typed) == read


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("how do i send pics w/o bt", "how do i send pictures without bluetooth"),
        ("dunno if u need an acct", "do not know if you need an account"),
        ("where do i change ur addr", "where do i change your address"),
    ],
)
def test_shorthand_changes_no_word_looked_up(typed: str, meant: str) -> None:
    short, long = ([set(word.forms) for word in query_words(way)] for way in (typed, meant))
    assert short == long


@pytest.mark.parametrize(
    "name",
    ["docker-compose.yml", "--no-cache-dir", "C++", "v2.7-rc", "covid-19", "O'Reilly", "a != b"],
)
def test_names_and_code_keep_their_signs(name: str) -> None:
    assert normalize(f"what is {name} for?") == f"what is {name} for"


def test_what_is_nothing_but_signs_stays() -> None:
    assert normalize("???") == "???"


@given(st.text(max_size=100))
def test_evening_out_twice_changes_nothing_more(text: str) -> None:
    once = normalize(text)
    assert normalize(once) == once
    assert query_words(once) == query_words(text)
