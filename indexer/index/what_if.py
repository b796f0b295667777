"""Overlay of an index: shows search results as if one document were added or replaced.

The overlay exists only in memory: nothing is written, and no other search sees it. The document's
indexed passages are hidden, its new passages are added, and IDFs are computed with them.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from indexer.index.bm25 import BM25Lookup, Ids, Weight, idfs, words_of_query
from indexer.index.index import Index
from indexer.index.postings import Postings
from indexer.index.selection import Selection
from indexer.index.stored_passage import StoredPassage
from indexer.index.vectors import nearest_first
from indexer.index.written_documents import CutDocument
from knowledge.values.documents import Scope

# Ids that no index gives: the document would be the newest, so it is last among equal scores.
FIRST_ID: Final = 2**62


class IndexOverlay:
    """An index with one document added or replaced; valid until the index changes."""

    def __init__(
        self,
        index: Index,
        cut: CutDocument,
        vectors: Sequence[NDArray[np.float32]],
        codes: Sequence[bytes] = (),
    ) -> None:
        """Add a document to an index, or replace the document with the same id.

        For each passage, `vectors` has the vectors of its whole text and of its windows, (n, d).
        `codes` are the codes of each passage's token vectors, or empty.
        """
        document, passages = cut.document, cut.passages
        self._index = index
        self._document = document
        self._scope = document.scope
        self._gone = {stored.id for stored in index.document_passages(document.id)}
        ids = range(FIRST_ID, FIRST_ID + len(passages))
        self._stored = {
            key: StoredPassage.of(key, document, passage)
            for key, passage in zip(ids, passages, strict=True)
        }
        self._wholes = np.stack([own[0] for own in vectors])
        self._own: Mapping[int, bytes] = {
            # The index keeps them in half precision.
            key: own.astype(np.float16).astype(np.float32).tobytes()
            for key, own in zip(ids, vectors, strict=True)
        }
        self._codes = dict(zip(ids, codes, strict=False))
        self._postings = Postings()
        self._postings.add(
            [(key, passage.words.split(" ")) for key, passage in zip(ids, passages, strict=True)]
        )

    def size(self, scopes: Iterable[Scope]) -> int:
        scopes = list(scopes)
        change = len(self._stored) - len(self._gone) if self._scope in scopes else 0
        return self._index.size(scopes) + change

    def passages(self, passage_ids: Sequence[int]) -> dict[int, StoredPassage]:
        known = [key for key in passage_ids if key not in self._stored and key not in self._gone]
        found = self._index.passages(known)
        found |= {key: self._stored[key] for key in passage_ids if key in self._stored}
        return {key: found[key] for key in passage_ids if key in found}

    def document_passages(self, document_id: str) -> list[StoredPassage]:
        """Every passage of a document, in reading order."""
        if document_id == self._document.id:
            return list(self._stored.values())
        return self._index.document_passages(document_id)

    def passages_within(self, document_id: str, first: int, last: int) -> list[StoredPassage]:
        """A document's passages with positions from the first to the last, in reading order."""
        if document_id == self._document.id:
            return [
                passage for passage in self._stored.values() if first <= passage.position <= last
            ]
        return self._index.passages_within(document_id, first, last)

    def nearest_many(
        self,
        vectors: NDArray[np.float32],
        k: int,
        scopes: Sequence[Scope],
        among: Ids | None = None,
    ) -> list[tuple[NDArray[np.int64], NDArray[np.float32]]]:
        own_ids = np.array(list(self._stored), np.int64)
        others = None if among is None else np.setdiff1d(among, own_ids)
        found = self._index.nearest_many(vectors, k + len(self._gone), scopes, others)
        if self._scope not in scopes:
            return found
        gone = np.array(sorted(self._gone), np.int64)
        kept = np.ones(len(own_ids), bool) if among is None else np.isin(own_ids, among)
        nearest = []
        for (ids, cosines), own in zip(found, vectors @ self._wholes.T, strict=True):
            stays = ~np.isin(ids, gone)
            all_ids = np.concatenate([ids[stays], own_ids[kept]])
            all_cosines = np.concatenate([cosines[stays], own[kept]])
            nearest.append(nearest_first(all_ids, all_cosines, k))
        return nearest

    def matching(
        self,
        text: str,
        k: int,
        scopes: Sequence[Scope],
        also: Sequence[int] = (),
        among: Ids | None = None,
    ) -> list[tuple[int, float]]:
        seen = self.postings(scopes)
        return BM25Lookup(seen, words_of_query(text, seen), k).found(also, among)

    def selected_passages(self, selection: Selection, scopes: Sequence[Scope]) -> NDArray[np.int64]:
        """The ids of the passages of selected documents in these scopes, ascending."""
        found = np.setdiff1d(self._index.selected_passages(selection, scopes), [*self._gone])
        if self._scope not in scopes or not selection.has(self._document):
            return found
        return np.append(found, [*self._stored])

    def idfs(self, text: str, scopes: Sequence[Scope]) -> list[Weight]:
        seen = self.postings(scopes)
        return idfs(seen, words_of_query(text, seen))

    def postings(self, scopes: Sequence[Scope]) -> list[Postings]:
        found = self._index.postings(scopes)
        if self._scope not in scopes:
            return found
        if self._gone:
            found = [postings.without(self._gone) for postings in found]
        return [*found, self._postings]

    def own_vectors(self, passage_ids: Iterable[int]) -> dict[int, bytes]:
        ids = list(passage_ids)
        found = self._index.own_vectors([key for key in ids if key not in self._own])
        return found | {key: self._own[key] for key in ids if key in self._own}

    def token_codes(self, passage_ids: Iterable[int]) -> dict[int, bytes]:
        ids = list(passage_ids)
        found = self._index.token_codes([key for key in ids if key not in self._own])
        return found | {key: self._codes[key] for key in ids if key in self._codes}
