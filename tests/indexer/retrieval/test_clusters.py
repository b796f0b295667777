from collections.abc import Sequence

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.cluster.hierarchy import fcluster, linkage
from scipy.spatial.distance import squareform

from indexer.retrieval import clusters
from indexer.retrieval.clusters import cluster, medoid
from tests.counting import lines_run
from tests.fakes import WordEmbedder

TEXTS = [
    "gpu hours a month",
    "how many gpu hours a month",
    "meetup address",
    "gpu hours a month please",
    "the meetup address",
    "vegetarian food",
]


def cosines(texts: Sequence[str]) -> NDArray[np.float32]:
    vectors = WordEmbedder().embed_queries(texts)
    return vectors @ vectors.T


def test_same_question_is_one_group_largest_first() -> None:
    assert cluster(cosines(TEXTS)) == [[0, 1, 3], [2, 4], [5]]


@given(st.permutations(range(len(TEXTS))))
def test_the_order_of_the_questions_changes_no_group(order: list[int]) -> None:
    found = cluster(cosines([TEXTS[place] for place in order]))
    assert sorted(sorted(order[place] for place in group) for group in found) == [
        [0, 1, 3],
        [2, 4],
        [5],
    ]


def test_none_and_one_are_groups_of_their_own() -> None:
    assert cluster(np.zeros((0, 0), np.float32)) == []
    assert cluster(np.ones((1, 1), np.float32)) == [[0]]


@given(st.integers(0, 2**32 - 1), st.integers(2, 60), st.integers(2, 16), st.floats(-0.2, 0.95))
def test_groups_are_those_of_scipy(seed: int, n: int, dimension: int, threshold: float) -> None:
    vectors = np.random.default_rng(seed).normal(size=(n, dimension))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    cosines = (vectors @ vectors.T).astype(np.float32)
    distances = squareform(1.0 - cosines.astype(np.float64), checks=False)
    labels = fcluster(linkage(distances, "average"), 1.0 - threshold, "distance")
    wanted = {tuple(np.flatnonzero(labels == label).tolist()) for label in set(labels.tolist())}
    assert set(map(tuple, cluster(cosines, threshold))) == wanted


def test_the_most_typical_question_is_nearest_to_the_others() -> None:
    assert medoid(cosines(TEXTS), [0, 1, 3]) == 0


def test_two_thousand_questions_are_grouped_soon() -> None:
    random = np.random.default_rng(1)
    vectors = random.normal(size=(2_000, 64)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    assert lines_run(lambda: cluster(vectors @ vectors.T), clusters) < 20 * 2_000
