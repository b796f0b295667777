"""A derived graph run in numpy, with the eight-bit products of one processor or another."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx.reference import ReferenceEvaluator
from onnx.reference.op_run import OpRun
from scipy.special import erf

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
