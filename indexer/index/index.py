"""The search index: vectors and postings of every scope in memory, over the index database.

The database (`indexer.index.tables`) is the truth, and all of it is derived from the corpus: it can
be deleted at any time and is then rebuilt. Each scope has a vector index and postings of its own,
so a passage can't be returned from a guild whose scope was not searched. Snapshots of both stand
beside the database, named by generation: caches, and a missing, torn or foreign one is rebuilt
silently.

Memory is brought to the database's state in one place only: `_replay` repeats what changed since
the generation in memory, whether this process or another changed it.
"""

import logging
import os
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Self

import numpy as np
from cachetools import LRUCache
from numpy.typing import NDArray

from indexer.index.bm25 import BM25Lookup, Ids, Postings, Weight, idfs, unknown_forms
from indexer.index.database import FORMAT
from indexer.index.row_cache import RowCache
from indexer.index.selection import Selection
from indexer.index.stored_passage import StoredPassage
from indexer.index.tables import IndexTables
from indexer.index.vectors import VectorIndex, quantized, selector
from indexer.text.analyzer import query_words
from knowledge.model.documents import Scope

# A snapshot is written when this many passages came or went since the last one: below it, reading
# them from the database takes a fraction of a second.
SNAPSHOT_AFTER: Final = 2_000

# The IDFs of a question's words are asked for its evidence and for each passage quoted.
IDFS_CACHED: Final = 64

# What so many channels are answered from; 8 bytes for each passage of it.
SELECTIONS_CACHED: Final = 64

_logger = logging.getLogger(__name__)


@dataclass(slots=True)
class _Held:
    """The part of the index that is in memory for one scope."""

    vectors: VectorIndex
    postings: Postings = field(default_factory=Postings)


