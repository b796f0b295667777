"""LRU cache of the vectors of texts; it embeds missing texts."""

from collections.abc import Callable, Iterator, Sequence
from typing import Final

import numpy as np
from cachetools import LRUCache
from numpy.typing import NDArray

# Some 8 MB with 384 dimensions.
VECTORS_CACHED: Final = 5_000

# Texts embedded at once.
_BATCH: Final = 32


class VectorCache:
    """LRU cache of vectors, for either questions or passages."""

    def __init__(
        self,
        embed: Callable[[Sequence[str]], NDArray[np.float32]],
        size: int = VECTORS_CACHED,
        batch: int = _BATCH,
    ) -> None:
        self._embed = embed
        self._batch = batch
        self._vectors: LRUCache[str, NDArray[np.float32]] = LRUCache(size)

    def __len__(self) -> int:
        return len(self._vectors)

    def prepare(self, texts: Sequence[str]) -> Iterator[int]:
        """Embed missing texts, one batch in each step; yield the number of texts left."""
        missing = list(dict.fromkeys(text for text in texts if text not in self._vectors))
        for start in range(0, len(missing), self._batch):
            self._embed_missing(missing[start : start + self._batch])
            yield max(len(missing) - start - self._batch, 0)

    def of(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """The vectors, (n, d) float32 of unit length; missing vectors are embedded."""
        if not texts:
            return self._embed([])
        found = {text: self._vectors[text] for text in texts if text in self._vectors}
        missing = [text for text in dict.fromkeys(texts) if text not in found]
        for start in range(0, len(missing), self._batch):
            found.update(self._embed_missing(missing[start : start + self._batch]))
        return np.stack([found[text] for text in texts])

    def clear(self) -> None:
        self._vectors.clear()

    def _embed_missing(self, texts: Sequence[str]) -> dict[str, NDArray[np.float32]]:
        vectors = dict(zip(texts, self._embed(texts), strict=True))
        self._vectors.update(vectors)
        return vectors
