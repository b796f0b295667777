"""Derivation: folders complete or absent, one derivation for many, refusals, and the process."""

import errno
import json
import logging
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from indexer.embedding import derivation, derivation_process
from indexer.embedding.derivation import DERIVING, DerivationError, derive, fast_model, write_graph
from indexer.embedding.onnx_export import RECIPE
from indexer.embedding.onnx_model import FORMAT, MANIFEST, RuntimeModel, source_digest
from tests.indexer.embedding.families import WIDTH, family_embedder

# PyTorch derives the models.
pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[3]
SAMPLE = ["a text"]
DERIVE = (
    "import sys; from pathlib import Path; from indexer.embedding.derivation import derive;"
    "from indexer.embedding.onnx_export import RECIPE;"
    "derive(RECIPE, Path(sys.argv[1]), Path(sys.argv[2]), ['a text'] * 100_000)"
)


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return family_embedder("BERT", tmp_path_factory.mktemp("source"))


@pytest.fixture(scope="module")
def good(source: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder derived from `source`."""
    target = tmp_path_factory.mktemp("good") / "derived"
    derive(RECIPE, source, target, SAMPLE)
    return target


@pytest.fixture
def bag_of_words(tmp_path: Path) -> Path:
    """A model that can't be derived."""
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer import modules

    model = SentenceTransformer(modules=[modules.BoW(vocab=["a", "b"])], device="cpu")
    model.save(str(tmp_path / "model"), create_model_card=False)
    return tmp_path / "model"


@pytest.fixture
def copied(good: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Derivation copies the derived folder instead of exporting."""

    def copy(recipe: object, folder: object, digest: object, partial: Path, sample: object) -> None:
        shutil.copytree(good, partial, dirs_exist_ok=True)

    monkeypatch.setattr(derivation, "_write", copy)


def spoil(folder: Path, change: Mapping[str, object]) -> None:
    manifest = json.loads((folder / MANIFEST).read_text())
    (folder / MANIFEST).write_text(json.dumps(manifest | change))


def warnings_of(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [one.getMessage() for one in caplog.records if one.levelno >= logging.WARNING]


# The derived folder.


def test_an_unsupported_module_is_named_and_leaves_no_folder(
    bag_of_words: Path, tmp_path: Path
) -> None:
    target = tmp_path / "derived" / "bow"
    with pytest.raises(DerivationError, match="BoW"):
        derive(RECIPE, bag_of_words, target, SAMPLE)
    assert list(target.parent.iterdir()) == []


def test_a_model_that_loses_too_much_is_refused(source: Path, tmp_path: Path) -> None:
    """Activations next to which eight bits lose all others."""
    import torch
    from sentence_transformers import SentenceTransformer

    model: Any = SentenceTransformer(str(source), device="cpu")
    with torch.no_grad():
        for layer in model[0].auto_model.encoder.layer:
            # A large constant, which full precision subtracts again in the next multiplication.
            layer.attention.output.LayerNorm.bias.fill_(300)
            weight = layer.intermediate.dense.weight
            weight.sub_(weight.mean(1, keepdim=True)).mul_(10)
            layer.output.dense.weight.mul_(50)
    model.save(str(tmp_path / "model"), create_model_card=False)
    with pytest.raises(DerivationError, match="loses too much when quantized"):
        derive(RECIPE, tmp_path / "model", tmp_path / "derived" / "model", SAMPLE)
    assert list((tmp_path / "derived").iterdir()) == []


def test_a_sample_is_required(source: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="at least one"):
        derive(RECIPE, source, tmp_path / "derived", [])


def test_a_killed_derivation_leaves_nothing_that_opens(source: Path, tmp_path: Path) -> None:
    """After SIGKILL the target is missing. The next derivation makes it and clears old remains."""
    target = tmp_path / "derived" / "tiny"
    with subprocess.Popen([sys.executable, "-c", DERIVE, source, target], cwd=ROOT) as process:
        while not list(tmp_path.glob(f"derived/*/{MANIFEST}")):
            assert process.poll() is None
            time.sleep(0.02)
        process.kill()
    (remains,) = target.parent.iterdir()
    assert remains != target
    long_ago = time.time() - 7200
    os.utime(remains, (long_ago, long_ago))
    derive(RECIPE, source, target, SAMPLE)
    assert list(target.parent.iterdir()) == [target]
    assert RuntimeModel.open(target).dimension == WIDTH


@pytest.mark.usefixtures("copied")
def test_of_many_derivations_at_once_one_folder_is_left_and_it_is_whole(
    source: Path, tmp_path: Path
) -> None:
    with ThreadPoolExecutor(4) as pool:
        for target in (tmp_path / "torn", tmp_path / "missing"):
            if target.name == "torn":
                target.mkdir()
                (target / MANIFEST).touch()
            list(pool.map(lambda _, at=target: derive(RECIPE, source, at, SAMPLE), range(8)))
            RuntimeModel.open(target)
    assert {path.name for path in tmp_path.iterdir()} == {"torn", "missing"}


@pytest.mark.usefixtures("copied")
@pytest.mark.parametrize(
    "change", [{"digest": "of another source"}, {"scheme": "of another processor"}, {"extra": 1}]
)
def test_a_torn_or_foreign_target_is_replaced(
    source: Path, good: Path, tmp_path: Path, change: dict[str, object]
) -> None:
    target = tmp_path / "derived" / "tiny"
    shutil.copytree(good, target)
    spoil(target, change)
    derive(RECIPE, source, target, SAMPLE)
    assert RuntimeModel.open(target).digest == source_digest(source)
    assert list(target.parent.iterdir()) == [target]


def test_a_full_disk_is_no_refusal_of_the_model(tmp_path: Path) -> None:
    """A refusal is remembered. After an `OSError` the next start tries again."""

    def full(_: Path) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(OSError, match="No space left"):
        write_graph(full, tmp_path / "model.onnx", [])


# The cache of derived models.


def test_a_refusal_is_logged_in_one_line_and_remembered(
    bag_of_words: Path,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    derivations: list[Mapping[str, Any]],
) -> None:
    for _ in range(2):
        assert fast_model(RECIPE, bag_of_words, tmp_path / "cache", SAMPLE) is None
    assert len(derivations) == 1
    assert len(messages := warnings_of(caplog)) == 2
    assert all("BoW" in message and "\n" not in message for message in messages)


@pytest.mark.usefixtures("copied")
def test_a_model_is_derived_once_and_again_when_its_folder_is_spoiled(
    source: Path,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    derivations: list[Mapping[str, Any]],
) -> None:
    """Of two that want it at once one derives it. Afterwards the folder is only opened."""
    caplog.set_level(logging.INFO, logger="indexer.embedding.derivation")
    cache = tmp_path / "cache"
    with ThreadPoolExecutor(2) as threads:
        for model in threads.map(lambda _: fast_model(RECIPE, source, cache, SAMPLE), range(2)):
            assert model is not None
            assert model.digest == source_digest(source)
    assert caplog.messages == [DERIVING % ("model", cache)]
    assert len(derivations) == 1
    spoil(cache / f"{source_digest(source)[:16]}-{FORMAT}", {"digest": "0" * 64})
    assert fast_model(RECIPE, source, cache, SAMPLE) is not None
    [message] = warnings_of(caplog)
    assert f"derived from the source {'0' * 16}" in message
    assert fast_model(RECIPE, source, cache, SAMPLE) is not None
    assert len(derivations) == 2


# The process.


def test_the_process_gets_its_request_and_not_the_token_while_the_log_shows_progress(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(derivation_process, "TELL_SECONDS", 0.01)
    monkeypatch.setenv("DISCORD_TOKEN", "never-to-be-seen")
    caplog.set_level(logging.INFO, logger="indexer.embedding")
    command = (
        "import json, os, sys, time; time.sleep(0.1); asked = json.load(sys.stdin);"
        "print('noise'); print(json.dumps({'asked': asked, 'environment': dict(os.environ)}))"
    )
    answer = derivation_process.answer_of_process(command, {"sample": ["x"] * 100_000})
    assert answer["asked"] == {"sample": ["x"] * 100_000}
    assert "PYTHONPATH" in answer["environment"]
    assert "never-to-be-seen" not in str(answer["environment"])
    assert "Still deriving after 0 s." in caplog.messages


def test_a_process_that_ends_without_an_answer_is_reported() -> None:
    with pytest.raises(RuntimeError, match="ended with 3"):
        derivation_process.answer_of_process("import sys; sys.exit(3)", {})
