"""The real embedders: that both are what the protocol promises, and say when they can't be."""

import shutil
import sys
from pathlib import Path

import numpy as np
import pytest

from indexer.embedding.embedder import (
    Embedder,
    ModelError,
    SentenceTransformerEmbedder,
    open_embedder,
)
from indexer.retrieval.reranker import CrossEncoderReranker
from tests.indexer.embedding.tiny_models import MINILM
from tests.models import put_pickle_for_weights


@pytest.fixture(scope="module")
def reference() -> Embedder:
    return SentenceTransformerEmbedder(str(MINILM))


@pytest.fixture(params=["model", "reference"])
def embedder(request: pytest.FixtureRequest) -> Embedder:
    """Both that there are: the fast one that serves, and the one it is derived from."""
    found: Embedder = request.getfixturevalue(request.param)
    return found


def test_a_model_that_is_not_on_this_machine_is_explained(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"'nobody/no-such-model' can't be opened.*config.toml"):
        open_embedder("nobody/no-such-model", tmp_path)


def test_a_folder_that_holds_no_model_is_explained(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="can't be opened"):
        open_embedder(str(tmp_path), tmp_path / "cache")


def test_weights_that_are_cut_off_are_explained(tmp_path: Path) -> None:
    """Of a copy that broke off, the library says so in an exception of its own."""
    folder = shutil.copytree(MINILM, tmp_path / "copy")
    weights = folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:100_000])
    with pytest.raises(ModelError, match=r"can't be opened: .*incomplete"):
        SentenceTransformerEmbedder(str(folder))


def test_a_folder_without_its_tokenizer_is_explained(cross_encoder: Path, tmp_path: Path) -> None:
    """The library makes one up, to which all words are one."""
    folder = Path(shutil.copytree(cross_encoder, tmp_path / "copy"))
    for file in [*folder.glob("*token*"), *folder.glob("vocab*")]:
        file.unlink()
    for opened in (SentenceTransformerEmbedder, CrossEncoderReranker):
        with pytest.raises(ModelError, match=r"knows no words.*Copy the folder whole"):
            opened(str(folder))


def test_what_an_environment_without_the_library_lacks_is_explained(
    cross_encoder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`make preview` installs neither the library nor PyTorch."""
    monkeypatch.setitem(sys.modules, "sentence_transformers", None)
    with pytest.raises(ModelError, match=r"needs sentence-transformers.*make install"):
        SentenceTransformerEmbedder(str(MINILM))
    with pytest.raises(ModelError, match=r"can't be opened.*sentence_transformers"):
        CrossEncoderReranker(str(cross_encoder))


def test_no_texts_give_no_vectors(embedder: Embedder) -> None:
    assert embedder.embed_queries([]).shape == (0, embedder.dimension)
    assert embedder.embed_passages([]).shape == (0, embedder.dimension)


def test_vectors_are_float32_rows_of_unit_length(embedder: Embedder) -> None:
    for vectors in (
        embedder.embed_queries(["one", "two words", ""]),
        embedder.embed_passages(["one", "two words", "x " * 2_000]),
    ):
        assert vectors.dtype == np.float32
        assert vectors.shape == (3, embedder.dimension)
        assert np.linalg.norm(vectors, axis=1) == pytest.approx(np.ones(3), abs=1e-4)


def test_order_and_company_do_not_change_a_vector(embedder: Embedder) -> None:
    texts = ["a licence", "weights of a model", "bees " * 40]
    together = embedder.embed_passages(texts)
    alone = np.concatenate([embedder.embed_passages([text]) for text in texts])
    assert np.sum(together * alone, axis=1) == pytest.approx(np.ones(3), abs=1e-3)


def test_what_means_the_same_is_nearer_than_what_shares_a_word(embedder: Embedder) -> None:
    query = embedder.embed_queries(["How much does it cost?"])[0]
    near, far = embedder.embed_passages(["The price is ten dollars.", "The cost of a lost friend."])
    assert near @ query > far @ query


def test_tokens_are_counted_beyond_what_the_model_reads(embedder: Embedder) -> None:
    assert embedder.count_tokens("") == 0
    assert embedder.count_tokens("licence " * 1_000) >= 1_000
    assert embedder.max_tokens >= 128


def test_the_fast_model_says_what_the_reference_says(model: Embedder, reference: Embedder) -> None:
    texts = ["Who may change a model?", "The licence forbids it.", "weights " * 300]
    cosines = np.sum(model.embed_passages(texts) * reference.embed_passages(texts), axis=1)
    assert min(cosines) >= 0.99


def test_vectors_of_the_two_never_mix(model: Embedder, reference: Embedder) -> None:
    assert model.model != reference.model


def test_indexes_that_were_made_before_are_followed(model: Embedder) -> None:
    """Another name would have everything embedded anew: see `indexer.embedding.onnx_model`."""
    assert model.model == "c4a57a7f2011f256 onnx-int8-2"


def test_weights_that_could_run_code_are_refused_in_a_sentence_and_run_none(
    cross_encoder: Path, tmp_path: Path
) -> None:
    folder, made = Path(shutil.copytree(cross_encoder, tmp_path / "model")), tmp_path / "made"
    put_pickle_for_weights(folder, made)
    with pytest.raises(ModelError, match=r"weights are a pickle.*as safetensors"):
        SentenceTransformerEmbedder(str(folder))
    assert not made.exists()
