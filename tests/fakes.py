"""Stand-ins for what is slow or far away: ordinary classes that can be read in a minute."""

import hashlib
import re
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from indexer.embedding.embedder import ModelError, TokenVectors
from indexer.embedding.model_records import ModelRecord, RecordedModel
from indexer.embedding.onnx_model import ReadText, RuntimeModel
from indexer.embedding.token_codes import TokenCodec

_WORD = re.compile(r"\w+")


class WordEmbedder:
    """An `Embedder` whose vectors are bags of words: texts are near if they share words.

    Each word counts in one place of the vector, which its digest chooses, so that vectors are
    the same in every process. `calls` holds every text embedded, one list for each call.
    """

    def __init__(
        self, dimension: int = 256, *, max_tokens: int = 256, model: str = "words"
    ) -> None:
        self.dimension = dimension
        self.max_tokens = max_tokens
        self.model = model
        self.calls: list[list[str]] = []

    @property
    def texts(self) -> list[str]:
        """Every text embedded so far, in order."""
        return [text for call in self.calls for text in call]

    def count_tokens(self, text: str) -> int:
        """As many as there are words."""
        return len(text.split())

    def embed_queries(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """The vectors of what people ask."""
        return self._embedded(texts)

    def embed_passages(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """The vectors of what is to be found."""
        return self._embedded(texts)

    def _embedded(self, texts: Sequence[str]) -> NDArray[np.float32]:
        self.calls.append(list(texts))
        vectors = np.zeros((len(texts), self.dimension), dtype=np.float32)
        for row, text in zip(vectors, texts, strict=True):
            for word in _WORD.findall(text.casefold()) or [""]:
                row[self.place(word)] += 1
            row /= np.linalg.norm(row)
        return vectors

    def place(self, word: str) -> int:
        return int.from_bytes(hashlib.sha256(word.encode()).digest()[:4], "big") % self.dimension


class WordModel(RuntimeModel):
    """A `RuntimeModel` whose tokens are the words, each with the place of the embedder's alone."""

    def __init__(self, embedder: WordEmbedder) -> None:
        self.dimension = embedder.dimension
        self._embedder = embedder

    def read_queries(self, texts: Sequence[str]) -> list[ReadText]:
        """What people ask, with its words."""
        return self._with_words(texts)

    def read_passages(self, texts: Sequence[str]) -> list[ReadText]:
        """What is to be found, with its words."""
        return self._with_words(texts)

    def _with_words(self, texts: Sequence[str]) -> list[ReadText]:
        if not texts:
            return []
        vectors = self._embedder.embed_passages(texts)
        return [self._one(text, vector) for text, vector in zip(texts, vectors, strict=True)]

    def _one(self, text: str, vector: NDArray[np.float32]) -> ReadText:
        words = tuple(_WORD.findall(text.casefold()))
        tokens = np.zeros((len(words), self.dimension), np.float32)
        for row, word in zip(tokens, words, strict=True):
            row[self._embedder.place(word)] = 1
        return ReadText(vector, tokens, words, tuple((place,) for place in range(len(words))))


class CodedEmbedder(WordEmbedder):
    """An `Embedder` like `WordEmbedder` that has token vectors: of each word one."""

    def __init__(self, dimension: int = 256, *, model: str = "coded words") -> None:
        super().__init__(dimension, model=model)
        codec = TokenCodec(np.zeros(dimension, np.float32), dimension**-0.5)
        self.tokens: TokenVectors | None = TokenVectors(WordModel(self), codec)


class SaltedEmbedder(WordEmbedder):
    """An `Embedder` like `WordEmbedder` with a place of its own for each word: a model by itself.

    Compared with the vectors of another one, its own mean nothing.
    """

    def __init__(self, name: str, dimension: int = 512) -> None:
        super().__init__(dimension, model=f"{name} salted")
        self._name = name

    def place(self, word: str) -> int:
        return super().place(f"{self._name} {word}")


def salted_models(record: ModelRecord) -> RecordedModel:
    """Open a model of any name but those with "missing" in it, salted with the name.

    The length of its vectors is the name's, so that those of two models can't even be compared. One
    with "blind" in its name sees the same in every text; one that ends with "torch" is a reference.
    """
    if "missing" in record.name:
        raise ModelError(f"There is no model {record.name!r}.")
    dimension = 1 if "blind" in record.name else 512 + len(record.name)
    embedder = SaltedEmbedder(record.name, dimension)
    if record.name.endswith(" torch"):
        embedder.model = record.name
    return RecordedModel(embedder, replace(record, vectors=embedder.model))


class SqueezedEmbedder(WordEmbedder):
    """An `Embedder` like `WordEmbedder` whose vectors have a large part in common, as E5's have.

    Each vector is the words' one and a common one, so that a cosine c becomes `common + (1 -
    common) · c`.
    """

    def __init__(self, dimension: int = 256, *, common: float = 0.8) -> None:
        super().__init__(dimension, model="squeezed")
        self.common = common
        self.dimension = dimension + 1

    def _embedded(self, texts: Sequence[str]) -> NDArray[np.float32]:
        self.dimension -= 1
        words = super()._embedded(texts)
        self.dimension += 1
        constant = np.full((len(texts), 1), np.sqrt(self.common), np.float32)
        return np.hstack([constant, np.sqrt(np.float32(1 - self.common)) * words])


class WordReranker:
    """A `Reranker` for which texts with a certain word answer, whatever was asked.

    `read` holds every text read; each costs `seconds` on `clock`.
    """

    def __init__(self, word: str, seconds: float = 0.01) -> None:
        self.word = word
        self.seconds = seconds
        self.now = 0.0
        self.read: list[str] = []

    def clock(self) -> float:
        """The time, which only reading makes pass."""
        return self.now

    def scores(self, query: str, texts: Sequence[str]) -> list[float]:
        """1 for a text with the word, 0 for any other."""
        self.now += self.seconds * len(texts)
        self.read += texts
        return [float(self.word in _WORD.findall(text.casefold())) for text in texts]
