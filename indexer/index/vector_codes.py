"""How a vector is written in a byte a dimension, so that comparing a whole scope reads little.

A vector is turned first, by a rotation that is the same everywhere and for every model: random
signs, then a cosine transform. Turning changes no product of two vectors, and afterwards no
dimension stands out, whatever the model: each is about as large as chance makes it, so one scale
does for all vectors, and nothing has to be learned or kept.

What is lost is about 0.001 of a cosine. That finds the nearest hundred of a corpus, but does not
order them: whoever needs the order compares the vectors themselves.

Source:
    Ailon and Chazelle, "Approximate nearest neighbors and the fast Johnson-Lindenstrauss
    transform", STOC 2006, for signs before a transform; Makhoul, "A fast cosine transform in one
    and two dimensions", IEEE TASSP 1980.
"""

import hashlib
import math
from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

# After turning, a dimension of a unit vector has the standard deviation 1 / sqrt(d). Beyond so many
# of them, one in two million, it is cut short.
DEVIATIONS: Final = 5.0
LARGEST: Final = 127


def coded(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """Vectors turned and scaled, (n, d) float32 of whole numbers from -127 to 127.

    Args:
        vectors: (n, d), rows of unit length.
    """
    scaled = _turned(vectors) / _step(vectors.shape[1])
    return np.clip(np.rint(scaled), -LARGEST, LARGEST).astype(np.float32)


def cosines(products: NDArray[np.float32], dimension: int) -> NDArray[np.float32]:
    """What the products of coded vectors say of the cosines of the vectors, to about 0.001."""
    return (products * np.float32(_step(dimension) ** 2)).astype(np.float32)


def _step(dimension: int) -> float:
    return DEVIATIONS / math.sqrt(dimension) / LARGEST


def _turned(vectors: NDArray[np.float32]) -> NDArray[np.float64]:
    """Vectors after a rotation of their space, (n, d)."""
    signs, phases = _rotation(vectors.shape[1])
    signed = vectors * signs
    # The cosine transform, by way of Fourier's: even places in order, then odd ones backwards.
    folded = np.concatenate([signed[:, ::2], signed[:, 1::2][:, ::-1]], axis=1)
    turned: NDArray[np.float64] = (np.fft.fft(folded, axis=1) * phases).real
    return turned


@lru_cache
def _rotation(dimension: int) -> tuple[NDArray[np.float32], NDArray[np.complex128]]:
    """The signs, and what makes Fourier's transform the orthonormal cosine transform."""
    chance = hashlib.shake_256(b"commonplace").digest(dimension // 8 + 1)
    bits = np.unpackbits(np.frombuffer(chance, np.uint8))[:dimension]
    places = np.arange(dimension)
    phases = np.exp(-0.5j * np.pi * places / dimension) * np.sqrt(2 / dimension)
    phases[0] /= np.sqrt(2)
    return (2.0 * bits - 1.0).astype(np.float32), phases
