"""Scalar quantization of the token vectors of passages, to one or two bits for each number.

A model gives each token of a text a vector of its own. To encode a vector, the mean token vector is
subtracted, the difference is rotated, and each number is rounded to one of two or four levels,
chosen for a normal distribution. A token takes 96 bytes: 384 numbers of two bits, or 768 numbers of
one bit. One and two bits order passages equally well. A model's mean
and scale come with it, so codes made on one machine can be read on another.

Some models give all tokens a large common part, and so similar cosines (E5: a mean vector of the
length 0.82). For these models, the differences from the mean are compared.

Source:
    Max, "Quantizing for minimum distortion", IRE Transactions on Information Theory 1960, for the
    levels.
"""

import hashlib
import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

# By the bits of a number: the levels, in standard deviations, and the bounds between them.
LEVELS: Final[Mapping[int, tuple[float, ...]]] = {
    1: (-0.7979, 0.7979),
    2: (-1.510, -0.4528, 0.4528, 1.510),
}
BOUNDS: Final[Mapping[int, tuple[float, ...]]] = {1: (0.0,), 2: (-0.9816, 0.0, 0.9816)}
# The share of variance kept, by Max: products with decoded vectors are smaller by this factor.
KEPT: Final[Mapping[int, float]] = {1: 2 / math.pi, 2: 1 - 0.1175}

# The most multiplications without threads of OpenBLAS (its interface/gemm.c).
_ON_ONE_THREAD: Final = 4 * 65_536


@dataclass(frozen=True, eq=False, slots=True)
class TokenCodec:
    """Quantizer of one model's token vectors.

    Attributes:
        centre: the mean token vector, (t,) float32; t is a multiple of 8.
        deviation: the standard deviation of the numbers after the rotation.
        bits: the bits per number, 1 or 2.
        centred: whether the differences from the mean are compared.
    """

    centre: NDArray[np.float32]
    deviation: float
    bits: int = 2
    centred: bool = False

    @property
    def token_bytes(self) -> int:
        return len(self.centre) * self.bits // 8

    def encode(self, vectors: NDArray[np.float32]) -> bytes:
        """Encode the token vectors of a text, (n, t) float32 of unit length."""
        scaled = rotate(self._differences(vectors)) / self.deviation
        # The number of each level, from 0.
        numbers = np.add.reduce([(scaled > bound).view(np.uint8) for bound in BOUNDS[self.bits]])
        places = _places(self.bits)
        grouped = numbers.reshape(len(numbers), len(self.centre) // len(places), len(places))
        packed: bytes = (grouped << places).sum(axis=2, dtype=np.uint8).tobytes()
        return packed

    def cosines(
        self, query: NDArray[np.float32], passages: Sequence[bytes]
    ) -> list[NDArray[np.float32]]:
        """For each passage, the cosines of the query's tokens (rows) with the passage's (columns).

        The query's token vectors are (m, t) of unit length; passages are as `encode` gives them.
        """
        counts = [len(codes) // self.token_bytes for codes in passages]
        packed = np.frombuffer(b"".join(passages), np.uint8)
        levels = (
            _levels_by_byte(self.bits).take(packed, axis=0).reshape(sum(counts), len(self.centre))
        )
        compared = self._differences(query) if self.centred else query
        turned = (rotate(compared) * (self.deviation / KEPT[self.bits])).astype(np.float32)
        products = _products(turned, levels)
        if not self.centred:
            products += (query @ self.centre)[:, np.newaxis]
        cosines = products.clip(-1, 1).astype(np.float32)
        ends = itertools.accumulate(counts, initial=0)
        return [cosines[:, start:end] for start, end in itertools.pairwise(ends)]

    def _differences(self, vectors: NDArray[np.float32]) -> NDArray[np.float32]:
        """The differences from the mean, scaled to unit length if they are compared."""
        found: NDArray[np.float32] = vectors - self.centre
        if self.centred:
            found /= np.maximum(np.linalg.norm(found, axis=1, keepdims=True), 1e-6)
        return found


def _places(bits: int) -> NDArray[np.uint8]:
    """The offsets in bits of the numbers packed into one byte."""
    return np.arange(0, 8, bits, dtype=np.uint8)


@lru_cache
def _levels_by_byte(bits: int) -> NDArray[np.float32]:
    """For each value of a byte, the levels of the numbers packed into it, (256, 8 / bits)."""
    levels, places, most = LEVELS[bits], _places(bits).tolist(), (1 << bits) - 1
    return np.array(
        [[levels[byte >> place & most] for place in places] for byte in range(256)], np.float32
    )


def _products(left: NDArray[np.float32], right: NDArray[np.float32]) -> NDArray[np.float32]:
    """The dot products (m, n) of rows (m, d) with rows (n, d), on this thread alone.

    The product is computed in parts, because NumPy's BLAS starts threads for a large product. These
    spin afterwards, and so take three times as much processor time as the product itself.
    """
    rows = max(_ON_ONE_THREAD // max(left.size, 1), 1)
    parts = [left @ right[start : start + rows].T for start in range(0, len(right), rows)]
    return np.concatenate([np.zeros((len(left), 0), np.float32), *parts], axis=1)


def rotate(vectors: NDArray[np.float32]) -> NDArray[np.float64]:
    """Rotate the space of vectors, the same on every run; returns (n, d) float64.

    Random signs and a cosine transform keep all dot products. Afterwards all dimensions have about
    the same spread, so one scale can quantize them all. The dimension is even.

    Source:
        Ailon and Chazelle, "Approximate nearest neighbors and the fast Johnson-Lindenstrauss
        transform", STOC 2006, for signs before a transform; Makhoul, "A fast cosine transform in
        one and two dimensions", IEEE TASSP 1980.
    """
    signs, phases = _rotation(vectors.shape[1])
    signed = vectors * signs
    # The cosine transform by Fourier's: even positions in order, then odd ones backwards.
    folded = np.concatenate([signed[:, ::2], signed[:, 1::2][:, ::-1]], axis=1)
    rotated: NDArray[np.float64] = (np.fft.fft(folded, axis=1) * phases).real
    return rotated


@lru_cache
def _rotation(dimension: int) -> tuple[NDArray[np.float32], NDArray[np.complex128]]:
    """The random signs, and the factors that turn a Fourier transform into the cosine transform."""
    chance = hashlib.shake_256(b"commonplace").digest(dimension // 8 + 1)
    bits = np.unpackbits(np.frombuffer(chance, np.uint8))[:dimension]
    places = np.arange(dimension)
    phases = np.exp(-0.5j * np.pi * places / dimension) * np.sqrt(2 / dimension)
    phases[0] /= np.sqrt(2)
    return (2.0 * bits - 1.0).astype(np.float32), phases
