"""Derived rerankers of every family against sentence-transformers' cross-encoder."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from sentence_transformers import CrossEncoder

from indexer.embedding.derivation import SAMPLE, DerivationError, derive
from indexer.embedding.onnx_model import MANIFEST, RuntimeModelError
from indexer.embedding.onnx_reranker import RerankerManifest, RuntimeReranker
from indexer.embedding.reranker_export import (
    LEAST_AGREEMENT,
    LEAST_CORRELATION,
    RECIPE,
    compared,
)
from tests.indexer.embedding.families import EACH_FAMILY, TEXTS, family_cross_encoder
from tests.models import save_cross_encoder

ROOT = Path(__file__).parents[3]
# Short and long ones, which are cut on either side; each is read with all texts.
QUERIES = ["", "merge", *TEXTS[:3], *TEXTS[-5:]]


def derived(folder: Path) -> RuntimeReranker:
    derive(RECIPE, folder, folder.parent / "derived", SAMPLE)
    return RuntimeReranker.open(folder.parent / "derived")


def reference_scores(folder: Path) -> Any:
    """The reference's logits, (queries, texts)."""
    reference = CrossEncoder(str(folder), device="cpu", local_files_only=True)
    return np.array(
        [
            reference.predict([(query, text) for text in TEXTS], activation_fn=torch.nn.Identity())
            for query in QUERIES
        ]
    )


@pytest.mark.parametrize("family", EACH_FAMILY)
def test_every_family_scores_and_orders_as_its_reference(tmp_path: Path, family: str) -> None:
    folder = family_cross_encoder(family, tmp_path)
    model = derived(folder)
    expected = reference_scores(folder)
    found = np.array([model.scores(query, TEXTS) for query in QUERIES])
    correlation, agreement = compared(expected, found)
    assert correlation >= LEAST_CORRELATION
    assert agreement >= LEAST_AGREEMENT
    # And so do the scores of each question, which are what it is answered by.
    assert all(
        np.corrcoef(one, other)[0, 1] >= 0.97 for one, other in zip(expected, found, strict=True)
    )
    # The same weights with another question say something else.
    assert compared(expected, found[::-1])[0] < LEAST_CORRELATION
    manifest = RerankerManifest.load(folder.parent / "derived")
    assert manifest.token_types is (family == "BERT")
    assert manifest.correlation >= LEAST_CORRELATION


def test_a_score_does_not_depend_on_what_is_read_with_it(tmp_path: Path) -> None:
    model = derived(family_cross_encoder("BERT", tmp_path))
    together = model.scores("merge", TEXTS)
    assert together == [model.scores("merge", [text])[0] for text in TEXTS]
    assert model.scores("merge", []) == []


def test_token_types_say_which_words_are_the_question(tmp_path: Path) -> None:
    """Without them a graph of BERT's would be fed nonsense, and still give scores."""
    folder = family_cross_encoder("BERT", tmp_path)
    model = derived(folder)
    model._token_types = False
    with pytest.raises(Exception, match="token_type_ids"):
        model.scores("merge", ["a licence"])


# What can't be derived.


def test_a_model_that_classifies_is_refused(tmp_path: Path) -> None:
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
def test_what_makes_a_score_more_than_its_logit_is_refused(
    tmp_path: Path, change: dict[str, Any], said: str
) -> None:
    folder = family_cross_encoder("BERT", tmp_path)
    config = folder / "config_sentence_transformers.json"
    config.write_text(json.dumps(json.loads(config.read_text()) | change))
    with pytest.raises(DerivationError, match=said):
        derived(folder)


def test_scores_whose_order_rounding_decides_are_refused(tmp_path: Path) -> None:
    save_cross_encoder(tmp_path / "model", spread=0.0)
    with pytest.raises(DerivationError, match="loses too much when quantized"):
        derived(tmp_path / "model")


def test_an_architecture_with_code_of_its_own_is_never_run(tmp_path: Path) -> None:
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


def test_a_sample_is_required(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="at least one"):
        derive(RECIPE, tmp_path, tmp_path / "derived", [])


def test_a_folder_that_was_changed_does_not_open(tmp_path: Path) -> None:
    derived(family_cross_encoder("BERT", tmp_path))
    manifest = tmp_path / "derived" / MANIFEST
    kept = manifest.read_text()
    for spoilt in ({"scheme": "otherwise"}, {"format": 0}, {"surprise": 1}):
        manifest.write_text(json.dumps(json.loads(kept) | spoilt))
        with pytest.raises(RuntimeModelError, match="Derive it again"):
            RuntimeReranker.open(tmp_path / "derived")


def test_a_derived_reranker_is_run_without_pytorch(tmp_path: Path) -> None:
    derived(family_cross_encoder("BERT", tmp_path))
    program = (
        "import sys; from pathlib import Path\n"
        "from indexer.embedding.onnx_reranker import RuntimeReranker\n"
        "RuntimeReranker.open(Path(sys.argv[1])).scores('who', ['a', 'b'])\n"
        "print('torch' in sys.modules, 'transformers' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path / "derived")],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split() == ["False", "False"]


# Comparing.


def test_scores_are_compared_by_correlation_and_by_clear_orders() -> None:
    expected = np.array([[0.0, 1.0, 2.0], [5.0, 5.01, 5.02]])
    correlation, agreement = compared(expected, expected * 3 + 1)
    assert correlation == pytest.approx(1)
    assert agreement == 1
    # Of three clear orders in the first row one is turned round; those in the second are a toss-up.
    found = np.array([[1.0, 0.0, 2.0], [5.02, 5.01, 5.0]])
    correlation, agreement = compared(expected, found)
    assert agreement == pytest.approx(2 / 3)
    assert correlation < 1


def test_scores_that_are_no_numbers_are_not_alike() -> None:
    expected = np.array([[0.0, 1.0, 2.0]])
    correlation, agreement = compared(expected, expected * np.nan)
    assert not correlation >= LEAST_CORRELATION
    assert agreement == 0
