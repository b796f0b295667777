"""Vector index of one scope in FAISS: flat while that is fast enough, then an inverted file.

Vectors are kept as 8-bit integers after a fixed rotation. One scale fits all dimensions, so no
training is needed. A scan reads a quarter of the memory that 32-bit vectors take, and cosines are
accurate to about 0.001. This suffices to find the nearest hundred, but not to order them. So
`indexer.retrieval.fusion` computes exact cosines from the stored vectors.

In a scope with up to `EXACT_PASSAGES` vectors, a search compares the query with every vector. For a
larger scope, an inverted file assigns the vectors to cells, and a search compares only the cells
nearest to the query. A thread trains the cells on a copy of the vectors, and again whenever the
number of vectors has doubled. Until the training ends, searches go on as before.

FAISS's own threads are never used, because they spin after their work and compete with the embedder
for the cores. FAISS takes its number of threads from the calling thread, so every calling thread
sets it to 1. Queries asked together are distributed over this program's thread pool.

Source:
    Jégou, Douze and Schmid, "Product quantization for nearest neighbor search", TPAMI 2011, for the
    inverted file; FAISS's own guidelines for the number of cells.
"""

import logging
import math
import os
import threading
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final, Self

import faiss
import numpy as np
from faiss.contrib.inspect_tools import get_invlist
from numpy.typing import NDArray

from indexer.embedding.token_codes import rotate
from indexer.parallel import cores, pool_map

# Comparing this many takes about a millisecond on one core (benchmarks/structure.py).
EXACT_PASSAGES: Final = 50_000

# Cells grow with the root of the expected size; a cell is learned from about 40 vectors.
CELLS_PER_ROOT: Final = 5
LEARN_PER_CELL: Final = 40

# The share of cells to compare: recall against speed.
PROBED_SHARE: Final = 0.04

_logger = logging.getLogger(__name__)

# Cells are learned anew when the vectors have multiplied by this since they were learned.
OUTGROWN: Final = 2

# Codes converted to 32 bits at once while cells are learned.
PIECE: Final = 10_000

# After the rotation, a dimension of a unit vector has the standard deviation 1 / sqrt(d). It is cut
# off beyond this many deviations: one number in two million.
DEVIATIONS: Final = 5.0
LARGEST: Final = 127

# Fewer queries than this are not worth handing to another thread.
LEAST_SHARE: Final = 4


