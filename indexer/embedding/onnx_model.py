"""Embedding model on ONNX Runtime: the derived int8 graph, run without PyTorch.

A derived folder holds a quantized graph, its tokenizer and a manifest, written by the release tool
(`models/derivation.py`). The model runs once for each text, on a single thread. Each core
runs another text at the same time. Texts are never batched, because dynamic quantization scales a
batch by its largest value: a text's vector would depend on the other texts in the batch. On a CPU,
single texts are about as fast as batches (0.8 to 1.1 times as fast with 20 tokens, 1.2 to 1.3 times
with 140).

A folder is refused if it is torn, changed, or of another format or quantization scheme.

Errors:
    Exception
    └── RuntimeModelError    the derived folder can't be used
"""

import hashlib
import json
import os
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final, Literal, NamedTuple, Self, TypeVar

# Since 1.29 ONNX Runtime's builds for Linux and macOS write an identifier of the machine into the
# home folder and send events about models and sessions to Microsoft (its Privacy.md, "Disabling
# Telemetry"). The switch is read when the library is imported, and not again, so all of this
# project imports it after this module.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"

import numpy as np
import onnxruntime
from numpy.typing import NDArray
from tokenizers import Tokenizer

from indexer.embedding.text_tokens import (
    PIECES,
    SentencePieces,
    TextTokens,
    TokenCounter,
    tokens_of_encoding,
)
from indexer.parallel import pool_map

# Counts up whenever derivation writes different files.
FORMAT: Final = 4
# The way of quantization: one for all processors, because nothing saturates. A folder quantized
# otherwise is refused.
SCHEME: Final = "int8, smoothed, neighbours bounded"
# The version of vectors, stored with an index. Raise it only when new vectors no longer fit beside
# stored ones: then everything is embedded again. A cosine of 0.99 is near enough: the scheme of
# format 2 made vectors within 0.994 of the present ones.
VECTORS: Final = 2
GRAPH: Final = "model.onnx"
# The outputs of an embedder's graph: (1, d), and (1, tokens, t) with special tokens.
VECTOR: Final = "vector"
TOKENS: Final = "tokens"
TOKENIZER: Final = "tokenizer.json"
MANIFEST: Final = "manifest.json"

# Files of a sentence-transformers folder that shape its vectors. README, licences and other formats
# (these folders) don't.
_SHAPING: Final = ("*.json", "*.txt", "*.model", "*.safetensors", "*.bin")
_OTHER_FORMATS: Final = frozenset({"onnx", "openvino", "coreml"})


class RuntimeModelError(Exception):
    """The derived folder can't be used; the message says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """Manifest of a derived folder."""

    format: int
    name: str
    digest: str
    max_tokens: int
    truncation_side: Literal["left", "right"]
    scheme: str
    files: dict[str, str]
    dimension: int
    query_prompt: str
    passage_prompt: str
    worst_cosine: float
    # If pooling leaves a prompt out: the number of its tokens, the first special token included.
    query_unpooled: int | None = None
    passage_unpooled: int | None = None

    def save(self, folder: Path) -> None:
        """Write the manifest; it completes the folder."""
        text = json.dumps(asdict(self), indent=1, ensure_ascii=False)
        (folder / MANIFEST).write_text(text, encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read the manifest of a derived folder and compare its files with it.

        Raises RuntimeModelError if the manifest is missing, torn or outdated, or a file was
        changed.
        """
        try:
            fields = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
            found = fields["format"]
            if found != FORMAT:
                raise RuntimeModelError(
                    f"{folder} has format {found}, this version reads {FORMAT}."
                )
            manifest = cls(**fields)
            if manifest.scheme != SCHEME:
                raise RuntimeModelError(
                    f"{folder} was quantized as {manifest.scheme!r}, this version wants {SCHEME!r}."
                )
            # Reading every byte costs 20 ms for 23 MB, and notices more than sizes do.
            changed = [n for n, d in manifest.files.items() if file_digest(folder / n) != d]
        except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
            raise RuntimeModelError(
                f"{folder} is no complete derived model ({type(error).__name__}: {error})."
            ) from error
        if changed:
            raise RuntimeModelError(
                f"{folder / changed[0]} is not the file that was derived (its digest differs)."
            )
        return manifest


