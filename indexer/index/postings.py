"""Which passages of a scope have a word, and how much of it: postings held in memory.

What a query's words weigh is told from outside (`indexer.index.bm25`). A lexicon is a cache of the
words kept in the index's file. Postings are numpy arrays sorted by word, so that a question
costs a few array operations a word; what was added since they were sorted waits in a small
dictionary and is merged in when it has grown.
"""

from array import array
from collections import Counter
from collections.abc import Iterable, Sequence
from copy import copy
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Final, Self

import numpy as np
from numpy.typing import NDArray

# How soon further occurrences of a word stop to matter, and how much long passages are held back:
# the best of a flat optimum over ten question sets (docs/decisions.md, retrieval).
K1: Final = 0.5
B: Final = 0.75

# What waits is merged when it is this many passages and this share of what is sorted: merging
# copies every posting, which for a million passages takes about a second.
MERGE_AFTER: Final = 512
MERGE_SHARE: Final = 0.1

# In a large lexicon, a word that more than this share of the passages has puts none of them
# forward: reading all its postings takes long and hardly tells passages apart. It counts in the
# scores of so many of the best by the other words.
LARGE: Final = 100_000
COMMON_SHARE: Final = 0.05
REFINED: Final = 10_000

# With fewer rows, columns of scores are too many to say much.
LEAST_ROWS: Final = 4

# Words of which slips are looked up; German has none much longer.
LONGEST_CORRECTED: Final = 40

_LETTERS: Final = "abcdefghijklmnopqrstuvwxyz"


