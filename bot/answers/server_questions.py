"""Questions about the server itself: where to post, its rules and events. By words alone.

Only these are looked up in the names and topics of channels, because a short topic would often
outrank a real answer. The words are in the section `server` of the tables of languages. A question
asks for a place ("where can I post ads") or for a thing ("which channel", "any events"). Any other
question with such a word must name the channel or event ("when is the building contest"), and have
no sure answer elsewhere ("where are my screenshots").
"""

import re
from functools import cache
from typing import Final

from indexer.index.stored_passage import StoredPassage
from indexer.text.analyzer import word_set
from knowledge.languages.vocabularies import values, words

# The least share of a name's words in a question that names it.
NAMED_SHARE: Final = 0.5

_WORD: Final = re.compile(r"[^\W\d_]+")


@cache
def _words(key: str) -> frozenset[str]:
    return words(key, "server", tuple(values(key, "server")))


def may_ask_about_server(text: str) -> bool:
    return not _words_typed_in(text).isdisjoint(_words("places") | _words("asks"))


def asks_for_place(text: str) -> bool:
    """Whether a question asks where to do something on the server, or for a thing of it."""
    typed = _words_typed_in(text)
    return any(
        not typed.isdisjoint(_words(asking)) and not typed.isdisjoint(_words(asked))
        for asking, asked in (("places", "acts"), ("asks", "things"))
    )


def names_place(text: str, passage: StoredPassage) -> bool:
    """Whether a question has half of the words of a channel's name, or of a question for it."""
    asked = word_set(text)
    names = map(word_set, (passage.title, *passage.wordings))
    return any(len(name & asked) >= max(len(name) * NAMED_SHARE, 1) for name in names)


def _words_typed_in(text: str) -> frozenset[str]:
    return frozenset(_WORD.findall(text.casefold().replace("'", "").replace("’", "")))
