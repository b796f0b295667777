"""A derived folder: when it is refused, what serving promises, and the digest of its source."""

import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import torch
from sentence_transformers import SentenceTransformer

from indexer.embedding.derivation import derive
from indexer.embedding.onnx_export import RECIPE
from indexer.embedding.onnx_model import (
    FORMAT,
    MANIFEST,
    RuntimeModel,
    RuntimeModelError,
    source_digest,
)
from indexer.embedding.token_counter import TokenCounter
from tests.indexer.embedding.tiny_models import MINILM, TEXTS, bert, tiny_model

ROOT = Path(__file__).parents[3]


# A folder that can't be used.


@pytest.mark.parametrize("name", ["model.onnx", "tokenizer.json", MANIFEST])
def test_a_torn_file_is_refused(derived: Path, tmp_path: Path, name: str) -> None:
    """Whichever file was cut short, opening says to derive again instead of embedding with it."""
    folder = copied(derived, tmp_path)
    whole = (folder / name).read_bytes()
    (folder / name).write_bytes(whole[: len(whole) // 2])
    with pytest.raises(RuntimeModelError, match="Derive it again"):
        RuntimeModel.open(folder)


def test_a_changed_byte_is_refused(derived: Path, tmp_path: Path) -> None:
    """A file of the right size with another content is not taken for the one derived."""
    folder = copied(derived, tmp_path)
    content = bytearray((folder / "model.onnx").read_bytes())
    content[len(content) // 2] ^= 1
    (folder / "model.onnx").write_bytes(content)
    with pytest.raises(RuntimeModelError, match="digest differs"):
        RuntimeModel.open(folder)


def test_another_format_is_refused(derived: Path, tmp_path: Path) -> None:
    """A folder of an older or newer version names both formats."""
    folder = copied(derived, tmp_path)
    manifest = json.loads((folder / MANIFEST).read_text())
    (folder / MANIFEST).write_text(json.dumps(manifest | {"format": 0}))
    with pytest.raises(RuntimeModelError, match="has format 0"):
        RuntimeModel.open(folder)


@pytest.mark.parametrize("content", ["[]", "{}", f'{{"format": {FORMAT}}}', "null"])
def test_a_foreign_manifest_is_refused(tmp_path: Path, content: str) -> None:
    """A manifest of something else gives a clear error, no KeyError."""
    (tmp_path / MANIFEST).write_text(content)
    with pytest.raises(RuntimeModelError, match="no complete derived model"):
        RuntimeModel.open(tmp_path)


def test_a_missing_folder_is_refused(tmp_path: Path) -> None:
    """What was never derived is no crash of ONNX Runtime."""
    with pytest.raises(RuntimeModelError, match="no complete derived model"):
        RuntimeModel.open(tmp_path / "nothing")


def test_another_scheme_is_refused(derived: Path, tmp_path: Path) -> None:
    """What was quantized otherwise says how, and that it must be derived again."""
    folder = copied(derived, tmp_path)
    manifest = json.loads((folder / MANIFEST).read_text())
    (folder / MANIFEST).write_text(json.dumps(manifest | {"scheme": "seven bits"}))
    with pytest.raises(RuntimeModelError, match=r"quantized as .seven bits.*Derive it again"):
        RuntimeModel.open(folder)


# Serving.


def test_serving_imports_no_pytorch(derived: Path) -> None:
    """A process that embeds holds neither PyTorch nor the libraries built on it."""
    command = (
        "import sys; from pathlib import Path; import indexer.embedding.onnx_export;"
        "from indexer.embedding.onnx_model import RuntimeModel;"
        "RuntimeModel.open(Path(sys.argv[1])).embed_queries(['a question', 'another']);"
        "heavy = {'torch', 'transformers', 'sentence_transformers', 'onnx'};"
        "sys.exit(str(heavy & sys.modules.keys()) if heavy & sys.modules.keys() else 0)"
    )
    subprocess.run([sys.executable, "-c", command, derived], cwd=ROOT, check=True)


def test_a_vector_does_not_depend_on_its_company(minilm: RuntimeModel) -> None:
    """Alone or among others, in whatever order: the very same numbers."""
    together = minilm.embed_passages(TEXTS)
    alone = np.concatenate([minilm.embed_passages([text]) for text in TEXTS])
    np.testing.assert_array_equal(together, alone)
    np.testing.assert_array_equal(minilm.embed_passages(TEXTS[::-1])[::-1], together)


def test_threads_may_share_a_model(minilm: RuntimeModel) -> None:
    """Calls at the same time don't disturb each other."""
    expected = minilm.embed_queries(TEXTS)
    with ThreadPoolExecutor(4) as pool:
        for vectors in pool.map(lambda _: minilm.embed_queries(TEXTS), range(12)):
            np.testing.assert_array_equal(vectors, expected)


def test_no_texts_give_no_rows(minilm: RuntimeModel) -> None:
    """An empty list is a normal question, and its answer has the right width."""
    assert minilm.embed_queries([]).shape == (0, 384)
    assert minilm.embed_passages([]).shape == (0, 384)


def test_tokens_are_counted_beyond_the_limit(minilm: RuntimeModel) -> None:
    """Counts are the tokenizer's own, without marks, padding and truncation."""
    reference = SentenceTransformer(str(MINILM), device="cpu", local_files_only=True)
    expected = [len(reference.tokenizer.tokenize(text)) for text in TEXTS]
    assert list(map(TokenCounter(minilm.tokenizer), TEXTS)) == expected
    assert max(expected) > minilm.max_tokens == 256


# Tokens.


def test_a_text_is_read_with_the_very_vectors_that_it_is_embedded_with(
    minilm: RuntimeModel,
) -> None:
    for read, embedded in (
        (minilm.read_queries, minilm.embed_queries),
        (minilm.read_passages, minilm.embed_passages),
    ):
        np.testing.assert_array_equal([one.vector for one in read(TEXTS)], embedded(TEXTS))
        [alone] = read(TEXTS[:1])
        np.testing.assert_array_equal(alone.vector, embedded(TEXTS[:1])[0])
        assert read([]) == []


def test_tokens_do_not_depend_on_the_company(minilm: RuntimeModel) -> None:
    for together, text in zip(minilm.read_passages(TEXTS), TEXTS, strict=True):
        [alone] = minilm.read_passages([text])
        np.testing.assert_array_equal(together.tokens, alone.tokens)
        assert (together.words, together.places) == (alone.words, alone.places)


def test_tokens_are_what_the_reference_makes_of_each_without_the_marks(
    minilm: RuntimeModel,
) -> None:
    reference = SentenceTransformer(str(MINILM), device="cpu", local_files_only=True)
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


def test_every_token_belongs_to_one_word(minilm: RuntimeModel) -> None:
    for text, one in zip(TEXTS, minilm.read_queries(TEXTS), strict=True):
        assert [place for own in one.places for place in own] == list(range(len(one.tokens)))
        assert len(one.words) == len(one.places)
        assert all(word in text for word in one.words)


def test_of_a_long_text_the_tokens_are_those_that_the_model_reads(minilm: RuntimeModel) -> None:
    text = "A very long text about shared models. " * 80
    [one] = minilm.read_passages([text])
    assert len(one.tokens) == len(one.words) == minilm.max_tokens - 2 == 254
    read = minilm.tokenizer.encode(text, add_special_tokens=False).tokens[:254]
    assert [word.lower() for word in one.words] == read


def test_a_prompt_is_read_before_the_words(tmp_path: Path) -> None:
    torch.manual_seed(7)
    folder = tiny_model(tmp_path, bert(), prompts={"query": "ask: ", "document": ""})
    derive(RECIPE, folder, tmp_path / "derived", TEXTS)
    derived = RuntimeModel.open(tmp_path / "derived")
    [question] = derived.read_queries(["who"])
    assert "".join(question.words) == "ask: who"
    [passage] = derived.read_passages(["who"])
    assert "".join(passage.words) == "who"
    np.testing.assert_array_equal(question.vector, derived.embed_queries(["who"])[0])


# The digest of a source.


def test_the_digest_follows_what_shapes_vectors(tmp_path: Path) -> None:
    """A weight, a setting or a prompt changes it; a README and the folder's place do not."""
    folder = tiny_model(tmp_path, bert())
    cache = tmp_path / "cache"
    before = source_digest(folder, cache)
    assert source_digest(folder) == before == source_digest(folder, cache)
    (folder / "README.md").write_text("Read me.")
    (folder / "onnx").mkdir()
    (folder / "onnx" / "config.json").write_text("{}")
    assert source_digest(folder, cache) == before
    assert source_digest(folder.rename(tmp_path / "elsewhere"), cache) == before
    for name in ("model.safetensors", "1_Pooling/config.json", "tokenizer.json"):
        file = tmp_path / "elsewhere" / name
        file.write_bytes(file.read_bytes() + b" ")
        after = source_digest(tmp_path / "elsewhere", cache)
        assert after != before
        before = after


def test_a_torn_cache_of_digests_is_only_slower(tmp_path: Path) -> None:
    """The cache is never a reason to fail."""
    cache = tmp_path / "cache"
    expected = source_digest(MINILM, cache)
    for content in ('{"half', "[]"):
        (cache / "digests.json").write_text(content)
        assert source_digest(MINILM, cache) == expected


def test_a_folder_without_a_model_has_no_digest(tmp_path: Path) -> None:
    """A wrong path is named instead of giving the digest of nothing."""
    with pytest.raises(FileNotFoundError, match="no model folder"):
        source_digest(tmp_path)


def copied(folder: Path, target: Path) -> Path:
    """A copy that may be spoiled."""
    for file in folder.iterdir():
        (target / file.name).write_bytes(file.read_bytes())
    return target


OPENING = """
import sys
from pathlib import Path
from indexer.embedding.embedder import DEFAULT_MODEL, open_embedder
assert "onnx" in (embedder := open_embedder(DEFAULT_MODEL, Path(sys.argv[1]))).model
embedder.embed_queries(["What is open-source AI?"])
"""


def test_serving_leaves_no_trace_in_the_home_folder(tmp_path: Path) -> None:
    """ONNX Runtime writes an identifier of the machine there before it sends its events."""
    # The switch is on in this process already.
    others = {key: value for key, value in os.environ.items() if key != "ORT_DISABLE_TELEMETRY"}
    subprocess.run(
        [sys.executable, "-c", OPENING, str(tmp_path / "cache")],
        cwd=ROOT,
        env={**others, "HOME": str(tmp_path), "HF_HUB_OFFLINE": "1"},
        check=True,
        timeout=120,
    )
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []
