"""Derived models against sentence-transformers: architectures, pooling, prompts, refusals.

The weights are random. So the tests show that the graph computes what the reference computes, not
how much a trained model loses: `benchmarks/embedding.py` measures that.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from indexer.embedding.embedder import RuntimeEmbedder
from indexer.embedding.onnx_model import RuntimeModel
from models import derivation
from models.derivation import SAMPLE, WORST_COSINE, DerivationError, derive
from tests.indexer.embedding.families import (
    MINILM,
    MOST_TOKENS,
    TEXTS,
    WIDTH,
    cosines,
    family_embedder,
    reference_vectors,
)

# PyTorch derives the models.
pytestmark = pytest.mark.slow

# The least cosine without the part that all texts share, which is large in a random model.
WORST_CENTRED = 0.97
PROMPTS = {"query": "which licence allows: ", "document": "the bank said in Vienna: "}


def derived(folder: Path) -> RuntimeModel:
    derive(folder, folder.parent / "derived", SAMPLE[:2])
    return RuntimeModel.open(folder.parent / "derived")


def unit(vectors: Any) -> NDArray[np.float32]:
    result: NDArray[np.float32] = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return result


def assert_agrees(found: Any, expected: Any) -> None:
    """Each text has the reference's vector, and no other text has one as near."""
    assert found.shape == expected.shape
    assert cosines(found, expected).min() >= WORST_COSINE
    mean = expected.mean(axis=0)
    products = unit(found - mean) @ unit(expected - mean).T
    assert products.diagonal().min() >= WORST_CENTRED
    assert np.where(np.eye(len(products)), 0, products).max() < WORST_CENTRED


def changed(file: Path, change: dict[str, Any]) -> None:
    file.write_text(json.dumps(json.loads(file.read_text()) | change))


@pytest.mark.parametrize("role", ["query", "document"])
def test_the_default_model_agrees_with_its_reference(minilm: RuntimeModel, role: str) -> None:
    texts = ["How do I delete a branch?", "", "naïve café - 東京 😀", "About shared models. " * 80]
    embed = minilm.embed_queries if role == "query" else minilm.embed_passages
    vectors = embed(texts)
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    assert cosines(vectors, reference_vectors(MINILM, texts, role)).min() >= WORST_COSINE


@pytest.mark.parametrize(
    ("family", "pooling"),
    [
        ("BERT", "mean"),
        ("ALBERT", "max"),
        ("MPNet", "cls"),
        ("XLM-R", "lasttoken"),
        ("DistilBERT", "mean"),
        ("ModernBERT", "cls"),
    ],
)
def test_families_and_poolings_match_references(tmp_path: Path, family: str, pooling: str) -> None:
    """Vectors of queries and passages, each with its prompt, and counts of tokens."""
    from sentence_transformers import SentenceTransformer

    folder = family_embedder(family, tmp_path, pooling=pooling, prompts=PROMPTS)
    model = derived(folder)
    queries, passages = reference_vectors(folder, TEXTS, "query"), reference_vectors(folder, TEXTS)
    assert_agrees(model.embed_queries(TEXTS), queries)
    assert_agrees(model.embed_passages(TEXTS), passages)
    # A vector depends on its prompt.
    assert cosines(queries, passages).min() < WORST_COSINE
    tokenizer: Any = SentenceTransformer(str(folder), device="cpu").tokenizer
    counted = [len(tokenizer.encode(text, add_special_tokens=False)) for text in TEXTS]
    embedder = RuntimeEmbedder(model)
    assert [embedder.count_tokens(text) for text in TEXTS] == counted
    assert max(counted) > embedder.max_tokens == MOST_TOKENS


def test_later_modules_match_their_reference(tmp_path: Path) -> None:
    """Two poolings side by side, a dense layer, and Matryoshka vectors of unit length."""
    import torch
    from sentence_transformers.sentence_transformer import modules

    torch.manual_seed(0)
    after = [modules.Dense(2 * WIDTH, WIDTH), modules.Normalize()]
    folder = family_embedder("BERT", tmp_path, *after, pooling=("mean", "cls"), truncate_dim=24)
    model = derived(folder)
    vectors = model.embed_passages(TEXTS)
    assert RuntimeEmbedder(model).dimension == model.dimension == vectors.shape[1] == 24
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    assert_agrees(vectors, reference_vectors(folder, TEXTS))


def test_half_precision_is_opened_in_full_precision(tmp_path: Path) -> None:
    import torch
    from sentence_transformers import SentenceTransformer

    folder = family_embedder("BERT", tmp_path)
    SentenceTransformer(str(folder), device="cpu").half().save(str(folder), create_model_card=False)
    assert json.loads((folder / "config.json").read_text())["dtype"] == "float16"
    assert {one.dtype for one in derivation._reference(folder).parameters()} == {torch.float32}


# Prompts.


