"""How what meaning and words say of passages becomes one order: scores are blended. Pure.

Ranks are not fused, because that loses where one leg is much the better one; docs/decisions.md has
the table.
"""

from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from indexer.index.cosines import Cosines

# The best constants over ten question sets, each chosen without the set it is measured on; the
# optimum is flat (docs/decisions.md, retrieval).
WHOLE_WEIGHT: Final = 0.4
WINDOW_WEIGHT: Final = 0.6
WORDS_WEIGHT: Final = 0.38


@dataclass(frozen=True, slots=True)
class Legs:
    """What each leg puts forward for one query, best first, and the coverages that are known.

    How near passages are is known only about, before their vectors themselves are compared.
    """

    near: list[int]
    coverages: dict[int, float]
    worded: list[int]

    @property
    def candidates(self) -> list[int]:
        """Every passage that is judged, once."""
        return list(dict.fromkeys([*self.near, *self.coverages]))

    def in_order(self, cosines: Cosines) -> "Legs":
        """The same, with those that are near in the order of their own cosines."""
        near = frozenset(self.near)
        # The candidates begin with them; what is gone from the index is left out.
        count = sum(map(near.__contains__, cosines.ids.tolist()))
        order = np.lexsort((cosines.ids[:count], -cosines.wholes[:count]))
        return replace(self, near=cosines.ids[order].tolist())


@dataclass(frozen=True, slots=True)
class Ranked:
    """The candidates of one query, best first: ids, scores, and places in the cosines."""

    ids: list[int]
    scores: list[float]
    places: list[int]
    cosines: Cosines

    @classmethod
    def of(cls, cosines: Cosines, legs: Legs) -> "Ranked":
        """Order candidates by their fused scores; of equal ones the lower id is first."""
        coverages = [legs.coverages.get(key, 0.0) for key in cosines.ids.tolist()]
        scores = _scores(
            cosines.wholes.astype(np.float64),
            cosines.windows.astype(np.float64),
            np.array(coverages, np.float64),
        )
        order = np.lexsort((cosines.ids, -scores))
        return cls(cosines.ids[order].tolist(), scores[order].tolist(), order.tolist(), cosines)


def _scores(
    whole: NDArray[np.float64], window: NDArray[np.float64], coverage: NDArray[np.float64]
) -> NDArray[np.float64]:
    return WHOLE_WEIGHT * whole + WINDOW_WEIGHT * window + WORDS_WEIGHT * coverage
