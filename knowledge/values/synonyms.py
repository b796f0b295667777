"""Synonyms of a guild: pairs of words with one meaning, and their stored text.

Errors:
    ValueError
    └── InvalidSynonymError    words that can't be synonyms; the message is the sentence to show
"""

import json
import re
from dataclasses import astuple, dataclass
from typing import Final

SYNONYMS: Final = 25
# Room in the id of a button.
WORD_CHARACTERS: Final = 30

_WORDS: Final = re.compile(r"[\w'-]+(?: [\w'-]+){0,2}")
_BESIDE: Final = ", synonyms "


@dataclass(frozen=True, slots=True)
class Synonym:
    """Two terms with one meaning, each of up to three words."""

    word: str
    meaning: str

    def __str__(self) -> str:
        return f"{self.word} = {self.meaning}"


class InvalidSynonymError(ValueError):
    """Words that can't be synonyms; `word` is the invalid word."""

    def __init__(self, word: str) -> None:
        super().__init__(word)
        self.word = word


def checked_synonym(word: str, meaning: str) -> Synonym:
    """Make a synonym of two typed terms, in lower case.

    Raises InvalidSynonymError if a term is too long, has more than three words, or has characters
    other than letters, digits, `_`, `'` and `-`, or if both terms are the same.
    """
    sides = [" ".join(side.casefold().split()) for side in (word, meaning)]
    for side in sides:
        if len(side) > WORD_CHARACTERS or not _WORDS.fullmatch(side):
            raise InvalidSynonymError(side)
    if sides[0] == sides[1]:
        raise InvalidSynonymError(sides[0])
    return Synonym(*sides)


def serialize_synonyms(synonyms: tuple[Synonym, ...]) -> str:
    return json.dumps([astuple(synonym) for synonym in synonyms], ensure_ascii=False)


def parse_synonyms(text: str) -> tuple[Synonym, ...]:
    """Parse a text from `serialize_synonyms`.

    Raises ValueError or TypeError if the text is malformed.
    """
    return tuple(checked_synonym(*pair) for pair in json.loads(text))


def with_synonyms(settings: str, synonyms: tuple[Synonym, ...]) -> str:
    """Append the synonyms found in a question to its recorded `settings` (`Question`)."""
    return settings + (_BESIDE + "; ".join(map(str, synonyms)) if synonyms else "")


def synonyms_in(settings: str) -> tuple[Synonym, ...]:
    _, found, listed = settings.partition(_BESIDE)
    pairs = (pair.partition(" = ") for pair in listed.split("; ")) if found else ()
    return tuple(Synonym(word, meaning) for word, _, meaning in pairs)
