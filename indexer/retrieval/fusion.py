"""Score fusion: cosines and BM25 coverage of the candidates become one order. Pure.

Scores are fused instead of ranks. Ranks do worse if one leg is much better than the other (table in
docs/decisions.md). But scores need the cosines of all models on one scale. Some models squeeze all
cosines into a narrow band: multilingual-e5-small gives two unrelated texts 0.78 ± 0.034,
all-MiniLM-L6-v2 0.09 ± 0.083. If squeezed cosines were used as they are, words would get more than
twice the weight they should have, and floors, margins and calibrated probabilities would lose their
meaning. So such a model's cosines are rescaled linearly to the default model's mean and deviation.
Squeezed vectors share one large direction. Passages differ in it by language and form, not by
topic, so it is taken out of the query first. Other models' cosines stay as they are.

The vector index orders candidates by quantized cosines. Here the candidates get exact cosines from
each passage's own vectors: bytes of float32 rows, the whole passage first, then its windows. A
short passage is its own window and has one row. One matrix product covers hundreds of rows.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from importlib.resources import files
from typing import Final

import numpy as np
from numpy.typing import NDArray

from indexer.retrieval.hit import LateScore

# The best constants over the working sets, each chosen without the set it is measured on; the
# optimum is flat (docs/decisions.md, retrieval).
WHOLE_WEIGHT: Final = 0.4
WINDOW_WEIGHT: Final = 0.6
WORDS_WEIGHT: Final = 0.38
# Token vectors also match paraphrases, so beside them BM25 weighs less.
LATE_WEIGHT: Final = 1.5
WORDS_BESIDE_LATE: Final = 0.2
# In a language that the model doesn't read, words weigh more than vectors, and tokens nothing.
WORDS_UNREAD: Final = 1.2
# The usual late score of a near passage. It is subtracted, so scores are as large as without
# tokens, and separate searches can be compared.
LATE_CENTRE: Final = 0.5

_EVERYDAY: Final = "everyday.txt"

# Mean and standard deviation of the default model's cosines between unlike texts: the sixty
# everyday questions, each with each.
CENTRE: Final = 0.092
SPREAD: Final = 0.083

# A model that squeezes less than this is left as it is.
SQUEEZED: Final = 1.25


@dataclass(frozen=True, slots=True)
class Cosines:
    """The cosines of some passages with one query. The arrays (n,) have one entry per passage.

    Attributes:
        ids: the passages' ids.
        wholes: the cosines of the whole passages.
        windows: the cosines of the best windows. A short passage is its own window.
    """

    ids: NDArray[np.int64]
    wholes: NDArray[np.float32]
    windows: NDArray[np.float32]
    _all: NDArray[np.float32]
    _starts: NDArray[np.int64]

    def best_windows(self, places: Sequence[int]) -> list[int]:
        """The index of each passage's best window; `places` are the passages' indices in `ids`."""
        # Lists, because numpy takes longer for a few numbers than Python does.
        cosines, bounds = self._all.tolist(), [*self._starts.tolist(), len(self._all)]
        of_windows = (cosines[bounds[place] + 1 : bounds[place + 1]] for place in places)
        return [own.index(max(own)) if own else 0 for own in of_windows]


def cosines_of(
    vectors: NDArray[np.float32], wanted: Sequence[Sequence[int]], own: Mapping[int, bytes]
) -> list[Cosines]:
    """The cosines of passages with queries (n, d), from the passages' own vectors.

    Args:
        vectors: the queries' vectors.
        wanted: for each query the ids of the passages; ids without vectors are left out.
        own: by passage id, the vectors of the whole text and of its windows, as float32 bytes.
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
    # If a passage has several windows, the whole isn't one.
    of_windows[starts[sizes > 1]] = -np.inf
    windows = np.maximum.reduceat(of_windows, starts)
    return Cosines(np.array(ids, np.int64), wholes, windows, products, starts)


def _matrix(own: bytes, dimension: int) -> NDArray[np.float32]:
    return np.frombuffer(own, np.float32).reshape(-1, dimension)


