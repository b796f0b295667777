"""A derived folder: refusals, vectors of texts and tokens, and the digest of its source."""

import json
import os
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tokenizers import Tokenizer

from indexer.embedding.onnx_model import (
    FORMAT,
    MANIFEST,
    RuntimeModel,
    RuntimeModelError,
    source_digest,
)
from models.derivation import derive
from tests.indexer.embedding.families import MINILM, family_embedder

ROOT = Path(__file__).parents[3]
TEXTS = [
    "How do I delete a branch?",
    "",
    "naïve café - 東京 😀",
    "A very long text about shared models. " * 50,
    "word",
]


# A folder that can't be used.


@pytest.fixture
def copy(derived: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(derived, tmp_path / "copy"))


@pytest.mark.parametrize("name", ["model.onnx", "tokenizer.json", MANIFEST])
def test_a_torn_file_is_refused(copy: Path, name: str) -> None:
    whole = (copy / name).read_bytes()
    (copy / name).write_bytes(whole[: len(whole) // 2])
    with pytest.raises(RuntimeModelError, match=r"digest differs|complete derived model"):
        RuntimeModel.open(copy)


def test_a_changed_byte_is_refused(copy: Path) -> None:
    content = bytearray((copy / "model.onnx").read_bytes())
    content[len(content) // 2] ^= 1
    (copy / "model.onnx").write_bytes(content)
    with pytest.raises(RuntimeModelError, match="digest differs"):
        RuntimeModel.open(copy)


@pytest.mark.parametrize(
    ("change", "said"),
    [({"format": 0}, "has format 0"), ({"scheme": "seven bits"}, "quantized as .seven bits")],
)
def test_other_format_refused(
    derived: Path, tmp_path: Path, change: dict[str, Any], said: str
) -> None:
    manifest = json.loads((derived / MANIFEST).read_text())
    (tmp_path / MANIFEST).write_text(json.dumps(manifest | change))
    with pytest.raises(RuntimeModelError, match=said):
        RuntimeModel.open(tmp_path)


@pytest.mark.parametrize("content", ["[]", "{}", f'{{"format": {FORMAT}}}', "null", None])
def test_a_foreign_or_missing_manifest_is_refused(tmp_path: Path, content: str | None) -> None:
    if content is not None:
        (tmp_path / MANIFEST).write_text(content)
    with pytest.raises(RuntimeModelError, match="no complete derived model"):
        RuntimeModel.open(tmp_path)


# Serving.


SERVE = """
import sys
from indexer.embedding.embedder import DEFAULT_MODEL, open_embedder
embedder = open_embedder(DEFAULT_MODEL)
assert "onnx" in embedder.model
embedder.embed_queries(["a question", "another"])
print({"torch", "transformers", "sentence_transformers", "onnx"} & sys.modules.keys() or "none")
"""


def test_serving_imports_no_pytorch_and_writes_no_file(tmp_path: Path) -> None:
    """With telemetry ONNX Runtime would write an identifier of the machine into the home folder."""
    # The switch is on in this process already.
    others = {key: value for key, value in os.environ.items() if key != "ORT_DISABLE_TELEMETRY"}
    done = subprocess.run(
        [sys.executable, "-c", SERVE],
        cwd=ROOT,
        env={**others, "HOME": str(tmp_path), "HF_HUB_OFFLINE": "1"},
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    assert done.stdout.split() == ["none"]
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_vectors_are_independent_of_other_texts(minilm: RuntimeModel) -> None:
    together = minilm.embed_passages(TEXTS)
    alone = np.concatenate([minilm.embed_passages([text]) for text in TEXTS])
    np.testing.assert_array_equal(together, alone)
    with ThreadPoolExecutor(3) as pool:
        for vectors in pool.map(lambda _: minilm.embed_passages(TEXTS[::-1]), range(3)):
            np.testing.assert_array_equal(vectors[::-1], together)


def test_no_texts_give_no_rows(minilm: RuntimeModel) -> None:
    assert minilm.embed_queries([]).shape == (0, 384)
    assert minilm.embed_passages([]).shape == (0, 384)
    assert minilm.read_queries([]) == minilm.read_passages([]) == []


# Tokens.


@pytest.fixture(scope="module")
def reference() -> Any:
    """The default model in sentence-transformers."""
    from sentence_transformers import SentenceTransformer

    return SentenceTransformer(str(MINILM), device="cpu", local_files_only=True)


def test_tokens_are_counted_beyond_the_limit(minilm: RuntimeModel, reference: Any) -> None:
    expected = [len(reference.tokenizer.tokenize(text)) for text in TEXTS]
    assert list(map(minilm.count_tokens, TEXTS)) == expected
    assert max(expected) > minilm.max_tokens == 256


def test_reading_gives_the_same_vectors_as_embedding(minilm: RuntimeModel) -> None:
    for read, embedded in (
        (minilm.read_queries, minilm.embed_queries),
        (minilm.read_passages, minilm.embed_passages),
    ):
        together = read(TEXTS)
        np.testing.assert_array_equal([one.vector for one in together], embedded(TEXTS))
        for one, text in zip(together, TEXTS, strict=True):
            [alone] = read([text])
            np.testing.assert_array_equal(one.tokens, alone.tokens)
            assert (one.words, one.places) == (alone.words, alone.places)
            assert [place for own in one.places for place in own] == list(range(len(one.tokens)))


def test_token_vectors_equal_the_references(minilm: RuntimeModel, reference: Any) -> None:
    for text, one in zip(TEXTS, minilm.read_passages(TEXTS), strict=True):
        expected = np.asarray(reference.encode(text, output_value="token_embeddings"))[1:-1]
        assert one.tokens.shape == expected.shape
        assert one.tokens.dtype == np.float32
        if len(expected):
            expected /= np.linalg.norm(expected, axis=1, keepdims=True)
            assert np.sum(one.tokens * expected, axis=1).mean() > 0.98
            assert np.linalg.norm(one.tokens, axis=1) == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize(
    ("text", "words", "places"),
    [
        ("", (), ()),
        ("Who borrows saws?", ("Who", "borrows", "saws", "?"), ((0,), (1, 2), (3, 4), (5,))),
        ("a tokenizable text", ("a", "tokenizable", "text"), ((0,), (1, 2, 3), (4,))),
        ("don't", ("don", "'", "t"), ((0,), (1,), (2,))),
        ("naïve café", ("naïve", "café"), ((0,), (1,))),
        ("東京 ok", ("東", "京", "ok"), ((0,), (1,), (2,))),
    ],
)
def test_tokens_belong_to_the_words_of_a_question(
    minilm: RuntimeModel, text: str, words: tuple[str, ...], places: tuple[tuple[int, ...], ...]
) -> None:
    [one] = minilm.read_queries([text])
    assert (one.words, one.places) == (words, places)
    assert one.tokens.shape == (sum(map(len, places)), 384)


def test_tokens_of_a_long_text_end_at_the_limit(minilm: RuntimeModel) -> None:
    text = "A very long text about shared models. " * 50
    [one] = minilm.read_passages([text])
    assert len(one.tokens) == len(one.words) == minilm.max_tokens - 2 == 254
    assert isinstance(minilm.tokenizer, Tokenizer)
    read = minilm.tokenizer.encode(text, add_special_tokens=False).tokens[:254]
    assert [word.lower() for word in one.words] == read


@pytest.mark.slow
def test_prompt_shapes_vectors_without_own_tokens(tmp_path: Path) -> None:
    folder = family_embedder("BERT", tmp_path, prompts={"query": "ask: ", "document": ""})
    derive(folder, tmp_path / "derived", TEXTS)
    derived = RuntimeModel.open(tmp_path / "derived")
    [question], [passage] = derived.read_queries(["who"]), derived.read_passages(["who"])
    assert question.words == passage.words == ("who",)
    assert len(question.tokens) == len(passage.tokens)
    assert not np.allclose(question.tokens, passage.tokens)


# The digest of a source.


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """The files of a model, as far as its digest goes."""
    folder = tmp_path / "model"
    (folder / "1_Pooling").mkdir(parents=True)
    for name in ("config.json", "model.safetensors", "1_Pooling/config.json", "tokenizer.json"):
        (folder / name).write_text(name)
    return folder


def test_the_digest_follows_the_files_that_shape_vectors(source: Path, tmp_path: Path) -> None:
    """A weight or a setting changes it. A README and the folder's place don't."""
    before = source_digest(source)
    (source / "README.md").write_text("Read me.")
    (source / "onnx").mkdir()
    (source / "onnx" / "config.json").write_text("{}")
    assert source_digest(source) == before
    moved = source.rename(tmp_path / "elsewhere")
    assert source_digest(moved) == before
    for name in ("model.safetensors", "1_Pooling/config.json", "tokenizer.json"):
        (moved / name).write_bytes((moved / name).read_bytes() + b" ")
        after = source_digest(moved)
        assert after != before
        before = after


def test_a_folder_without_a_model_has_no_digest(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="no model folder"):
        source_digest(tmp_path)
