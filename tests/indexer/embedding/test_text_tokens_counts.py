"""Counting tokens word by word: the tokenizer's own counts, in bounded memory."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer, pre_tokenizers
from tokenizers.models import WordLevel

from indexer.embedding import text_tokens as token_counter
from indexer.embedding.text_tokens import WORD_CHARACTERS, TokenCounter


@pytest.fixture(scope="session")
def tokenizer(derived: Path) -> Tokenizer:
    """The small shipped model's."""
    return Tokenizer.from_file(str(derived / "tokenizer.json"))


def _whole(tokenizer: Tokenizer, text: str) -> int:
    return len(tokenizer.encode(text, add_special_tokens=False).ids)


# Characters that tokenizers read as blanks, drop, split or join, and blanks of Python alone.
_SINGLE = " \n\t\r\x00\x0b\x0c\x1c\x85\xa0\u00ad\u0301\u200b\u2028\u3000\ufeff.,-_'’éßİΣ中한🙂"
_LONGER = ("[SEP]", "[MASK]", "word", "Tokenizers", "https://a.example/b?c", "w" * 101)
_odd = st.sampled_from([*_SINGLE, *_LONGER])


@settings(deadline=None)
@given(st.lists(st.one_of(_odd, st.text(max_size=6)), max_size=40).map("".join))
def test_counting_by_word_gives_the_count_of_the_text(tokenizer: Tokenizer, text: str) -> None:
    count = TokenCounter(tokenizer)
    assert count.by_word
    assert count(text) == _whole(tokenizer, text)


_unbroken = st.sampled_from([*_SINGLE.replace(" ", "").replace("\n", ""), *_LONGER, "_", "漢"])


@settings(deadline=None)
@given(st.lists(_unbroken, min_size=WORD_CHARACTERS, max_size=100).map("".join))
def test_long_runs_without_blanks_are_counted_right(tokenizer: Tokenizer, text: str) -> None:
    assert TokenCounter(tokenizer)(text) == _whole(tokenizer, text)


def test_the_cache_of_words_is_bounded(
    tokenizer: Tokenizer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(token_counter, "WORDS_KEPT", 50)
    count = TokenCounter(tokenizer)
    text = " ".join(f"w{number}" for number in range(60))
    assert count(text) == _whole(tokenizer, text)
    assert 0 < len(count._tokens) <= 50


def test_a_tokenizer_with_blanks_in_tokens_reads_the_whole_text() -> None:
    tokenizer = Tokenizer(WordLevel({"a b": 0, "?": 1}, unk_token="?"))  # noqa: S106
    tokenizer.pre_tokenizer = pre_tokenizers.Split("", "isolated", invert=False)
    count = TokenCounter(tokenizer)
    assert not count.by_word
    assert count("a b") == _whole(tokenizer, "a b")


def test_an_added_token_with_a_blank_counts_once(tokenizer: Tokenizer) -> None:
    widened = Tokenizer.from_str(tokenizer.to_str())
    widened.add_tokens(["New York"])
    count = TokenCounter(widened)
    assert count("in New York") == _whole(widened, "in New York") == 2
