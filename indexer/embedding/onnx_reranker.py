"""Reranker on ONNX Runtime: the derived int8 graph of a cross-encoder, served without PyTorch.

A derived folder holds a quantized graph, its tokenizer and a manifest, written by
`indexer.embedding.reranker_export`. As in `indexer.embedding.onnx_model`, the model runs once for
each pair, on a single thread, while each core runs another pair. So pairs are never batched, and a
score doesn't depend on other pairs.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnxruntime
from tokenizers import Encoding, Tokenizer

from indexer.embedding.onnx_model import DerivedManifest, fast_tokenizer, opened_parts
from indexer.parallel import pool_map


@dataclass(frozen=True, slots=True, kw_only=True)
class RerankerManifest(DerivedManifest):
    """Manifest of a reranker's folder.

    Attributes:
        token_types: whether the graph takes token types, which mark the passage's tokens.
        correlation: the correlation of the reranker's and the reference's scores of sample pairs.
        agreement: how often the two order a pair of passages alike, from 0 to 1; see
            `indexer.embedding.reranker_export.compared`.
    """

    token_types: bool
    correlation: float
    agreement: float


class RuntimeReranker:
    """A derived reranker, opened. It can be used from several threads at once."""

    def __init__(
        self,
        manifest: RerankerManifest,
        session: onnxruntime.InferenceSession,
        tokenizer: Tokenizer,
    ) -> None:
        self.digest = manifest.digest
        self._token_types = manifest.token_types
        self._session = session
        self._tokenizer = tokenizer
        # As the reference does: tokens are cut one by one off the longer of the two.
        tokenizer.enable_truncation(
            manifest.max_tokens, strategy="longest_first", direction=manifest.truncation_side
        )

    @classmethod
    def open(cls, folder: Path) -> "RuntimeReranker":
        """Open a derived folder; this takes well under a second and imports no PyTorch.

        Raises:
            RuntimeModelError: if the folder is torn, of another format, or unreadable for the
                installed ONNX Runtime, and must be derived again.
        """
        manifest = RerankerManifest.load(folder)
        return cls(manifest, *opened_parts(folder, fast_tokenizer))

    def scores(self, query: str, texts: Sequence[str]) -> list[float]:
        """A logit for each text. The larger the logit, the better the text answers the query."""
        read = self._tokenizer.encode_batch([(query, text) for text in texts])
        # The longest first, so no thread is left alone with one at the end.
        order = sorted(range(len(read)), key=lambda i: -len(read[i].ids))
        found = pool_map(self._score, [read[i] for i in order])
        scores = dict(zip(order, found, strict=True))
        return [scores[place] for place in range(len(read))]

    def _score(self, encoding: Encoding) -> float:
        feed = {"input_ids": np.array([encoding.ids], dtype=np.int64)}
        if self._token_types:
            feed["token_type_ids"] = np.array([encoding.type_ids], dtype=np.int64)
        (logits,) = self._session.run(None, feed)
        return float(logits[0, 0])
