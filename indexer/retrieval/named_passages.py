"""Exact match: a question that repeats a title, heading or error text is answered by its passage.

A member who types a heading or an error word for word wants the text with it, whatever else is
similar. Only one document may match: a heading of many documents ("Examples") is ignored.

A question about a thing itself is answered by its definition: "Folia is a fork of Paper".
"""

import re
from collections.abc import Sequence
from functools import lru_cache
from operator import attrgetter
from typing import Final

from indexer.index.stored_passage import StoredPassage
from indexer.retrieval.fusion import Legs, Ranked
from indexer.text.passages import HEADING_SEPARATOR
from indexer.text.query_normalization import normalize
from knowledge.languages.vocabularies import alternatives, tables

# The candidates: the best by score, up to this number, and the best by words with this share of the
# best coverage. A named passage has every word of the question.
MOST_CANDIDATES: Final = 12
HAS_WORDS: Final = 0.8

_WORD: Final = re.compile(r"\w+")
# A title or error text with more words around has at least this many words.
_FEWEST_WORDS: Final = 4
_QUOTED: Final = re.compile(r"[`\"“”]([^`\"“”\n]{12,120})[`\"“”]")
# A code has at least these characters and separators.
_CODE_CHARACTERS: Final = 12
_CODE_SEPARATORS: Final = 2
_SEPARATORS: Final = "._:"

_LANGUAGES: Final = tuple(tables())
_ARTICLE: Final = rf"(?:{alternatives('articles', 'follow_ups', _LANGUAGES)}\s)"
# A thing of one to three words.
_THING: Final = r"(?P<thing>[\w.+#/-]{2,40}(?: [\w.+#/-]{1,40}){0,2}?)"
# With "the", a value is asked for, such as the address of a server.
_ASKS_DEFINITION: Final = re.compile(
    rf"{alternatives('asks_definition', 'answers', _LANGUAGES)} (?!{_ARTICLE})"
    rf"{_THING}(?: mean)?\W?\Z",
    re.IGNORECASE,
)
# What begins a sentence, the thing, and the verb.
_DEFINES: Final = re.compile(
    rf"(?:\A|[.!?:]\s|\n)[ >*_`\[-]{{0,9}}{_ARTICLE}?[*_`\[]{{0,4}}{_THING}[*_`\]]{{0,4}}"
    r"(?:\s?\([^()\n]{1,300}\))?,?\s"
    rf"{alternatives('defines', 'answers', _LANGUAGES)}\s",
    re.IGNORECASE,
)


def naming_candidates(ranked: Ranked, legs: Legs) -> list[int]:
    """The ids of the candidates to compare with the question by `named_passage`, best first."""
    most = max((legs.coverages[key] for key in legs.worded), default=0.0)
    worded = (key for key in legs.worded if legs.coverages[key] >= HAS_WORDS * most)
    return list(dict.fromkeys([*ranked.ids[:MOST_CANDIDATES], *worded]))


def named_passage(question: str, passages: Sequence[StoredPassage]) -> StoredPassage | None:
    """The first passage whose heading, title, wording or error text the question repeats.

    Case, punctuation and polite words around a question make no difference. A question may have
    more words than a long title, or than an error text. Return None if no passage matches, or if
    passages of several documents match.
    """
    asked = {_words(question), _words(normalize(question))} - {""}
    codes = _codes(question)
    found = (
        # A heading is more specific than a title.
        [
            passage
            for passage in passages
            if not asked.isdisjoint(_headings(passage.title, passage.heading))
        ]
        or [passage for passage in passages if not asked.isdisjoint(_names_of(passage))]
        or [passage for passage in passages if codes and codes <= _codes(passage.embedded)]
        or [passage for passage in passages if any(_repeats(words, passage) for words in asked)]
    )
    return found[0] if len({passage.document_id for passage in found}) == 1 else None


def defined_thing(question: str) -> str:
    """The thing whose definition a question asks for; empty if it asks for something else."""
    asked = _ASKS_DEFINITION.match(normalize(question))
    return asked["thing"] if asked else ""


def defining_passage(question: str, passages: Sequence[StoredPassage]) -> StoredPassage | None:
    """The passage with a definition of the thing asked for, if there is one.

    Of several, the passage nearest to the beginning of its document is chosen, then the first.
    """
    if not (thing := _singular(defined_thing(question))):
        return None
    found = (passage for passage in passages if thing in _things_defined(passage.text))
    return min(found, key=attrgetter("position"), default=None)


@lru_cache(maxsize=1_024)
def _things_defined(text: str) -> frozenset[str]:
    """The things defined in a text, each in the singular."""
    return frozenset(_singular(found["thing"]) for found in _DEFINES.finditer(text))


def _singular(thing: str) -> str:
    return thing.casefold().removesuffix("s").removesuffix("e")


def _names_of(passage: StoredPassage) -> frozenset[str]:
    return _names(passage.title, passage.heading, passage.wordings)


@lru_cache(maxsize=4_096)
def _names(title: str, heading: str, wordings: tuple[str, ...]) -> frozenset[str]:
    return _headings(title, heading) | {*map(_words, (title, *wordings))}


def _repeats(asked: str, passage: StoredPassage) -> bool:
    """Whether a question has all words of a long title, wording or error text in a row."""
    return any(
        name.count(" ") >= _FEWEST_WORDS - 1 and f" {name} " in f" {asked} "
        for name in (*_names_of(passage), *_marked_words(passage.text))
    )


@lru_cache(maxsize=4_096)
def _codes(text: str) -> frozenset[str]:
    """The long codes in a text, such as `multiplayer.disconnect.not_whitelisted`, in lower case."""
    chunks = (chunk.strip("`'\"“”()[]<>*,;!?.:-") for chunk in text.casefold().split())
    return frozenset(
        chunk
        for chunk in chunks
        if len(chunk) >= _CODE_CHARACTERS
        and "/" not in chunk
        and sum(map(chunk.count, _SEPARATORS)) >= _CODE_SEPARATORS
    )


@lru_cache(maxsize=4_096)
def _marked_words(text: str) -> frozenset[str]:
    """The words of each code span and each quotation in a text."""
    return frozenset(map(_words, _QUOTED.findall(text)))


@lru_cache(maxsize=4_096)
def _headings(title: str, heading: str) -> frozenset[str]:
    """The forms in which a question may repeat a heading.

    They are the last heading alone, the path of headings, and the title with the path of headings.
    """
    if not heading:
        return frozenset()
    last = heading.rpartition(HEADING_SEPARATOR)[2]
    return frozenset(map(_words, (last, heading, f"{title} {heading}")))


def _words(text: str) -> str:
    return " ".join(_WORD.findall(text.casefold()))
