"""In-memory inverted index of each scope, and BM25 over several of them, scaled to coverage.

The postings are a cache of the words kept in the index database: numpy arrays sorted by word, so
that a question costs a few array operations a word. What was added since they were sorted waits in
a small dictionary and is merged in when it has grown.

Coverage is the share of a query that is met: BM25 divided by the most that the query could score.
It lies between 0 and 1, means the same for every query, and does not depend on what other passages
score. The inverse document frequency (IDF) of a word is taken over all the scopes together,
ln(1 + (N - n + 0.5) / (n + 0.5)). A word that no passage has counts, too: it is not covered.

Source:
    Robertson and Zaragoza, "The Probabilistic Relevance Framework: BM25 and Beyond", 2009.
"""

import math
from array import array
from collections import Counter
from collections.abc import Iterable, Sequence
from copy import copy
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any, Final, Self

import numpy as np
from numpy.typing import NDArray

from indexer.text.analyzer import QueryWord
from indexer.text.edit_distance import slips

# What waits is merged when it is this many passages and this share of what is sorted: merging
# copies every posting, which for a million passages takes about a second.
MERGE_AFTER: Final = 512
MERGE_SHARE: Final = 0.1


class Postings:
    """The words of one scope's passages.

    Attributes:
        ids: of the passages, (slots,), ascending. A slot is a passage's place in them; its postings
            speak of it by that.
        lengths: of the passages in words, (slots,).
        length: the words of all passages together; those taken out count until the next merge.
        removed: the slots of passages that were taken out since the last merge.
    """

    def __init__(self) -> None:
        self._terms: dict[str, int] = {}
        self.ids: NDArray[np.int64] = np.zeros(0, np.int64)
        self.lengths: NDArray[np.float32] = np.zeros(0, np.float32)
        # Sorted postings: those of term t are [starts[t], starts[t + 1]) of slots and counts.
        self._starts: NDArray[np.int64] = np.zeros(1, np.int64)
        self._slots: NDArray[np.int32] = np.zeros(0, np.int32)
        self._counts: NDArray[np.uint8] = np.zeros(0, np.uint8)
        # What waits for each term, in order: 256 times the slot, plus the count.
        self._waiting: dict[int, array[int]] = {}
        self._waiting_passages = 0
        self.removed: NDArray[np.int64] = np.zeros(0, np.int64)
        self.length = 0.0

    @property
    def passages(self) -> int:
        return len(self.ids) - len(self.removed)

    def __contains__(self, word: str) -> bool:
        """Whether a passage has, or has had, this word."""
        return word in self._terms

    def add(self, passages: Sequence[tuple[int, Sequence[str]]]) -> None:
        first = len(self.ids)
        ids = np.array([passage_id for passage_id, _ in passages], np.int64)
        lengths = np.array([len(words) for _, words in passages], np.float32)
        self.ids = np.concatenate([self.ids, ids])
        self.lengths = np.concatenate([self.lengths, lengths])
        self.length += float(lengths.sum())
        for slot, (_, words) in enumerate(passages, start=first):
            for word, count in Counter(words).items():
                term = self._terms.setdefault(word, len(self._terms))
                waiting = self._waiting.get(term)
                if waiting is None:
                    waiting = self._waiting[term] = array("q")
                waiting.append(slot << 8 | min(count, 255))
        self._waiting_passages += len(passages)
        if self._waiting_passages >= max(MERGE_AFTER, MERGE_SHARE * first):
            self._merge()

    def remove(self, passage_ids: Iterable[int]) -> None:
        """Take passages out; their postings stay, masked, until the next merge."""
        wanted = np.fromiter(passage_ids, np.int64)
        self.removed = np.union1d(self.removed, self.slots_of(wanted))
        if len(self.removed) >= max(MERGE_AFTER, MERGE_SHARE * len(self.ids)):
            self._merge()

    def without(self, passage_ids: Iterable[int]) -> "Postings":
        """A read-only view without these passages; it shares the arrays until they change."""
        view = copy(self)
        view.removed = np.union1d(self.removed, self.slots_of(np.fromiter(passage_ids, np.int64)))
        return view

    def _merge(self) -> None:
        """Put what waits among the postings, and drop what was taken out."""
        waiting = [self._postings_waiting(term) for term in sorted(self._waiting)]
        if waiting:
            # What waits for a term comes after what is sorted of it: its slots are higher.
            ends = np.full(len(self._terms), len(self._slots))
            ends[: len(self._starts) - 1] = self._starts[1:]
            sizes = np.zeros(len(self._terms), np.int64)
            sizes[sorted(self._waiting)] = [len(slots) for slots, _ in waiting]
            places = np.repeat(ends, sizes)
            self._slots = np.insert(self._slots, places, np.concatenate([s for s, _ in waiting]))
            self._counts = np.insert(self._counts, places, np.concatenate([c for _, c in waiting]))
            self._starts = np.concatenate([np.zeros(1, np.int64), ends + np.cumsum(sizes)])
        if len(self.removed):
            self._drop()
        self._waiting, self._waiting_passages = {}, 0

    def _drop(self) -> None:
        """Leave out the postings of what was taken out, and number the rest anew."""
        alive = np.ones(len(self.ids), bool)
        alive[self.removed] = False
        keep = alive[self._slots]
        kept_before = np.concatenate([np.zeros(1, np.int64), np.cumsum(keep)])
        self._starts = kept_before[self._starts]
        numbers = (np.cumsum(alive) - 1).astype(np.int32)
        self._slots, self._counts = numbers[self._slots[keep]], self._counts[keep]
        self.ids, self.lengths = self.ids[alive], self.lengths[alive]
        self.length = float(self.lengths.sum())
        self.removed = np.zeros(0, np.int64)

    def _postings_waiting(self, term: int) -> tuple[NDArray[np.int32], NDArray[np.uint8]]:
        both = np.array(self._waiting[term], np.int64)
        return (both >> 8).astype(np.int32), (both & 255).astype(np.uint8)

    def postings(self, word: str) -> tuple[NDArray[np.int32], NDArray[np.uint8]]:
        """The slots of the passages that have a word, ascending, and how often each has it."""
        term = self._terms.get(word, -1)
        slots, counts = self._slots[:0], self._counts[:0]
        if 0 <= term < len(self._starts) - 1:
            span = slice(self._starts[term], self._starts[term + 1])
            slots, counts = self._slots[span], self._counts[span]
        if term in self._waiting:
            more_slots, more_counts = self._postings_waiting(term)
            slots = np.concatenate([slots, more_slots])
            counts = np.concatenate([counts, more_counts])
        return slots, counts

    def document_frequency(self, word: str) -> int:
        """How many passages have a word; those taken out count until the next merge."""
        term = self._terms.get(word, -1)
        merged = 0
        if 0 <= term < len(self._starts) - 1:
            merged = int(self._starts[term + 1] - self._starts[term])
        return merged + len(self._waiting.get(term, ()))

    def corrections(self, word: str) -> list[str]:
        """The known words that an unknown one may be a slip of."""
        return [] if word in self._terms else sorted(slips(word) & self._terms.keys())

    def slots_of(self, ids: NDArray[np.int64]) -> NDArray[np.int64]:
        # Ids are given in order and never again, so they are sorted.
        places = np.searchsorted(self.ids, ids)
        known = places < len(self.ids)
        places, ids = places[known], ids[known]
        return np.asarray(places[self.ids[places] == ids])

    def save(self, path: Path) -> None:
        """Write the postings; what waits is merged first."""
        self._merge()
        arrays: dict[str, Any] = {
            "ids": self.ids,
            "lengths": self.lengths,
            "starts": self._starts,
            "slots": self._slots,
            "counts": self._counts,
            "terms": np.frombuffer("\n".join(self._terms).encode(), np.uint8),
        }
        with path.open("wb") as file:
            np.savez(file, **arrays)

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read postings that were saved.

        Raises:
            ValueError, OSError, KeyError: if the file is torn or is something else.
        """
        loaded = cls()
        with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
            terms = arrays["terms"].tobytes().decode()
            loaded._terms = {term: n for n, term in enumerate(terms.split("\n"))} if terms else {}
            loaded.ids, loaded.lengths = arrays["ids"], arrays["lengths"]
            loaded._starts, loaded._slots = arrays["starts"], arrays["slots"]
            loaded._counts = arrays["counts"]
        loaded.length = float(loaded.lengths.sum())
        return loaded


# BM25's k1 (term-frequency saturation) and b (length normalisation): the best of a flat optimum
# over ten question sets (docs/decisions.md, retrieval).
K1: Final = 0.5
B: Final = 0.75

# In a large scope, a word that more than this share of the passages has puts none of them forward:
# reading all its postings takes long and hardly tells passages apart. It counts in the scores of so
# many of the best by the other words.
LARGE: Final = 100_000
COMMON_SHARE: Final = 0.05
REFINED: Final = 10_000

# What a corrected word counts for: it may not be what was meant.
CORRECTED: Final = 0.75

# Ids of passages, in memory as they come or as numbers that are read at once.
Ids = Sequence[int] | NDArray[np.int64]

# The forms of a word with its IDF, or with its share of the query's.
Weight = tuple[tuple[str, ...], float]


class BM25Lookup:
    """The passages of several scopes that have a query's words; valid until an index changes."""

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
        """The passages, best first: at most `k`, and after them those of `also` that have a word.

        Returns:
            (passage id, coverage), coverage above 0 and below 1; only those `among`, if given.
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
        # Of a large selection far more have a word than are asked for.
        rest = order[self._k :]
        order = np.concatenate([order[: self._k], rest[np.isin(ids[rest], np.asarray(also))]])
        return list(zip(ids[order].tolist(), covered[order].tolist(), strict=True))


def idfs(scopes: Sequence[Postings], wanted: Sequence[QueryWord]) -> list[Weight]:
    """The forms and IDF of each word as typed, uncorrected; one that no passage has weighs most."""
    passages = sum(postings.passages for postings in scopes)
    return [
        (word.forms, _idf(scopes, word.forms, passages))
        for word in wanted
        if not word.optional or any(_known(scopes, form) for form in word.forms)
    ]


def unknown_forms(scopes: Sequence[Postings], wanted: Sequence[QueryWord]) -> frozenset[str]:
    """The forms of those words of a query that no passage has, as typed or with a slip mended."""
    return frozenset(
        form
        for word in wanted
        if not any(_known(scopes, form) for form in word.forms)
        and not _corrections(scopes, word.forms)
        for form in word.forms
    )


def _idf(scopes: Sequence[Postings], forms: Sequence[str], passages: int) -> float:
    """The inverse document frequency of a word by its commonest form."""
    frequencies = [sum([one.document_frequency(form) for one in scopes]) for form in forms]
    having = max(frequencies, default=0)
    return math.log(1 + max(passages - having + 0.5, 0.0) / (having + 0.5))


def _known(scopes: Sequence[Postings], form: str) -> bool:
    return any(form in postings for postings in scopes)


def _corrections(scopes: Sequence[Postings], forms: Sequence[str]) -> list[str]:
    """The words that forms are slips of, each once."""
    found = (postings.corrections(form) for postings in scopes for form in forms)
    return list(dict.fromkeys(chain.from_iterable(found)))


def _weight(scopes: Sequence[Postings], wanted: QueryWord, passages: int) -> Weight:
    """The forms of a word that are known, else its corrections, with its IDF."""
    known = tuple(form for form in wanted.forms if _known(scopes, form))
    if known:
        return known, _idf(scopes, known, passages)
    if wanted.optional:
        return (), 0.0
    corrected = tuple(_corrections(scopes, wanted.forms)[:2])
    return corrected, _idf(scopes, corrected, passages) * (CORRECTED if corrected else 1.0)


@dataclass(frozen=True, slots=True)
class _Scored:
    """The coverages of one scope's passages by the words of a query that put passages forward.

    `scores` are (slots,), `best` the slots of the best of them; `common` are the words that only
    count in them; `mean_length` is that of the passages of all scopes, in words.
    """

    postings: Postings
    scores: NDArray[np.float64]
    best: NDArray[np.int64]
    common: Sequence[Weight]
    mean_length: float

    @classmethod
    def of(cls, postings: Postings, shares: Sequence[Weight], mean_length: float, k: int) -> Self:
        """Score the words of a query, each with its share of the query's weight, 1 in all."""
        telling, common = _parted(postings, shares)
        scores = _summed(postings, telling, mean_length)
        if len(postings.removed):
            scores[postings.removed] = 0
        return cls(postings, scores, _best(scores, REFINED if common else k), common, mean_length)

    def coverages(
        self, k: int, also: NDArray[np.int64]
    ) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """The ids of the `k` best passages and of those in `also`, with their coverages above 0."""
        also_slots = self.postings.slots_of(also)
        if len(self.postings.removed):
            also_slots = np.setdiff1d(also_slots, self.postings.removed)
        wanted = _each_once(self.best, also_slots)
        found = self.scores[wanted].astype(np.float32)
        if self.common:
            for forms, weight in self.common:
                counts = _counts_at(self.postings, wanted, forms)
                found += weight * _saturated(self.postings, counts, wanted, self.mean_length)
            kept = _each_once(_best(found, k), np.searchsorted(wanted, also_slots))
            wanted, found = wanted[kept], found[kept]
        above = found > 0
        return self.postings.ids[wanted[above]], found[above]


