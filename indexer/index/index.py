"""The index, opened: what can be found in its file, and what follows when the file changes.

The file (`indexer.index.tables`) is the truth, and all of it is derived from the corpus: it can be
deleted at any time and is then rebuilt. For searching, each scope has a structure of vectors and
a lexicon of its own in memory, so a passage can't be returned from a guild whose index was not
searched. Snapshots of both stand beside the file, named by generation: caches, and a missing, torn
or foreign one is rebuilt silently.

What is in memory follows the file by one path only: `_follow` replays what changed since the
generation in memory, whether this process or another changed it.
"""

import logging
import os
import zipfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from itertools import chain
from pathlib import Path
from typing import Any, Final, Self

import numpy as np
from numpy.typing import NDArray

from indexer.index.bm25 import LookedUp, Rarity, rarities
from indexer.index.cosines import Cosines, cosines_of, window_cosines
from indexer.index.database import (
    FORMAT,
    IndexError_,
    IndexWriteError,
    MissingVectorError,
    StaleIndexError,
)
from indexer.index.postings import Lexicon
from indexer.index.row_cache import Remembered
from indexer.index.tables import CutDocument, StoredPassage, Tables, document_digest
from indexer.index.vector_codes import coded
from indexer.index.vectors import Nearest
from indexer.text.analyzer import query_words
from knowledge.model.documents import FileRecord, Kind, Scope

__all__ = [
    "Cosines",
    "CutDocument",
    "Index",
    "IndexError_",
    "IndexWriteError",
    "MissingVectorError",
    "StaleIndexError",
    "StoredPassage",
    "document_digest",
]

# A snapshot is written when this many passages came or went since the last one: below it, reading
# them from the file takes a fraction of a second.
SNAPSHOT_AFTER: Final = 2_000

# A question's words are weighed once for its evidence and once for each passage quoted.
RARITIES_KEPT: Final = 64

_logger = logging.getLogger(__name__)


@dataclass(slots=True)
class _Held:
    """What is in memory for one scope."""

    nearest: Nearest
    lexicon: Lexicon = field(default_factory=Lexicon)


