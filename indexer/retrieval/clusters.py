"""Clusters of questions with the same meaning: average linkage of vectors. Pure, deterministic.

Two clusters are joined while the mean cosine between their questions is above a threshold. The
order of the questions makes no difference.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

# The least cosine within a group; `benchmarks/gaps.py` has the table.
SAME_QUESTION: Final = 0.45


def cluster(cosines: NDArray[np.float32], threshold: float = SAME_QUESTION) -> list[list[int]]:
    """Group texts by meaning, given their pairwise cosines, (n, n).

    Each group is a list of indices in ascending order. Larger groups come first; among groups of
    one size, the group with the smallest index.
    """
    n = len(cosines)
    if n < 2:
        return [[place] for place in range(n)]
    # Imported here: scipy takes a quarter of the start of any command.
    from scipy.cluster.hierarchy import fcluster, linkage

    # scipy wants the upper triangle of distances, row by row.
    distances = 1.0 - cosines[np.triu_indices(n, 1)].astype(np.float64)
    tree = linkage(np.maximum(distances, 0.0), method="average")
    labels = fcluster(tree, t=1.0 - threshold, criterion="distance")
    groups: dict[int, list[int]] = {}
    for place, label in enumerate(labels.tolist()):
        groups.setdefault(label, []).append(place)
    return sorted(groups.values(), key=lambda group: (-len(group), group[0]))


def medoid(cosines: NDArray[np.float32], group: Sequence[int]) -> int:
    """The member of a group that is on average most similar to the others; in a tie, the first."""
    places = list(group)
    return places[int(np.argmax(cosines[np.ix_(places, places)].mean(axis=1).round(4)))]
