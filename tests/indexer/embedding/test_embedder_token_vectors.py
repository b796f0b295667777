"""Token vectors of an embedder: the vectors are those of texts, and a question is read once."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from numpy.typing import NDArray

from indexer.embedding.embedder import (
    DEFAULT_MODEL,
    QUESTIONS_KEPT,
    Embedder,
    RuntimeEmbedder,
    TokenVectors,
    embed_with_codes,
    tokens_of,
)
from indexer.embedding.installed_models import installed_models
from indexer.embedding.onnx_model import ReadText, RuntimeModel
from tests.fakes import CodedEmbedder, WordEmbedder
from tests.indexer.workshop import QUESTION, RULES

TEXTS = [*list(RULES.values())[:5], "", "A very long text about shared models. " * 50]
QUESTIONS = [QUESTION, "Who keeps the keys?", QUESTION, ""]


@pytest.fixture(scope="module")
def tokens(minilm: RuntimeModel) -> TokenVectors:
    codec = installed_models()[DEFAULT_MODEL].codec
    assert codec is not None
    return TokenVectors(minilm, codec)


def test_vectors_are_those_of_the_model(minilm: RuntimeModel, tokens: TokenVectors) -> None:
    vectors, codes = tokens.of_passages(TEXTS)
    np.testing.assert_array_equal(vectors, minilm.embed_passages(TEXTS))
    assert len(codes) == len(TEXTS)
    questions = [one.vector for one in tokens.of_queries(QUESTIONS)]
    np.testing.assert_array_equal(questions, minilm.embed_queries(QUESTIONS))


def test_codes_do_not_depend_on_other_passages(tokens: TokenVectors) -> None:
    _, together = tokens.of_passages(TEXTS)
    assert together == [tokens.of_passages([text])[1][0] for text in TEXTS]
    assert together[TEXTS.index("")] == b""
    vectors, codes = tokens.of_passages([])
    assert (vectors.shape, codes) == ((0, 384), [])
    assert tokens.of_queries([]) == []


def test_recent_questions_are_cached() -> None:
    embedder = CodedEmbedder()
    tokens = tokens_of(embedder)
    assert tokens is not None
    first = tokens.of_queries(["one", "two", "one"])
    assert embedder.calls == [["one", "two"]]
    again = tokens.of_queries(["two", "three", "one"])
    assert embedder.texts == ["one", "two", "three"]
    assert (again[0], again[2]) == (first[1], first[0])
    assert first[0] is first[2]


def test_the_cache_is_bounded_and_drops_the_oldest() -> None:
    embedder = CodedEmbedder()
    tokens = tokens_of(embedder)
    assert tokens is not None
    many = [f"question {number}" for number in range(QUESTIONS_KEPT + 1)]
    for one in many:
        tokens.of_queries([one])
    embedder.calls.clear()
    tokens.of_queries(many[1:])
    assert embedder.texts == []
    tokens.of_queries(many[:1])
    assert embedder.texts == many[:1]
    # More than are kept come back all the same.
    assert [one.words[1] for one in tokens.of_queries(many)] == [one.split()[1] for one in many]


def test_threads_may_share_them(tokens: TokenVectors) -> None:
    asked = [f"{QUESTION} {number % 5}" for number in range(20)]
    expected = [one.vector for one in tokens.of_queries(asked[:5])]
    fresh = TokenVectors(tokens._model, tokens.codec)
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda text: fresh.of_queries([text])[0].vector, asked))
    np.testing.assert_array_equal(found, expected * 4)


class CountedModel(RuntimeModel):
    """A model that counts what it reads of questions."""

    def __init__(self, model: RuntimeModel) -> None:
        vars(self).update(vars(model))
        self.read: list[str] = []
        self.embedded: list[str] = []

    def read_queries(self, texts: Sequence[str]) -> list[ReadText]:
        self.read += texts
        return super().read_queries(texts)

    def embed_queries(self, texts: Sequence[str]) -> NDArray[np.float32]:
        self.embedded += texts
        return super().embed_queries(texts)


def test_embedded_question_has_its_tokens_cached(
    minilm: RuntimeModel,
) -> None:
    counted = CountedModel(minilm)
    embedder = RuntimeEmbedder(counted, installed_models()[DEFAULT_MODEL].codec)
    vectors = embedder.embed_queries(QUESTIONS[:2])
    np.testing.assert_array_equal(vectors, minilm.embed_queries(QUESTIONS[:2]))
    tokens = tokens_of(embedder)
    assert tokens is not None
    tokens.of_queries(QUESTIONS[:2])
    assert (counted.read, counted.embedded) == (QUESTIONS[:2], [])


def test_large_batch_leaves_the_cache_unchanged(
    minilm: RuntimeModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A calibration embeds thousands, and compares none of them by tokens."""
    monkeypatch.setattr("indexer.embedding.embedder.QUESTIONS_KEPT", 3)
    counted = CountedModel(minilm)
    embedder = RuntimeEmbedder(counted, installed_models()[DEFAULT_MODEL].codec)
    embedder.embed_queries([QUESTION])
    many = ["1", "2", "3", "4"]
    assert embedder.embed_queries(many).shape == (4, 384)
    assert embedder.embed_queries([]).shape == (0, 384)
    embedder.embed_queries([QUESTION])
    assert (counted.read, counted.embedded) == ([QUESTION], many)


def test_a_model_without_a_codec_has_none(minilm: RuntimeModel) -> None:
    embedder = RuntimeEmbedder(minilm)
    assert embedder.tokens is None
    assert tokens_of(embedder) is None
    vectors, codes = embed_with_codes(embedder, TEXTS)
    np.testing.assert_array_equal(vectors, minilm.embed_passages(TEXTS))
    assert codes == [b""] * len(TEXTS)


def test_an_embedder_of_another_kind_has_none() -> None:
    embedder = WordEmbedder(64)
    assert tokens_of(embedder) is None
    vectors, codes = embed_with_codes(embedder, ["one", "two"])
    np.testing.assert_array_equal(vectors, embedder.embed_passages(["one", "two"]))
    assert codes == [b"", b""]


def test_the_default_model_has_token_vectors(model: Embedder) -> None:
    tokens = tokens_of(model)
    assert tokens is not None
    vectors, codes = embed_with_codes(model, TEXTS[:2])
    np.testing.assert_array_equal(vectors, model.embed_passages(TEXTS[:2]))
    assert codes == tokens.of_passages(TEXTS[:2])[1]