class Index:
    """The opened index. It belongs to the thread that opened it."""

    def __init__(self, folder: Path, *, model: str, dimension: int, max_tokens: int) -> None:
        """Open the index in `folder`, or make an empty one.

        Args:
            folder: made if it is missing.
            model: what makes the vectors (`Embedder.model`).
            dimension: the length of a vector.
            max_tokens: the most tokens of a passage.

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
        self._tables = Tables(folder, expected, dimension)
        self._held: dict[Scope, _Held] = {}
        self._generation = 0
        self._steady = 0
        self._unsaved = 0
        self._remembered = Remembered(self._tables)
        # What was looked up ahead, and of what.
        self._looked_up: tuple[tuple[str, int, tuple[Scope, ...]], LookedUp] | None = None
        self._rarities: dict[tuple[str, tuple[Scope, ...]], list[Rarity]] = {}
        try:
            self._load()
        except BaseException:
            self._tables.close()
            raise

    def _load(self) -> None:
        """Read the snapshots, then replay what changed since."""
        try:
            self._read_snapshots()
        except (OSError, RuntimeError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
            _logger.info("The snapshots in %s can't be used: %s", self._folder, error)
            self._held, self._generation = {}, 0
        self._follow()
        held = {scope: len(held.nearest) for scope, held in self._held.items()}
        if {scope: count for scope, count in held.items() if count} != (
            self._tables.passages_by_scope()
        ):
            _logger.info("The snapshots in %s don't match; they are rebuilt.", self._folder)
            self._held, self._generation = {}, 0
            self._follow()

    def _read_snapshots(self) -> None:
        """Read the newest generation of snapshots; each scope's two files or nothing."""
        own = f"{self._tables.identity()}-"
        found = [
            (int(path.name.removeprefix(own).partition("-")[0]), path)
            for path in self._folder.glob(f"{own}*.vectors.snapshot")
        ]
        generation = max((generation for generation, _ in found), default=0)
        if not generation or generation > self._tables.generation():
            return
        for path in (path for its_generation, path in found if its_generation == generation):
            # A channel's scope is negative: all after the first hyphen is the scope.
            scope = Scope(int(path.name.removeprefix(own).partition("-")[2].partition(".")[0]))
            words = path.with_name(path.name.replace(".vectors.", ".words."))
            self._held[scope] = _Held(Nearest.load(path, self._dimension), Lexicon.load(words))
        self._generation = generation

    def close(self) -> None:
        """Write snapshots where they are worth it, and close the file."""
        if self._unsaved >= SNAPSHOT_AFTER:
            self.save_snapshots()
        self._tables.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    # What is in it.

    @property
    def generation(self) -> int:
        """How many times the index has changed; what is searched is of this generation."""
        self._follow()
        return self._generation

    @property
    def changed_at(self) -> datetime | None:
        """When the index last changed, if that is known."""
        return self._tables.changed_at()

    def totals(self) -> dict[str, dict[str, int]]:
        """How many documents and passages there are, shared and of all guilds together."""
        return self._tables.totals()

    def document_digests(self, kinds: Iterable[Kind]) -> dict[str, str]:
        """The digest of every document of these kinds, by id."""
        return self._tables.document_digests(kinds)

    def digests_under(self, prefix: str) -> dict[str, str]:
        """The digest of every document whose id begins with a prefix, by id."""
        return self._tables.digests_under(prefix)

    def counts(self, scopes: Iterable[Scope]) -> dict[str, int]:
        """How many documents and passages there are in these scopes."""
        return self._tables.counts(list(scopes))

    def documents_by_scope(self, kind: Kind) -> dict[Scope, int]:
        """How many documents of a kind each scope has; a scope without any is left out."""
        return self._tables.documents_by_scope(kind)

    def size(self, scopes: Iterable[Scope]) -> int:
        """How many passages are searched in these scopes."""
        return sum(len(held.nearest) for held in self._seen(scopes))

    def missing_vectors(self, digests: Iterable[bytes]) -> set[bytes]:
        """Those digests of which no vector is kept yet."""
        return self._tables.missing_vectors(digests)

    def passages(self, passage_ids: Sequence[int]) -> dict[int, StoredPassage]:
        """Passages by id; an id that is gone is left out."""
        self._follow()
        return self._remembered.passages(passage_ids)

    def document_passages(self, document_id: str) -> list[StoredPassage]:
        """Every passage of a document, in reading order."""
        return self._tables.document_passages(document_id)

    def passage_ids(self, document_ids: Sequence[str], scopes: Sequence[Scope]) -> list[int]:
        """The ids of the passages that some documents have in these scopes."""
        return self._tables.passage_ids(document_ids, scopes)

    def titles(self, scopes: Sequence[Scope], most: int) -> list[tuple[str, Scope, str]]:
        """Id, scope and title of at most so many documents, what was put in last first."""
        return self._tables.titles(scopes, most)

    # Changing it.

    def keep_vectors(self, vectors: Mapping[bytes, NDArray[np.float32]]) -> None:
        """Keep vectors by digest, whether or not a passage uses them yet.

        Kept in a transaction of their own, so that what was embedded before a crash is not
        embedded again.

        Raises:
            IndexWriteError: if they can't be written.
        """
        self._tables.keep_vectors(vectors)

    def apply(
        self,
        changed: Sequence[CutDocument],
        removed: Sequence[str] = (),
        record: FileRecord | None = None,
        *,
        forgotten: Sequence[str] = (),
    ) -> None:
        """Put documents in, in place of what was there under their ids, and take others out.

        One transaction: a reader sees all of it or none. Every vector must be kept already.

        Args:
            changed: what to put in.
            removed: ids of documents to take out.
            record: what is to be remembered of the file that they came from.
            forgotten: paths of files of which nothing is to be remembered: should they come again,
                they are read.

        Raises:
            IndexWriteError: if it can't be written; then nothing is changed.
            MissingVectorError: if a vector is not kept; then nothing is changed.
        """
        if changed or removed or record is not None or forgotten:
            self._tables.apply(changed, removed, record, forgotten)

    def files(self) -> dict[str, FileRecord]:
        """What is remembered of every imported file, by path."""
        return self._tables.files()

    def prune_vectors(self) -> int:
        """Drop the vectors that no passage uses any more; returns how many.

        Not for use while another process is embedding: it keeps vectors before their passages.
        """
        return self._tables.prune_vectors()

    @contextmanager
    def steady(self) -> Iterator[None]:
        """Look at the file's generation once: all that is asked inside is answered from one.

        Questions ask many small things, each of which would look by itself.
        """
        self._follow()
        self._steady += 1
        try:
            yield
        finally:
            self._steady -= 1

    def _follow(self) -> None:
        """Bring what is in memory to the generation of the file."""
        if self._steady:
            return
        generation = self._tables.generation()
        if generation == self._generation:
            return
        self._rarities.clear()
        self._looked_up = None
        for scope, ids in self._tables.removed_since(self._generation).items():
            self._remembered.forget(ids)
            if scope in self._held:
                self._held[scope].nearest.remove(ids)
                self._held[scope].lexicon.remove(ids)
                self._unsaved += len(ids)
        for scope, added in self._tables.added_since(self._generation):
            if scope not in self._held:
                self._held[scope] = _Held(Nearest(self._dimension))
            self._held[scope].nearest.add(added.ids, added.vectors)
            self._held[scope].lexicon.add(list(zip(added.ids, added.words, strict=True)))
            self._unsaved += len(added.ids)
        self._generation = generation

    def save_snapshots(self) -> None:
        """Write what is in memory, named by generation, and delete older snapshots.

        A snapshot is a cache: where it can't be written, the next start is slower, nothing else.
        """
        self._follow()
        try:
            prefix = f"{self._tables.identity()}-{self._generation}-"
            for scope, held in self._held.items():
                name = f"{prefix}{scope}"
                self._save(held.lexicon, f"{name}.words.snapshot")
                # Last, because reading begins with it.
                self._save(held.nearest, f"{name}.vectors.snapshot")
            for path in self._folder.glob("*.snapshot"):
                if not path.name.startswith(prefix):
                    path.unlink(missing_ok=True)
            self._unsaved = 0
        except (OSError, RuntimeError) as error:
            _logger.warning("The snapshots could not be written: %s", error)

    def _save(self, held: Nearest | Lexicon, name: str) -> None:
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
        # Of those that are told apart by less than codes tell, the last may be others.
        [(ids, _)] = self.nearest_many(vector[np.newaxis], k + k // 2 + 10, scopes)
        [exact] = self.cosines(vector[np.newaxis], [ids.tolist()])
        order = np.lexsort((exact.ids, -exact.wholes))[:k]
        return list(zip(exact.ids[order].tolist(), exact.wholes[order].tolist(), strict=True))

    def nearest_many(
        self, vectors: NDArray[np.float32], k: int, scopes: Sequence[Scope]
    ) -> list[tuple[NDArray[np.int64], NDArray[np.float32]]]:
        """The passages nearest to each of many queries, (n, d), by what stands in memory for them.

        Returns:
            For each query the passages' ids and cosines to about 0.001, best first by these; a
            passage at the end may stand for one that is nearer by less.
        """
        codes = coded(vectors)
        found = [held.nearest.search_coded(codes, k) for held in self._seen(scopes)]
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
        self, text: str, k: int, scopes: Sequence[Scope], also: Sequence[int] = ()
    ) -> list[tuple[int, float]]:
        """The passages that have a text's words, from exactly these scopes.

        Returns:
            (passage id, coverage), best first, coverage above 0 and below 1: at most `k`, and
            after them those of `also` that have any of the words.
        """
        seen = self._seen(scopes)
        key, looked_up = self._looked_up or (None, None)
        self._looked_up = None
        if looked_up is None or key != (text, k, tuple(scopes)):
            looked_up = LookedUp([held.lexicon for held in seen], query_words(text), k)
        return looked_up.found(also)

    def look_up(self, text: str, k: int, scopes: Sequence[Scope]) -> None:
        """Work out for the next `matching` what it will say; it may be done beside embedding.

        Not from two threads at once, and only within `steady`: the file is not looked at.
        """
        lexicons = [held.lexicon for held in self._seen(scopes)]
        self._looked_up = (text, k, tuple(scopes)), LookedUp(lexicons, query_words(text), k)
        self.rarities(text, scopes)

    def rarities(self, text: str, scopes: Sequence[Scope]) -> list[Rarity]:
        """The forms and the inverse document frequency of each word of a query."""
        seen = self._seen(scopes)
        key = (text, tuple(scopes))
        if key not in self._rarities:
            if len(self._rarities) >= RARITIES_KEPT:
                self._rarities.clear()
            self._rarities[key] = rarities([held.lexicon for held in seen], query_words(text))
        return self._rarities[key]

    def cosines(
        self, vectors: NDArray[np.float32], wanted: Sequence[Sequence[int]]
    ) -> list[Cosines]:
        """How near passages are to each of many queries.

        Args:
            vectors: the queries', (n, d).
            wanted: for each query the ids of the passages; those that are gone are left out.
        """
        self._follow()
        own = self._remembered.vectors_among(chain.from_iterable(wanted))
        return cosines_of(vectors, wanted, own)

    def window_cosines(self, vector: NDArray[np.float32], passage_id: int) -> list[float]:
        """The cosine of each of a passage's windows, in order; none if the passage is gone."""
        return window_cosines(vector, self.own_vectors([passage_id]).get(passage_id, b""))

    def read_ahead(self) -> Iterator[None]:
        """Read, before anybody asks, as many vectors and passages as are remembered at the most.

        A slice a step; the index may change between two of them.
        """
        for _ in self._remembered.read_ahead():
            yield
            self._follow()

    def lexicons(self, scopes: Iterable[Scope]) -> list[Lexicon]:
        """The words of these scopes, to be looked at only."""
        return [held.lexicon for held in self._seen(scopes)]

    def own_vectors(self, passage_ids: Iterable[int]) -> dict[int, bytes]:
        """Passages' own vectors as float32, by id; the whole first, then its windows."""
        self._follow()
        return self._remembered.vectors(passage_ids)

    def _seen(self, scopes: Iterable[Scope]) -> list[_Held]:
        """What is in memory for these scopes, each once, of the file's generation."""
        self._follow()
        return [self._held[scope] for scope in dict.fromkeys(scopes) if scope in self._held]

    @property
    def _db(self) -> Any:
        """The file's connection, for tests that fill the disk or look behind it."""
        return self._tables.db
