"""The two real embedders: what the protocol promises, and errors when a model can't be opened."""

import re
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest

from indexer.embedding.embedder import (
    DEFAULT_MODEL,
    Embedder,
    ModelError,
    SentenceTransformerEmbedder,
    open_embedder,
)
from indexer.retrieval.reranker import CrossEncoderReranker
from knowledge.dependencies import install_hint
from tests.indexer.embedding.families import MINILM
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


def test_a_missing_package_is_named_with_its_extra(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
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