class VectorIndex:
    """Vectors of one scope's passages, by passage id."""

    def __init__(self, dimension: int, held: Any = None) -> None:
        self._dimension = dimension
        self._held: Any = (
            held
            if held is not None
            else faiss.IndexIDMap2(
                faiss.IndexScalarQuantizer(dimension, _CODES, faiss.METRIC_INNER_PRODUCT)
            )
        )
        self._learning: threading.Thread | None = None
        self._learned: Any = None
        # Changes while cells are being learned, to be repeated on the learned structure, and the
        # number already repeated by the thread.
        self._since: list[tuple[str, Any, Any]] = []
        self._repeated = 0

    def __len__(self) -> int:
        return int(self._held.ntotal)

    @property
    def bytes(self) -> int:
        """The approximate size in memory; twice as much while cells are being trained on a copy."""
        cells = 0 if self.exact else self._held.nlist * 4 * self._dimension
        return (len(self) * (self._dimension + 16) + cells) * (2 if self._learning else 1)

    @property
    def exact(self) -> bool:
        """Whether a search compares the query with every vector."""
        return isinstance(self._held, faiss.IndexIDMap2)

    def add(self, ids: Sequence[int], vectors: NDArray[np.float32]) -> None:
        """Add vectors, (n, d) float32 with rows of unit length, under their ids."""
        keys = np.asarray(ids, dtype=np.int64)
        codes = quantize(vectors)
        self._adopt_learned()
        _on_this_thread_alone()
        self._held.add_with_ids(codes, keys)
        if self._learning is not None:
            self._since.append(("add", keys, codes.astype(np.int8)))
        else:
            self._learn_if_outgrown()

    def remove(self, ids: Iterable[int]) -> None:
        """Remove vectors by id; an unknown id is ignored."""
        keys = np.fromiter(ids, dtype=np.int64)
        self._adopt_learned()
        _on_this_thread_alone()
        self._held.remove_ids(faiss.IDSelectorBatch(keys))
        if self._learning is not None:
            self._since.append(("remove", keys, None))

    def search(
        self, codes: NDArray[np.float32], k: int, only: Any = None
    ) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """The nearest vectors to each of many queries.

        Args:
            codes: the codes of the queries (`quantize`), (n, d).
            k: the largest number of vectors for a query.
            only: a `selector` of the vectors to compare; by default all vectors.

        Returns:
            Passage ids and cosines accurate to about 0.001, both (n, at most k), best first. The
            row of a query with fewer results is padded with the id -1.
        """
        self._adopt_learned()
        k = max(min(k, len(self)), 0)
        if k == 0 or not len(codes):
            return np.zeros((len(codes), 0), np.int64), np.zeros((len(codes), 0), np.float32)
        parameters: Any = None
        if only is not None:
            # Every cell of an inverted file may have selected vectors.
            make: Any = faiss.SearchParameters if self.exact else faiss.SearchParametersIVF
            parameters = make(sel=only, **({} if self.exact else {"nprobe": self._held.nlist}))

        def compare(share: NDArray[np.float32]) -> Any:
            _on_this_thread_alone()
            return self._held.search(share, k, params=parameters)

        shares = np.array_split(codes, min(cores(), max(len(codes) // LEAST_SHARE, 1)))
        found = pool_map(compare, shares)
        return (
            np.concatenate([ids for _, ids in found]),
            quantized_cosines(np.concatenate([products for products, _ in found]), self._dimension),
        )

    def _learn_if_outgrown(self) -> None:
        """Start a thread that trains cells, if there are too many vectors for the present cells."""
        if self.exact:
            learned_for = EXACT_PASSAGES
        else:
            learned_for = int(OUTGROWN * (self._held.nlist / CELLS_PER_ROOT) ** 2)
        if len(self) <= learned_for:
            return
        copy = faiss.clone_index(self._held)
        self._learning = threading.Thread(
            target=self._learn_from, args=(copy,), name="commonplace-cells", daemon=True
        )
        self._learning.start()

    def _learn_from(self, held: Any) -> None:
        _on_this_thread_alone()
        try:
            learned = inverted_file(held)
            # Here, because a search would wait while a long document is repeated.
            while self._repeated < len(self._since):
                _repeat(learned, *self._since[self._repeated])
                self._repeated += 1
            self._learned = learned
        except (RuntimeError, MemoryError) as error:
            _logger.warning("No cells could be learned, search stays as it is: %s", error)

    def settle(self) -> None:
        """Wait until no cells are being trained and the trained ones are in use."""
        while self._learning is not None:
            self._adopt_learned(wait=True)

    def _adopt_learned(self, *, wait: bool = False) -> None:
        """Switch to the inverted file with the trained cells, once it is ready."""
        if self._learning is None:
            return
        if wait:
            self._learning.join()
        if self._learning.is_alive():
            return
        self._learning = None
        since, self._since = self._since[self._repeated :], []
        self._repeated = 0
        if self._learned is not None:
            self._held, self._learned = self._learned, None
            _on_this_thread_alone()
            for change in since:
                _repeat(self._held, *change)
            self._learn_if_outgrown()

    def save(self, path: Path) -> None:
        """Write the vectors; if the first cells are being trained, wait for them.

        Raises RuntimeError or OSError if the file can't be written.
        """
        self._adopt_learned(wait=self.exact)
        faiss.write_index(self._held, os.fspath(path))

    def pack(self) -> NDArray[np.uint8]:
        """The saved form of the vectors, as bytes."""
        self._adopt_learned(wait=self.exact)
        saved: NDArray[np.uint8] = faiss.serialize_index(self._held)
        return saved

    @classmethod
    def load(cls, path: Path, dimension: int) -> Self:
        """Read a saved index.

        Raises ValueError or RuntimeError if the file is torn, or has vectors of another size or
        format.
        """
        return cls._load(faiss.read_index(os.fspath(path)), dimension)

    @classmethod
    def unpack(cls, saved: NDArray[np.uint8], dimension: int) -> Self:
        """Read an index from the bytes of `pack`; it raises the same errors as `load`."""
        return cls._load(faiss.deserialize_index(saved), dimension)

    @classmethod
    def _load(cls, held: Any, dimension: int) -> Self:
        if held.d != dimension:
            raise ValueError(f"It holds vectors of {held.d} dimensions, not {dimension}.")
        opened = cls(dimension, held)
        quantizer = getattr(faiss.downcast_index(held.index) if opened.exact else held, "sq", None)
        if quantizer is None or quantizer.qtype != _CODES:
            raise ValueError("It holds no codes of a byte.")
        opened._learn_if_outgrown()
        return opened


def _repeat(held: Any, change: str, keys: NDArray[np.int64], codes: Any) -> None:
    if change == "add":
        held.add_with_ids(codes.astype(np.float32), keys)
    else:
        held.remove_ids(faiss.IDSelectorBatch(keys))


def selector(ids: Sequence[int] | NDArray[np.int64]) -> Any:
    """FAISS's selector of these ids: a bitmap, tested faster than a set."""
    chosen = np.asarray(ids, np.int64)
    bits = np.zeros(int(chosen.max(initial=-1)) + 1, bool)
    bits[chosen] = True
    # FAISS's Python takes an array, unlike its types.
    make: Any = faiss.IDSelectorBitmap
    return make(np.packbits(bits, bitorder="little"))


# Codes as given, a byte each; their products are computed in whole numbers.
_CODES: Final = faiss.ScalarQuantizer.QT_8bit_direct_signed


def inverted_file(held: Any) -> Any:
    """An inverted file with the vectors of the structure `held`; a sample trains its cells."""
    count, dimension = held.ntotal, held.d
    cells = int(CELLS_PER_ROOT * count**0.5)
    quantizer: Any = faiss.IndexFlatIP(dimension)
    parted = faiss.IndexIVFScalarQuantizer(
        quantizer,
        dimension,
        cells,
        _CODES,
        faiss.METRIC_INNER_PRODUCT,
        False,  # keep the vectors themselves, not the rest after their cell's centre
    )
    # Otherwise Python would free the quantizer, which the structure only points to.
    quantizer.this.disown()
    parted.own_fields = True
    parted.cp.niter = 8
    parted.train(_sample(held, cells * LEARN_PER_CELL))
    for ids, codes in _pieces(held):
        parted.add_with_ids(codes, ids)
    parted.nprobe = max(1, int(cells * PROBED_SHARE))
    return parted


def _sample(held: Any, size: int) -> NDArray[np.float32]:
    """The codes of at most `size` random vectors in `held`, the same on every run."""
    chosen = np.zeros(held.ntotal, bool)
    chosen[np.random.default_rng(0).permutation(held.ntotal)[:size]] = True
    found: list[NDArray[np.float32]] = []
    start = 0
    for ids, codes in _pieces(held):
        found.append(codes[chosen[start : start + len(ids)]])
        start += len(ids)
    return np.concatenate(found)


def _pieces(held: Any) -> Iterator[tuple[NDArray[np.int64], NDArray[np.float32]]]:
    """The ids of the vectors in `held`, with their codes as float32, a piece at a time."""
    if isinstance(held, faiss.IndexIDMap2):
        ids, flat = faiss.vector_to_array(held.id_map), faiss.downcast_index(held.index)
        for start in range(0, len(ids), PIECE):
            some = ids[start : start + PIECE]
            yield some, flat.reconstruct_n(start, len(some))
        return
    for cell in range(held.nlist):
        ids, codes = get_invlist(held.invlists, cell)  # type: ignore[no-untyped-call]
        if len(ids):
            yield ids, held.sq.decode(codes)


def _on_this_thread_alone() -> None:
    """Make FAISS run on the calling thread alone; FAISS has this setting per thread."""
    faiss.omp_set_num_threads(1)


def nearest_first(
    ids: NDArray[np.int64], cosines: NDArray[np.float32], k: int
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """The `k` best entries of joined rankings; among equal cosines, the lower id is first.

    FAISS's padding (the id -1) is left out.
    """
    order = np.lexsort((ids, -cosines))
    order = order[ids[order] >= 0][: max(k, 0)]
    return ids[order], cosines[order]


def quantize(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """The codes of vectors of unit length: rotated, scaled, and rounded to -127 to 127, (n, d)."""
    scaled = rotate(vectors) / _step(vectors.shape[1])
    return np.clip(np.rint(scaled), -LARGEST, LARGEST).astype(np.float32)


def quantized_cosines(products: NDArray[np.float32], dimension: int) -> NDArray[np.float32]:
    """Cosines accurate to about 0.001, from dot products of codes."""
    return (products * np.float32(_step(dimension) ** 2)).astype(np.float32)


def _step(dimension: int) -> float:
    return DEVIATIONS / math.sqrt(dimension) / LARGEST
