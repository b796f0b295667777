"""In-memory inverted index of one scope: for each word the passages that have it, with counts.

The postings are a cache of the words in the index database, in NumPy arrays sorted by word. So each
word of a question costs a few array operations. The postings of new passages wait in a buffer until
there are enough to be merged into the arrays.
"""

from array import array
from collections import Counter
from collections.abc import Iterable, Sequence
from copy import copy
from functools import lru_cache
from pathlib import Path
from typing import Any, BinaryIO, Final, Self

import numpy as np
from numpy.typing import NDArray

# New passages are merged once they are this many and this share of the sorted ones: merging copies
# every posting, about a second for a million passages.
MERGE_AFTER: Final = 512
MERGE_SHARE: Final = 0.1
# In a scope this small, a removed passage still counted would distort the weights of words. So
# postings are merged at once, in less than a millisecond.
EXACT_PASSAGES: Final = 1_000

# Approximate bytes of a word in the dictionary, of a waiting word, and of a waiting passage.
_TERM_BYTES: Final = 150
_WAITING_BYTES: Final = 150
_PASSAGE_BYTES: Final = 800


# Longer words have no slips looked up; German has hardly any.
LONGEST_CORRECTED: Final = 40

_LETTERS: Final = "abcdefghijklmnopqrstuvwxyz"


