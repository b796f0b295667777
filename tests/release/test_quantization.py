"""Quantization with the same result on every processor, with both arithmetics in one process."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray
from onnx.reference import ReferenceEvaluator
from onnx.reference.op_run import OpRun
from safetensors.numpy import load_file, save_file
from scipy.special import erf

from indexer.embedding.onnx_model import GRAPH, Manifest, RuntimeModel
from models import quantization
from models.derivation import DerivationError, derive
from models.quantization import BLOCK, NEIGHBOURS_AT_MOST, block_quantized, column_scales
from tests.indexer.embedding.families import TEXTS, family_embedder

Integers = NDArray[np.int64]
Product = Callable[[Integers, Integers], Integers]


def exact(left: Integers, right: Integers) -> Integers:
    """The product (m, n) of unsigned (m, k) and signed (k, n) bytes, as VNNI adds it up."""
    # Floats hold these sums exactly and are multiplied many times as fast as integers.
    sums: Integers = np.rint(left.astype(float) @ right.astype(float)).astype(np.int64)
    return sums


def saturating(left: Integers, right: Integers) -> Integers:
    """The same as AVX2 adds it up: two neighbours in sixteen bits, which stop at their end."""
    if left.shape[1] % 2:
        left = np.pad(left, ((0, 0), (0, 1)))
        right = np.pad(right, ((0, 1), (0, 0)))
    total = np.zeros((left.shape[0], right.shape[1]), dtype=np.int64)
    for k in range(0, left.shape[1], 2):
        pair = left[:, k : k + 2] @ right[k : k + 2]
        total += pair.clip(-(2**15), 2**15 - 1)
    return total


class NumpySession:
    """What `RuntimeModel` asks of an inference session, computed by numpy with this product."""

    def __init__(self, path: Path, product: Product) -> None:
        operators = [*_integer_operators(product), *OPERATORS]
        self._evaluator = ReferenceEvaluator(str(path), new_ops=operators)

    def run(self, names: None, inputs: Mapping[str, Any]) -> Any:
        return self._evaluator.run(names, dict(inputs))


def _integer_operators(product: Product) -> list[type[OpRun]]:
    def multiplied(a: Any, b: Any, a_zero: Any, b_zero: Any) -> Any:
        """(…, m, k) unsigned and (k, n) signed bytes; the zero of the former is taken off after."""
        assert not np.any(b_zero), "weights are symmetric"
        right = b.astype(np.int64)
        rows = product(a.reshape(-1, a.shape[-1]).astype(np.int64), right)
        sums = rows - int(a_zero) * right.sum(axis=0)
        return sums.reshape(*a.shape[:-1], -1)

    class MatMulIntegerToFloat(OpRun):
        op_domain = "com.microsoft"

        def _run(
            self, a: Any, b: Any, a_scale: Any, b_scale: Any, a_zero: Any, b_zero: Any, *bias: Any
        ) -> tuple[Any]:
            found = multiplied(a, b, a_zero, b_zero) * (a_scale * b_scale)
            return (_added(found, bias),)

    class DynamicQuantizeMatMul(OpRun):
        op_domain = "com.microsoft"

        def _run(self, a: Any, b: Any, b_scale: Any, b_zero: Any, *bias: Any) -> tuple[Any]:
            low, high = min(a.min(), 0), max(a.max(), 0)
            scale = np.float32((high - low) / 255)
            zero = np.rint(-low / scale)
            integers = np.clip(np.rint(a / scale) + zero, 0, 255).astype(np.uint8)
            found = multiplied(integers, b, zero, b_zero) * (scale * b_scale)
            return (_added(found, bias),)

    return [MatMulIntegerToFloat, DynamicQuantizeMatMul]


def _added(found: Any, biases: tuple[Any, ...]) -> Any:
    return sum((bias for bias in biases if bias is not None), found).astype(np.float32)


class FusedMatMul(OpRun):
    op_domain = "com.microsoft"

    def _run(self, a: Any, b: Any, **attributes: Any) -> tuple[Any]:
        left = np.swapaxes(a, -1, -2) if attributes.get("transA") else a
        right = np.swapaxes(b, -1, -2) if attributes.get("transB") else b
        return (np.float32(attributes.get("alpha") or 1) * (left @ right),)


class BiasGelu(OpRun):
    op_domain = "com.microsoft"

    def _run(self, a: Any, bias: Any) -> tuple[Any]:
        x = a + bias
        return ((x * (1 + erf(x / np.sqrt(2))) / 2).astype(np.float32),)


class DequantizeLinear(OpRun):
    op_domain = ""

    def _run(self, x: Any, scale: Any, zero: Any, **_: Any) -> tuple[Any]:
        return ((x.astype(np.float32) - np.float32(zero)) * scale,)


class GatherElements(OpRun):
    op_domain = ""

    def _run(self, x: Any, indices: Any, axis: int = 0) -> tuple[Any]:
        return (np.take_along_axis(x, indices, axis),)


# What onnx does not compute itself, or not in the version that is derived.
OPERATORS: list[type[OpRun]] = [FusedMatMul, BiasGelu, DequantizeLinear, GatherElements]


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
