"""What was read lately of the index's file, and how much of that is remembered.

A passage never changes under its id, and ids are never used again: what is remembered can only go,
never be wrong. The oldest goes first.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

import numpy as np

from indexer.index.tables import StoredPassage, Tables

# So many bytes of vectors in full precision, which are those of 20,000 passages of 120 words, and
# so many characters of passages, which are the texts of as many. A passage takes about so many
# characters more than its texts.
VECTORS_BYTES: Final = 96 * 2**20
PASSAGES_CHARACTERS: Final = 40 * 2**20
PASSAGE_CHARACTERS: Final = 800

# So many are read ahead at once, which takes some 10 ms.
SLICE: Final = 500
_AFTER_ALL: Final = 2**63 - 1


class Remembered:
    """Passages and their own vectors: remembered, or read of the file."""

    def __init__(self, tables: Tables) -> None:
        """Remember nothing yet."""
        self._tables = tables
        self._vectors: dict[int, bytes] = {}
        self._bytes = 0
        self._passages: dict[int, StoredPassage] = {}
        self._characters = 0

    def passages(self, passage_ids: Sequence[int]) -> dict[int, StoredPassage]:
        """Passages by id; an id that is gone is left out."""
        missing = [key for key in dict.fromkeys(passage_ids) if key not in self._passages]
        if not missing:
            return {key: self._passages[key] for key in passage_ids}
        read = self._tables.passages(missing)
        found = {key: self._passages.get(key) or read.get(key) for key in passage_ids}
        for passage in read.values():
            self._keep_passage(passage)
        while self._characters > PASSAGES_CHARACTERS:
            self._forget_passage(next(iter(self._passages)))
        return {key: passage for key, passage in found.items() if passage is not None}

    def vectors(self, passage_ids: Iterable[int]) -> dict[int, bytes]:
        """Passages' own vectors as float32, by id; the whole first, then its windows."""
        wanted = list(dict.fromkeys(passage_ids))
        missing = [key for key in wanted if key not in self._vectors]
        if not missing:
            return {key: self._vectors[key] for key in wanted}
        read = {key: _full_precision(half) for key, half in self._tables.passage_vectors(missing)}
        found = {key: self._vectors.get(key) or read.get(key) for key in wanted}
        for key, own in read.items():
            self._keep_vectors(key, own)
        while self._bytes > VECTORS_BYTES:
            self._forget_vectors(next(iter(self._vectors)))
        return {key: vectors for key, vectors in found.items() if vectors is not None}

    def vectors_among(self, passage_ids: Iterable[int]) -> Mapping[int, bytes]:
        """The same, perhaps among those of others: nothing is copied if all are remembered."""
        wanted = list(passage_ids)
        if all(map(self._vectors.__contains__, wanted)):
            return self._vectors
        return self.vectors(wanted)

    def forget(self, passage_ids: Iterable[int]) -> None:
        """Forget passages that are gone."""
        for passage_id in passage_ids:
            self._forget_passage(passage_id)
            self._forget_vectors(passage_id)

    def read_ahead(self) -> Iterator[None]:
        """Read as much as is remembered at the most, the newest first, a slice a step.

        Anything may be done between two steps: no reading is left open meanwhile.
        """
        before = _AFTER_ALL
        while self._bytes < VECTORS_BYTES and (
            vectors := self._tables.passage_vectors_before(before, SLICE)
        ):
            before = vectors[-1][0]
            for key, half in vectors:
                if key not in self._vectors and self._bytes < VECTORS_BYTES:
                    self._keep_vectors(key, _full_precision(half))
            yield
        before = _AFTER_ALL
        while self._characters < PASSAGES_CHARACTERS and (
            passages := self._tables.passages_before(before, SLICE)
        ):
            before = passages[-1].id
            for passage in passages:
                if passage.id not in self._passages and self._characters < PASSAGES_CHARACTERS:
                    self._keep_passage(passage)
            yield

    def _keep_vectors(self, passage_id: int, own: bytes) -> None:
        self._vectors[passage_id] = own
        self._bytes += len(own)

    def _forget_vectors(self, passage_id: int) -> None:
        self._bytes -= len(self._vectors.pop(passage_id, b""))

    def _keep_passage(self, passage: StoredPassage) -> None:
        self._passages[passage.id] = passage
        self._characters += _characters(passage)

    def _forget_passage(self, passage_id: int) -> None:
        passage = self._passages.pop(passage_id, None)
        self._characters -= _characters(passage) if passage is not None else 0


def _characters(passage: StoredPassage) -> int:
    return PASSAGE_CHARACTERS + len(passage.text) + len(passage.title) + len(passage.heading)


def _full_precision(half: bytes) -> bytes:
    return np.frombuffer(half, np.float16).astype(np.float32).tobytes()
