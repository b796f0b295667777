"""Synonyms of a guild: pairs of words that mean the same there, and their written form.

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
    """A word and another one of the same meaning, each of up to three words."""

    word: str
    meaning: str

    def __str__(self) -> str:
        return f"{self.word} = {self.meaning}"


class InvalidSynonymError(ValueError):
    """Words that can't be synonyms; `word` is the one to blame."""

    def __init__(self, word: str) -> None:
        super().__init__(word)
        self.word = word


def checked_synonym(word: str, meaning: str) -> Synonym:
    """Make a synonym of two typed words, in lower case.

    Raises:
        InvalidSynonymError: if one has other signs, is too long, or both are the same.
    """
    sides = [" ".join(side.casefold().split()) for side in (word, meaning)]
    for side in sides:
        if len(side) > WORD_CHARACTERS or not _WORDS.fullmatch(side):
            raise InvalidSynonymError(side)
    if sides[0] == sides[1]:
        raise InvalidSynonymError(sides[0])
    return Synonym(*sides)


def serialize_synonyms(synonyms: tuple[Synonym, ...]) -> str:
    return json.dumps([astuple(one) for one in synonyms], ensure_ascii=False)


def parse_synonyms(text: str) -> tuple[Synonym, ...]:
    """Parse a text from `serialize_synonyms`.

    Raises:
        ValueError, TypeError: if it is something else.
    """
    return tuple(checked_synonym(*pair) for pair in json.loads(text))


def beside(settings: str, synonyms: tuple[Synonym, ...]) -> str:
    """The settings that an answer was judged by, with the synonyms that its question has."""
    return settings + (_BESIDE + "; ".join(map(str, synonyms)) if synonyms else "")


def among(settings: str) -> tuple[Synonym, ...]:
    """The synonyms in the settings of `beside`."""
    _, found, listed = settings.partition(_BESIDE)
    pairs = (one.partition(" = ") for one in listed.split("; ")) if found else ()
    return tuple(Synonym(word, meaning) for word, _, meaning in pairs)
