"""Variants of a question: as typed, and with words replaced by synonyms. Pure.

A document may use only one of two synonyms, so a question is searched with both. Words are compared
by their stems; code and addresses are never replaced.
"""

import re
from collections.abc import Collection, Sequence
from typing import Final

from indexer.text.analyzer import stem
from knowledge.languages.detection import language_of

_CHUNK: Final = re.compile(r"\S+")
_WORD: Final = re.compile(r"[\w'’-]+")
# Longer than any synonym; stemming takes the square of a word's length.
_LONGEST: Final = 60
_SIGNS_AROUND: Final = ".,;:!?()\"'„“”"

Pair = tuple[str, str]
# A word's stems in several languages; none for code.
_Stems = frozenset[str]


def both_ways(pairs: Sequence[Pair]) -> tuple[list[Pair], list[Pair]]:
    """The pairs, and the pairs reversed."""
    return list(pairs), [(second, first) for first, second in pairs]


def synonym_variants(question: str, pairs: Sequence[Pair]) -> tuple[str, ...]:
    """The question as typed, and its variants with words replaced by their synonyms.

    One variant has the first word of each pair replaced by the second word, and one has the second
    word replaced by the first. Equal variants are given once, so a question without any of these
    words has no other variant.
    """
    read = [question, *(replace_words(question, way) for way in both_ways(pairs))]
    return tuple(dict.fromkeys(read))


def replace_words(question: str, pairs: Sequence[Pair]) -> str:
    """Replace the first word of each pair by the second; the pair with more words comes first."""
    languages = {language_of(question), "en"}
    wanted = [([_stems(word, languages) for word in first.split()], new) for first, new in pairs]
    wanted.sort(key=lambda synonym: -len(synonym[0]))
    typed = [_core(match) for match in _CHUNK.finditer(question)]
    stems = [_stems(question[start:end], languages) for start, end in typed]
    parts, done, place = [], 0, 0
    while place < len(typed):
        words, new = next(
            (synonym for synonym in wanted if _match_at(stems, place, synonym[0])), ((), "")
        )
        if words:
            parts += [question[done : typed[place][0]], new]
            done = typed[place + len(words) - 1][1]
        place += max(len(words), 1)
    return "".join([*parts, question[done:]])


def _core(chunk: re.Match[str]) -> tuple[int, int]:
    """The span of a chunk without the punctuation around it."""
    text = chunk.group()
    start = chunk.start() + len(text) - len(text.lstrip(_SIGNS_AROUND))
    return start, max(start, chunk.start() + len(text.rstrip(_SIGNS_AROUND)))


def _stems(word: str, languages: Collection[str]) -> _Stems:
    if len(word) > _LONGEST or not _WORD.fullmatch(word):
        return frozenset()
    return frozenset(stem(word.lower(), language) for language in languages)


def _match_at(stems: Sequence[_Stems], place: int, words: Sequence[_Stems]) -> bool:
    """Whether the stems from index `place` on are those of `words`."""
    there = stems[place : place + len(words)]
    return len(there) == len(words) and all(map(frozenset.__and__, there, words))
