"""Spelling correction of questions, by the words of the searched passages.

A word that neither the passages nor the model know is corrected if exactly one candidate is one
typing slip away. Candidates are the words that both the passages and the model know. If none of
these is one slip away, words in many passages are candidates, such as the name of the community's
own subject. The corrected question is embedded, looked up and judged.
"""

import re
from collections.abc import Callable, Sequence
from functools import partial
from typing import Final

from indexer.index.postings import Postings, single_edits
from indexer.text.analyzer import is_stop_word, stem_of_rare
from knowledge.languages.detection import language_of_question
from knowledge.languages.vocabularies import ENGLISH

# Parts of names, addresses and code are never corrected.
_WORD: Final = re.compile(r"(?<![^\s(\"'])[A-Za-z]{6,40}(?=[\s.,;:!?)\"']*(?:\s|\Z))")
# A word in this many passages, and this share of all, is their subject, even if the model knows it
# only in parts.
OFTEN_PASSAGES: Final = 5
OFTEN_SHARE: Final = 0.04
# Endings of forms that the model may not know by themselves ("wipes", "binned").
_ENDINGS: Final = (
    "s",
    "es",
    "d",
    "ed",
    "r",
    "er",
    "ers",
    "ing",
    "y",
    "ly",
    "n",
    "en",
    "ish",
    "less",
)


def respell(text: str, scopes: Sequence[Postings], is_common: Callable[[str], bool]) -> str:
    """A question with its unambiguous slips corrected.

    `is_common` tells a lower-case word with a single token in the model, as frequent words have.
    """
    # The model's words are English, so words of other languages look like slips.
    read = language_of_question(text) in ("", ENGLISH)
    return _WORD.sub(partial(_mend, scopes, is_common), text) if read else text


def _mend(
    scopes: Sequence[Postings], is_common: Callable[[str], bool], match: re.Match[str]
) -> str:
    typed = match.group()
    word = typed.lower()
    if _is_known(scopes, word) or is_stop_word(word, ENGLISH) or _is_word(word, is_common):
        return typed
    # Hardly anybody errs in the first letter.
    near = [
        other for other in single_edits(word) if other[0] == word[0] and _is_known(scopes, other)
    ]
    meant = list(filter(is_common, near))
    if not meant:
        least = max(OFTEN_SHARE * sum(scope.passages for scope in scopes), OFTEN_PASSAGES)
        # A rare form of a common word is no name: "reade" of "read".
        names = (other for other in near if not is_common(_stem(other)))
        often = [other for other in names if _passages(scopes, other) >= least]
        # Forms of one word count as one.
        is_one = len({*map(_stem, often)}) == 1
        meant = [max(often, key=lambda other: (-len(other), other))] if is_one else []
    return meant[0] if len(meant) == 1 else typed


def _is_word(word: str, is_common: Callable[[str], bool]) -> bool:
    """Whether the model knows a word, or its base form."""
    bases = [word.removesuffix(ending) for ending in _ENDINGS if word.endswith(ending)]
    undoubled = [base[:-1] for base in bases if base[-1:] == base[-2:-1]]
    silent = [f"{base}e" for base in bases]
    return any(is_common(base) for base in (word, *bases, *undoubled, *silent) if len(base) > 2)


def _is_known(scopes: Sequence[Postings], word: str) -> bool:
    known = _stem(word)
    return any(known in postings for postings in scopes)


def _passages(scopes: Sequence[Postings], word: str) -> int:
    """The number of passages that have a word."""
    return sum(postings.document_frequency(_stem(word)) for postings in scopes)


def _stem(word: str) -> str:
    return stem_of_rare(word, ENGLISH)
