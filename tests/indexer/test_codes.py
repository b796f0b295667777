"""A byte a dimension against the vectors themselves."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from indexer.index.vector_codes import coded, cosines


def _unit(vectors: NDArray[np.float64]) -> NDArray[np.float32]:
    unit: NDArray[np.float32] = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(
        np.float32
    )
    return unit


def _told_apart(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    codes = coded(vectors)
    return cosines(codes @ codes.T, vectors.shape[1])


@given(dimension=st.sampled_from([16, 33, 384, 1_000]), seed=st.integers(0, 9))
def test_cosines_of_codes_are_nearly_those_of_the_vectors(dimension: int, seed: int) -> None:
    vectors = _unit(np.random.default_rng(seed).normal(size=(30, dimension)))
    # A code is off by half a step at the most, and what is off adds up as chance has it.
    allowed = 0.08 / np.sqrt(dimension)
    assert np.abs(_told_apart(vectors) - vectors @ vectors.T).max() < allowed


@pytest.mark.parametrize("dimension", [64, 384])
def test_vectors_of_few_large_dimensions_are_kept_as_well(dimension: int) -> None:
    """Some models put nearly everything in one dimension, the same for all texts."""
    chance = np.random.default_rng(0)
    vectors = chance.normal(size=(30, dimension))
    vectors[:, 7] = 20 * np.sqrt(dimension)
    unit = _unit(np.concatenate([vectors, np.eye(dimension)[:20]]))
    assert np.abs(_told_apart(unit) - unit @ unit.T).max() < 0.08 / np.sqrt(dimension)


def test_codes_are_whole_numbers_that_fit_a_byte() -> None:
    codes = coded(_unit(np.random.default_rng(0).normal(size=(50, 384))))
    assert (codes == codes.astype(np.int8)).all()
    assert np.abs(codes).max() <= 127


def test_codes_are_the_same_in_every_release() -> None:
    """They are kept in snapshots: another rotation would find nonsense there."""
    vector = np.zeros((1, 8), np.float32)
    vector[0, 0], vector[0, 3] = 0.6, 0.8
    assert coded(vector)[0].tolist() == [-5.0, 16.0, 46.0, 34.0, -5.0, -12.0, 19.0, 32.0]
