"""What a query's words weigh, and which passages of several lexicons have them.

Coverage is the share of a query's words, weighted by rarity, that a passage has. It is BM25 divided
by the most that the query could score, so it lies between 0 and 1, means the same for every query,
and does not depend on what other passages score.
"""

import math
from collections.abc import Sequence
from typing import Final

import numpy as np

from indexer.index.postings import Lexicon, Scored
from indexer.text.analyzer import Wanted

# What a corrected word counts for: it may not be what was meant.
CORRECTED: Final = 0.75

# The forms of a word with its inverse document frequency.
Rarity = tuple[tuple[str, ...], float]


def matching(
    lexicons: Sequence[Lexicon],
    wanted: Sequence[Wanted],
    k: int,
    also: Sequence[int] = (),
) -> list[tuple[int, float]]:
    """The passages of several lexicons that have a query's words, as `LookedUp` finds them."""
    return LookedUp(lexicons, wanted, k).found(also)


class LookedUp:
    """The passages of several lexicons that have a query's words; good until one changes.

    A word's weight is its inverse document frequency over all the lexicons together,
    ln(1 + (N - n + 0.5) / (n + 0.5)). A word that no passage has counts, too: what it asks for is
    not covered.

    Source:
        Robertson and Zaragoza, "The Probabilistic Relevance Framework: BM25 and Beyond", 2009.
    """

    def __init__(self, lexicons: Sequence[Lexicon], wanted: Sequence[Wanted], k: int) -> None:
        """Look up a query's words for the `k` best, in the lexicons of scopes that may be seen."""
        self._k = k
        self._scored: list[tuple[Lexicon, Scored]] = []
        passages = sum(lexicon.passages for lexicon in lexicons)
        if not passages or not wanted or k <= 0:
            return
        mean_length = sum(lexicon.length for lexicon in lexicons) / passages or 1.0
        weights = [_weight(lexicons, word, passages) for word in wanted]
        total = sum(weight for _, weight in weights) or 1.0
        shares = [(forms, weight / total) for forms, weight in weights if forms]
        self._scored = [(one, one.scored(shares, mean_length, k)) for one in lexicons]

    def found(self, also: Sequence[int] = ()) -> list[tuple[int, float]]:
        """The passages, best first: at most `k`, and after them those of `also`.

        Args:
            also: ids of passages whose coverage is wanted whether or not they are among the best.

        Returns:
            (passage id, coverage), coverage above 0 and below 1.
        """
        if not self._scored:
            return []
        extra = np.array(also, np.int64)
        found = [lexicon.coverages(scored, self._k, extra) for lexicon, scored in self._scored]
        ids = np.concatenate([ids for ids, _ in found])
        covered = np.concatenate([covered for _, covered in found])
        order = np.lexsort((ids, -covered))
        ranked = list(zip(ids[order].tolist(), covered[order].tolist(), strict=True))
        asked_for = frozenset(also)
        return ranked[: self._k] + [pair for pair in ranked[self._k :] if pair[0] in asked_for]


def rarities(lexicons: Sequence[Lexicon], wanted: Sequence[Wanted]) -> list[Rarity]:
    """The forms and the inverse document frequency of each word of a query, as it was typed.

    Words are not corrected here; one that no passage has weighs most.
    """
    passages = sum(lexicon.passages for lexicon in lexicons)
    return [
        (word.forms, _idf(lexicons, word.forms, passages))
        for word in wanted
        if not word.optional or any(_known(lexicons, form) for form in word.forms)
    ]


def _idf(lexicons: Sequence[Lexicon], forms: Sequence[str], passages: int) -> float:
    """The inverse document frequency of a word by its commonest form."""
    having = max((sum([lexicon.having(form) for lexicon in lexicons]) for form in forms), default=0)
    return math.log(1 + max(passages - having + 0.5, 0.0) / (having + 0.5))


def _known(lexicons: Sequence[Lexicon], form: str) -> bool:
    return any(form in lexicon for lexicon in lexicons)


def _weight(
    lexicons: Sequence[Lexicon], wanted: Wanted, passages: int
) -> tuple[tuple[str, ...], float]:
    """The forms of a word that are known, else its corrections, with its weight."""
    known = tuple(form for form in wanted.forms if _known(lexicons, form))
    if known:
        return known, _idf(lexicons, known, passages)
    if wanted.optional:
        return (), 0.0
    slips = (lexicon.corrections(form) for lexicon in lexicons for form in wanted.forms)
    corrected = tuple(dict.fromkeys(word for found in slips for word in found))[:2]
    return corrected, _idf(lexicons, corrected, passages) * (CORRECTED if corrected else 1.0)
