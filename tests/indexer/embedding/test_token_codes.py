"""Token codes: cosines near the exact ones, separate for each passage, and a codec per model."""

import numpy as np
import pytest
from numpy.typing import NDArray

from indexer.embedding.embedder import DEFAULT_MODEL
from indexer.embedding.installed_models import installed_models
from indexer.embedding.onnx_model import RuntimeModel
from indexer.embedding.token_codes import TokenCodec, rotate
from models.derivation import SAMPLE
from tests.indexer.workshop import QUESTION, RULES

QUESTIONS = [QUESTION, "Darf ich mein Fahrrad im Hof abstellen?"]


@pytest.fixture(scope="module")
def codec() -> TokenCodec:
    found = installed_models()[DEFAULT_MODEL].codec
    assert found is not None
    return found


def _random(count: int, dimension: int = 384) -> NDArray[np.float32]:
    vectors = np.random.default_rng(7).normal(size=(count, dimension))
    unit: NDArray[np.float64] = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return unit.astype(np.float32)


def test_cosines_are_near_the_exact_ones(minilm: RuntimeModel, codec: TokenCodec) -> None:
    questions, passages = minilm.read_queries(QUESTIONS), minilm.read_passages([*RULES.values()])
    codes = [codec.encode(passage.tokens) for passage in passages]
    errors = []
    for question in questions:
        for passage, cosines in zip(passages, codec.cosines(question.tokens, codes), strict=True):
            exact = question.tokens @ passage.tokens.T
            assert cosines.shape == exact.shape
            assert cosines.dtype == np.float32
            errors.append((cosines - exact).ravel())
    every = np.concatenate(errors)
    assert np.abs(every).mean() < 0.03
    # The nearest tokens are what counts, and they are not pulled to one side.
    assert abs(every.mean()) < 0.01


def test_passages_compared_together_get_their_own_cosines(codec: TokenCodec) -> None:
    vectors = _random(5)
    codes = [codec.encode(vectors[:2]), b"", codec.encode(vectors[2:])]
    assert codec.encode(vectors[:0]) == b""
    first, none, last = codec.cosines(vectors[:3], codes)
    [alone] = codec.cosines(vectors[:3], [b""])
    assert alone.shape == (3, 0)
    assert (first.shape, none.shape, last.shape) == ((3, 2), (3, 0), (3, 3))
    np.testing.assert_allclose(first, codec.cosines(vectors[:3], codes[:1])[0], atol=1e-6)
    np.testing.assert_allclose(last, codec.cosines(vectors[:3], codes[2:])[0], atol=1e-6)


def test_a_token_takes_96_bytes(codec: TokenCodec) -> None:
    assert codec.token_bytes == 96
    assert len(codec.encode(_random(7))) == 7 * 96


def test_one_bit_tokens_take_96_bytes() -> None:
    codec = TokenCodec(np.zeros(768, np.float32), 768**-0.5, 1)
    assert len(codec.encode(np.eye(7, 768, dtype=np.float32))) == 7 * codec.token_bytes == 7 * 96


@pytest.mark.parametrize("bits", [1, 2])
def test_mean_cosine_is_unbiased(bits: int) -> None:
    vectors = _random(300)
    others = 0.6 * vectors + 0.8 * _random(301)[1:]
    others /= np.linalg.norm(others, axis=1, keepdims=True)
    codec = TokenCodec(np.zeros(384, np.float32), 384**-0.5, bits)
    [cosines] = codec.cosines(others, [codec.encode(vectors)])
    exact = np.sum(others * vectors, axis=1)
    assert float((np.diag(cosines) - exact).mean()) == pytest.approx(0, abs=0.01)


def test_the_mean_of_all_tokens_is_not_lost() -> None:
    centre = _random(1)[0] * 0.8
    others = np.random.default_rng(3).normal(size=(40, 384)).astype(np.float32)
    vectors = centre + 0.6 * others / np.linalg.norm(others, axis=1, keepdims=True)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    codec = TokenCodec(centre, float((vectors - centre).std()))
    [cosines] = codec.cosines(vectors, [codec.encode(vectors)])
    assert np.abs(cosines - vectors @ vectors.T).mean() < 0.02


def test_the_codec_fits_the_model_s_tokens(minilm: RuntimeModel, codec: TokenCodec) -> None:
    """Another graph has another mean and scale, so its cosines would be further off."""
    assert minilm.digest == installed_models()[DEFAULT_MODEL].digest
    tokens = np.concatenate([one.tokens for one in minilm.read_passages(SAMPLE)])
    assert codec.centre.shape == (tokens.shape[1],) == (384,)
    np.testing.assert_allclose(tokens.mean(axis=0), codec.centre, atol=0.002)
    assert float((tokens - codec.centre).std()) == pytest.approx(codec.deviation, rel=0.01)


def test_differences_leave_out_the_common_part() -> None:
    centre = _random(1)[0] * 0.8
    differences = _random(40)
    vectors = centre + 0.6 * differences
    codec = TokenCodec(centre, 384**-0.5, centred=True)
    [cosines] = codec.cosines(vectors, [codec.encode(vectors)])
    assert np.abs(cosines - differences @ differences.T).mean() < 0.03


# The rotation: it keeps products, spreads large numbers, and is the same everywhere.

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
