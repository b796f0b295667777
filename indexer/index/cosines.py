"""Exact cosines of passages to queries, by the vectors that the index database stores. Pure.

A passage's own vectors are bytes of float32 rows: that of the whole first, then those of its
windows; a short passage is its own window and has one row. Hundreds are compared at once, in one
product over all rows.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Cosines:
    """The cosines of some passages to one query.

    `ids`, `wholes` and `windows` are (n,) in one order; `windows` are the cosines of the best
    window, and a passage that is its own window has that of the whole.
    """

    ids: NDArray[np.int64]
    wholes: NDArray[np.float32]
    windows: NDArray[np.float32]
    _all: NDArray[np.float32]
    _starts: NDArray[np.int64]

    def best_windows(self, places: Sequence[int]) -> list[int]:
        """Which window of each passage is the best, counting from 0, by its place in `ids`."""
        # Lists, because numpy takes longer for a few numbers than Python does.
        cosines, bounds = self._all.tolist(), [*self._starts.tolist(), len(self._all)]
        of_windows = (cosines[bounds[place] + 1 : bounds[place + 1]] for place in places)
        return [own.index(max(own)) if own else 0 for own in of_windows]


def cosines_of(
    vectors: NDArray[np.float32], wanted: Sequence[Sequence[int]], own: Mapping[int, bytes]
) -> list[Cosines]:
    """The cosines of passages to queries (n, d), by the passages' own vectors.

    Args:
        vectors: the queries'.
        wanted: for each query the ids of the passages; those without vectors are left out.
        own: by id, float32 rows: the whole first, then its windows.
    """
    return [_cosines(vector, ids, own) for vector, ids in zip(vectors, wanted, strict=True)]


def _cosines(vector: NDArray[np.float32], ids: Sequence[int], own: Mapping[int, bytes]) -> Cosines:
    ids = [key for key in ids if key in own]
    if not ids:
        nothing = np.zeros(0, np.float32)
        return Cosines(np.zeros(0, np.int64), nothing, nothing, nothing, np.zeros(0, np.int64))
    blobs = list(map(own.__getitem__, ids))
    products = _matrix(b"".join(blobs), len(vector)) @ vector
    sizes = np.fromiter(map(len, blobs), np.int64, len(blobs)) // (4 * len(vector))
    starts = np.cumsum(sizes) - sizes
    wholes = products[starts]
    of_windows = products.copy()
    # The whole is no window of a passage that has others.
    of_windows[starts[sizes > 1]] = -np.inf
    windows = np.maximum.reduceat(of_windows, starts)
    return Cosines(np.array(ids, np.int64), wholes, windows, products, starts)


def window_cosines(vector: NDArray[np.float32], own: bytes) -> list[float]:
    """The cosine of each window of a passage, by the passage's own vectors; none without any."""
    cosines: list[float] = (_matrix(own, len(vector)) @ vector).tolist()
    return cosines[1:] or cosines


def _matrix(own: bytes, dimension: int) -> NDArray[np.float32]:
    return np.frombuffer(own, np.float32).reshape(-1, dimension)