@dataclass(frozen=True, slots=True)
class Legs:
    """The candidates of the two legs for one query.

    Attributes:
        near: the ids found by vector, best first by quantized cosine. A copy made by `in_order` has
            them in the order of exact cosines.
        coverages: the known coverages by id.
        worded: the ids found by BM25, best first.
    """

    near: list[int]
    coverages: dict[int, float]
    worded: list[int]

    @property
    def candidates(self) -> list[int]:
        """Every candidate, once."""
        return list(dict.fromkeys([*self.near, *self.coverages]))

    def in_order(self, cosines: Cosines) -> "Legs":
        """A copy with `near` in the order of exact cosines."""
        near = frozenset(self.near)
        # The candidates begin with the nearest; ids missing from the index are left out.
        count = sum(map(near.__contains__, cosines.ids.tolist()))
        order = np.lexsort((cosines.ids[:count], -cosines.wholes[:count]))
        return replace(self, near=cosines.ids[order].tolist())


@dataclass(frozen=True, slots=True)
class Ranked:
    """The candidates of one query, best first.

    Attributes:
        ids: the passages' ids.
        scores: the passages' scores.
        places: the passages' indices in `cosines`.
        cosines: the cosines of all candidates.
        late: the late scores by id, for the passages that have one.
    """

    ids: list[int]
    scores: list[float]
    places: list[int]
    cosines: Cosines
    late: Mapping[int, LateScore] = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        cosines: Cosines,
        legs: Legs,
        late: Mapping[int, LateScore] | None = None,
        words: float = WORDS_WEIGHT,
    ) -> "Ranked":
        """Order candidates by score; among equal scores the lower id is first.

        Passages with a late score come before all others. `words` is the weight of coverage for
        passages without a late score.
        """
        late = late or {}
        ids = cosines.ids.tolist()
        coverages = np.array([legs.coverages.get(key, 0.0) for key in ids], np.float64)
        near = (WHOLE_WEIGHT * cosines.wholes + WINDOW_WEIGHT * cosines.windows).astype(np.float64)
        scores = near + words * coverages
        compared = np.array([key in late for key in ids], np.bool_)
        if compared.any():
            own = np.array([late[key].score for key in ids if key in late])
            blended = near[compared] + WORDS_BESIDE_LATE * coverages[compared] + LATE_WEIGHT * own
            scores[compared] = blended - LATE_WEIGHT * LATE_CENTRE
        order = np.lexsort((cosines.ids, -scores, ~compared))
        if compared.any():
            scores[~compared] = np.minimum(scores[~compared], scores[compared].min())
        return cls(
            cosines.ids[order].tolist(), scores[order].tolist(), order.tolist(), cosines, late
        )


@dataclass(frozen=True, slots=True)
class CosineScale:
    """A linear map from a model's cosines to the default model's: `shift + factor · cosine`.

    `shared` is the mean vector of unrelated texts, (d,) float32; None if cosines are wide.
    """

    factor: float = 1.0
    shift: float = 0.0
    shared: NDArray[np.float32] | None = field(default=None, compare=False)

    def of(self, cosines: NDArray[np.float32]) -> NDArray[np.float32]:
        """Cosines of any shape, rescaled."""
        if self.shared is None:
            return cosines
        return (self.shift + self.factor * cosines).astype(np.float32)

    def own_part(self, queries: NDArray[np.float32]) -> NDArray[np.float32]:
        """Queries (…, d) without the direction shared by all texts."""
        return queries if self.shared is None else queries - self.shared

    def of_own_part(self, cosines: NDArray[np.float32]) -> NDArray[np.float32]:
        """The products of passages with queries' own parts, of any shape, rescaled."""
        if self.shared is None:
            return cosines
        return (CENTRE + self.factor * cosines).astype(np.float32)


def cosine_scale(unlike: NDArray[np.float32]) -> CosineScale:
    """The scale of a model's cosines, estimated from unrelated texts.

    Args:
        unlike: the texts' vectors, (n, d) float32 of unit length; at least two.
    """
    cosines = (unlike @ unlike.T)[np.triu_indices(len(unlike), 1)]
    factor = SPREAD / max(float(cosines.std()), 1e-3)
    if factor < SQUEEZED:
        return CosineScale()
    return CosineScale(factor, CENTRE - factor * float(cosines.mean()), unlike.mean(axis=0))


def everyday_questions() -> list[str]:
    """Unrelated texts: everyday questions and small talk."""
    text = files("indexer.retrieval").joinpath(_EVERYDAY).read_text(encoding="utf-8")
    return [line for line in text.splitlines() if line.strip()]
