"""Cosines of the passages' own vectors against brute force."""

from pathlib import Path

import numpy as np
import pytest

from indexer.ingest.pipeline import index_document
from indexer.retrieval.fusion import window_cosines
from indexer.retrieval.retriever import Retriever
from indexer.text.passages import passages
from knowledge.values.documents import SHARED
from tests.fakes import WordEmbedder
from tests.indexer.small_index import new_document, opened


@pytest.fixture
def embedder() -> WordEmbedder:
    return WordEmbedder(4_096)


def test_cosines_are_of_the_whole_or_best_window(tmp_path: Path, embedder: WordEmbedder) -> None:
    text = " ".join(f"Sentence {n} speaks of thing{n} at some length." for n in range(20))
    document = new_document("long", text)
    [passage] = passages(document, embedder.count_tokens, embedder.max_tokens)
    vector = embedder.embed_queries(["thing7 thing8"])[0]
    whole = float(embedder.embed_passages([passage.embedded])[0] @ vector)
    window = float((embedder.embed_passages(passage.windows) @ vector).max())
    assert window > whole
    with opened(tmp_path, embedder) as index:
        index_document(index, embedder, document)
        [(key, _)] = index.nearest(vector, 1, [SHARED])
        # Kept in half precision, which has eleven bits.
        [found] = Retriever(index, embedder).cosines(vector[np.newaxis], [[key]])
        assert found.wholes.tolist() == pytest.approx([whole], abs=1e-3)
        assert found.windows.tolist() == pytest.approx([window], abs=1e-3)
        of_windows = window_cosines(vector, index.own_vectors([key])[key])
        assert of_windows == pytest.approx(
            (embedder.embed_passages(passage.windows) @ vector).tolist(), abs=1e-3
        )
        assert found.best_windows([0]) == [of_windows.index(max(of_windows))]


def test_cosines_of_gone_passages_are_left_out(tmp_path: Path, embedder: WordEmbedder) -> None:
    vectors = embedder.embed_queries(["first", "second"])
    with opened(tmp_path, embedder) as index:
        index_document(index, embedder, new_document("first", "The first."))
        index_document(index, embedder, new_document("second", "The second."))
        keys = [key for key, _ in index.nearest(vectors[0], 2, [SHARED])]
        retriever = Retriever(index, embedder)
        before = retriever.cosines(vectors, [keys, keys[::-1]])
        assert [one.ids.tolist() for one in before] == [keys, keys[::-1]]
        index.tables.apply([], ["file:first"])
        gone, left = keys[0], keys[1]
        assert [key for key, _ in index.nearest(vectors[0], 2, [SHARED])] == [left]
        after = retriever.cosines(vectors, [[gone, left], [gone]])
        assert [one.ids.tolist() for one in after] == [[left], []]
        assert index.passages([gone, left]).keys() == {left}
