"""Derived rerankers of several families against the cross-encoders of sentence-transformers."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from indexer.embedding.derivation import SAMPLE, DerivationError, derive
from indexer.embedding.onnx_model import MANIFEST, RuntimeModelError
from indexer.embedding.onnx_reranker import RerankerManifest, RuntimeReranker
from indexer.embedding.reranker_export import (
    LEAST_AGREEMENT,
    LEAST_CORRELATION,
    RECIPE,
    compared,
)
from tests.indexer.embedding.families import TEXTS, family_cross_encoder
from tests.models import save_cross_encoder

# PyTorch derives the models.
pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[3]
# Short and long questions, so that either side of a pair is cut; each is paired with all texts.
QUERIES = ["merge", *TEXTS[:2], *TEXTS[-2:]]


def derived(folder: Path) -> RuntimeReranker:
    derive(RECIPE, folder, folder.parent / "derived", SAMPLE[:4])
    return RuntimeReranker.open(folder.parent / "derived")


@pytest.fixture(scope="module")
def bert(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cross-encoder, with the folder `derived` beside it."""
    folder = family_cross_encoder("BERT", tmp_path_factory.mktemp("bert"))
    derived(folder)
    return folder


@pytest.fixture(scope="module")
def model(bert: Path) -> RuntimeReranker:
    return RuntimeReranker.open(bert.parent / "derived")


def assert_agrees(folder: Path, model: RuntimeReranker) -> None:
    import torch
    from sentence_transformers import CrossEncoder

    reference = CrossEncoder(str(folder), device="cpu", local_files_only=True)
    pairs = [(query, text) for query in QUERIES for text in TEXTS]
    logits = reference.predict(pairs, activation_fn=torch.nn.Identity())
    expected = np.asarray(logits).reshape(len(QUERIES), len(TEXTS))
    found = np.array([model.scores(query, TEXTS) for query in QUERIES])
    correlation, agreement = compared(expected, found)
    assert correlation >= LEAST_CORRELATION
    assert agreement >= LEAST_AGREEMENT
    # The order of passages is needed for each question by itself.
    assert all(
        np.corrcoef(one, other)[0, 1] >= 0.97 for one, other in zip(expected, found, strict=True)
    )
    # Another question gets other scores.
    assert compared(expected, found[::-1])[0] < LEAST_CORRELATION


def test_scores_and_orders_are_the_reference_s(bert: Path, model: RuntimeReranker) -> None:
    assert_agrees(bert, model)
    manifest = RerankerManifest.load(bert.parent / "derived")
    assert manifest.token_types
    assert manifest.correlation >= LEAST_CORRELATION


@pytest.mark.parametrize("family", ["XLM-R", "ModernBERT"])
def test_scores_and_orders_of_other_families_are_the_reference_s(
    tmp_path: Path, family: str
) -> None:
    folder = family_cross_encoder(family, tmp_path)
    assert_agrees(folder, derived(folder))
    assert not RerankerManifest.load(tmp_path / "derived").token_types


def test_a_score_does_not_depend_on_other_pairs(model: RuntimeReranker) -> None:
    together = model.scores("merge", TEXTS)
    assert together == [model.scores("merge", [text])[0] for text in TEXTS]
    assert model.scores("merge", []) == []


# Refusals.


def test_a_classifier_is_refused(tmp_path: Path) -> None:
    save_cross_encoder(tmp_path / "model", labels=3)
    with pytest.raises(DerivationError, match="gives 3 scores for a pair"):
        derived(tmp_path / "model")
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"activation_fn": "torch.nn.modules.activation.Tanhshrink"}, "put through Tanhshrink"),
        ({"prompts": {"rank": "rank: "}, "default_prompt_name": "rank"}, "it has a prompt"),
    ],
)
def test_a_score_that_is_not_the_logit_is_refused(
    tmp_path: Path, change: dict[str, Any], said: str
) -> None:
    folder = family_cross_encoder("BERT", tmp_path)
    config = folder / "config_sentence_transformers.json"
    config.write_text(json.dumps(json.loads(config.read_text()) | change))
    with pytest.raises(DerivationError, match=said):
        derived(folder)


def test_scores_whose_order_depends_on_rounding_are_refused(tmp_path: Path) -> None:
    save_cross_encoder(tmp_path / "model", spread=0.0)
    with pytest.raises(DerivationError, match="loses too much when quantized"):
        derived(tmp_path / "model")


def test_code_in_a_model_s_folder_is_never_run(tmp_path: Path) -> None:
    folder = family_cross_encoder("BERT", tmp_path)
    (folder / "own.py").write_text(
        f"from pathlib import Path\nPath({str(tmp_path / 'ran')!r}).touch()\n"
    )
    config = json.loads((folder / "config.json").read_text())
    config |= {"model_type": "own", "auto_map": {"AutoConfig": "own.OwnConfig"}}
    (folder / "config.json").write_text(json.dumps(config))
    with pytest.raises(ValueError, match="trust_remote_code"):
        derived(folder)
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("change", [{"scheme": "otherwise"}, {"format": 0}, {"extra": 1}])
def test_a_changed_folder_does_not_open(
    bert: Path, tmp_path: Path, change: dict[str, object]
) -> None:
    manifest = json.loads((bert.parent / "derived" / MANIFEST).read_text())
    (tmp_path / MANIFEST).write_text(json.dumps(manifest | {"files": {}} | change))
    with pytest.raises(RuntimeModelError, match="Derive it again"):
        RuntimeReranker.open(tmp_path)


def test_a_derived_reranker_runs_without_pytorch(bert: Path) -> None:
    program = (
        "import sys; from pathlib import Path\n"
        "from indexer.embedding.onnx_reranker import RuntimeReranker\n"
        "RuntimeReranker.open(Path(sys.argv[1])).scores('who', ['a', 'b'])\n"
        "print('torch' in sys.modules, 'transformers' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(bert.parent / "derived")],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split() == ["False", "False"]


# Comparison.


def test_scores_are_compared_by_correlation_and_by_clear_orders() -> None:
    expected = np.array([[0.0, 1.0, 2.0], [5.0, 5.01, 5.02]])
    correlation, agreement = compared(expected, expected * 3 + 1)
    assert correlation == pytest.approx(1)
    assert agreement == 1
    # One of three clear orders in the first row is wrong. Those in the second are a toss-up.
    found = np.array([[1.0, 0.0, 2.0], [5.02, 5.01, 5.0]])
    correlation, agreement = compared(expected, found)
    assert agreement == pytest.approx(2 / 3)
    assert correlation < 1
    correlation, agreement = compared(expected, expected * np.nan)
    assert not correlation >= LEAST_CORRELATION
    assert agreement == 0
