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

    The most similar two groups are joined first. The cosine of a third group to both is the mean of
    its cosines to each, weighted by their sizes. 600 texts take some 15 ms.

    Each group is a list of indices in ascending order. Larger groups come first; among groups of
    one size, the group with the smallest index.

    Source:
        Lance and Williams, "A general theory of classificatory sorting strategies: 1. Hierarchical
        systems", The Computer Journal 9 (1967), the update of the group average.
    """
    groups = {place: [place] for place in range(len(cosines))}
    means = cosines.astype(np.float64)
    np.fill_diagonal(means, -np.inf)
    # The most similar other group of each group, so that no step reads all pairs.
    nearest = means.argmax(axis=1) if groups else np.empty(0, np.intp)
    highest = means.max(axis=1, initial=-np.inf)
    while groups and highest.max() >= threshold:
        kept = int(highest.argmax())
        gone = int(nearest[kept])
        sizes = len(groups[kept]), len(groups[gone])
        joined = (sizes[0] * means[kept] + sizes[1] * means[gone]) / sum(sizes)
        groups[kept] += groups.pop(gone)
        joined[kept] = -np.inf
        means[kept] = means[:, kept] = joined
        means[gone] = means[:, gone] = -np.inf
        # Others keep their nearest group: a mean is never above the higher of its two parts.
        is_stale = (nearest == kept) | (nearest == gone)
        is_stale[[kept, gone]] = True
        stale = np.flatnonzero(is_stale)
        nearest[stale] = means[stale].argmax(axis=1)
        highest[stale] = means[stale].max(axis=1)
    found = [sorted(group) for group in groups.values()]
    return sorted(found, key=lambda group: (-len(group), group[0]))


def medoid(cosines: NDArray[np.float32], group: Sequence[int]) -> int:
    """The member of a group that is on average most similar to the others; in a tie, the first."""
    places = list(group)
    return places[int(np.argmax(cosines[np.ix_(places, places)].mean(axis=1).round(4)))]
