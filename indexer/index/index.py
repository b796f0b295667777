"""Search index: vectors and postings of the searched scopes, on top of the index database.

The database (`indexer.index.tables`) is the source of truth. It is derived from the corpus, so it
can be deleted at any time and is then rebuilt. Each scope has its own vector index and postings, so
a search of other scopes can't return a guild's passage. `indexer.index.resident_scopes` holds the
scopes in memory.

Only `_replay` updates memory: it repeats the database's changes since the generation in memory,
made by this process or another.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final, Self

import numpy as np
from cachetools import LRUCache
from numpy.typing import NDArray

from indexer.index.bm25 import BM25Lookup, Ids, Weight, idfs, unknown_forms, words_of_query
from indexer.index.database import FORMAT, Place
from indexer.index.postings import Postings
from indexer.index.resident_scopes import SNAPSHOT_LEAST, ResidentScope, ResidentScopes, RowCache
from indexer.index.selection import Selection
from indexer.index.snapshots import SnapshotFiles, SnapshotRows, Snapshots
from indexer.index.stored_passage import StoredPassage
from indexer.index.tables import IndexTables
from indexer.index.vectors import nearest_first, quantize, selector
from indexer.index.written_documents import PART_PASSAGES
from indexer.text.analyzer import QueryWord
from knowledge.values.documents import Scope

# The words of a question are looked up, weighed and searched for unknown ones; their IDFs are asked
# for its evidence and for each passage quoted.
WORDS_CACHED: Final = 64

# Up to this number of scopes in memory, their generations are read one by one; beyond, all at once.
_COMPARED: Final = 1_000

# Cached selections; 8 bytes for each of their passages.
SELECTIONS_CACHED: Final = 64


class Index:
    """The opened index. It belongs to the thread that opened it.

    Attributes:
        tables: the statements of the index database.
        replays: how often memory was updated to another generation.
    """

    def __init__(self, place: Place, *, model: str, dimension: int, max_tokens: int) -> None:
        """Open the index in a folder or schema, or make an empty one.

        `model` is the identity of the vectors (`Embedder.model`), `dimension` is the length of a
        vector, and `max_tokens` is the largest number of tokens in a passage. Raises
        StaleIndexError if the index was made with another model, passage size or format, and
        IndexWriteError if the index can't be opened or made.
        """
        self._dimension = dimension
        expected = {
            "format": str(FORMAT),
            "model": model,
            "dimension": str(dimension),
            "max_tokens": str(max_tokens),
        }
        self.tables = IndexTables(place, expected, dimension)
        self._steady = 0
        # Scopes with pinned generations.
        self._pinned: set[Scope] = set()
        # The number of replays that found a change.
        self.replays = 0
        # Whether to use the generations in memory, without asking the database.
        self._from_memory = False
        self._rows = RowCache(self.tables)
        identity = self.tables.identity()
        snapshots: Snapshots = SnapshotRows(self.tables.db, identity)
        if isinstance(place, Path):
            snapshots = SnapshotFiles(place, identity)
        self._resident = ResidentScopes(snapshots, self.tables, self._rows, dimension)
        # The lookup made ahead, with its text, k and scopes.
        self._lookup: tuple[tuple[str, int, tuple[Scope, ...]], BM25Lookup] | None = None
        self._selected: LRUCache[tuple[Selection, tuple[Scope, ...]], NDArray[np.int64]] = LRUCache(
            SELECTIONS_CACHED
        )
        self._words: LRUCache[tuple[str, tuple[Scope, ...]], list[QueryWord]] = LRUCache(
            WORDS_CACHED
        )
        self._idfs: LRUCache[tuple[str, tuple[Scope, ...]], list[Weight]] = LRUCache(WORDS_CACHED)

    def close(self) -> None:
        """Write snapshots of large scopes that have changed enough, and close the database."""
        self._resident.save_changed()
        self.tables.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    # Contents.

    @property
    def generation(self) -> int:
        """The number of changes so far, over all scopes."""
        return self.tables.generation()

    def generation_of(self, scopes: Iterable[Scope]) -> tuple[int, ...]:
        """The generation of each scope, which rises with each change of the scope."""
        wanted = tuple(scopes)
        self._replay(wanted)
        return tuple(map(self._resident.generation, wanted))

    def replayed_generations(self, scopes: Iterable[Scope]) -> tuple[int, ...]:
        """The generations of these scopes in memory, without a query to the database."""
        return tuple(map(self._resident.generation, scopes))

    def limit_memory(self, resident_bytes: int | None) -> None:
        """Limit the bytes of the scopes in memory; None sets no limit."""
        self._resident.most_bytes = resident_bytes
        self._resident.fit()

    def is_resident(self, scope: Scope) -> bool:
        """Whether the vectors and postings of a scope are in memory."""
        return scope in self._resident

    def size(self, scopes: Iterable[Scope]) -> int:
        wanted = list(dict.fromkeys(scopes))
        self._replay(wanted)
        return sum(map(self._resident.size, wanted))

    def passages(self, passage_ids: Sequence[int]) -> dict[int, StoredPassage]:
        """Passages by id, without missing ones."""
        found = self._rows.passages(passage_ids)
        if self._replay({passage.scope for passage in found.values()}):
            return self._rows.passages(passage_ids)
        return found

    def document_passages(self, document_id: str) -> list[StoredPassage]:
        """Every passage of a document, in reading order."""
        if self._from_memory:
            found = self._rows.document_passages(document_id)
            # Only for a whole scope is it known whether all passages are there.
            if found and self._resident.has_rows(found[0].scope):
                return found
        return self.tables.document_passages(document_id)

    def passages_within(self, document_id: str, first: int, last: int) -> list[StoredPassage]:
        """A document's passages with positions from the first to the last, in reading order."""
        if self._from_memory:
            found = self._rows.document_passages(document_id)
            return [hit for hit in found if first <= hit.position <= last]
        return self.tables.passages_within(document_id, first, last)

    @contextmanager
    def steady(self) -> Iterator[None]:
        """Keep each scope at one generation within the block, so that results fit together.

        Within the block, only the first call for a scope compares the generation in memory with the
        generation in the database. Outside, every call does.
        """
        self._steady += 1
        try:
            yield
        finally:
            self._steady -= 1
            if not self._steady:
                self._pinned.clear()
                self._resident.fit()

    @contextmanager
    def from_memory(self) -> Iterator[None]:
        """Answer from memory, without comparing generations with the database.

        So passages of replaced or deleted documents may still be found; see `stale_documents`.
        Passages and vectors missing from memory are read from the database by id.
        """
        self._from_memory = True
        self._steady += 1
        try:
            yield
        finally:
            self._steady -= 1
            self._from_memory = False

    @property
    def stale_documents(self) -> frozenset[str]:
        """The documents that this process replaced or deleted since the last `catch_up`."""
        return frozenset(self.tables.stale_documents)

    def catch_up(self) -> None:
        """Bring all scopes in memory to the generations of the database."""
        resident = self._resident.scopes()
        self._replay(resident if len(resident) <= _COMPARED else None)
        self.tables.stale_documents.clear()

    def take_up(self, scope: Scope) -> None:
        """Bring a scope in memory to the generation of the database, after a part of a document.

        Otherwise the next question would take up all parts at once. So a small scope is loaded,
        too.
        """
        if self.size([scope]) <= PART_PASSAGES:
            self.postings([scope])

    def _replay(self, scopes: Iterable[Scope] | None = None) -> bool:
        """Bring these scopes in memory, or all, to the database's generations.

        Return whether any scope had changed.
        """
        if self._from_memory:
            return False
        wanted = None
        if scopes is not None:
            wanted = [scope for scope in dict.fromkeys(scopes) if scope not in self._pinned]
            if not wanted:
                return False
            if self._steady:
                self._pinned.update(wanted)
        if not self._resident.replay(wanted):
            return False
        self.replays += 1
        self._words.clear()
        self._idfs.clear()
        self._selected.clear()
        self._lookup = None
        return True

    def save_snapshots(self, least: int = SNAPSHOT_LEAST) -> None:
        """Write snapshots of all scopes with at least `least` passages, and delete all others."""
        self._resident.save_all(least)

    # Searching it.

    def nearest(
        self, vector: NDArray[np.float32], k: int, scopes: Sequence[Scope]
    ) -> list[tuple[int, float]]:
        """The passages nearest in meaning, from exactly these scopes.

        Args:
            vector: the query's vector, (d,) float32 of unit length.
            k: the largest number of passages.
            scopes: the scopes that the asker may see.

        Returns:
            (passage id, cosine), best first; fewer than `k` if there are no more.
        """
        if vector.shape != (self._dimension,):
            raise ValueError(f"The vector has shape {vector.shape}, not ({self._dimension},).")
        # Quantized cosines may swap close neighbours.
        [(ids, _)] = self.nearest_many(vector[np.newaxis], k + k // 2 + 10, scopes)
        own = self.own_vectors(ids.tolist())
        wholes = [np.frombuffer(rows, np.float32, self._dimension) for rows in own.values()]
        cosines = np.array(wholes, np.float32).reshape(-1, self._dimension) @ vector
        ranked = sorted(
            zip(own, cosines.tolist(), strict=True), key=lambda pair: (-pair[1], pair[0])
        )
        return ranked[:k]

    def nearest_many(
        self,
        vectors: NDArray[np.float32],
        k: int,
        scopes: Sequence[Scope],
        among: Ids | None = None,
    ) -> list[tuple[NDArray[np.int64], NDArray[np.float32]]]:
        """The candidates for the nearest passages of each query.

        Args:
            vectors: the queries' vectors, (n, d), rows of unit length.
            k: the largest number of candidates for a query.
            scopes: the scopes that the askers may see.
            among: the ids of the passages to choose from; by default all passages.

        Returns:
            For each query, ids and quantized cosines, best first. These cosines are accurate to
            about 0.001. So a passage slightly nearer than the last candidates may be missing.
        """
        codes = quantize(vectors)
        only = None if among is None else selector(among)
        found = [held.vectors.search(codes, k, only) for held in self._current_scopes(scopes)]
        if not found:
            return [(np.zeros(0, np.int64), np.zeros(0, np.float32))] * len(vectors)
        ids = np.concatenate([ids for ids, _ in found], axis=1)
        cosines = np.concatenate([cosines for _, cosines in found], axis=1)
        return [nearest_first(*row, k) for row in zip(ids, cosines, strict=True)]

    def matching(
        self,
        text: str,
        k: int,
        scopes: Sequence[Scope],
        also: Sequence[int] = (),
        among: Ids | None = None,
    ) -> list[tuple[int, float]]:
        """The passages that have a text's words, from exactly these scopes, by BM25.

        IDFs are computed over all passages of the scopes, regardless of `among`.

        Returns:
            (passage id, coverage above 0 and below 1): the best `k` passages, best first, and then
            any other passages in `also` that have one of the words.
        """
        seen = self.postings(scopes)
        key, lookup = self._lookup or (None, None)
        self._lookup = None
        if lookup is None or key != (text, k, tuple(scopes)):
            lookup = BM25Lookup(seen, self._words_of(text, scopes, seen), k)
        return lookup.found(also, among)

    def prepare_matching(self, text: str, k: int, scopes: Sequence[Scope]) -> Callable[[], None]:
        """A function that precomputes the next `matching` call, and may run in another thread.

        Only one such function may run at a time, and only within `steady`, because it doesn't
        compare generations.
        """
        # Scopes are read in the thread that owns the database.
        seen = self.postings(scopes)

        def run() -> None:
            words = self._words_of(text, scopes, seen)
            self._lookup = (text, k, tuple(scopes)), BM25Lookup(seen, words, k)
            self._idfs_of(text, scopes, seen)

        return run

    def selected_passages(self, selection: Selection, scopes: Sequence[Scope]) -> NDArray[np.int64]:
        """The ids of the passages of selected documents in these scopes, ascending."""
        self._replay(scopes)
        key = (selection, tuple(scopes))
        if key not in self._selected:
            self._selected[key] = self.tables.selected_passages(*key)
        return self._selected[key]

    def idfs(self, text: str, scopes: Sequence[Scope]) -> list[Weight]:
        """The forms and the inverse document frequency of each word of a query."""
        return self._idfs_of(text, scopes, self.postings(scopes))

    def _idfs_of(
        self, text: str, scopes: Sequence[Scope], seen: Sequence[Postings]
    ) -> list[Weight]:
        key = (text, tuple(scopes))
        if key not in self._idfs:
            self._idfs[key] = idfs(seen, self._words_of(text, scopes, seen))
        return self._idfs[key]

    def _words_of(
        self, text: str, scopes: Sequence[Scope], seen: Sequence[Postings]
    ) -> list[QueryWord]:
        key = (text, tuple(scopes))
        if key not in self._words:
            self._words[key] = words_of_query(text, seen)
        return self._words[key]

    def unknown_forms(self, text: str, scopes: Sequence[Scope]) -> frozenset[str]:
        """The forms of query words that no passage has, even after spelling correction."""
        seen = self.postings(scopes)
        return unknown_forms(seen, self._words_of(text, scopes, seen))

    def read_ahead(self) -> Iterator[None]:
        """Prefetch as many scopes, vectors and passages as fit in memory, in steps.

        The index may change between two steps.
        """
        # Includes passages put in since the index was opened.
        self._replay()
        for _ in self._resident.read_ahead():
            yield
            self._replay()
        for _ in self._rows.read_ahead():
            yield
            self._replay()

    def prefetch_recent_rows(self) -> Iterator[None]:
        """Read as many rows of recently searched scopes as fit into memory, in steps.

        Then questions in these scopes can be answered from memory alone. The index may change
        between two steps.
        """
        for passage_ids in self._resident.recently_searched():
            yield from self._rows.read(passage_ids)

    def own_vectors(self, passage_ids: Iterable[int]) -> dict[int, bytes]:
        """For each passage the vectors of its whole text and of its windows, as float32 bytes."""
        return self._rows.vectors(passage_ids)

    def token_codes(self, passage_ids: Iterable[int]) -> dict[int, bytes]:
        """The codes of passages' token vectors; passages without codes are left out.

        Within `from_memory`, codes missing from memory are left out, too.
        """
        return self._rows.token_codes(passage_ids, cached=self._from_memory)

    def postings(self, scopes: Iterable[Scope]) -> list[Postings]:
        return [held.postings for held in self._current_scopes(scopes)]

    def _current_scopes(self, scopes: Iterable[Scope]) -> list[ResidentScope]:
        """The given scopes, each once, loaded into memory at the database's generation."""
        wanted = list(scopes)
        self._replay(wanted)
        found = self._resident.of(wanted)
        if not self._steady:
            self._resident.fit(wanted)
        return found
