"""Quantization that gives the same on every processor, with both arithmetics in one process."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from indexer.embedding.embedder import RuntimeEmbedder
from indexer.embedding.onnx_model import GRAPH, Manifest, RuntimeModel
from indexer.embedding.onnx_quantization import NEIGHBOURS_AT_MOST, column_scales
from indexer.index.index import Index
from indexer.ingest.pipeline import update
from knowledge.values.documents import SHARED, Document, Kind
from tests.indexer.embedding.processors import NumpySession, Product, exact, saturating

QUESTIONS = {
    "Who may use the weights to earn money?": "licence",
    "how do i get my password back": "password",
    "Wann ist das Treffen?": "meetup",
}
DOCUMENTS = {
    "licence": "The licence of the model allows commercial use of its weights.",
    "password": "Reset a forgotten password on the page where you log in.",
    "meetup": "Das Treffen beginnt am Donnerstag um 18 Uhr. The meetup is on Thursday.",
    "bread": "Knead the dough for ten minutes and let it rise overnight.",
}


def on(product: Product, derived: Path) -> RuntimeEmbedder:
    """The derived model as a processor with these products runs it."""
    session = NumpySession(derived / GRAPH, product)
    tokenizer = RuntimeModel.open(derived).tokenizer
    return RuntimeEmbedder(RuntimeModel(Manifest.load(derived), session, tokenizer))


@given(
    arrays(
        np.float32,
        st.tuples(st.integers(1, 9), st.integers(1, 4)),
        elements=st.floats(-1e3, 1e3, width=32),
    )
)
def test_no_matrix_saturates(matrix: NDArray[np.float32]) -> None:
    integers = np.rint(matrix / column_scales(matrix)).astype(np.int64)
    largest = np.full((1, len(matrix)), 255)
    assert np.abs(integers).max() < NEIGHBOURS_AT_MOST
    for sign in (np.sign(integers), np.ones_like(integers)):
        worst = integers * sign
        np.testing.assert_array_equal(saturating(largest, worst), exact(largest, worst))


def test_weights_of_eight_bits_would_saturate() -> None:
    """Without the bound the two arithmetics differ, so agreement above says something."""
    integers, largest = np.full((4, 1), 127), np.full((1, 4), 255)
    assert exact(largest, integers) == 4 * 255 * 127
    assert saturating(largest, integers) == 2 * (2**15 - 1)


def test_vectors_are_the_same_with_and_without_vnni(derived: Path) -> None:
    """To the last bit, where floats are added in the same order."""
    texts = list(QUESTIONS)
    with_vnni = on(exact, derived).embed_queries(texts)
    np.testing.assert_array_equal(on(saturating, derived).embed_queries(texts), with_vnni)


def test_an_index_made_on_one_processor_is_valid_on_another(
    derived: Path, minilm: RuntimeModel, tmp_path: Path
) -> None:
    """Documents embedded here are found, at nearly the same cosine, by questions embedded there."""
    here, there = RuntimeEmbedder(minilm), on(saturating, derived)
    documents = [Document(name, SHARED, Kind.FILE, "", text) for name, text in DOCUMENTS.items()]
    with opened(tmp_path, here) as index:
        for _ in update(index, here, documents):
            pass
    for question, document in QUESTIONS.items():
        found = []
        for embedder in (here, there):
            with opened(tmp_path, embedder) as index:
                [vector] = embedder.embed_queries([question])
                nearest = index.nearest(vector, len(DOCUMENTS), [SHARED])
                stored = index.passages([passage for passage, _ in nearest])
                found.append([(stored[key].document_id, cosine) for key, cosine in nearest])
        assert [name for name, _ in found[0]] == [name for name, _ in found[1]]
        assert found[0][0][0] == document
        cosines = np.array([[cosine for _, cosine in one] for one in found])
        assert cosines[0] == pytest.approx(cosines[1], abs=0.01)


def opened(folder: Path, embedder: RuntimeEmbedder) -> Index:
    return Index(
        folder,
        model=embedder.model,
        dimension=embedder.dimension,
        max_tokens=embedder.max_tokens,
    )
