"""BM25 over the postings of several scopes, scaled to coverage.

Coverage is BM25 divided by the query's highest possible score. It lies between 0 and 1, means the
same for every query, and doesn't depend on other passages' scores. The inverse document frequency
(IDF) of a word is taken over all the scopes together, ln(1 + (N - n + 0.5) / (n + 0.5)). A word in
no passage raises the highest possible score, and so lowers every coverage.

Source:
    Robertson and Zaragoza, "The Probabilistic Relevance Framework: BM25 and Beyond", 2009.
"""

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from typing import Any, Final, Self

import numpy as np
from numpy.typing import NDArray

from indexer.index.postings import Postings
from indexer.text.analyzer import QueryWord, language_mark, query_words
from knowledge.languages.vocabularies import tables, values

# BM25's k1 (term-frequency saturation) and b (length normalisation): the best of a flat optimum
# over ten question sets (docs/decisions.md, retrieval).
K1: Final = 0.5
B: Final = 0.75

# In a large scope, a word in more than this share of the passages proposes no candidates: reading
# all its postings takes long and hardly tells passages apart. It only adds to the scores of the
# `REFINED` best by the other words.
LARGE: Final = 100_000
COMMON_SHARE: Final = 0.05
REFINED: Final = 10_000

# The weight of a corrected word, which may not be the intended one.
CORRECTED: Final = 0.75

# Ids of passages, as a list or an array.
Ids = Sequence[int] | NDArray[np.int64]

# The forms of a word with its IDF, or with its share of the query's.
Weight = tuple[tuple[str, ...], float]


# A language counts as present with this share of the passages in it.
PRESENT_SHARE: Final = 0.01
# Parts of compounds have at least this many letters; a known one may have `_FEWEST_KNOWN`.
_FEWEST: Final = 4
_FEWEST_KNOWN: Final = 3
# Compounds looked up for a word.
_MOST_COMPOUNDS: Final = 24


def words_of_query(text: str, scopes: Sequence[Postings]) -> list[QueryWord]:
    """The words of a query to look up in these scopes.

    Their forms include the stems in each language of the passages. In languages with compounds in
    one word, such as German, they include the known compounds with the word. A compound of known
    words is looked up by these, too.
    """
    passages = sum(postings.passages for postings in scopes)
    present = [
        language
        for language in tables()
        if sum(scope.document_frequency(language_mark(language)) for scope in scopes)
        > PRESENT_SHARE * passages
    ]
    wanted = query_words(text, present)
    listed = values("joints")
    joints = {joint for language in present for joint in listed.get(language, ())}
    if not joints:
        return wanted
    return list(chain.from_iterable(_with_compounds(scopes, word, joints) for word in wanted))


def _with_compounds(
    scopes: Sequence[Postings], word: QueryWord, joints: Collection[str]
) -> list[QueryWord]:
    """The word with its compounds, or the two words of a compound."""
    if word.optional or not all(map(str.isalpha, word.forms)):
        return [word]
    cut = (_parts(scopes, form, joints) for form in word.forms)
    parts = next((found for found in cut if found is not None), None)
    if parts is None:
        return [QueryWord(_and_compounds(scopes, word.forms, joints))]
    is_known = any(_occurs(scopes, form) for form in word.forms)
    first, last = (_and_compounds(scopes, (part,), joints) for part in parts)
    whole = [QueryWord(word.forms, optional=True)] if is_known else []
    return [*whole, QueryWord(first), QueryWord(tuple(dict.fromkeys((*last, *word.forms))))]


def _and_compounds(
    scopes: Sequence[Postings], forms: tuple[str, ...], joints: Collection[str]
) -> tuple[str, ...]:
    found = (
        compound
        for form in forms
        if len(form) >= _FEWEST
        for postings in scopes
        for compound in postings.words_around(form)
        if _is_compound(scopes, compound, form, joints)
    )
    return tuple(dict.fromkeys((*forms, *islice(found, _MOST_COMPOUNDS))))


