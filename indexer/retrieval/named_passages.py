"""Exact match: a question that repeats a heading or title is answered by the passage under it.

A member who types a heading word for word wants the text under it, whatever else is similar. Only
one document may match: a heading of many documents ("Examples") is ignored.
"""

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Final

from indexer.index.stored_passage import StoredPassage
from indexer.retrieval.fusion import Legs, Ranked
from indexer.text.passages import HEADING_SEPARATOR
from indexer.text.query_normalization import normalized

# The candidates: the best by score, up to this number, and the best by words with this share of the
# best coverage. A named passage has every word of the question.
MOST_CANDIDATES: Final = 12
HAS_WORDS: Final = 0.8

_WORD: Final = re.compile(r"\w+")


def naming_candidates(ranked: Ranked, legs: Legs) -> list[int]:
    """The ids of the candidates to compare with the question by `named_passage`, best first."""
    most = max((legs.coverages[key] for key in legs.worded), default=0.0)
    worded = (key for key in legs.worded if legs.coverages[key] >= HAS_WORDS * most)
    return list(dict.fromkeys([*ranked.ids[:MOST_CANDIDATES], *worded]))


def named_passage(question: str, passages: Iterable[StoredPassage]) -> StoredPassage | None:
    """The first passage whose heading, title or wording the question repeats.

    Case, punctuation and polite words around a question make no difference. Return None if no
    passage matches, or if passages of several documents match.
    """
    asked = {_words(question), _words(normalized(question))} - {""}
    found = [
        one
        for one in passages
        if not asked.isdisjoint(_names(one.title, one.heading, one.wordings))
    ]
    # A heading is more specific than a title.
    headed = [one for one in found if not asked.isdisjoint(_headings(one.title, one.heading))]
    found = headed or found
    return found[0] if len({one.document_id for one in found}) == 1 else None


@lru_cache(maxsize=4_096)
def _names(title: str, heading: str, wordings: tuple[str, ...]) -> frozenset[str]:
    return _headings(title, heading) | {*map(_words, (title, *wordings))}


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
