"""Tokens of a text, by the tokenizers of models, with caches of words.

While a document is cut, most of its text is counted a dozen times. If a tokenizer splits each word
without regard to neighbouring words, a text's count is the sum of its words' counts. Other
tokenizers get the whole text.

A SentencePiece vocabulary of 250,000 pieces takes 57 MB of memory here, and 291 MB with the library
tokenizers. Both give the same tokens. No piece crosses a blank, so a text's tokens are the tokens
of its words. The library comes with the packages of models with such a vocabulary.
"""

import re
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any, Final, NamedTuple

from tokenizers import Encoding, Tokenizer
from tokenizers.models import WordPiece
from tokenizers.normalizers import BertNormalizer
from tokenizers.pre_tokenizers import BertPreTokenizer

PIECES: Final = "sentencepiece.model"
# The first and the last token of a text, in XLM-RoBERTa's vocabularies.
BEGIN: Final = 0
END: Final = 2

# The size of a cache of words, about 8 MB. A longer word is seldom seen twice.
WORDS_KEPT: Final = 65_536
WORD_CHARACTERS: Final = 64
# The beginning of a word, in a piece.
_BLANK: Final = "▁"
_WORD: Final = re.compile(r"[^ \t\n\f\r]+")
# Between two letters, a piece continues the word before it. In scripts without blanks (Thai to
# Khmer, Chinese, Japanese) each piece is a word.
_UNSPACED: Final = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u2e80-\u9fff\uf900-\ufaff"
_LETTER: Final = re.compile(rf"[^\W{_UNSPACED}]")
# Newer releases of the library keep the zero-width joiner. XLM-RoBERTa has it as a blank.
JOINER: Final = "\u200d"


class TextTokens(NamedTuple):
    """A text's tokens, special ones included.

    `word_of` is for each token the place of its word; None for special tokens and a prompt's.
    """

    ids: list[int]
    words: list[str]
    word_of: list[int | None]


def tokens_of_encoding(text: str, encoding: Encoding, prompt: int = 0) -> TextTokens:
    """The tokens of an encoded text; its first `prompt` characters are a prompt."""
    numbers: dict[int, int] = {}
    words: list[str] = []
    for word in encoding.word_ids:
        if word is None or word in numbers:
            continue
        span = encoding.word_to_chars(word)
        if span is not None and span[0] >= prompt:
            numbers[word] = len(words)
            words.append(text[slice(*span)])
    word_of = [None if word is None else numbers.get(word) for word in encoding.word_ids]
    return TextTokens(encoding.ids, words, word_of)


class _Piece(NamedTuple):
    """A token of a word: its id, its text without a blank, and whether a word goes on with it."""

    number: int
    text: str
    continues: bool


class SentencePieces:
    """A SentencePiece model. Several threads can use it at once."""

    def __init__(self, path: Path) -> None:
        from sentencepiece import SentencePieceProcessor

        self._processor: Any = SentencePieceProcessor(model_file=str(path))
        self._known: dict[str, list[_Piece]] = {}

    def count(self, text: str) -> int:
        """The number of a text's tokens, without special tokens."""
        return sum(len(self._pieces(word)) for word in _WORD.findall(text))

    def tokens(self, text: str, prompt: int, most: int) -> TextTokens:
        """The first `most` tokens of a text, special ones included.

        The text begins with a prompt of `prompt` characters.
        """
        found = TextTokens([BEGIN], [], [None])
        for start, piece in islice(self._placed_pieces(text), most - 2):
            found.ids.append(piece.number)
            if start < prompt:
                found.word_of.append(None)
                continue
            if piece.continues and found.words:
                found.words[-1] += piece.text
            else:
                found.words.append(piece.text)
            found.word_of.append(len(found.words) - 1)
        found.ids.append(END)
        found.word_of.append(None)
        return found

    def _placed_pieces(self, text: str) -> Iterator[tuple[int, _Piece]]:
        """A text's pieces, each with the place of its word in the text."""
        for match in _WORD.finditer(text):
            for piece in self._pieces(match[0]):
                yield match.start(), piece

    def _pieces(self, word: str) -> list[_Piece]:
        if (known := self._known.get(word)) is not None:
            return known
        found: list[_Piece] = []
        for number in self._processor.encode(word.replace(JOINER, " ")):
            text = self._processor.id_to_piece(number)
            letters = text.removeprefix(_BLANK)
            before = found[-1].text if found else ""
            joins = not before or (_LETTER.match(before[-1]) and _LETTER.match(letters))
            found.append(_Piece(number, letters, bool(found and joins and letters == text)))
        if len(word) <= WORD_CHARACTERS:
            if len(self._known) >= WORDS_KEPT:
                self._known.clear()
            self._known[word] = found
        return found


# Counts.

# Characters that such a tokenizer reads as one token each: ASCII punctuation, and ideographs.
_SIGN: Final = re.compile(r"[!-/:-@\[-`{-~\u3400-\u4dbf\u4e00-\u9fff]")


class TokenCounter:
    """Counts the tokens of texts, without special tokens."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        """Count with a tokenizer set to no padding and no truncation."""
        self._tokens = _Tokens(tokenizer)
        self.by_word = _reads_word_by_word(tokenizer)

    def __call__(self, text: str) -> int:
        if not self.by_word:
            return self._tokens.count(text)
        # Other separators are left to the tokenizer.
        return sum(map(self._tokens.__getitem__, text.replace("\n", " ").split(" ")))


class _Tokens(dict[str, int]):
    """Cache of the token counts of words."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        super().__init__()
        self._tokenizer = tokenizer
        self._added = [token.content for token in tokenizer.get_added_tokens_decoder().values()]

    def count(self, text: str) -> int:
        [encoding] = self._tokenizer.encode_batch_fast([text], add_special_tokens=False)
        return len(encoding.ids)

    def __missing__(self, word: str) -> int:
        if len(word) > WORD_CHARACTERS:
            return self._count_in_parts(word)
        count = self.count(word)
        if len(self) >= WORDS_KEPT:
            self.clear()
        self[word] = count
        return count

    def _count_in_parts(self, word: str) -> int:
        """Count the tokens of a long word in the parts between its signs.

        Such a word may be Chinese text, a line of dashes, or meant to keep the tokenizer busy.
        """
        parts = _SIGN.split(word)
        if len(parts) == 1 or any(content in word for content in self._added):
            return self.count(word)
        return len(parts) - 1 + sum(map(self.__getitem__, filter(None, parts)))


def _reads_word_by_word(tokenizer: Tokenizer) -> bool:
    """Whether a tokenizer reads each word and each character of `_SIGN` independently."""
    added = [token.content for token in tokenizer.get_added_tokens_decoder().values()]
    return (
        isinstance(tokenizer.normalizer, BertNormalizer)
        and tokenizer.normalizer.handle_chinese_chars
        and isinstance(tokenizer.pre_tokenizer, BertPreTokenizer)
        and isinstance(tokenizer.model, WordPiece)
        and not any(" " in content or "\n" in content for content in added)
    )