class Postings:
    """Postings of one scope's passages.

    Attributes:
        ids: the passages' ids, (slots,), ascending. A slot is the position of a passage in `ids`;
            postings refer to passages by slot.
        lengths: the passages' lengths in words, (slots,).
        length: the sum of `lengths`; removed passages count until the next merge.
        removed: the slots of passages removed since the last merge.
    """

    def __init__(self) -> None:
        self._terms: dict[str, int] = {}
        self.ids: NDArray[np.int64] = np.zeros(0, np.int64)
        self.lengths: NDArray[np.float32] = np.zeros(0, np.float32)
        # Sorted postings: term t has [starts[t], starts[t + 1]) of slots and counts.
        self._starts: NDArray[np.int64] = np.zeros(1, np.int64)
        self._slots: NDArray[np.int32] = np.zeros(0, np.int32)
        self._counts: NDArray[np.uint8] = np.zeros(0, np.uint8)
        # Waiting postings of each term, in order: 256 times the slot, plus the count.
        self._waiting: dict[int, array[int]] = {}
        self._waiting_passages = 0
        self.removed: NDArray[np.int64] = np.zeros(0, np.int64)
        self.length = 0.0
        # The number of words, and all of them as one text, to be searched for parts of words.
        self._joined: tuple[int, str] = 0, "\n"

    @property
    def bytes(self) -> int:
        """The approximate size in memory."""
        arrays = (self.ids, self.lengths, self._starts, self._slots, self._counts)
        waiting = len(self._waiting) * _WAITING_BYTES + self._waiting_passages * _PASSAGE_BYTES
        return sum(array.nbytes for array in arrays) + len(self._terms) * _TERM_BYTES + waiting

    @property
    def passages(self) -> int:
        return len(self.ids) - len(self.removed)

    def __contains__(self, word: str) -> bool:
        """Whether a passage has this word, or had it until a recent removal."""
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
        """Remove passages; their postings stay, masked, until the next merge."""
        wanted = np.fromiter(passage_ids, np.int64)
        self.removed = np.union1d(self.removed, self.slots_of(wanted))
        few = len(self.ids) <= EXACT_PASSAGES
        if len(self.removed) >= (1 if few else max(MERGE_AFTER, MERGE_SHARE * len(self.ids))):
            self._merge()

    def without(self, passage_ids: Iterable[int]) -> "Postings":
        """A read-only view without these passages; it shares the arrays until they change."""
        # Only waiting postings are changed in place; merging makes new arrays.
        view = copy(self)
        view.remove(passage_ids)
        return view

    def _merge(self) -> None:
        """Merge the waiting postings, and drop the removed passages."""
        waiting = [self._postings_waiting(term) for term in sorted(self._waiting)]
        if waiting:
            # A term's waiting postings come after its sorted ones: their slots are higher.
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
        """Delete the postings of removed passages, and renumber the slots."""
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
        # Words that no passage has any more are deleted, too.
        sizes = np.diff(self._starts)
        words = [word for word, size in zip(self._terms, sizes.tolist(), strict=True) if size]
        self._terms = {word: term for term, word in enumerate(words)}
        self._joined = 0, "\n"
        self._starts = np.concatenate([np.zeros(1, np.int64), np.cumsum(sizes[sizes > 0])])

    def _postings_waiting(self, term: int) -> tuple[NDArray[np.int32], NDArray[np.uint8]]:
        both = np.array(self._waiting[term], np.int64)
        return (both >> 8).astype(np.int32), (both & 255).astype(np.uint8)

    def postings(self, word: str) -> tuple[NDArray[np.int32], NDArray[np.uint8]]:
        """The slots of the passages that have a word, ascending, and its count in each."""
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
        """The number of passages that have a word; removed ones count until the next merge."""
        term = self._terms.get(word, -1)
        merged = 0
        if 0 <= term < len(self._starts) - 1:
            merged = int(self._starts[term + 1] - self._starts[term])
        return merged + len(self._waiting.get(term, ()))

    def corrections(self, word: str) -> list[str]:
        """The known words that differ from `word` by one typing slip; none if `word` is known."""
        return [] if word in self._terms else sorted(single_edits(word) & self._terms.keys())

    def words_around(self, part: str) -> list[str]:
        """The longer words with `part` at the beginning or end, in the order of their passages."""
        if self._joined[0] != len(self._terms):
            self._joined = len(self._terms), "\n".join(["", *self._terms, ""])
        text = self._joined[1]
        found: list[str] = []
        place = text.find(part)
        while place >= 0:
            start, end = text.rfind("\n", 0, place) + 1, text.find("\n", place)
            if end - start > len(part) and (start == place or end == place + len(part)):
                found.append(text[start:end])
            place = text.find(part, end)
        return found

    def slots_of(self, ids: NDArray[np.int64]) -> NDArray[np.int64]:
        # Ids ascend and are never reused, so they are sorted.
        places = np.searchsorted(self.ids, ids)
        known = places < len(self.ids)
        places, ids = places[known], ids[known]
        return np.asarray(places[self.ids[places] == ids])

    def save(self, path: Path) -> None:
        with path.open("wb") as file:
            self.write(file)

    def write(self, file: BinaryIO) -> None:
        """Write the postings; waiting ones are merged first."""
        self._merge()
        arrays: dict[str, Any] = {
            "ids": self.ids,
            "lengths": self.lengths,
            "starts": self._starts,
            "slots": self._slots,
            "counts": self._counts,
            "terms": np.frombuffer("\n".join(self._terms).encode(), np.uint8),
        }
        np.savez(file, **arrays)

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read saved postings.

        Raises ValueError, OSError or KeyError if the file is torn or not a file of postings.
        """
        with path.open("rb") as file:
            return cls.read(file)

    @classmethod
    def read(cls, file: BinaryIO) -> Self:
        """Read postings from an open file; it raises the same errors as `load`."""
        loaded = cls()
        with np.load(file, allow_pickle=False) as arrays:
            terms = arrays["terms"].tobytes().decode()
            loaded._terms = {term: n for n, term in enumerate(terms.split("\n"))} if terms else {}
            loaded.ids, loaded.lengths = arrays["ids"], arrays["lengths"]
            loaded._starts, loaded._slots = arrays["starts"], arrays["slots"]
            loaded._counts = arrays["counts"]
        loaded.length = float(loaded.lengths.sum())
        return loaded


# A word is looked up in the postings of every scope.
@lru_cache(maxsize=64)
def single_edits(word: str) -> frozenset[str]:
    """All words at Damerau distance 1: a letter added, missing or wrong, or two swapped.

    Empty for short words and words with digits, where a slip makes another word. Also empty for
    words above `LONGEST_CORRECTED`: a word of n letters has about 54 n neighbours of n letters, so
    the work grows with the square of n.

    Source:
        Damerau, "A technique for computer detection and correction of spelling errors", CACM 1964;
        candidates are generated and looked up, as in Norvig's spelling corrector.
    """
    if not 5 <= len(word) <= LONGEST_CORRECTED or not word.isalpha():
        return frozenset()
    parts = [(word[:i], word[i:]) for i in range(len(word) + 1)]
    shorter = [(left, right[1:]) for left, right in parts[:-1]]
    found = {left + letter + right for left, right in parts + shorter for letter in _LETTERS}
    found.update([left + right for left, right in shorter])
    found.update([word[:i] + word[i + 1] + word[i] + word[i + 2 :] for i in range(len(word) - 1)])
    return frozenset(found)