class Lexicon:
    """The words of one scope's passages."""

    def __init__(self) -> None:
        """An empty lexicon."""
        self._terms: dict[str, int] = {}
        self._ids: NDArray[np.int64] = np.zeros(0, np.int64)
        self._lengths: NDArray[np.float32] = np.zeros(0, np.float32)
        # Sorted postings: those of term t are [starts[t], starts[t + 1]) of slots and counts. A
        # slot is a passage's place in `_ids`.
        self._starts: NDArray[np.int64] = np.zeros(1, np.int64)
        self._slots: NDArray[np.int32] = np.zeros(0, np.int32)
        self._counts: NDArray[np.uint8] = np.zeros(0, np.uint8)
        # What waits for each term, in order: 256 times the slot, plus the count.
        self._waiting: dict[int, array[int]] = {}
        self._waiting_passages = 0
        self._gone: NDArray[np.int64] = np.zeros(0, np.int64)
        self._length = 0.0

    @property
    def passages(self) -> int:
        """How many passages it holds."""
        return len(self._ids) - len(self._gone)

    @property
    def length(self) -> float:
        """How many words its passages have in all; those taken out are counted until merging."""
        return self._length

    def __contains__(self, word: str) -> bool:
        """Whether a passage has, or has had, this word."""
        return word in self._terms

    def add(self, passages: Sequence[tuple[int, Sequence[str]]]) -> None:
        """Put in passages, each as its id and its words."""
        first = len(self._ids)
        ids = np.array([passage_id for passage_id, _ in passages], np.int64)
        lengths = np.array([len(words) for _, words in passages], np.float32)
        self._ids = np.concatenate([self._ids, ids])
        self._lengths = np.concatenate([self._lengths, lengths])
        self._length += float(lengths.sum())
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
        """Take passages out; their postings are passed over until the next merge."""
        wanted = np.fromiter(passage_ids, np.int64)
        self._gone = np.union1d(self._gone, self._slots_of(wanted))
        if len(self._gone) >= max(MERGE_AFTER, MERGE_SHARE * len(self._ids)):
            self._merge()

    def without(self, passage_ids: Iterable[int]) -> "Lexicon":
        """This lexicon as it is once these passages are taken out, to be looked at only.

        It shares what it holds: it is good until this one changes.
        """
        view = copy(self)
        view._gone = np.union1d(self._gone, self._slots_of(np.fromiter(passage_ids, np.int64)))
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
        if len(self._gone):
            self._drop()
        self._waiting, self._waiting_passages = {}, 0

    def _drop(self) -> None:
        """Leave out the postings of what was taken out, and number the rest anew."""
        alive = np.ones(len(self._ids), bool)
        alive[self._gone] = False
        keep = alive[self._slots]
        kept_before = np.concatenate([np.zeros(1, np.int64), np.cumsum(keep)])
        self._starts = kept_before[self._starts]
        numbers = (np.cumsum(alive) - 1).astype(np.int32)
        self._slots, self._counts = numbers[self._slots[keep]], self._counts[keep]
        self._ids, self._lengths = self._ids[alive], self._lengths[alive]
        self._length = float(self._lengths.sum())
        self._gone = np.zeros(0, np.int64)

    def _postings_waiting(self, term: int) -> tuple[NDArray[np.int32], NDArray[np.uint8]]:
        both = np.array(self._waiting[term], np.int64)
        return (both >> 8).astype(np.int32), (both & 255).astype(np.uint8)

    def postings(self, word: str) -> tuple[NDArray[np.int32], NDArray[np.uint8]]:
        """The slots of the passages that have a word, and how often each has it."""
        term = self._terms.get(word)
        if term is None:
            return self._slots[:0], self._counts[:0]
        slots, counts = self._slots[:0], self._counts[:0]
        if term + 1 < len(self._starts):
            span = slice(self._starts[term], self._starts[term + 1])
            slots, counts = self._slots[span], self._counts[span]
        if term in self._waiting:
            more_slots, more_counts = self._postings_waiting(term)
            slots = np.concatenate([slots, more_slots])
            counts = np.concatenate([counts, more_counts])
        return slots, counts

    def having(self, word: str) -> int:
        """How many passages have a word; those taken out are counted until merging."""
        term = self._terms.get(word, -1)
        sorted_in = 0 <= term < len(self._starts) - 1
        sorted_ones = int(self._starts[term + 1] - self._starts[term]) if sorted_in else 0
        return sorted_ones + len(self._waiting.get(term, ()))

    def corrections(self, word: str) -> list[str]:
        """The words it has that are one slip of the keyboard away from one that it has not.

        A slip is a letter too many, too few or wrong, or two of them swapped. Short words and
        words with digits are left alone: there a slip gives another word; and so are longer ones
        than any language has, for a word of n letters has 54 n slips of n letters each.

        Source:
            Damerau, "A technique for computer detection and correction of spelling errors",
            CACM 1964; candidates are generated and looked up, as in Norvig's spelling corrector.
        """
        if word in self._terms or not 5 <= len(word) <= LONGEST_CORRECTED or not word.isalpha():
            return []
        return sorted(_slips(word) & self._terms.keys())

    def scored(
        self, weights: Sequence[tuple[Sequence[str], float]], mean_length: float, k: int
    ) -> "Scored":
        """What the words of a query that put passages forward say of them.

        Args:
            weights: the forms of each of the query's words with its share of the query's weight,
                1 in all.
            mean_length: of the passages in all lexicons together, in words.
            k: how many of the best will be asked for.
        """
        telling, common = self._parted(weights)
        scores = self._added_up(telling, mean_length)
        if len(self._gone):
            scores[self._gone] = 0
        return Scored(scores, _best(scores, REFINED if common else k), common, mean_length)

    def coverages(
        self, scored: "Scored", k: int, also: NDArray[np.int64]
    ) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """The ids of the `k` best passages and of those in `also`, with their coverages above 0."""
        also_slots = self._slots_of(also)
        if len(self._gone):
            also_slots = np.setdiff1d(also_slots, self._gone)
        wanted = _each_once(scored.best, also_slots)
        found = scored.scores[wanted].astype(np.float32)
        if scored.common:
            for forms, weight in scored.common:
                found += weight * self._saturated_at(wanted, forms, scored.mean_length)
            kept = _each_once(_best(found, k), np.searchsorted(wanted, also_slots))
            wanted, found = wanted[kept], found[kept]
        above = found > 0
        return self._ids[wanted[above]], found[above]

    def _added_up(
        self, weights: Sequence[tuple[Sequence[str], float]], mean_length: float
    ) -> NDArray[np.float64]:
        """What each slot has of some words, (slots,); every posting is read once."""
        if not weights:
            return np.zeros(len(self._ids))
        found = [self._occurrences(forms) for forms, _ in weights]
        slots = np.concatenate([slots for slots, _ in found])
        counts = np.concatenate([counts for _, counts in found])
        shares = self._held_back(counts, slots, mean_length)
        shares *= np.repeat(
            np.array([weight for _, weight in weights], np.float32),
            [len(slots) for slots, _ in found],
        )
        added_up: NDArray[np.float64] = np.bincount(slots, shares, len(self._ids))  # type: ignore[assignment]
        return added_up

    def _parted(
        self, weights: Sequence[tuple[Sequence[str], float]]
    ) -> tuple[list[tuple[Sequence[str], float]], list[tuple[Sequence[str], float]]]:
        """The words that put passages forward, and those that only count."""
        limit = COMMON_SHARE * len(self._ids)
        is_common = [
            len(self._ids) >= LARGE and any(self.having(form) > limit for form in forms)
            for forms, _ in weights
        ]
        if all(is_common):
            return list(weights), []
        return (
            [word for word, common in zip(weights, is_common, strict=True) if not common],
            [word for word, common in zip(weights, is_common, strict=True) if common],
        )

    def _slots_of(self, ids: NDArray[np.int64]) -> NDArray[np.int64]:
        """The slots of those of the passages that it has."""
        # Ids are given in order and never again, so they are sorted.
        places = np.searchsorted(self._ids, ids)
        known = places < len(self._ids)
        places, ids = places[known], ids[known]
        return np.asarray(places[self._ids[places] == ids])

    def _occurrences(self, forms: Sequence[str]) -> tuple[NDArray[np.int32], NDArray[np.uint8]]:
        """The slots that have a word, in order, and how often: as often as its commonest form."""
        slots, counts = self.postings(forms[0])
        if len(forms) > 1:
            found = [self.postings(form) for form in forms]
            slots = np.concatenate([slots for slots, _ in found])
            counts = np.concatenate([counts for _, counts in found])
            order = np.lexsort((counts, slots))
            slots, counts = slots[order], counts[order]
            # Of one slot's forms the most frequent stands last.
            last = np.append(slots[1:] != slots[:-1], np.ones(min(len(slots), 1), bool))
            slots, counts = slots[last], counts[last]
        return slots, counts

    def _saturated_at(
        self, wanted: NDArray[np.int64], forms: Sequence[str], mean_length: float
    ) -> NDArray[np.float32]:
        """How much of a word each of some slots has; reads no more of the postings than it must."""
        most = np.zeros(len(wanted), np.uint8)
        for form in forms:
            slots, counts = self.postings(form)
            if len(slots):
                places = np.minimum(np.searchsorted(slots, wanted.astype(np.int32)), len(slots) - 1)
                most = np.maximum(most, np.where(slots[places] == wanted, counts[places], 0))
        return self._held_back(most, wanted, mean_length)

    def _held_back(
        self, counts: NDArray[np.uint8], slots: NDArray[Any], mean_length: float
    ) -> NDArray[np.float32]:
        """How much of a word passages have by its counts in them, 0 to 1."""
        # Step by step in one array: the same as K1 * (1 - B + B / mean * length), made for speed.
        held_back: NDArray[np.float32] = self._lengths[slots]
        held_back *= np.float32(K1 * B / mean_length)
        held_back += np.float32(K1 * (1 - B))
        held_back += counts
        np.divide(counts, held_back, out=held_back)
        return held_back

    def save(self, path: Path) -> None:
        """Write the postings; what waits is merged first."""
        self._merge()
        arrays: dict[str, Any] = {
            "ids": self._ids,
            "lengths": self._lengths,
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
        lexicon = cls()
        with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
            terms = arrays["terms"].tobytes().decode()
            lexicon._terms = {term: n for n, term in enumerate(terms.split("\n"))} if terms else {}
            lexicon._ids, lexicon._lengths = arrays["ids"], arrays["lengths"]
            lexicon._starts, lexicon._slots = arrays["starts"], arrays["slots"]
            lexicon._counts = arrays["counts"]
        lexicon._length = float(lexicon._lengths.sum())
        return lexicon


@dataclass(frozen=True, slots=True)
class Scored:
    """What the words of a query that put passages forward say of one lexicon's passages.

    `scores` are (slots,), `best` the slots of the best of them; `common` are the words, with their
    weights, that only count; `mean_length` is that of all passages.
    """

    scores: NDArray[np.float64]
    best: NDArray[np.int64]
    common: list[tuple[Sequence[str], float]]
    mean_length: float


# A word is asked of every scope's lexicon.
@lru_cache(maxsize=64)
def _slips(word: str) -> frozenset[str]:
    """What one slip of the keyboard makes of a word."""
    parts = [(word[:i], word[i:]) for i in range(len(word) + 1)]
    shorter = [(left, right[1:]) for left, right in parts[:-1]]
    slips = {left + letter + right for left, right in parts + shorter for letter in _LETTERS}
    slips.update([left + right for left, right in shorter])
    slips.update([word[:i] + word[i + 1] + word[i] + word[i + 2 :] for i in range(len(word) - 1)])
    return frozenset(slips)


def _each_once(some: NDArray[np.int64], others: NDArray[np.int64]) -> NDArray[np.int64]:
    """The places in either, in order."""
    both = np.sort(np.concatenate([some, others]))
    # Faster than numpy's own, which is made for many more.
    each: NDArray[np.int64] = both[
        np.append(both[1:] != both[:-1], np.ones(min(len(both), 1), bool))
    ]
    return each


def _contenders(scores: NDArray[Any], k: int) -> NDArray[np.int64]:
    """Places, in order, among which the `k` best scores above 0 are.

    The scores are read in columns, and each column's largest is a score: so the `k`th of these is
    no more than the `k`th best, and few are as good. Finding all that are above 0 takes ten times
    as long.
    """
    rows = len(scores) // max(4 * k, 1)
    if rows < LEAST_ROWS:
        return np.flatnonzero(scores)
    columns = len(scores) // rows
    largest = scores[: rows * columns].reshape(rows, columns).max(axis=0)
    least = np.partition(largest, columns - k)[columns - k]
    return np.flatnonzero(scores >= least) if least > 0 else np.flatnonzero(scores)


def _best(scores: NDArray[Any], k: int) -> NDArray[np.int64]:
    """The places of the `k` best scores above 0, in no order; of equal ones the first."""
    above = _contenders(scores, k)
    if len(above) <= k:
        return above
    found = scores[above]
    least = np.partition(found, len(found) - k)[len(found) - k]
    better = above[found > least]
    return np.concatenate([better, above[found == least][: k - len(better)]])