def _parted(postings: Postings, shares: Sequence[Weight]) -> tuple[list[Weight], list[Weight]]:
    """The words that put passages forward, and the common ones that only count."""
    slots = len(postings.ids)
    telling: list[Weight] = []
    common: list[Weight] = []
    for forms, share in shares:
        most = max(map(postings.document_frequency, forms)) if slots >= LARGE else 0
        (common if most > COMMON_SHARE * slots else telling).append((forms, share))
    return (telling, common) if telling else (common, [])


def _summed(
    postings: Postings, shares: Sequence[Weight], mean_length: float
) -> NDArray[np.float64]:
    """The coverage of each slot by some words, (slots,); every posting is read once."""
    if not shares:
        return np.zeros(len(postings.ids))
    found = [_occurrences(postings, forms) for forms, _ in shares]
    slots = np.concatenate([slots for slots, _ in found])
    counts = np.concatenate([counts for _, counts in found])
    covered = _saturated(postings, counts, slots, mean_length)
    weights = np.array([share for _, share in shares], np.float32)
    covered *= np.repeat(weights, [len(slots) for slots, _ in found])
    summed: NDArray[np.float64] = np.bincount(slots, covered, len(postings.ids))  # type: ignore[assignment]
    return summed


def _occurrences(
    postings: Postings, forms: Sequence[str]
) -> tuple[NDArray[np.int32], NDArray[np.uint8]]:
    """The slots that have a word, in order, and how often: as often as its commonest form."""
    slots, counts = postings.postings(forms[0])
    if len(forms) > 1:
        found = [postings.postings(form) for form in forms]
        slots = np.concatenate([slots for slots, _ in found])
        counts = np.concatenate([counts for _, counts in found])
        order = np.lexsort((counts, slots))
        slots, counts = slots[order], counts[order]
        # Of one slot's forms the most frequent stands last.
        last = np.append(slots[1:] != slots[:-1], np.ones(min(len(slots), 1), bool))
        slots, counts = slots[last], counts[last]
    return slots, counts


