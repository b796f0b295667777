"""Backfill of token codes: passages that were put in without them get theirs, in slices.

Earlier releases stored none, and a text whose vector was known already is not embedded for them.
Until all of the best passages have theirs, a question keeps the fused order.
"""

from collections.abc import Iterator

from indexer.embedding.embedder import Embedder
from indexer.embedding.token_vectors import tokens_of
from indexer.index.index import Index
from indexer.ingest.pipeline import SLICE_TEXTS


def backfill(index: Index, embedder: Embedder) -> Iterator[tuple[int, int]]:
    """Give the passages that lack token codes theirs, the newest first; a step for each slice.

    It can be abandoned between any two steps, and documents may be put in or taken out: what is
    stored stays. Where the embedder has no token vectors, nothing is done.

    Yields:
        How many passages were looked at so far, and of how many.
    """
    tokens = tokens_of(embedder)
    lacking = [] if tokens is None else index.tables.without_token_codes()
    for start in range(0, len(lacking), SLICE_TEXTS):
        digests = dict(lacking[start : start + SLICE_TEXTS])
        passages = index.tables.passages(list(digests))
        texts = {digests[key]: one.embedded for key, one in passages.items()}
        if tokens is not None and texts:
            _, codes = tokens.of_passages(list(texts.values()))
            index.tables.store_vectors({}, dict(zip(texts, codes, strict=True)))
        yield min(start + SLICE_TEXTS, len(lacking)), len(lacking)
