"""`commonplace cluster worker`: what it needs, whose vectors it makes, and how it ends."""

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

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
    return [sys.executable, "-m", "bot", "cluster", "worker", "--data", str(data), *arguments]


def test_a_worker_embeds_until_stopped(tmp_path: Path, postgres_url: str, jobs: WorkQueue) -> None:
    model = open_embedder(DEFAULT_MODEL)
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


def test_a_worker_knows_no_discord() -> None:
    code = (
        "import sys, bot.__main__, bot.process.embedding, knowledge.store.postgres.work_queue\n"
        "print('discord' in sys.modules)"
    )
    found = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert found.stdout.strip() == "False"
