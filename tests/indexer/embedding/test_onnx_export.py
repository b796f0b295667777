"""The derivation of the fast model, against its oracle: sentence-transformers itself."""

import errno
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
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer import modules

from indexer.embedding import derivation, derivation_process
from indexer.embedding.derivation import DERIVING, DerivationError, derive, fast_model, write_graph
from indexer.embedding.derivation_process import GOING_ON
from indexer.embedding.onnx_export import RECIPE, WORST_COSINE
from indexer.embedding.onnx_model import (
    FORMAT,
    MANIFEST,
    RuntimeModel,
    source_digest,
)
from tests.indexer.embedding.tiny_models import (
    MINILM,
    TEXTS,
    albert,
    bert,
    cosines,
    dense,
    distilbert,
    mpnet,
    reference_vectors,
    tiny_model,
    xlm_roberta,
)

ROOT = Path(__file__).parents[3]

# Where Python is looked for once nothing is to be derived any more: it would fail, and say so.
NO_PROGRAM = "/nowhere/python"

DERIVE = (
    "import sys; from pathlib import Path; from indexer.embedding.derivation import derive;"
    "from indexer.embedding.onnx_export import RECIPE;"
    "derive(RECIPE, Path(sys.argv[1]), Path(sys.argv[2])"
)


@pytest.fixture(autouse=True)
def _random_weights_are_the_same_each_time() -> None:
    torch.manual_seed(0)


# A model that can't be derived.


def test_an_unsupported_module_is_named(tmp_path: Path) -> None:
    """A bag of words is no transformer: the message names the module, and nothing is left."""
    vocabulary = modules.BoW(vocab=["a", "b"])
    SentenceTransformer(modules=[vocabulary], device="cpu").save(
        str(tmp_path / "model"), create_model_card=False
    )
    target = tmp_path / "derived" / "bow"
    with pytest.raises(DerivationError, match="BoW"):
        derive(RECIPE, tmp_path / "model", target, TEXTS)
    assert list(target.parent.iterdir()) == []


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
        derive(RECIPE, folder, tmp_path / "derived" / "model", TEXTS)
    assert list((tmp_path / "derived").iterdir()) == []


def test_a_sample_is_required(tmp_path: Path) -> None:
    """Nothing is put in place unverified."""
    with pytest.raises(ValueError, match="at least one"):
        derive(RECIPE, MINILM, tmp_path / "derived", [])


