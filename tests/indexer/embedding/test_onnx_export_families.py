"""Derived embedders of every family against sentence-transformers: architectures, pooling, prompts.

Weights are random, which says that everything is computed as the reference does it, and not how
much a trained model loses: `benchmarks/embedding.py` measures that.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer import modules

from indexer.embedding.derivation import SAMPLE, DerivationError, derive
from indexer.embedding.embedder import RuntimeEmbedder
from indexer.embedding.onnx_export import RECIPE, WORST_COSINE
from indexer.embedding.onnx_model import RuntimeModel
from tests.indexer.embedding.families import (
    EACH_FAMILY,
    FAMILIES,
    MOST_TOKENS,
    TEXTS,
    family_embedder,
)
from tests.indexer.embedding.tiny_models import cosines, reference_vectors

# The same once what all texts have in common is taken off: a random model gives them much of it.
WORST_CENTRED = 0.97
PROMPTS = {"query": "which licence allows: ", "document": "the bank said in Vienna: "}


def derived(folder: Path) -> RuntimeModel:
    derive(RECIPE, folder, folder.parent / "derived", SAMPLE)
    return RuntimeModel.open(folder.parent / "derived")


def unit(vectors: Any) -> NDArray[np.float32]:
    result: NDArray[np.float32] = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return result


def assert_agrees(found: Any, expected: Any) -> None:
    """Each text has the reference's vector, and no other text would do in its place."""
    assert found.shape == expected.shape
    assert cosines(found, expected).min() >= WORST_COSINE
    mean = expected.mean(axis=0)
    products = unit(found - mean) @ unit(expected - mean).T
    assert products.diagonal().min() >= WORST_CENTRED
    assert np.where(np.eye(len(products)), 0, products).max() < WORST_CENTRED


@pytest.mark.parametrize("pooling", ["mean", "cls", "lasttoken"])
@pytest.mark.parametrize("family", EACH_FAMILY)
def test_every_family_and_pooling_agrees_with_its_reference(
    tmp_path: Path, family: str, pooling: str
) -> None:
    """Of any length, in any script, queries behind their prompt, passages behind theirs.

    And so are tokens counted, by which passages are cut.
    """
    folder = family_embedder(family, tmp_path, pooling=pooling, prompts=PROMPTS)
    model = derived(folder)
    queries, passages = reference_vectors(folder, TEXTS, "query"), reference_vectors(folder, TEXTS)
    assert_agrees(model.embed_queries(TEXTS), queries)
    assert_agrees(model.embed_passages(TEXTS), passages)
    # A prompt says something: with the other one a vector would be another.
    assert cosines(queries, passages).min() < WORST_COSINE
    tokenizer: Any = SentenceTransformer(str(folder), device="cpu").tokenizer
    counted = [len(tokenizer.encode(text, add_special_tokens=False)) for text in TEXTS]
    embedder = RuntimeEmbedder(model)
    assert [embedder.count_tokens(text) for text in TEXTS] == counted
    assert max(counted) > embedder.max_tokens == MOST_TOKENS


def test_the_families_read_texts_differently(tmp_path: Path) -> None:
    """Or agreement would be one test five times."""
    of_texts = {
        family: reference_vectors(family_embedder(family, tmp_path / family), TEXTS)
        for family in FAMILIES
    }
    pairs = [
        cosines(one, other).max()
        for place, one in enumerate(of_texts.values())
        for other in list(of_texts.values())[place + 1 :]
    ]
    assert max(pairs) < WORST_COSINE


def test_pooling_of_several_kinds_is_put_side_by_side(tmp_path: Path) -> None:
    folder = family_embedder("BERT", tmp_path, pooling=("mean", "cls"))
    model = derived(folder)
    assert model.dimension == 128
    assert_agrees(model.embed_passages(TEXTS), reference_vectors(folder, TEXTS))


# Matryoshka.


@pytest.mark.parametrize("family", ["BERT", pytest.param("ModernBERT", marks=pytest.mark.slow)])
def test_vectors_that_are_cut_short_are_cut_and_have_unit_length_again(
    tmp_path: Path, family: str
) -> None:
    folder = family_embedder(family, tmp_path, modules.Normalize(), truncate_dim=24)
    model = derived(folder)
    vectors = model.embed_passages(TEXTS)
    assert RuntimeEmbedder(model).dimension == model.dimension == vectors.shape[1] == 24
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    assert_agrees(vectors, reference_vectors(folder, TEXTS))
    whole = family_embedder(family, tmp_path / "whole", modules.Normalize())
    assert_agrees(vectors, unit(reference_vectors(whole, TEXTS)[:, :24]))


# Prompts.


