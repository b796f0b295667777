"""Average-link clusters of questions that mean the same, by their vectors. Pure, deterministic.

Two clusters are joined while their questions are, on average, nearer to each other than a
threshold; the order in which the questions come changes nothing. Vectors are cached by text,
because the same questions are grouped again and again.
"""

from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np
from cachetools import LRUCache
from numpy.typing import NDArray

from indexer.embedding.embedder import Embedder

# The cosine from which on questions are one group; `benchmarks/gaps.py` has the table.
SAME_QUESTION: Final = 0.45

# The size of the LRU cache: at 384 numbers some 8 MB.
VECTORS_CACHED: Final = 5_000
_BATCH: Final = 32


def grouped(cosines: NDArray[np.float32], threshold: float = SAME_QUESTION) -> list[list[int]]:
    """Group by meaning.

    Args:
        cosines: of each text with each, (n, n).
        threshold: the least mean cosine of two groups that become one.

    Returns:
        The groups' members in ascending order; the largest group first, of equal ones that with
        the first member.
    """
    n = len(cosines)
    if n < 2:
        return [[place] for place in range(n)]
    # Imported here: it is a quarter of what starting any command takes.
    from scipy.cluster.hierarchy import fcluster, linkage

    # scipy wants the upper triangle of distances, row by row.
    distances = 1.0 - cosines[np.triu_indices(n, 1)].astype(np.float64)
    tree = linkage(np.maximum(distances, 0.0), method="average")
    labels = fcluster(tree, t=1.0 - threshold, criterion="distance")
    groups: dict[int, list[int]] = {}
    for place, label in enumerate(labels.tolist()):
        groups.setdefault(label, []).append(place)
    return sorted(groups.values(), key=lambda group: (-len(group), group[0]))


def most_typical(cosines: NDArray[np.float32], group: Sequence[int]) -> int:
    """The member of a group that is nearest to the others on average; of equal ones the first."""
    places = list(group)
    return places[int(np.argmax(cosines[np.ix_(places, places)].mean(axis=1).round(4)))]


class QuestionVectors:
    """LRU cache of the vectors of questions, by their texts."""

    def __init__(self, embedder: Embedder) -> None:
        self._embedder = embedder
        self._vectors: LRUCache[str, NDArray[np.float32]] = LRUCache(VECTORS_CACHED)

    def prepare(self, texts: Sequence[str]) -> Iterator[int]:
        """Embed what is not cached, a batch a step; yields how many are left."""
        missing = list(dict.fromkeys(text for text in texts if text not in self._vectors))
        for start in range(0, len(missing), _BATCH):
            self._embed(missing[start : start + _BATCH])
            yield len(missing) - start - _BATCH

    def of(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """The vectors, (n, d) float32 of unit length; what is not cached is embedded."""
        if not texts:
            return np.zeros((0, self._embedder.dimension), np.float32)
        found = {text: self._vectors[text] for text in texts if text in self._vectors}
        missing = [text for text in dict.fromkeys(texts) if text not in found]
        for start in range(0, len(missing), _BATCH):
            found.update(self._embed(missing[start : start + _BATCH]))
        return np.stack([found[text] for text in texts])

    def clear(self) -> None:
        self._vectors.clear()

    def _embed(self, texts: Sequence[str]) -> dict[str, NDArray[np.float32]]:
        vectors = dict(zip(texts, self._embedder.embed_queries(texts), strict=True))
        self._vectors.update(vectors)
        return vectors
