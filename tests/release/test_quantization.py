"""Quantization with the same result on every processor, with both arithmetics in one process."""

from pathlib import Path

import numpy as np
import onnx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray
from safetensors.numpy import load_file, save_file

from indexer.embedding.onnx_model import GRAPH, Manifest, RuntimeModel
from models import quantization
from models.derivation import DerivationError, derive
from models.quantization import BLOCK, NEIGHBOURS_AT_MOST, block_quantized, column_scales
from tests.indexer.embedding.families import TEXTS, family_embedder
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


def test_vectors_agree_with_and_without_vnni(derived: Path, minilm: RuntimeModel) -> None:
    """To the last bit if floats are added in the same order; nearly so in ONNX Runtime."""
    texts = ["how do i get my password back", "Wann ist das Treffen?"]
    with_vnni = on(exact, derived).embed_queries(texts)
    np.testing.assert_array_equal(on(saturating, derived).embed_queries(texts), with_vnni)
    assert np.sum(with_vnni * minilm.embed_queries(texts), axis=1).min() > 0.995


@given(
    arrays(np.int8, st.tuples(st.integers(1, 4), st.just(2 * BLOCK)), elements=st.integers(-8, 7)),
    st.floats(-10, 10, width=16).filter(lambda scale: abs(scale) > 1e-3),
)
def test_a_table_made_of_four_bits_loses_nothing(numbers: NDArray[np.int8], scale: float) -> None:
    """Each block has a -8, as in the format of the packages."""
    numbers[:, ::BLOCK] = -8
    table = numbers * np.float32(scale)
    found, scales = block_quantized(table)
    np.testing.assert_array_equal(found, numbers)
    np.testing.assert_array_equal(scales, np.full((len(table), 2), np.float16(scale)))


@given(arrays(np.float32, (3, BLOCK), elements=st.floats(-100, 100, width=32)))
def test_a_table_in_four_bits_is_near(table: NDArray[np.float32]) -> None:
    numbers, scales = block_quantized(table)
    errors = np.abs(numbers * scales.astype(np.float32) - table)
    # Half a step; numbers of the largest size and the other sign lose a whole one.
    assert (errors <= np.abs(table).max(axis=1, keepdims=True) / 8 * 1.01 + 1e-6).all()


@pytest.mark.slow
def test_four_bit_tables_agree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only a table that was made of four bits: any other loses too much, and is refused."""
    monkeypatch.setattr(quantization, "_LARGE_TABLE", 10_000)
    folder = family_embedder("BERT", tmp_path)
    with pytest.raises(DerivationError, match="loses too much"):
        derive(folder, tmp_path / "refused", TEXTS)
    weights = load_file(folder / "model.safetensors")
    [name] = [name for name in weights if name.endswith("word_embeddings.weight")]
    numbers, scales = block_quantized(weights[name])
    weights[name] = numbers * scales.astype(np.float32).repeat(BLOCK, axis=1)
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    derive(folder, tmp_path / "derived", TEXTS)
    graph = onnx.load(tmp_path / "derived" / GRAPH).graph
    kinds = {tensor.name: tensor.data_type for tensor in graph.initializer}
    assert onnx.TensorProto.INT4 in kinds.values()