class Index:
    """The opened index. It belongs to the thread that opened it.

    Attributes:
        tables: the statements of the index database.
    """

    def __init__(self, folder: Path, *, model: str, dimension: int, max_tokens: int) -> None:
        """Open the index in `folder`, or make an empty one.

        `model` is what makes the vectors (`Embedder.model`), `dimension` their length, `max_tokens`
        the most tokens of a passage.

        Raises:
            StaleIndexError: if it was made with another model, passage size or format.
            IndexWriteError: if the folder can't be written.
        """
        self._folder = folder
        self._dimension = dimension
        expected = {
            "format": str(FORMAT),
            "model": model,
            "dimension": str(dimension),
            "max_tokens": str(max_tokens),
        }
        self.tables = IndexTables(folder, expected, dimension)
        self._held: dict[Scope, _Held] = {}
        self._generation = 0
        self._steady = 0
        self._unsaved = 0
        self._rows = RowCache(self.tables)
        # What was looked up ahead, and for which text, k and scopes.
        self._lookup: tuple[tuple[str, int, tuple[Scope, ...]], BM25Lookup] | None = None
        self._selected: LRUCache[tuple[Selection, tuple[Scope, ...]], NDArray[np.int64]] = LRUCache(
            SELECTIONS_CACHED
        )
        self._idfs: LRUCache[tuple[str, tuple[Scope, ...]], list[Weight]] = LRUCache(IDFS_CACHED)
        try:
            self._load()
        except BaseException:
            self.tables.close()
            raise

    def _load(self) -> None:
        try:
            self._read_snapshots()
        except (OSError, RuntimeError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
            _logger.info("The snapshots in %s can't be used: %s", self._folder, error)
            self._held, self._generation = {}, 0
        self._replay()
        held = {scope: len(held.vectors) for scope, held in self._held.items()}
        if {scope: count for scope, count in held.items() if count} != (
            self.tables.passages_by_scope()
        ):
            _logger.info("The snapshots in %s don't match; they are rebuilt.", self._folder)
            self._held, self._generation = {}, 0
            self._replay()

    def _read_snapshots(self) -> None:
        own = f"{self.tables.identity()}-"
        found = [
            (int(path.name.removeprefix(own).partition("-")[0]), path)
            for path in self._folder.glob(f"{own}*.vectors.snapshot")
        ]
        generation = max((generation for generation, _ in found), default=0)
        if not generation or generation > self.tables.generation():
            return
        for path in (path for its_generation, path in found if its_generation == generation):
            # A channel's scope is negative: all after the first hyphen is the scope.
            scope = Scope(int(path.name.removeprefix(own).partition("-")[2].partition(".")[0]))
            words = path.with_name(path.name.replace(".vectors.", ".words."))
            self._held[scope] = _Held(VectorIndex.load(path, self._dimension), Postings.load(words))
        self._generation = generation

    def close(self) -> None:
        """Write snapshots where they are worth it, and close the file."""
        if self._unsaved >= SNAPSHOT_AFTER:
            self.save_snapshots()
        self.tables.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    # What is in it.

    @property
    def generation(self) -> int:
        """The number of changes so far; what is searched is of this generation."""
        self._replay()
        return self._generation

    def size(self, scopes: Iterable[Scope]) -> int:
        return sum(len(held.vectors) for held in self._seen(scopes))

    def passages(self, passage_ids: Sequence[int]) -> dict[int, StoredPassage]:
        """Passages by id; an id that is gone is left out."""
        self._replay()
        return self._rows.passages(passage_ids)

    def document_passages(self, document_id: str) -> list[StoredPassage]:
        """Every passage of a document, in reading order."""
        return self.tables.document_passages(document_id)

    @contextmanager
    def steady(self) -> Iterator[None]:
        """Pin the generation: all that is asked inside is answered from one.

        A question asks for many small things, each of which would compare generations by itself.
        """
        self._replay()
        self._steady += 1
        try:
            yield
        finally:
            self._steady -= 1

    def _replay(self) -> None:
        """Bring what is in memory to the generation of the database."""
        if self._steady:
            return
        generation = self.tables.generation()
        if generation == self._generation:
            return
        self._idfs.clear()
        self._selected.clear()
        self._lookup = None
        for scope, ids in self.tables.removed_since(self._generation).items():
            self._rows.remove(ids)
            if scope in self._held:
                self._held[scope].vectors.remove(ids)
                self._held[scope].postings.remove(ids)
                self._unsaved += len(ids)
        for scope, added in self.tables.added_since(self._generation):
            held = self._held.setdefault(scope, _Held(VectorIndex(self._dimension)))
            held.vectors.add(added.ids, added.vectors)
            held.postings.add(list(zip(added.ids, added.words, strict=True)))
            self._unsaved += len(added.ids)
        self._generation = generation

    def save_snapshots(self) -> None:
        """Write what is in memory, named by generation, and delete older snapshots.

        A snapshot is a cache: where it can't be written, the next start is slower, nothing else.
        """
        self._replay()
        try:
            prefix = f"{self.tables.identity()}-{self._generation}-"
            for scope, held in self._held.items():
                name = f"{prefix}{scope}"
                self._save(held.postings, f"{name}.words.snapshot")
                # Last, because reading begins with it.
                self._save(held.vectors, f"{name}.vectors.snapshot")
            for path in self._folder.glob("*.snapshot"):
                if not path.name.startswith(prefix):
                    path.unlink(missing_ok=True)
            self._unsaved = 0
        except (OSError, RuntimeError) as error:
            _logger.warning("The snapshots could not be written: %s", error)

    def _save(self, held: VectorIndex | Postings, name: str) -> None:
        # One partial file per process: two of them may be writing the same generation.
        partial = self._folder / f"{name}.{os.getpid()}.partial"
        try:
            held.save(partial)
            partial.replace(self._folder / name)
        finally:
            partial.unlink(missing_ok=True)

    # Searching it.

    def nearest(
        self, vector: NDArray[np.float32], k: int, scopes: Sequence[Scope]
    ) -> list[tuple[int, float]]:
        """The passages nearest in meaning, from exactly these scopes.

        Args:
            vector: the query's, (d,) float32 of unit length.
            k: at most this many.
            scopes: what the asker may see.

        Returns:
            (passage id, cosine), best first; fewer than `k` if there are no more.
        """
        if vector.shape != (self._dimension,):
            raise ValueError(f"The vector has shape {vector.shape}, not ({self._dimension},).")
        # Quantized cosines order those that are close to each other wrongly.
        [(ids, _)] = self.nearest_many(vector[np.newaxis], k + k // 2 + 10, scopes)
        own = self.own_vectors(ids.tolist())
        wholes = [np.frombuffer(rows, np.float32, self._dimension) for rows in own.values()]
        cosines = np.array(wholes, np.float32).reshape(-1, self._dimension) @ vector
        ranked = sorted(zip(own, cosines.tolist(), strict=True), key=lambda one: (-one[1], one[0]))
        return ranked[:k]

    def nearest_many(
        self,
        vectors: NDArray[np.float32],
        k: int,
        scopes: Sequence[Scope],
        among: Ids | None = None,
    ) -> list[tuple[NDArray[np.int64], NDArray[np.float32]]]:
        """The candidates for the passages nearest to each of many queries, (n, d).

        Args:
            vectors: the queries', rows of unit length.
            k: at most this many for each.
            scopes: what the askers may see.
            among: ids of the only passages that are wanted, if not all are.

        Returns:
            For each query ids and quantized cosines, which are right to about 0.001, best first by
            these; the last candidates may stand for others that are nearer by less.
        """
        codes = quantized(vectors)
        only = None if among is None else selector(among)
        found = [held.vectors.search(codes, k, only) for held in self._seen(scopes)]
        if not found:
            return [(np.zeros(0, np.int64), np.zeros(0, np.float32))] * len(vectors)
        ids = np.concatenate([ids for ids, _ in found], axis=1)
        cosines = np.concatenate([cosines for _, cosines in found], axis=1)
        nearest = []
        for row_ids, row_cosines in zip(ids, cosines, strict=True):
            order = np.lexsort((row_ids, -row_cosines))
            order = order[row_ids[order] >= 0][: max(k, 0)]
            nearest.append((row_ids[order], row_cosines[order]))
        return nearest

    def matching(
        self,
        text: str,
        k: int,
        scopes: Sequence[Scope],
        also: Sequence[int] = (),
        among: Ids | None = None,
    ) -> list[tuple[int, float]]:
        """The passages that have a text's words, from exactly these scopes, by BM25.

        What words weigh is taken from all passages of the scopes, whatever `among` says.

        Returns:
            (passage id, coverage), best first, coverage above 0 and below 1: at most `k`, and
            after them those of `also` that have any of the words.
        """
        seen = self.postings(scopes)
        key, lookup = self._lookup or (None, None)
        self._lookup = None
        if lookup is None or key != (text, k, tuple(scopes)):
            lookup = BM25Lookup(seen, query_words(text), k)
        return lookup.found(also, among)

    def look_up(self, text: str, k: int, scopes: Sequence[Scope]) -> None:
        """Precompute the next `matching` call; safe to run while the query is being embedded.

        Not from two threads at once, and only within `steady`: the generation is not compared.
        """
        lookup = BM25Lookup(self.postings(scopes), query_words(text), k)
        self._lookup = (text, k, tuple(scopes)), lookup
        self.idfs(text, scopes)

    def selected(self, selection: Selection, scopes: Sequence[Scope]) -> NDArray[np.int64]:
        """The ids of the passages of selected documents in these scopes, ascending."""
        self._replay()
        key = (selection, tuple(scopes))
        if key not in self._selected:
            self._selected[key] = self.tables.selected(*key)
        return self._selected[key]

    def idfs(self, text: str, scopes: Sequence[Scope]) -> list[Weight]:
        """The forms and the inverse document frequency of each word of a query."""
        seen = self.postings(scopes)
        key = (text, tuple(scopes))
        if key not in self._idfs:
            self._idfs[key] = idfs(seen, query_words(text))
        return self._idfs[key]

    def unknown_forms(self, text: str, scopes: Sequence[Scope]) -> frozenset[str]:
        """The forms of those words of a query that no passage has, not even with a slip mended."""
        return unknown_forms(self.postings(scopes), query_words(text))

    def read_ahead(self) -> Iterator[None]:
        """Fill the caches of vectors and passages before anybody asks, a slice a step.

        The index may change between two steps.
        """
        for _ in self._rows.read_ahead():
            yield
            self._replay()

    def own_vectors(self, passage_ids: Iterable[int]) -> dict[int, bytes]:
        """Passages' own vectors as float32, by id; the whole first, then its windows."""
        self._replay()
        return self._rows.vectors(passage_ids)

    def postings(self, scopes: Iterable[Scope]) -> list[Postings]:
        return [held.postings for held in self._seen(scopes)]

    def _seen(self, scopes: Iterable[Scope]) -> list[_Held]:
        """What is in memory for these scopes, each once, of the database's generation."""
        self._replay()
        return [self._held[scope] for scope in dict.fromkeys(scopes) if scope in self._held]