def _is_compound(
    scopes: Sequence[Postings], compound: str, part: str, joints: Collection[str]
) -> bool:
    """Whether the rest of a word without a part is another word."""
    if compound.startswith(part):
        rests = [compound.removeprefix(part + joint) for joint in joints]
    else:
        rests = [compound.removesuffix(part).removesuffix(joint) for joint in joints]
    rests = [rest for rest in rests if len(rest) >= _FEWEST_KNOWN and rest.isalpha()]
    sure = len(part) > _FEWEST and any(len(rest) >= _FEWEST for rest in rests)
    return sure or any(_occurs(scopes, rest) for rest in rests)


def _parts(
    scopes: Sequence[Postings], word: str, joints: Collection[str]
) -> tuple[str, str] | None:
    """The two words of a compound, as even as possible.

    Both are known. Of an unknown compound, the last one is enough: the compound is a kind of it.
    """
    is_known = _occurs(scopes, word)
    found = [
        (_occurs(scopes, first), first, word[cut:])
        for cut in range(_FEWEST_KNOWN, len(word) - _FEWEST_KNOWN + 1)
        if _occurs(scopes, word[cut:])
        for joint in joints
        if word[:cut].endswith(joint)
        and len(first := word[: cut - len(joint)]) >= _FEWEST_KNOWN
        and len(first) + len(word) - cut > 2 * _FEWEST_KNOWN
    ]
    whole = [parts for known, *parts in found if known]
    heads = [parts for _, *parts in found if len(parts[1]) >= _FEWEST and not is_known]
    best = max(whole or heads, key=lambda parts: min(map(len, parts)), default=None)
    return None if best is None else (best[0], best[1])


class BM25Lookup:
    """BM25 lookup of a query in several scopes; valid until an index changes."""

    def __init__(self, scopes: Sequence[Postings], wanted: Sequence[QueryWord], k: int) -> None:
        self._k = k
        self._scored: list[_Scored] = []
        passages = sum(postings.passages for postings in scopes)
        if not passages or not wanted or k <= 0:
            return
        mean_length = sum(postings.length for postings in scopes) / passages or 1.0
        weights = [_weight(scopes, word, passages) for word in wanted]
        total = sum(weight for _, weight in weights) or 1.0
        shares = [(forms, weight / total) for forms, weight in weights if forms]
        self._scored = [_Scored.of(postings, shares, mean_length, k) for postings in scopes]

    def found(self, also: Sequence[int] = (), among: Ids | None = None) -> list[tuple[int, float]]:
        """The matching passages, best first: the best `k`, then any others listed in `also`.

        Returns:
            (passage id, coverage above 0 and below 1). If `among` is given, only passages in it.
        """
        if not self._scored:
            return []
        extra = np.asarray(also if among is None else among, np.int64)
        found = [scored.coverages(self._k, extra) for scored in self._scored]
        ids = np.concatenate([ids for ids, _ in found])
        covered = np.concatenate([covered for _, covered in found])
        if among is not None:
            kept = np.isin(ids, extra)
            ids, covered = ids[kept], covered[kept]
        order = np.lexsort((ids, -covered))
        # With a large `among`, far more than `k` passages have a word.
        rest = order[self._k :]
        order = np.concatenate([order[: self._k], rest[np.isin(ids[rest], np.asarray(also))]])
        return list(zip(ids[order].tolist(), covered[order].tolist(), strict=True))


def idfs(scopes: Sequence[Postings], wanted: Sequence[QueryWord]) -> list[Weight]:
    """The forms and IDF of each query word, without spelling correction.

    A word in no passage has the highest IDF.
    """
    passages = sum(postings.passages for postings in scopes)
    return [
        (word.forms, _idf(scopes, word.forms, passages))
        for word in wanted
        if not word.optional or any(_occurs(scopes, form) for form in word.forms)
    ]


