"""Query normalization: chat shorthand is expanded; apostrophes, hyphens and fillers are removed.

People type "what's" or "whats", "open-source" or "open source", with or without a question mark.
That must not affect the order of results or the evidence. So questions are looked up, embedded and
judged in the form of `spelt_out`.
"""

import itertools
import re
from collections.abc import Mapping, Sequence
from functools import cache, lru_cache
from typing import Final

from knowledge.languages.detection import language_of
from knowledge.languages.vocabularies import ENGLISH, values, words

# Names such as O'Reilly keep theirs.
_APOSTROPHE: Final = re.compile(r"(?<=\w)['\u2019`\u00b4](?=(?:s|t|d|m|ll|re|ve)\b)", re.IGNORECASE)
_HYPHEN: Final = re.compile(r"(?<=[^\W\d_])[-\u2010\u2011](?=[^\W\d_])")
# In a chunk with one of these, hyphens belong to a name: of a file, an option or an address.
_CODE: Final = re.compile(r"[./\\:#+@$%&_=]|(?:^|\s)-")
_CHUNK: Final = re.compile(r"\S+")
_MARKS: Final = re.compile(r"(?<=[^\W_])[?!\uff1f\uff01]+(?=\s)")
_ARE: Final = re.compile(
    r"(?P<before>^(?:what|which|how many)(?:[ \t]+[^\W\d_]+){1,2}[ \t]+)r"
    r"(?=[ \t]+(?!code|function|librar|package|script|version)[^\W\d_])"
    r"|(?P<of>(?:^|\b(?:where|what|how|who|why|when|which|there|they|we|you|u)[ \t]+))r"
    r"(?=[ \t]+(?:u|ur|you|your|my|the|our|their|we|they|there|these|those|this|all|any)\b)",
    re.IGNORECASE,
)
# Mentions and emoji.
_MOOD: Final = re.compile(
    r"<(?:@[!&]?\d{1,20}|a?:\w{1,40}:\d{1,20})>"
    r"|[\u2600-\u27bf\U0001f000-\U0001faff][\u2600-\u27bf\U0001f000-\U0001faff\u200d\ufe0f]*"
)
_ENDS: Final = " \t\n?!~\u2026\uff1f\uff01"
_QUOTED: Final = (('"', '"'), ("\u201c", "\u201d"), ("\u201e", "\u201c"), ("(", ")"))
# The fewest words of a question without its fillers.
_LEAST_WORDS: Final = 2
_SIGNS_AROUND: Final = ".,!?():;\"'"


@lru_cache(maxsize=256)
def normalize(question: str) -> str:
    """A question without apostrophes, hyphens between words, question marks and fillers."""
    without = _MARKS.sub("", _without_politeness(question))
    without = _ARE.sub(r"\g<before>\g<of>are", without)
    return _CHUNK.sub(lambda chunk: _normalize_chunk(chunk.group()), without) or question


def _without_politeness(question: str) -> str:
    """A question without the polite or emotional words around it."""
    bare = _MOOD.sub(" ", question).strip(" \t\n").rstrip(_ENDS)
    for opening, closing in _QUOTED:
        inner = bare[1:-1]
        if (
            bare.startswith(opening)
            and bare.endswith(closing)
            and not {opening, closing} & {*inner}
        ):
            bare = inner.strip(_ENDS)
    fillers = _fillers_in(language_of(bare))
    bare = _without_fillers(bare, fillers).rstrip(_ENDS)
    first, *rest = bare.lower().split() or [""]
    # A question may end in a full stop without meaning it.
    if first in fillers["openers"] and rest and ". " not in bare:
        bare = bare.rstrip(". ")
    return bare


_Fillers = Mapping[str, frozenset[str]]


@cache
def _fillers_in(language: str) -> _Fillers:
    """The fillers by kind, in English and another language."""
    kinds = ("before", "mood", "openers", "behind", "polite", "about_words")
    return {kind: words(kind, "fillers", (ENGLISH, language)) for kind in kinds}


def _without_fillers(text: str, fillers: _Fillers) -> str:
    """A text without a greeting at its beginning and fillers ("pls", "lol") at either end."""
    chunks = [*_CHUNK.finditer(text)]
    said = [chunk.group().strip(_SIGNS_AROUND).lower() for chunk in chunks]
    greeted = itertools.takewhile(fillers["before"].__contains__, said)
    first, last = sum(1 for _ in greeted), len(chunks)
    # "Hello world" is no greeting.
    is_apart = 0 < first < last and chunks[first - 1].group()[-1] in _SIGNS_AROUND
    is_mood = fillers["mood"].issuperset(said[:first])
    opens = is_mood or (said[first : first + 1] and said[first] in fillers["openers"])
    if not is_apart and not (opens and first <= last - _LEAST_WORDS):
        first = 0
    while (found := _fillers_at_end(said[first:last], fillers)) and last - found > first:
        last -= found
    if last == len(chunks):
        return text[chunks[first].start() :] if first else text
    return text[chunks[first].start() : chunks[last - 1].end()].rstrip(",;")


def _fillers_at_end(said: Sequence[str], fillers: _Fillers) -> int:
    """The number of filler words at the end: 2 for a polite word and "help", otherwise 0 or 1."""
    if len(said) < 2 or said[-2] in fillers["about_words"]:
        return 0
    if said[-1] == "help" and said[-2] in fillers["polite"]:
        return 2
    return int(said[-1] in fillers["behind"])


def _normalize_chunk(chunk: str) -> str:
    without = _APOSTROPHE.sub("", chunk)
    if without != chunk:
        return without
    return chunk if _CODE.search(chunk) else _HYPHEN.sub(" ", chunk)


@lru_cache(maxsize=256)
def spelt_out(question: str) -> str:
    """The normalized question with shorthand expanded.

    A question mark is added, unless the question ends in a full stop.
    """
    asked = normalize(question)
    meanings = _meanings_in(language_of(asked))
    read = _CHUNK.sub(lambda chunk: _long_form(chunk.group(), meanings), asked)
    # A full stop ends a statement.
    return read if read.endswith((".", "\u3002")) else f"{read}?"


def _long_form(chunk: str, meanings: Mapping[str, str]) -> str:
    core = chunk.strip(_SIGNS_AROUND)
    return chunk.replace(core, meanings.get(core.lower(), core)) if core else chunk


@cache
def _meanings_in(language: str) -> Mapping[str, str]:
    """The meanings of shorthand in a language and in English."""
    return {
        short: meaning
        for code in (ENGLISH, language)
        for key in ("contractions", "shorthand")
        for short, meaning in values(key).get(code, {}).items()
    }
