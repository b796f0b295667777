"""Random rotation of vectors, the same on every run: random signs, then a cosine transform.

The rotation keeps all dot products. Afterwards all dimensions have about the same spread, so one
scale can quantize them all.

Source:
    Ailon and Chazelle, "Approximate nearest neighbors and the fast Johnson-Lindenstrauss
    transform", STOC 2006, for signs before a transform; Makhoul, "A fast cosine transform in one
    and two dimensions", IEEE TASSP 1980.
"""

import hashlib
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray


def rotate(vectors: NDArray[np.float32]) -> NDArray[np.float64]:
    """Rotate the space of vectors; returns (n, d) float64. The dimension is even."""
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
