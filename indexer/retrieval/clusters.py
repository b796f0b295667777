"""Average-link clusters of questions that mean the same, by their vectors. Pure, deterministic.

Two clusters are joined while their questions are, on average, nearer to each other than a
threshold; the order in which the questions come changes nothing.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

# The cosine from which on questions are one group; `benchmarks/gaps.py` has the table.
SAME_QUESTION: Final = 0.45


def grouped(cosines: NDArray[np.float32], threshold: float = SAME_QUESTION) -> list[list[int]]:
    """Group by meaning: by the cosines of each text with each, (n, n).

    Two groups become one above the threshold. Members are in ascending order; the largest group is
    first, of equal ones that with the first member.
    """
    n = len(cosines)
    if n < 2:
        return [[place] for place in range(n)]
    # Imported here: it is a quarter of what starting any command takes.
    from scipy.cluster.hierarchy import fcluster, linkage

    # scipy wants the upper triangle of distances, row by row.
    distances = 1.0 - cosines[np.triu_indices(n, 1)].astype(np.float64)
    tree = linkage(np.maximum(distances, 0.0), method="average")
    labels = fcluster(tree, t=1.0 - threshold, criterion="distance")
    groups: dict[int, list[int]] = {}
    for place, label in enumerate(labels.tolist()):
        groups.setdefault(label, []).append(place)
    return sorted(groups.values(), key=lambda group: (-len(group), group[0]))


def most_typical(cosines: NDArray[np.float32], group: Sequence[int]) -> int:
    """The member of a group that is nearest to the others on average; of equal ones the first."""
    places = list(group)
    return places[int(np.argmax(cosines[np.ix_(places, places)].mean(axis=1).round(4)))]
