"""Scopes and rows in memory: LRU caches of each scope's vectors and postings, and of passages.

A scope is loaded from its snapshot, in milliseconds, or rebuilt from the database. Then it is
brought to the database's generation. A snapshot that can't be used is replaced.

Scopes being searched stay in memory, even beyond the limit.
"""

import logging
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from operator import attrgetter
from typing import Final, TypeVar

import numpy as np
from cachetools import LRUCache

from indexer.index.postings import Postings
from indexer.index.snapshots import UNREADABLE, UNWRITABLE, Snapshots
from indexer.index.stored_passage import StoredPassage
from indexer.index.tables import NEVER_CHANGED, IndexTables
from indexer.index.vectors import VectorIndex
from knowledge.values.documents import Scope

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
    """LRU caches of passages, vectors and token codes read from the database.

    A passage's text never changes under its id, and ids are never reused. So a cached row may
    become unneeded, but only its link can become wrong. When a link changes, all passages are read
    again.
    """

    def __init__(self, tables: IndexTables) -> None:
        self._tables = tables
        self._vectors: LRUCache[int, bytes] = LRUCache(VECTORS_BYTES, getsizeof=len)
        self._codes: LRUCache[int, bytes] = LRUCache(CODES_BYTES, getsizeof=len)
        self._passages: LRUCache[int, StoredPassage] = LRUCache(
            PASSAGES_CHARACTERS,
            getsizeof=lambda passage: (
                PASSAGE_CHARACTERS + len(passage.text) + len(passage.title) + len(passage.heading)
            ),
        )

    def passages(self, passage_ids: Sequence[int]) -> dict[int, StoredPassage]:
        """Passages by id, in the order given, without missing ones."""
        return _rows_by_key(self._passages, passage_ids, self._tables.passages)

    def vectors(self, passage_ids: Iterable[int]) -> dict[int, bytes]:
        """The vectors of each passage's whole text, then of its windows, as float32 bytes by id."""

        def read(missing: Sequence[int]) -> dict[int, bytes]:
            halves = self._tables.passage_vectors(missing)
            return {key: _full_precision(half) for key, half in halves.items()}

        return _rows_by_key(self._vectors, list(passage_ids), read)

    def token_codes(self, passage_ids: Iterable[int], *, cached: bool = False) -> dict[int, bytes]:
        """The codes of passages' token vectors, by id; passages without codes are left out.

        With `cached`, only codes in memory are returned, without a query to the database.
        """
        if cached:
            return {key: self._codes[key] for key in passage_ids if key in self._codes}
        return _rows_by_key(self._codes, list(passage_ids), self._tables.token_codes)

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


