"""LRU caches of passages, vectors and token codes read from the index database.

A passage's text never changes under its id, and ids are never reused. So a cached row may become
unneeded, but only its link can become wrong. When a link changes, all passages are read again.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from operator import attrgetter
from typing import Final, TypeVar

import numpy as np
from cachetools import LRUCache

from indexer.index.stored_passage import StoredPassage
from indexer.index.tables import IndexTables

# Bounds in bytes of full-precision vectors and in characters of passages, each for 20,000 passages
# of 120 words. `PASSAGE_CHARACTERS` is a passage's size besides its texts.
VECTORS_BYTES: Final = 96 * 2**20
PASSAGES_CHARACTERS: Final = 40 * 2**20
# The codes of some 4,000 passages: only the best of each question are compared by tokens.
CODES_BYTES: Final = 48 * 2**20
PASSAGE_CHARACTERS: Final = 800

# Rows read ahead in one step, in some 10 ms.
SLICE: Final = 500
_AFTER_ALL: Final = 2**63 - 1

_Row = TypeVar("_Row")


class RowCache:
    """Passages, their vectors and their token codes, from memory or the database."""

    def __init__(self, tables: IndexTables) -> None:
        self._tables = tables
        self._vectors: LRUCache[int, bytes] = LRUCache(VECTORS_BYTES, getsizeof=len)
        self._codes: LRUCache[int, bytes] = LRUCache(CODES_BYTES, getsizeof=len)
        self._passages: LRUCache[int, StoredPassage] = LRUCache(
            PASSAGES_CHARACTERS, getsizeof=_characters
        )

    def passages(self, passage_ids: Sequence[int]) -> dict[int, StoredPassage]:
        """Passages by id, in the order given, without missing ones."""
        return _found(self._passages, passage_ids, self._tables.passages)

    def vectors(self, passage_ids: Iterable[int]) -> dict[int, bytes]:
        """The vectors of each passage's whole text, then of its windows, as float32 bytes by id."""
        return _found(self._vectors, list(passage_ids), self._read_vectors)

    def token_codes(self, passage_ids: Iterable[int], *, cached: bool = False) -> dict[int, bytes]:
        """The codes of passages' token vectors, by id; passages without codes are left out.

        With `cached`, only codes in memory are returned, without a query to the database.
        """
        if cached:
            return {key: self._codes[key] for key in passage_ids if key in self._codes}
        return _found(self._codes, list(passage_ids), self._tables.token_codes)

    def _read_vectors(self, passage_ids: Sequence[int]) -> dict[int, bytes]:
        rows = self._tables.passage_vectors(passage_ids)
        return {key: _full_precision(half) for key, half in rows}

    def remove(self, passage_ids: Iterable[int]) -> None:
        for passage_id in passage_ids:
            self._passages.pop(passage_id, None)
            self._vectors.pop(passage_id, None)
            self._codes.pop(passage_id, None)

    def forget_passages(self) -> None:
        self._passages.clear()

    def has(self, passage_ids: Iterable[int]) -> bool:
        """Whether all of these passages are in memory, with their vectors."""
        return all(key in self._passages and key in self._vectors for key in passage_ids)

    def document_passages(self, document_id: str) -> list[StoredPassage]:
        """The passages of a document in memory, in reading order; scans all cached passages."""
        found = [
            passage for passage in self._passages.values() if passage.document_id == document_id
        ]
        return sorted(found, key=attrgetter("position"))

    def fitting(self) -> int:
        """The approximate number of passages that fit the caches, estimated from those cached."""
        fits = [
            cache.maxsize * len(cache) / cache.currsize
            for cache in (self._vectors, self._passages)
            if cache.currsize
        ]
        return int(0.9 * min(fits, default=PASSAGES_CHARACTERS / PASSAGE_CHARACTERS))

    def read(self, passage_ids: Iterable[int]) -> Iterator[None]:
        """Read passages' rows into memory in steps, evicting other rows if necessary."""
        missing = [key for key in passage_ids if not self.has([key])]
        for start in range(0, len(missing), SLICE):
            some = missing[start : start + SLICE]
            self.vectors(some)
            self.passages(some)
            # Codes are needed only for a question's best passages, so they needn't be in memory.
            if self._codes.currsize < CODES_BYTES // 2:
                self.token_codes(some)
            yield

    def read_ahead(self) -> Iterator[None]:
        """Fill the caches with the newest rows, one slice in each step.

        No database read stays open between two steps.
        """
        tables = self._tables
        yield from _warm(
            self._vectors,
            lambda before: [
                (key, _full_precision(half))
                for key, half in tables.passage_vectors_before(before, SLICE)
            ],
        )
        yield from _warm(self._codes, lambda before: tables.token_codes_before(before, SLICE))
        yield from _warm(
            self._passages,
            lambda before: [
                (passage.id, passage) for passage in tables.passages_before(before, SLICE)
            ],
        )


def _found(
    cache: "LRUCache[int, _Row]",
    keys: Sequence[int],
    read: Callable[[Sequence[int]], dict[int, _Row]],
) -> dict[int, _Row]:
    """Rows by key, in the order given; rows missing from the cache are read and cached."""
    try:
        # Nearly always all are there, and looking each up once takes half the time.
        return {key: cache[key] for key in keys}
    except KeyError:
        found = {key: cache.get(key) for key in keys}
    rows = read([key for key, row in found.items() if row is None])
    cache.update(rows)
    return {key: row for key, row in (found | rows).items() if row is not None}


def _warm(
    cache: "LRUCache[int, _Row]", read: Callable[[int], Sequence[tuple[int, _Row]]]
) -> Iterator[None]:
    """Fill a cache with the newest rows, one slice in each step.

    `read` returns a slice of the rows with ids below the given id, the highest id first.
    """
    before = _AFTER_ALL
    while rows := read(before):
        before = rows[-1][0]
        if not _fill(cache, rows):
            return
        yield


def _fill(cache: "LRUCache[int, _Row]", rows: Iterable[tuple[int, _Row]]) -> bool:
    """Add rows until the cache is full. Return whether all rows fit."""
    for key, row in rows:
        if key not in cache:
            if cache.currsize + cache.getsizeof(row) > cache.maxsize:
                return False
            cache[key] = row
    return True


def _characters(passage: StoredPassage) -> int:
    return PASSAGE_CHARACTERS + len(passage.text) + len(passage.title) + len(passage.heading)


def _full_precision(half: bytes) -> bytes:
    return np.frombuffer(half, np.float16).astype(np.float32).tobytes()