def unknown_forms(scopes: Sequence[Postings], wanted: Sequence[QueryWord]) -> frozenset[str]:
    """The forms of query words that no passage has.

    A word counts as known after spelling correction, and if a longer word begins with it: pages
    that say "ds4drv" treat of "ds4". So does "pi4" where pages have "Pi" and "4".
    """
    return frozenset(
        form
        for word in wanted
        if not any(
            _occurs(scopes, form) or _begins(scopes, form) or _occurs_apart(scopes, form)
            for form in word.forms
        )
        and not _corrections(scopes, word.forms)
        for form in word.forms
    )


def _begins(scopes: Sequence[Postings], form: str) -> bool:
    """Whether a longer word begins with a form of four characters, or of three with a digit."""
    long_enough = len(form) >= _FEWEST or (len(form) >= _FEWEST_KNOWN and not form.isalpha())
    return long_enough and any(
        longer.startswith(form) for postings in scopes for longer in postings.words_around(form)
    )


def _occurs_apart(scopes: Sequence[Postings], form: str) -> bool:
    letters = form.rstrip("0123456789")
    number = form.removeprefix(letters)
    is_both = len(letters) > 1 and letters.isalpha() and number
    return bool(is_both) and _occurs(scopes, letters) and _occurs(scopes, number)


def _idf(scopes: Sequence[Postings], forms: Sequence[str], passages: int) -> float:
    """The IDF of a word, computed from its form in the most passages."""
    frequencies = [sum([one.document_frequency(form) for one in scopes]) for form in forms]
    having = max(frequencies, default=0)
    return math.log(1 + max(passages - having + 0.5, 0.0) / (having + 0.5))


def _occurs(scopes: Sequence[Postings], form: str) -> bool:
    return any(form in postings for postings in scopes)


def _corrections(scopes: Sequence[Postings], forms: Sequence[str]) -> list[str]:
    """The spelling corrections of a word's forms, each once."""
    found = (postings.corrections(form) for postings in scopes for form in forms)
    return list(dict.fromkeys(chain.from_iterable(found)))


def _weight(scopes: Sequence[Postings], wanted: QueryWord, passages: int) -> Weight:
    """A word's known forms, or else its spelling corrections, with their IDF."""
    known = tuple(form for form in wanted.forms if _occurs(scopes, form))
    if known:
        return known, _idf(scopes, known, passages)
    if wanted.optional:
        return (), 0.0
    corrected = tuple(_corrections(scopes, wanted.forms)[:2])
    return corrected, _idf(scopes, corrected, passages) * (CORRECTED if corrected else 1.0)


@dataclass(frozen=True, slots=True)
class _Scored:
    """Coverages of one scope's passages by the rarer words of a query.

    Attributes:
        postings: the scope's postings.
        scores: the coverages, (slots,).
        best: the slots with the best coverages.
        common: the common words, not counted in `scores`; see `LARGE`.
        mean_length: the mean length in words of the passages of all scopes.
    """

    postings: Postings
    scores: NDArray[np.float64]
    best: NDArray[np.int64]
    common: Sequence[Weight]
    mean_length: float

    @classmethod
    def of(cls, postings: Postings, shares: Sequence[Weight], mean_length: float, k: int) -> Self:
        """Score the passages by words with their shares of the query's total weight, which is 1."""
        telling, common = _by_rarity(postings, shares)
        scores = _coverages(postings, telling, mean_length)
        if len(postings.removed):
            scores[postings.removed] = 0
        return cls(postings, scores, _best(scores, REFINED if common else k), common, mean_length)

    def coverages(
        self, k: int, also: NDArray[np.int64]
    ) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """The ids of the `k` best passages and any of `also`, with their coverages above 0."""
        also_slots = self.postings.slots_of(also)
        if len(self.postings.removed):
            also_slots = np.setdiff1d(also_slots, self.postings.removed)
        wanted = _each_once(self.best, also_slots)
        found = self.scores[wanted].astype(np.float32)
        if self.common:
            for forms, weight in self.common:
                counts = _counts_at(self.postings, wanted, forms)
                found += weight * _saturation(self.postings, counts, wanted, self.mean_length)
            kept = _each_once(_best(found, k), np.searchsorted(wanted, also_slots))
            wanted, found = wanted[kept], found[kept]
        above = found > 0
        return self.postings.ids[wanted[above]], found[above]