def _rows_by_key(
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


def _full_precision(half: bytes) -> bytes:
    return np.frombuffer(half, np.float16).astype(np.float32).tobytes()


# Fewer passages are read from the database about as quickly as from a snapshot.
SNAPSHOT_LEAST: Final = 256
# The changed passages after which a snapshot is written: fewer are read from the database in a
# fraction of a second.
SNAPSHOT_AFTER: Final = 2_000

# Cached sizes of scopes that are not in memory.
_SIZES: Final = 10_000

_logger = logging.getLogger(__name__)


@dataclass(slots=True)
class ResidentScope:
    """A scope in memory, at one generation.

    Attributes:
        unsaved: the number of passages changed since its snapshot.
        bytes: its approximate size.
    """

    vectors: VectorIndex
    postings: Postings = field(default_factory=Postings)
    generation: int = 0
    unsaved: int = 0
    bytes: int = 0

    def passage_ids(self) -> list[int]:
        postings = self.postings
        ids: list[int] = np.delete(postings.ids, postings.removed).tolist()
        return ids


class ResidentScopes:
    """The scopes in memory. They belong to the thread that opened the database."""

    def __init__(
        self, snapshots: Snapshots, tables: IndexTables, rows: RowCache, dimension: int
    ) -> None:
        """Begin with no scope in memory."""
        self._snapshots = snapshots
        self._tables = tables
        self._rows = rows
        self._dimension = dimension
        # The bound in bytes of all scopes together; None means unlimited.
        self.most_bytes: int | None = None
        # In the order of their last use.
        self._held: OrderedDict[Scope, ResidentScope] = OrderedDict()
        self.bytes = 0
        # By scope: the generation up to which rows of removed passages are gone from the cache.
        self._states = tables.states()
        # The sizes of scopes that are not in memory, with their generation.
        self._sizes: LRUCache[Scope, tuple[int, int]] = LRUCache(_SIZES)

    def __contains__(self, scope: Scope) -> bool:
        return scope in self._held

    def generation(self, scope: Scope) -> int:
        """The generation of a scope at the last replay."""
        return self._states.get(scope, NEVER_CHANGED).generation

    def scopes(self) -> list[Scope]:
        return [*self._held]

    def size(self, scope: Scope) -> int:
        """The number of passages of a scope; this doesn't load the scope."""
        held = self._held.get(scope)
        if held is not None:
            return len(held.vectors)
        generation = self.generation(scope)
        # Most guilds never had a passage, and each of their questions asks for their scope.
        if not generation:
            return 0
        known = self._sizes.get(scope)
        if known is None or known[0] != generation:
            known = generation, self._tables.scope_size(scope, generation)
            self._sizes[scope] = known
        return known[1]

    def of(self, scopes: Iterable[Scope]) -> list[ResidentScope]:
        """These scopes, each once, loaded if necessary; empty ones are left out."""
        found = []
        for scope in dict.fromkeys(scopes):
            held = self._held.get(scope)
            if held is None and self.generation(scope):
                held = self._held[scope] = self._open(scope)
                self.bytes += held.bytes
            if held is not None:
                self._held.move_to_end(scope)
                found.append(held)
        return found

    def replay(self, scopes: Sequence[Scope] | None = None) -> bool:
        """Bring these scopes in memory, or all, to the database's generations.

        Return whether any scope had changed.
        """
        found = self._tables.states(scopes)
        changed = {
            scope: state
            for scope, state in found.items()
            if state.generation != self.generation(scope)
        }
        for scope, (generation, relinked) in changed.items():
            before = self.generation(scope)
            held = self._held.get(scope)
            if held is not None:
                self.bytes -= held.bytes
                try:
                    self._catch_up(scope, held, generation)
                except BaseException:
                    # A half-updated scope is read anew.
                    del self._held[scope]
                    raise
                self.bytes += held.bytes
            else:
                self._rows.remove(self._tables.removed_since(scope, before, generation))
            if relinked > before:
                self._rows.forget_passages()
            self._states[scope] = found[scope]
        return bool(changed)

    def _catch_up(self, scope: Scope, held: ResidentScope, generation: int) -> None:
        """Apply to a scope in memory the database's changes up to `generation`."""
        # Nothing has to be removed from an empty scope.
        if held.generation:
            removed = self._tables.removed_since(scope, held.generation, generation)
            self._rows.remove(removed)
            held.vectors.remove(removed)
            held.postings.remove(removed)
            held.unsaved += len(removed)
        for added in self._tables.added_since(scope, held.generation, generation):
            held.vectors.add(added.ids, added.vectors)
            held.postings.add(list(zip(added.ids, added.words, strict=True)))
            held.unsaved += len(added.ids)
        held.generation = generation
        held.bytes = held.vectors.bytes + held.postings.bytes

    # Reading and writing snapshots.

    def _open(self, scope: Scope) -> ResidentScope:
        """A scope at the generation of the last replay, loaded from a snapshot or the tables."""
        generation = self.generation(scope)
        held = self._of_snapshot(scope, generation)
        if held is not None:
            self._catch_up(scope, held, generation)
            if len(held.vectors) == self._tables.scope_size(scope, generation):
                return held
            _logger.info("A snapshot in %s doesn't match; it is rebuilt.", self._snapshots.place)
        held = ResidentScope(VectorIndex(self._dimension))
        self._catch_up(scope, held, generation)
        return held

    def _of_snapshot(self, scope: Scope, generation: int) -> ResidentScope | None:
        found = self._snapshots.saved_generations().get(scope, ())
        saved = max((number for number in found if number <= generation), default=0)
        if not saved:
            return None
        try:
            vectors, postings = self._snapshots.load(scope, saved, self._dimension)
        except UNREADABLE as error:
            _logger.info("A snapshot in %s can't be used: %s", self._snapshots.place, error)
            return None
        return ResidentScope(vectors, postings, saved)

    def save_all(self, least: int) -> None:
        """Write a snapshot of each scope with at least `least` passages, and delete all others.

        A failure is only logged: without a snapshot, the next start is slower.
        """
        self.replay()
        kept: dict[Scope, int] = {}
        try:
            saved = self._snapshots.saved_generations()
            for scope, size in self._tables.passages_by_scope().items():
                if size < least:
                    continue
                kept[scope] = self.generation(scope)
                if kept[scope] not in saved.get(scope, ()):
                    [held] = self.of([scope])
                    self._save(scope, held)
                    self.fit([scope])
            self._snapshots.delete_others(kept)
        except UNWRITABLE as error:
            _logger.warning("The snapshots could not be written: %s", error)

    def save_changed(self) -> None:
        """Write snapshots of large scopes in memory that have changed enough."""
        for scope, held in self._held.items():
            self._save_if_changed(scope, held)

    def _save_if_changed(self, scope: Scope, held: ResidentScope) -> None:
        size = len(held.vectors)
        if size >= SNAPSHOT_LEAST and held.unsaved >= min(SNAPSHOT_AFTER, size // 2):
            try:
                self._save(scope, held)
                self._snapshots.delete_other_generations(scope, held.generation)
            except UNWRITABLE as error:
                _logger.warning("A snapshot could not be written: %s", error)

    def _save(self, scope: Scope, held: ResidentScope) -> None:
        self._snapshots.save(scope, held.generation, held.vectors, held.postings)
        held.unsaved = 0

    # Memory.

    def fit(self, needed: Sequence[Scope] = ()) -> None:
        """Drop the least recently used scopes until the rest fits the limit.

        The `needed` scopes and the most recently used scope are never dropped.
        """
        if self.most_bytes is None or self.bytes <= self.most_bytes:
            return
        for scope in list(self._held)[:-1]:
            if scope not in needed:
                held = self._held.pop(scope)
                self.bytes -= held.bytes
                self._save_if_changed(scope, held)
            if self.bytes <= self.most_bytes:
                return

    def has_rows(self, scope: Scope) -> bool:
        """Whether a scope is in memory, with the rows of all its passages."""
        held = self._held.get(scope)
        return held is not None and self._rows.has(held.passage_ids())

    def recently_searched(self) -> Iterator[list[int]]:
        """Yield the passage ids of each scope in memory, the last searched scope first.

        A scope is skipped if its rows don't fit in the cache beside the rows of the scopes yielded
        before. The scopes may change between two steps.
        """
        left = self._rows.fitting()
        for scope in reversed([*self._held]):
            held = self._held.get(scope)
            if held is not None and len(held.vectors) <= left:
                left -= len(held.vectors)
                yield held.passage_ids()

    def read_ahead(self) -> Iterator[None]:
        """Prefetch scopes into memory, one in each step, until the limit is near.

        Small scopes come first: most guilds are small. The scopes may change between two steps.
        """
        sizes = sorted(self._tables.passages_by_scope().items(), key=lambda pair: pair[1])
        for scope, _ in sizes:
            if self.most_bytes is not None and self.bytes > 0.9 * self.most_bytes:
                return
            if scope not in self._held and self.of([scope]):
                # A scope read ahead must not push out one in use.
                self._held.move_to_end(scope, last=False)
                yield
