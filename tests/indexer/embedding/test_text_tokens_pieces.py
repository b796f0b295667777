"""SentencePiece vocabularies: the library's own tokens, words of late interaction, limits."""

import io
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from indexer.embedding.text_tokens import BEGIN, END, PIECES, SentencePieces

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
def test_words_alone_have_the_tokens_of_the_text(
    library: Any, pieces: SentencePieces, text: str
) -> None:
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


def test_a_script_without_blanks_has_a_word_in_each_piece(
    library: Any, pieces: SentencePieces
) -> None:
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
