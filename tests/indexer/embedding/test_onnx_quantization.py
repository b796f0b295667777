"""Quantization with the same result on every processor, with both arithmetics in one process."""

from pathlib import Path

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from indexer.embedding.onnx_model import GRAPH, Manifest, RuntimeModel
from indexer.embedding.onnx_quantization import NEIGHBOURS_AT_MOST, column_scales
from tests.indexer.embedding.processors import NumpySession, Product, exact, saturating


def on(product: Product, derived: Path) -> RuntimeModel:
    """The derived model on a processor with these products."""
    session = NumpySession(derived / GRAPH, product)
    tokenizer = RuntimeModel.open(derived).tokenizer
    return RuntimeModel(Manifest.load(derived), session, tokenizer)


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
    """The two arithmetics differ without the bound."""
    integers, largest = np.full((4, 1), 127), np.full((1, 4), 255)
    assert exact(largest, integers) == 4 * 255 * 127
    assert saturating(largest, integers) == 2 * (2**15 - 1)


def test_vectors_are_the_same_with_and_without_vnni_and_near_this_processor_s(
    derived: Path, minilm: RuntimeModel
) -> None:
    """To the last bit if floats are added in the same order; nearly so in ONNX Runtime."""
    texts = ["how do i get my password back", "Wann ist das Treffen?"]
    with_vnni = on(exact, derived).embed_queries(texts)
    np.testing.assert_array_equal(on(saturating, derived).embed_queries(texts), with_vnni)
    assert np.sum(with_vnni * minilm.embed_queries(texts), axis=1).min() > 0.995
