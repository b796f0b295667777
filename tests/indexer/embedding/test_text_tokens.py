"""Counting tokens word by word: the tokenizer's own counts, in bounded memory."""

import io
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer, pre_tokenizers
from tokenizers.models import WordLevel

from indexer.embedding import text_tokens as token_counter
from indexer.embedding.text_tokens import (
    BEGIN,
    END,
    PIECES,
    WORD_CHARACTERS,
    SentencePieces,
    TokenCounter,
)


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


def test_cache_of_words_is_bounded(tokenizer: Tokenizer, monkeypatch: pytest.MonkeyPatch) -> None:
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


# SentencePiece vocabularies: the library's own tokens, words of late interaction, limits.


TEXTS = [
    "Who keeps the keys of the shed?",
    "Wer hat den Schlüssel zum Schuppen? Den Schlüssel hat der Wart.",
    "倉庫の鍵は誰が持っていますか。鍵は管理人が持っています。",
    "Кто хранит ключи от сарая?",
]


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The library with a small vocabulary, in the order of XLM-RoBERTa's special tokens."""
    from sentencepiece import SentencePieceProcessor, SentencePieceTrainer

    written = io.BytesIO()
    SentencePieceTrainer.train(
        sentence_iterator=iter(TEXTS * 20),
        model_writer=written,
        vocab_size=130,
        hard_vocab_limit=False,
        bos_id=0,
        pad_id=1,
        eos_id=2,
        unk_id=3,
        minloglevel=2,
    )
    path = tmp_path_factory.mktemp("pieces") / PIECES
    path.write_bytes(written.getvalue())
    return SentencePieceProcessor(model_file=str(path)), path


@pytest.fixture(scope="module")
def pieces(library: Any) -> SentencePieces:
    return SentencePieces(library[1])


@given(
    st.lists(st.sampled_from([*" \t\n\u00a0\u3000\u200b\x0b\x85éﬁ①", *"keys鍵は。"])).map("".join)
)
@example("\u00a8 \ufdfa")
@example("keys" * 100)
def test_words_have_the_texts_tokens(library: Any, pieces: SentencePieces, text: str) -> None:
    expected = library[0].encode(text)
    assert pieces.tokens(text, 0, 10_000).ids == [BEGIN, *expected, END]
    assert pieces.count(text) == len(expected)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", []),
        ("Who keeps the keys?", ["Who", "keeps", "the", "keys", "?"]),
        ("Schlüssel.keys", ["Schlüssel", ".", "keys"]),
        ("keys\n\u00a0the  shed", ["keys", "the", "shed"]),
    ],
)
def test_pieces_belong_to_words(pieces: SentencePieces, text: str, words: list[str]) -> None:
    found = pieces.tokens(text, 0, 100)
    assert found.words == words
    assert len(found.word_of) == len(found.ids)
    assert found.word_of[0] is found.word_of[-1] is None
    assert {*found.word_of} - {None} == {*range(len(words))}


def test_unspaced_script_has_a_word_in_each_piece(library: Any, pieces: SentencePieces) -> None:
    found = pieces.tokens(TEXTS[2], 0, 100)
    assert "".join(found.words) == library[0].normalize(TEXTS[2]).removeprefix("▁")
    assert len(found.words) > 10


def test_a_prompt_has_no_words(pieces: SentencePieces) -> None:
    found, alone = pieces.tokens("keys: Who keeps", 6, 100), pieces.tokens("Who keeps", 0, 100)
    assert found.words == alone.words == ["Who", "keeps"]
    assert len(found.ids) == len(alone.ids) + pieces.count("keys: ")


def test_tokens_end_at_the_limit(pieces: SentencePieces) -> None:
    found = pieces.tokens("keys " * 100, 0, 20)
    assert len(found.ids) == len(found.word_of) == 20
    assert (found.ids[0], found.ids[-1]) == (BEGIN, END)
    assert pieces.count("keys " * 100) > 20