@pytest.mark.parametrize(
    ("prompts", "default"),
    [
        ({"query": "q: ", "passage": "p: "}, None),
        ({"query": "q: ", "corpus": "c: ", "document": "d: "}, None),
        ({"query": "q: "}, None),
        ({"query": "q: ", "any": "a: "}, "any"),
        ({"any": "a: "}, "any"),
    ],
)
def test_the_prompts_of_roles_are_the_reference_s(
    monkeypatch: pytest.MonkeyPatch, prompts: dict[str, str], default: str | None
) -> None:
    """`encode` gets the names of prompts from the library's own methods."""
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer import modules

    reference: Any = SentenceTransformer(
        modules=[modules.BoW(vocab=["a"])],
        prompts=prompts,
        default_prompt_name=default,
        device="cpu",
    )
    asked: list[Any] = []
    encode = lambda **options: asked.append(options)  # noqa: E731
    monkeypatch.setattr(reference, "encode", encode)
    reference.encode_query(["a"])
    reference.encode_document(["a"])
    expected = [
        one["prompt"] or reference.prompts.get(one["prompt_name"] or default or "", "")
        for one in asked
    ]
    described = derivation._vector_fields(reference)
    assert [described["query_prompt"], described["passage_prompt"]] == expected


@pytest.mark.parametrize(("family", "pooling"), [("BERT", "mean"), ("XLM-R", "cls")])
def test_pooling_leaves_out_prompt_tokens(tmp_path: Path, family: str, pooling: str) -> None:
    """Queries have a prompt. Passages have none, so all their tokens count."""
    prompts = {"query": "which licence allows: ", "document": ""}
    folder = family_embedder(
        family, tmp_path, pooling=pooling, include_prompt=False, prompts=prompts
    )
    model = derived(folder)
    expected = reference_vectors(folder, TEXTS, "query")
    assert_agrees(model.embed_queries(TEXTS), expected)
    assert_agrees(model.embed_passages(TEXTS), reference_vectors(folder, TEXTS))
    if pooling == "mean":
        changed(folder / "1_Pooling" / "config.json", {"include_prompt": True})
        with_prompts = reference_vectors(folder, TEXTS, "query")
        assert cosines(expected, with_prompts).min() < WORST_COSINE


# Refusals.


def test_an_unsupported_module_leaves_no_folder(tmp_path: Path) -> None:
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer import modules

    model = SentenceTransformer(modules=[modules.BoW(vocab=["a", "b"])], device="cpu")
    model.save(str(tmp_path / "model"), create_model_card=False)
    with pytest.raises(DerivationError, match="BoW"):
        derive(tmp_path / "model", tmp_path / "derived")
    assert not (tmp_path / "derived").exists()


def test_a_model_that_loses_too_much_is_refused(tmp_path: Path) -> None:
    """Activations next to which eight bits lose all others."""
    import torch
    from sentence_transformers import SentenceTransformer

    model: Any = SentenceTransformer(str(family_embedder("BERT", tmp_path)), device="cpu")
    with torch.no_grad():
        for layer in model[0].auto_model.encoder.layer:
            # A large constant, which full precision subtracts again in the next multiplication.
            layer.attention.output.LayerNorm.bias.fill_(300)
            weight = layer.intermediate.dense.weight
            weight.sub_(weight.mean(1, keepdim=True)).mul_(10)
            layer.output.dense.weight.mul_(50)
    model.save(str(tmp_path / "spoilt"), create_model_card=False)
    with pytest.raises(DerivationError, match="loses too much when quantized"):
        derive(tmp_path / "spoilt", tmp_path / "derived", ["a text"])


def test_a_sample_is_required(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="at least one"):
        derive(tmp_path, tmp_path / "derived", [])


def test_pooling_without_prompt_by_position_is_refused(tmp_path: Path) -> None:
    folder = family_embedder(
        "BERT", tmp_path, pooling="weightedmean", include_prompt=False, prompts={"query": "q: "}
    )
    with pytest.raises(DerivationError, match="weighs tokens by their place"):
        derived(folder)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"query_length": 8}, "lengths of their own"),
        ({"processing_kwargs": {"text": {"max_length": 8}}}, "settings of its own"),
    ],
)
def test_reading_settings_are_refused(tmp_path: Path, change: dict[str, Any], said: str) -> None:
    folder = family_embedder("BERT", tmp_path)
    changed(folder / "sentence_bert_config.json", change)
    with pytest.raises(DerivationError, match=said):
        derived(folder)


@pytest.mark.parametrize("kind", ["module", "architecture"])
def test_a_models_code_never_runs(tmp_path: Path, kind: str) -> None:
    """Opening the reference stops before it reads the file."""
    folder = family_embedder("BERT", tmp_path)
    (folder / "own.py").write_text(
        f"from pathlib import Path\nPath({str(tmp_path / 'ran')!r}).touch()\n"
        "from sentence_transformers.models import Pooling as Own\n"
        "from transformers import BertConfig as OwnConfig, BertModel as OwnModel\n"
    )
    if kind == "module":
        parts = json.loads((folder / "modules.json").read_text())
        parts[1]["type"] = "own.Own"
        (folder / "modules.json").write_text(json.dumps(parts))
    else:
        names = {"AutoConfig": "own.OwnConfig", "AutoModel": "own.OwnModel"}
        changed(folder / "config.json", {"model_type": "own", "auto_map": names})
    with pytest.raises(ValueError, match="trust_remote_code"):
        derived(folder)
    assert not (tmp_path / "ran").exists()
