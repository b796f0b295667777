"""Token counter with a cache of words: a BERT-like tokenizer runs once for each word.

While a document is cut, most of its text is counted a dozen times. If a tokenizer splits each word
without regard to neighbouring words, a text's count is the sum of its words' counts. Other
tokenizers get the whole text.
"""

import re
from typing import Final

from tokenizers import Tokenizer
from tokenizers.models import WordPiece
from tokenizers.normalizers import BertNormalizer
from tokenizers.pre_tokenizers import BertPreTokenizer

# The size of the cache of words: about 8 MB. A longer word is seldom seen twice.
WORDS_KEPT: Final = 65_536
WORD_CHARACTERS: Final = 64
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
        self._added = [one.content for one in tokenizer.get_added_tokens_decoder().values()]

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