def test_a_default_prompt_is_there_where_the_reference_has_it(tmp_path: Path) -> None:
    """The library gives a role without a prompt an empty one, and the default to neither."""
    prompts = {"query": "which licence allows: ", "any": "the bank said in Vienna: "}
    folder = family_embedder("MPNet", tmp_path, prompts=prompts, default_prompt_name="any")
    model = derived(folder)
    assert_agrees(model.embed_queries(TEXTS), reference_vectors(folder, TEXTS, "query"))
    assert_agrees(model.embed_passages(TEXTS), reference_vectors(folder, TEXTS))


@pytest.mark.parametrize(
    ("family", "pooling"),
    [
        ("BERT", "mean"),
        pytest.param("XLM-R", "cls", marks=pytest.mark.slow),
        pytest.param("ModernBERT", "lasttoken", marks=pytest.mark.slow),
    ],
)
def test_prompts_that_pooling_leaves_out_are_read_and_left_out(
    tmp_path: Path, family: str, pooling: str
) -> None:
    """Queries have a prompt, passages none, whose tokens then all count."""
    prompts = {"query": "which licence allows: ", "document": ""}
    folder = family_embedder(
        family, tmp_path, pooling=pooling, include_prompt=False, prompts=prompts
    )
    model = derived(folder)
    expected = reference_vectors(folder, TEXTS, "query")
    assert_agrees(model.embed_queries(TEXTS), expected)
    assert_agrees(model.embed_passages(TEXTS), reference_vectors(folder, TEXTS))
    if pooling == "mean":
        config = folder / "1_Pooling" / "config.json"
        config.write_text(json.dumps(json.loads(config.read_text()) | {"include_prompt": True}))
        with_prompts = reference_vectors(folder, TEXTS, "query")
        assert cosines(expected, with_prompts).min() < WORST_COSINE


# What can't be derived.


def test_weights_by_place_behind_a_prompt_that_is_left_out_are_refused(tmp_path: Path) -> None:
    folder = family_embedder(
        "BERT", tmp_path, pooling="weightedmean", include_prompt=False, prompts={"query": "q: "}
    )
    with pytest.raises(DerivationError, match="weighs tokens by their place"):
        derived(folder)


@pytest.mark.parametrize(
    ("file", "change", "said"),
    [
        ("sentence_bert_config.json", {"query_length": 8}, "lengths of their own"),
        (
            "sentence_bert_config.json",
            {"processing_kwargs": {"text": {"max_length": 8}}},
            "settings of its own",
        ),
    ],
)
def test_a_reading_that_the_runtime_does_not_know_is_refused(
    tmp_path: Path, file: str, change: dict[str, Any], said: str
) -> None:
    folder = family_embedder("BERT", tmp_path)
    config = folder / file
    config.write_text(json.dumps(json.loads(config.read_text()) | change))
    with pytest.raises(DerivationError, match=said):
        derived(folder)


def test_a_module_with_code_of_its_own_is_never_run(tmp_path: Path) -> None:
    """Neither to derive it nor as reference: both stop before its file is read."""
    folder = family_embedder("BERT", tmp_path)
    (folder / "own.py").write_text(
        f"from pathlib import Path\nPath({str(tmp_path / 'ran')!r}).touch()\n"
        "from sentence_transformers.models import Pooling as Own\n"
    )
    parts = json.loads((folder / "modules.json").read_text())
    parts[1]["type"] = "own.Own"
    (folder / "modules.json").write_text(json.dumps(parts))
    with pytest.raises(ValueError, match="trust_remote_code"):
        derived(folder)
    assert not (tmp_path / "ran").exists()


def test_an_architecture_with_code_of_its_own_is_never_run(tmp_path: Path) -> None:
    folder = family_embedder("BERT", tmp_path)
    (folder / "own.py").write_text(
        f"from pathlib import Path\nPath({str(tmp_path / 'ran')!r}).touch()\n"
        "from transformers import BertConfig as OwnConfig, BertModel as Own\n"
    )
    config = json.loads((folder / "config.json").read_text())
    config |= {
        "model_type": "own",
        "auto_map": {"AutoConfig": "own.OwnConfig", "AutoModel": "own.Own"},
    }
    (folder / "config.json").write_text(json.dumps(config))
    with pytest.raises(ValueError, match="trust_remote_code"):
        derived(folder)
    assert not (tmp_path / "ran").exists()


def test_half_precision_is_derived_from_what_it_stands_for(tmp_path: Path) -> None:
    folder = family_embedder("BERT", tmp_path)
    SentenceTransformer(str(folder), device="cpu").half().save(str(folder), create_model_card=False)
    assert json.loads((folder / "config.json").read_text())["dtype"] == "float16"
    reference = SentenceTransformer(
        str(folder), device="cpu", model_kwargs={"dtype": torch.float32}
    )
    expected = reference.encode(TEXTS, normalize_embeddings=True)
    assert_agrees(derived(folder).embed_passages(TEXTS), expected)
