"""Counting tokens word by word: the tokenizer's own counts, in bounded memory."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer, pre_tokenizers
from tokenizers.models import WordLevel

from indexer.embedding.token_counter import WORD_CHARACTERS, WORDS_KEPT, TokenCounter


@pytest.fixture(scope="session")
def tokenizer(derived: Path) -> Tokenizer:
    """The default model's."""
    return Tokenizer.from_file(str(derived / "tokenizer.json"))


def _whole(tokenizer: Tokenizer, text: str) -> int:
    return len(tokenizer.encode(text, add_special_tokens=False).ids)


# What tokenizers take for blanks, leave out, take apart or take as one; and what Python alone takes
# for a blank.
_SINGLE = " \n\t\r\x00\x0b\x0c\x1c\x85\xa0\u00ad\u0301\u200b\u2028\u3000\ufeff.,-_'’éßİΣ中한🙂"
_LONGER = ("[SEP]", "[MASK]", "word", "Tokenizers", "https://a.example/b?c", "w" * 101)
_odd = st.sampled_from([*_SINGLE, *_LONGER])


@settings(deadline=None)
@given(st.lists(st.one_of(_odd, st.text(max_size=6)), max_size=40).map("".join))
def test_the_words_of_a_text_have_as_many_tokens_as_the_text(
    tokenizer: Tokenizer, text: str
) -> None:
    count = TokenCounter(tokenizer)
    assert count.by_word
    assert count(text) == _whole(tokenizer, text)


_unbroken = st.sampled_from([*_SINGLE.replace(" ", "").replace("\n", ""), *_LONGER, "_", "漢"])


@settings(deadline=None)
@given(st.lists(_unbroken, min_size=WORD_CHARACTERS, max_size=100).map("".join))
def test_what_has_no_blanks_for_long_has_as_many_tokens(tokenizer: Tokenizer, text: str) -> None:
    assert TokenCounter(tokenizer)(text) == _whole(tokenizer, text)


def test_words_without_end_are_not_all_remembered(tokenizer: Tokenizer) -> None:
    count = TokenCounter(tokenizer)
    text = " ".join(f"w{number}" for number in range(WORDS_KEPT + 10))
    assert count(text) == _whole(tokenizer, text)
    assert 0 < len(count._tokens) <= WORDS_KEPT


def test_a_tokenizer_whose_tokens_hold_blanks_is_asked_for_the_whole_text() -> None:
    tokenizer = Tokenizer(WordLevel({"a b": 0, "?": 1}, unk_token="?"))  # noqa: S106
    tokenizer.pre_tokenizer = pre_tokenizers.Split("", "isolated", invert=False)
    count = TokenCounter(tokenizer)
    assert not count.by_word
    assert count("a b") == _whole(tokenizer, "a b")


def test_a_token_with_a_blank_that_was_added_is_still_one(tokenizer: Tokenizer) -> None:
    widened = Tokenizer.from_str(tokenizer.to_str())
    widened.add_tokens(["New York"])
    count = TokenCounter(widened)
    assert count("in New York") == _whole(widened, "in New York") == 2