def _by_rarity(postings: Postings, shares: Sequence[Weight]) -> tuple[list[Weight], list[Weight]]:
    """The words that propose candidates, and the common words that only add to their scores."""
    slots = len(postings.ids)
    telling: list[Weight] = []
    common: list[Weight] = []
    for forms, share in shares:
        most = max(map(postings.document_frequency, forms)) if slots >= LARGE else 0
        (common if most > COMMON_SHARE * slots else telling).append((forms, share))
    return (telling, common) if telling else (common, [])


def _coverages(
    postings: Postings, shares: Sequence[Weight], mean_length: float
) -> NDArray[np.float64]:
    """The coverage of each slot by these words, (slots,)."""
    if not shares:
        return np.zeros(len(postings.ids))
    found = [_occurrences(postings, forms) for forms, _ in shares]
    slots = np.concatenate([slots for slots, _ in found])
    counts = np.concatenate([counts for _, counts in found])
    covered = _saturation(postings, counts, slots, mean_length)
    weights = np.array([share for _, share in shares], np.float32)
    covered *= np.repeat(weights, [len(slots) for slots, _ in found])
    summed: NDArray[np.float64] = np.bincount(slots, covered, len(postings.ids))  # type: ignore[assignment]
    return summed


def _occurrences(
    postings: Postings, forms: Sequence[str]
) -> tuple[NDArray[np.int32], NDArray[np.uint8]]:
    """The slots that have a word, ascending, and the count of its commonest form in each."""
    slots, counts = postings.postings(forms[0])
    if len(forms) > 1:
        found = [postings.postings(form) for form in forms]
        slots = np.concatenate([slots for slots, _ in found])
        counts = np.concatenate([counts for _, counts in found])
        order = np.lexsort((counts, slots))
        slots, counts = slots[order], counts[order]
        # Within a slot, the most frequent form comes last.
        last = np.append(slots[1:] != slots[:-1], np.ones(min(len(slots), 1), bool))
        slots, counts = slots[last], counts[last]
    return slots, counts


def _counts_at(
    postings: Postings, wanted: NDArray[np.int64], forms: Sequence[str]
) -> NDArray[np.uint8]:
    """The counts of a word's commonest form in the `wanted` slots, found by binary search."""
    most = np.zeros(len(wanted), np.uint8)
    for form in forms:
        slots, counts = postings.postings(form)
        if len(slots):
            places = np.minimum(np.searchsorted(slots, wanted.astype(np.int32)), len(slots) - 1)
            most = np.maximum(most, np.where(slots[places] == wanted, counts[places], 0))
    return most


def _saturation(
    postings: Postings, counts: NDArray[np.uint8], slots: NDArray[Any], mean_length: float
) -> NDArray[np.float32]:
    """BM25's saturated term frequency, from 0 to 1: tf / (tf + K1 · (1 - B + B · dl / avgdl))."""
    # In place, for speed.
    held_back: NDArray[np.float32] = postings.lengths[slots]
    held_back *= np.float32(K1 * B / mean_length)
    held_back += np.float32(K1 * (1 - B))
    held_back += counts
    np.divide(counts, held_back, out=held_back)
    return held_back


def _each_once(some: NDArray[np.int64], others: NDArray[np.int64]) -> NDArray[np.int64]:
    """The slots in either array, each once, ascending."""
    both = np.sort(np.concatenate([some, others]))
    # For few slots faster than numpy's own functions.
    last = np.append(both[1:] != both[:-1], np.ones(min(len(both), 1), bool))
    each: NDArray[np.int64] = both[last]
    return each


def _best(scores: NDArray[Any], k: int) -> NDArray[np.int64]:
    """The indices of the `k` best scores above 0, unordered; among equal scores the first win."""
    above = np.flatnonzero(scores)
    if len(above) <= k:
        return above
    found = scores[above]
    least = np.partition(found, len(found) - k)[len(found) - k]
    better = above[found > least]
    return np.concatenate([better, above[found == least][: k - len(better)]])