class ReadText(NamedTuple):
    """A text encoded by the model.

    Vectors, (d,) and (n, t), have unit length; special tokens and the prompt's are left out.
    `places` are the indices of each word's tokens.
    """

    vector: NDArray[np.float32]
    tokens: NDArray[np.float32]
    words: tuple[str, ...]
    places: tuple[tuple[int, ...], ...]


def read_text(
    found: TextTokens, vector: NDArray[np.float32], tokens: NDArray[np.float32]
) -> ReadText:
    """Combine a text's tokens with the vectors of the text and of its tokens.

    The vectors are scaled to unit length. Tokens without a word are dropped.
    """
    places: list[list[int]] = [[] for _ in found.words]
    kept: list[int] = []
    for place, word in enumerate(found.word_of):
        if word is not None:
            places[word].append(len(kept))
            kept.append(place)
    return ReadText(
        _unit(vector[np.newaxis])[0],
        _unit(tokens[kept]),
        tuple(found.words),
        tuple(map(tuple, places)),
    )


class RuntimeModel:
    """A derived model, opened. It can be used from several threads at once."""

    def __init__(
        self,
        manifest: Manifest,
        session: onnxruntime.InferenceSession,
        tokenizer: Tokenizer | SentencePieces,
    ) -> None:
        self.name = manifest.name
        self.digest = manifest.digest
        self.dimension = manifest.dimension
        self.max_tokens = manifest.max_tokens
        # Without padding or truncation, so it can count.
        self.tokenizer = tokenizer
        self._manifest = manifest
        self._session = session
        # The number of a text's tokens, without special tokens.
        self.count_tokens: Callable[[str], int] = (
            tokenizer.count if isinstance(tokenizer, SentencePieces) else TokenCounter(tokenizer)
        )

    @classmethod
    def open(cls, folder: Path) -> "RuntimeModel":
        """Open a derived folder; this takes well under a second and imports no PyTorch.

        Raises RuntimeModelError if the folder is torn, of another format, or unreadable for the
        installed ONNX Runtime.
        """
        manifest = Manifest.load(folder)
        try:
            session = open_session(folder)
            if (folder / PIECES).exists():
                return cls(manifest, session, SentencePieces(folder / PIECES))
            return cls(manifest, session, Tokenizer.from_file(str(folder / TOKENIZER)))
        except Exception as error:
            raise RuntimeModelError(
                f"{folder} can't be opened with ONNX Runtime {onnxruntime.__version__}: {error}."
            ) from error

    def embed_queries(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """The vectors of questions, (n, d) float32, rows of unit length."""
        return self._embed(texts, self._manifest.query_prompt, self._manifest.query_unpooled)

    def embed_passages(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """The vectors of passages, (n, d) float32, rows of unit length."""
        return self._embed(texts, self._manifest.passage_prompt, self._manifest.passage_unpooled)

    def read_queries(self, texts: Sequence[str]) -> list[ReadText]:
        """Questions with their token vectors."""
        return self._read(texts, self._manifest.query_prompt, self._manifest.query_unpooled)

    def read_passages(self, texts: Sequence[str]) -> list[ReadText]:
        """Passages with their token vectors."""
        return self._read(texts, self._manifest.passage_prompt, self._manifest.passage_unpooled)

    def _embed(
        self, texts: Sequence[str], prompt: str, unpooled: int | None
    ) -> NDArray[np.float32]:
        if not texts:
            return np.zeros((0, self.dimension), dtype=np.float32)

        def embed(text: str) -> NDArray[np.float32]:
            (vectors,) = self._session.run([VECTOR], _feed(self._tokens(text, prompt), unpooled))
            row: NDArray[np.float32] = vectors[0]
            return row

        return _unit(np.stack(_on_all_cores(embed, texts)))

    def _read(self, texts: Sequence[str], prompt: str, unpooled: int | None) -> list[ReadText]:
        def read(text: str) -> ReadText:
            found = self._tokens(text, prompt)
            vectors, tokens = self._session.run([VECTOR, TOKENS], _feed(found, unpooled))
            return read_text(found, vectors[0], tokens[0])

        return _on_all_cores(read, texts)

    def _tokens(self, text: str, prompt: str) -> TextTokens:
        """A text's tokens with its prompt, special ones included, cut to the model's limit."""
        most, prompted = self.max_tokens, prompt + text
        if isinstance(self.tokenizer, SentencePieces):
            return self.tokenizer.tokens(prompted, len(prompt), most)
        most -= self.tokenizer.num_special_tokens_to_add(False)
        encoding = self.tokenizer.encode(prompted, add_special_tokens=False)
        if len(encoding.ids) > most:
            encoding.truncate(most, direction=self._manifest.truncation_side)
        return tokens_of_encoding(prompted, self.tokenizer.post_process(encoding), len(prompt))


def _feed(found: TextTokens, unpooled: int | None) -> dict[str, NDArray[np.int64]]:
    """Return the graph's inputs.

    `unpooled` is the number of tokens at the start of the text that pooling leaves out: those of
    the prompt. None if pooling leaves out no token.
    """
    feed = {"input_ids": np.array([found.ids], dtype=np.int64)}
    if unpooled is not None:
        feed["unpooled"] = np.array([unpooled], dtype=np.int64)
    return feed


_Made = TypeVar("_Made")


def _on_all_cores(make: Callable[[str], _Made], texts: Sequence[str]) -> list[_Made]:
    """Call `make` on each text, on all cores."""
    if len(texts) == 1:
        return [make(texts[0])]
    # The longest first, so no thread is left alone with one at the end.
    order = sorted(range(len(texts)), key=lambda i: -len(texts[i]))
    made = dict(zip(order, pool_map(make, [texts[i] for i in order]), strict=True))
    return [made[place] for place in range(len(texts))]


def _unit(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """Vectors scaled to unit length, (n, d) float32."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    unit: NDArray[np.float32] = vectors / np.maximum(lengths, 1e-12)
    return unit


def open_session(folder: Path) -> onnxruntime.InferenceSession:
    """Open the graph of a derived folder."""
    options = session_options()
    # The file was optimized when it was derived.
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    return onnxruntime.InferenceSession(
        str(folder / GRAPH), options, providers=["CPUExecutionProvider"]
    )


def session_options() -> onnxruntime.SessionOptions:
    """Options of an ONNX session on the calling thread alone.

    A short query takes 1.5 ms on one thread. On two threads it takes 1.9 ms if idle threads sleep,
    and 1.1 ms if they spin, but spinning keeps a core busy. Several texts use all cores, because
    each thread of the pool runs another text.
    """
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    # Warnings are only about operators that weren't fused.
    options.log_severity_level = 3
    return options


def source_digest(folder: Path) -> str:
    """A sha-256 over the files of a sentence-transformers folder with an effect on vectors.

    Returns:
        64 hexadecimal digits; independent of the folder's location.

    Raises:
        FileNotFoundError: if the folder holds no model of sentence-transformers.
    """
    if not (folder / "config.json").is_file() and not (folder / "modules.json").is_file():
        raise FileNotFoundError(
            f"{folder} holds neither modules.json nor config.json: it is no model folder of "
            "sentence-transformers."
        )
    total = hashlib.sha256()
    for path in sorted({path for pattern in _SHAPING for path in folder.rglob(pattern)}):
        name = path.relative_to(folder)
        is_hidden = any(part.startswith(".") for part in name.parts)
        if path.is_file() and not is_hidden and not _OTHER_FORMATS.intersection(name.parts):
            total.update(f"{name.as_posix()}\0{file_digest(path)}\n".encode())
    return total.hexdigest()


def file_digest(path: Path) -> str:
    """The sha-256 of a file, 64 hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
