"""The rotation: it keeps products, spreads large numbers, and is the same everywhere."""

import numpy as np
import pytest

from indexer.embedding.token_codes import rotate

DIMENSIONS = [2, 8, 384]


@pytest.mark.parametrize("dimension", DIMENSIONS)
def test_no_product_of_two_vectors_is_changed(dimension: int) -> None:
    turned = rotate(np.eye(dimension, dtype=np.float32))
    np.testing.assert_allclose(turned @ turned.T, np.eye(dimension), atol=1e-6)


@pytest.mark.parametrize("dimension", DIMENSIONS)
def test_rotation_is_signs_and_cosine_transform(dimension: int) -> None:
    """By the sum that defines the transform."""
    turned = rotate(np.eye(dimension, dtype=np.float32))
    places = np.arange(dimension)
    cosines = np.cos(np.pi * (2 * places[:, np.newaxis] + 1) * places / (2 * dimension))
    cosines *= np.sqrt(2 / dimension)
    cosines[:, 0] /= np.sqrt(2)
    signs = np.sign(turned[:, :1])
    np.testing.assert_allclose(turned, signs * cosines, atol=1e-5)
    if dimension > 100:
        assert abs(signs.mean()) < 0.2


def test_no_dimension_stands_out_afterwards() -> None:
    alone = np.zeros((1, 384), np.float32)
    alone[0, 137] = 1
    assert np.abs(rotate(alone)).max() <= np.sqrt(2 / 384) + 1e-6


def test_the_signs_are_the_same_on_every_machine() -> None:
    """Codes made with other signs could not be read."""
    signs = np.sign(rotate(np.eye(24, dtype=np.float32))[:, 0]).astype(int)
    assert "".join("+" if sign > 0 else "-" for sign in signs) == "+-+-+--+---++++-++-+--++"


def test_no_vectors_give_none() -> None:
    assert rotate(np.zeros((0, 8), np.float32)).shape == (0, 8)