def _counts_at(
    postings: Postings, wanted: NDArray[np.int64], forms: Sequence[str]
) -> NDArray[np.uint8]:
    """How often each of some slots has a word; reads no more of the postings than it must."""
    most = np.zeros(len(wanted), np.uint8)
    for form in forms:
        slots, counts = postings.postings(form)
        if len(slots):
            places = np.minimum(np.searchsorted(slots, wanted.astype(np.int32)), len(slots) - 1)
            most = np.maximum(most, np.where(slots[places] == wanted, counts[places], 0))
    return most


def _saturated(
    postings: Postings, counts: NDArray[np.uint8], slots: NDArray[Any], mean_length: float
) -> NDArray[np.float32]:
    """BM25's term-frequency part over its limit: tf / (tf + K1 · (1 - B + B · dl / avgdl))."""
    # Step by step in one array, for speed.
    held_back: NDArray[np.float32] = postings.lengths[slots]
    held_back *= np.float32(K1 * B / mean_length)
    held_back += np.float32(K1 * (1 - B))
    held_back += counts
    np.divide(counts, held_back, out=held_back)
    return held_back


def _each_once(some: NDArray[np.int64], others: NDArray[np.int64]) -> NDArray[np.int64]:
    """The places in either, in order."""
    both = np.sort(np.concatenate([some, others]))
    # Faster than numpy's own, which is made for many more.
    last = np.append(both[1:] != both[:-1], np.ones(min(len(both), 1), bool))
    each: NDArray[np.int64] = both[last]
    return each


def _best(scores: NDArray[Any], k: int) -> NDArray[np.int64]:
    """The places of the `k` best scores above 0, in no order; of equal ones the first."""
    above = np.flatnonzero(scores)
    if len(above) <= k:
        return above
    found = scores[above]
    least = np.partition(found, len(found) - k)[len(found) - k]
    better = above[found > least]
    return np.concatenate([better, above[found == least][: k - len(better)]])
