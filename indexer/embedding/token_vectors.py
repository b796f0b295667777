"""Token vectors of an embedder for late interaction: float32 for questions, codes for passages.

One pass of the model returns a text's vector and the vectors of its tokens. Recent questions are
cached, so that a question is embedded once for many comparisons. Only models with a shipped codec
have token vectors (`indexer.embedding.token_codes`).
"""

import threading
from collections.abc import Sequence
from typing import Final, Protocol, runtime_checkable

import numpy as np
from cachetools import LRUCache
from numpy.typing import NDArray

from indexer.embedding.onnx_model import ReadText
from indexer.embedding.token_codes import TokenCodec

# The size of the cache of questions, some 20 kB each.
QUESTIONS_KEPT: Final = 256


class TokenReader(Protocol):
    """A model with token vectors beside the text's vector."""

    @property
    def dimension(self) -> int: ...

    def read_queries(self, texts: Sequence[str]) -> list[ReadText]: ...

    def read_passages(self, texts: Sequence[str]) -> list[ReadText]: ...


class TokenVectors:
    """The token vectors of a model. Several threads can use them at once."""

    def __init__(self, model: TokenReader, codec: TokenCodec) -> None:
        self.codec = codec
        self._model = model
        self._kept: LRUCache[str, ReadText] = LRUCache(QUESTIONS_KEPT)
        self._lock = threading.Lock()

    def of_queries(self, texts: Sequence[str]) -> list[ReadText]:
        """Questions with their token vectors; questions missing from the cache are embedded."""
        with self._lock:
            found = {text: self._kept[text] for text in texts if text in self._kept}
        missing = [text for text in dict.fromkeys(texts) if text not in found]
        read = dict(zip(missing, self._model.read_queries(missing), strict=True))
        with self._lock:
            self._kept.update(read)
        found |= read
        return [found[text] for text in texts]

    def of_passages(self, texts: Sequence[str]) -> tuple[NDArray[np.float32], list[bytes]]:
        """The vectors of passages, (n, d) float32 of unit length, and the codes of their tokens."""
        read = self._model.read_passages(texts)
        vectors = [one.vector for one in read]
        codes = [self.codec.encoded(one.tokens) for one in read]
        return np.array(vectors, np.float32).reshape(-1, self._model.dimension), codes


@runtime_checkable
class HasTokenVectors(Protocol):
    """An embedder, perhaps with token vectors."""

    tokens: TokenVectors | None


def tokens_of(embedder: object) -> TokenVectors | None:
    """The token vectors of an embedder; None if it has none."""
    return embedder.tokens if isinstance(embedder, HasTokenVectors) else None