@pytest.mark.slow
def test_a_refusal_is_logged_in_one_line_and_remembered(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The caller gets None, the log says why, and the next start doesn't try again."""
    SentenceTransformer(modules=[modules.BoW(vocab=["a", "b"])], device="cpu").save(
        str(tmp_path / "model"), create_model_card=False
    )
    with caplog.at_level(logging.WARNING, logger="indexer.embedding.derivation"):
        assert fast_model(RECIPE, tmp_path / "model", tmp_path / "cache", TEXTS) is None
        monkeypatch.setattr(sys, "executable", NO_PROGRAM)
        assert fast_model(RECIPE, tmp_path / "model", tmp_path / "cache", TEXTS) is None
    assert len(caplog.messages) == 2
    assert all("BoW" in message and "\n" not in message for message in caplog.messages)


# Deriving, and being killed while at it.


@pytest.mark.slow
def test_a_killed_derivation_leaves_nothing_that_opens(tmp_path: Path) -> None:
    """After kill -9 there is no target; the next derivation makes it and clears old remains."""
    target = tmp_path / "derived" / "tiny"
    folder = tiny_model(tmp_path, bert())
    command = f"{DERIVE}, ['a text'] * 100_000)"
    with subprocess.Popen([sys.executable, "-c", command, folder, target], cwd=ROOT) as process:
        while not list(tmp_path.glob(f"derived/*/{MANIFEST}")):
            assert process.poll() is None
            time.sleep(0.02)
        process.kill()
    (remains,) = target.parent.iterdir()
    assert remains != target
    long_ago = time.time() - 7200
    os.utime(remains, (long_ago, long_ago))
    derive(RECIPE, folder, target, TEXTS)
    assert list(target.parent.iterdir()) == [target]
    assert RuntimeModel.open(target).dimension == 32


@pytest.mark.slow
def test_two_processes_may_derive_at_once(tmp_path: Path) -> None:
    """Both end well, one folder is there, and it is whole."""
    target = tmp_path / "derived" / "tiny"
    folder = tiny_model(tmp_path, bert())
    command = f"{DERIVE}, ['a text'])"
    arguments = [sys.executable, "-c", command, str(folder), str(target)]
    with ThreadPoolExecutor() as pool:
        ended = pool.map(lambda _: subprocess.run(arguments, cwd=ROOT, check=False), range(2))
    assert [process.returncode for process in ended] == [0, 0]
    assert list(target.parent.iterdir()) == [target]
    RuntimeModel.open(target)


@pytest.mark.parametrize(
    "spoil", [{"digest": "of another source"}, {"scheme": "of another processor"}, {"surprise": 1}]
)
def test_a_torn_or_foreign_target_is_replaced(tmp_path: Path, spoil: dict[str, object]) -> None:
    """Deriving into a spoiled folder repairs it, and leaves nothing beside it."""
    folder, target = tiny_model(tmp_path, bert()), tmp_path / "derived" / "tiny"
    derive(RECIPE, folder, target, TEXTS)
    manifest = json.loads((target / MANIFEST).read_text())
    (target / MANIFEST).write_text(json.dumps(manifest | spoil))
    derive(RECIPE, folder, target, TEXTS)
    assert RuntimeModel.open(target).digest == source_digest(folder)
    assert list(target.parent.iterdir()) == [target]


def _warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [one.getMessage() for one in caplog.records if one.levelno >= logging.WARNING]


@pytest.mark.slow
def test_the_runtime_is_derived_once_and_again_when_spoiled(
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A folder of another source is named and replaced; after that, opening is all it takes."""
    folder, cache = tiny_model(tmp_path, bert()), tmp_path / "cache"
    target = cache / f"{source_digest(folder)[:16]}-{FORMAT}"
    derive(RECIPE, folder, target, TEXTS)
    manifest = json.loads((target / MANIFEST).read_text())
    (target / MANIFEST).write_text(json.dumps(manifest | {"digest": "0" * 64}))
    assert fast_model(RECIPE, folder, cache, TEXTS) is not None
    [message] = _warnings(caplog)
    assert f"derived from the source {'0' * 16}" in message
    monkeypatch.setattr(sys, "executable", NO_PROGRAM)
    model = fast_model(RECIPE, folder, cache, TEXTS)
    assert model is not None
    assert model.digest == source_digest(folder)
    assert len(_warnings(caplog)) == 1


@pytest.mark.slow
def test_of_two_that_want_a_model_at_once_one_derives_and_says_where_it_is_kept(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder, cache = tiny_model(tmp_path, bert()), tmp_path / "cache"
    with (
        caplog.at_level(logging.INFO, logger="indexer.embedding.derivation"),
        ThreadPoolExecutor(2) as threads,
    ):
        opened = list(threads.map(lambda _: fast_model(RECIPE, folder, cache, TEXTS), range(2)))
    assert all(model is not None for model in opened)
    # On a busy machine the log says, too, that it goes on.
    assert caplog.messages.count(DERIVING % ("model", cache)) == 1


@pytest.mark.slow
def test_the_log_says_that_a_model_is_still_being_derived(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Starting an interpreter alone takes longer than it waits here."""
    monkeypatch.setattr(derivation_process, "TELL_SECONDS", 0.01)
    with caplog.at_level(logging.INFO, logger="indexer.embedding"):
        assert fast_model(RECIPE, tiny_model(tmp_path, bert()), tmp_path / "cache", TEXTS)
    begun, going_on, *_ = caplog.messages
    assert begun == DERIVING % ("model", tmp_path / "cache")
    assert going_on.startswith(GOING_ON.partition("%")[0])


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
        (albert, "mean", [modules.Normalize]),
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
    derive(RECIPE, folder, tmp_path / "derived", TEXTS)
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
    derive(RECIPE, folder, tmp_path / "derived", TEXTS)
    model = RuntimeModel.open(tmp_path / "derived")
    texts = ["branch", "a licence"]
    queries, passages = model.embed_queries(texts), model.embed_passages(texts)
    expected_queries = reference_vectors(folder, texts, "query")
    expected_passages = reference_vectors(folder, texts)
    # The other role's prompt moves a vector further than quantization does.
    assert (cosines(queries, expected_queries) > cosines(queries, expected_passages)).all()
    assert (cosines(passages, expected_passages) > cosines(passages, expected_queries)).all()


def test_the_process_that_derives_is_not_told_the_token(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = tmp_path / "told"
    program = tmp_path / "python"
    program.write_text(f"#!/bin/sh\nexport -p > '{told}'\n")
    program.chmod(0o700)
    monkeypatch.setattr(sys, "executable", str(program))
    monkeypatch.setenv("DISCORD_TOKEN", "never-to-be-seen")
    with pytest.raises(RuntimeError, match="ended with 0"):
        derivation.derive_apart(RECIPE, tmp_path, tmp_path / "target", ["Words."])
    assert "PYTHONPATH" in told.read_text()
    assert "never-to-be-seen" not in told.read_text()


def test_a_full_disk_does_not_speak_against_the_model(tmp_path: Path) -> None:
    """What does is remembered; this is tried again at the next start."""

    def full(_: Path) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(OSError, match="No space left"):
        write_graph(full, tmp_path / "model.onnx", [])
