"""An index as if some documents were all that is in it; what words weigh, all of it says.

A search that is narrowed to a tag or to one contributor looks at every passage that is left: among
the nearest of the whole index, there need be none of them.
"""

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from indexer.index.bm25 import Rarity
from indexer.index.cosines import Cosines
from indexer.index.index import Index, StoredPassage
from knowledge.model.documents import Scope


class Within:
    """Some documents of an index. Good for as long as the index is not changed."""

    def __init__(self, index: Index, document_ids: Sequence[str], scopes: Sequence[Scope]) -> None:
        """Search what these documents have in these scopes; unknown ids are passed over."""
        self._index = index
        self._ids = index.passage_ids(document_ids, scopes)

    def size(self, scopes: Iterable[Scope]) -> int:
        """How many passages are searched."""
        return len(self._ids) if list(scopes) else 0

    def passages(self, passage_ids: Sequence[int]) -> dict[int, StoredPassage]:
        """Passages by id."""
        return self._index.passages(passage_ids)

    def nearest_many(
        self, vectors: NDArray[np.float32], k: int, scopes: Sequence[Scope]
    ) -> list[tuple[NDArray[np.int64], NDArray[np.float32]]]:
        """The passages nearest to each of many queries: every one is compared."""
        del scopes
        nearest = []
        for found in self._index.cosines(vectors, [self._ids] * len(vectors)):
            order = np.lexsort((found.ids, -found.wholes))[:k]
            nearest.append((found.ids[order], found.wholes[order]))
        return nearest

    def matching(
        self, text: str, k: int, scopes: Sequence[Scope], also: Sequence[int] = ()
    ) -> list[tuple[int, float]]:
        """The passages that have a text's words."""
        own, asked_for = frozenset(self._ids), frozenset(also)
        # Of the others, the lookup names one at least.
        ranked = [one for one in self._index.matching(text, 1, scopes, self._ids) if one[0] in own]
        ranked.sort(key=lambda one: (-one[1], one[0]))
        return ranked[:k] + [one for one in ranked[k:] if one[0] in asked_for]

    def rarities(self, text: str, scopes: Sequence[Scope]) -> list[Rarity]:
        """The forms and the inverse document frequency of each word of a query, in all there is."""
        return self._index.rarities(text, scopes)

    def cosines(
        self, vectors: NDArray[np.float32], wanted: Sequence[Sequence[int]]
    ) -> list[Cosines]:
        """How near passages are to each of many queries."""
        return self._index.cosines(vectors, wanted)

    def window_cosines(self, vector: NDArray[np.float32], passage_id: int) -> list[float]:
        """The cosine of each of a passage's windows, in order."""
        return self._index.window_cosines(vector, passage_id)
