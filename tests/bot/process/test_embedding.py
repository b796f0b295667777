"""Embedding worker: it embeds until stopped, reports health, and survives a restart."""

import asyncio
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from bot.process.embedding import LOOK_SECONDS, STUCK_SECONDS, Embedding, WorkerStatus
from indexer.embedding.embedder import Embedder
from indexer.ingest.embedding_queue import job_kind
from knowledge.store.database import StoreError
from knowledge.store.postgres.work_queue import WorkQueue
from tests.fakes import WordEmbedder
from tests.postgres import Cluster

KIND = job_kind(WordEmbedder(64))


class Clock:
    """A clock that advances at each step, or stands still."""

    def __init__(self) -> None:
        self.now = 0.0
        self.step = LOOK_SECONDS

    def __call__(self) -> float:
        self.now += self.step
        return self.now


@pytest.fixture
def jobs(postgres_url: str) -> Iterator[WorkQueue]:
    opened = WorkQueue(postgres_url)
    yield opened
    opened.close()


@contextmanager
def _running(embedding: Embedding) -> Iterator[None]:
    thread = threading.Thread(target=embedding.run)
    thread.start()
    try:
        yield
    finally:
        embedding.stop()
        thread.join()


def _embedding(url: str, clock: Clock | None = None) -> Embedding:
    return Embedding(url, lambda: WordEmbedder(64), clock=clock or Clock())


def _vectors_of(jobs: WorkQueue, texts: dict[bytes, str], kind: str = KIND) -> dict[bytes, bytes]:
    """Wait for the results of offered texts."""
    jobs.offer(kind, texts)
    while len(found := jobs.results(kind, len(texts) + 1)) < len(texts):
        time.sleep(0.01)
    jobs.drop(kind, found)
    return found


def test_worker_embeds_until_it_stops(postgres_url: str, jobs: WorkQueue) -> None:
    embedding = _embedding(postgres_url)
    texts = {bytes([number]): f"text number {number}" for number in range(50)}
    with _running(embedding):
        found = _vectors_of(jobs, texts)
        assert jobs.is_attended(KIND)
    expected = WordEmbedder(64).embed_passages([*texts.values()])
    assert found == {key: row.tobytes() for key, row in zip(texts, expected, strict=True)}
    assert not jobs.is_attended(KIND)
    exposition = asyncio.run(embedding.exposition()).decode()
    assert "commonplace_worker_embedded_total 50.0" in exposition
    assert "commonplace_worker_failed_total 0.0" in exposition


def test_worker_survives_a_lost_connection(
    postgres_url: str, jobs: WorkQueue, postgres: Cluster, caplog: pytest.LogCaptureFixture
) -> None:
    embedding = _embedding(postgres_url)
    with _running(embedding):
        _vectors_of(jobs, {b"a": "before"})
        postgres.cut(postgres_url)
        # Reads are repeated silently; failed writes are logged and retried.
        assert _vectors_of(jobs, {b"b": "what a member wrote"})
    assert "member" not in caplog.text


def test_an_unreachable_database_is_reported_first(postgres: Cluster) -> None:
    def open_model() -> Embedder:
        raise AssertionError

    with pytest.raises(StoreError, match="does not exist"):
        Embedding(postgres.url("missing"), open_model).run()


def test_texts_for_another_model_are_reported_once(
    postgres_url: str, jobs: WorkQueue, caplog: pytest.LogCaptureFixture
) -> None:
    jobs.offer("embed other 64 256", {b"key": "text"})
    embedding = _embedding(postgres_url)
    with _running(embedding):
        for number in range(3):
            _vectors_of(jobs, {bytes([number]): f"text {number}"})
        while not embedding.status.other:
            time.sleep(0.01)
    health = asyncio.run(embedding.health())
    assert health.well
    [told] = health.degraded
    assert "embed other 64 256" in told
    assert "model.name" in told
    assert caplog.text.count("embed other 64 256") == 1
    assert jobs.other_kinds(KIND) == {"embed other 64 256": 1}


def test_texts_set_aside_degrade_the_worker(postgres_url: str, jobs: WorkQueue) -> None:
    jobs.offer(KIND, {b"key": "text"})
    while taken := jobs.take(KIND, "a", 1):
        jobs.fail("a", taken, "ValueError")
    embedding = _embedding(postgres_url)
    with _running(embedding):
        while not embedding.status.state.set_aside:
            time.sleep(0.01)
    health = asyncio.run(embedding.health())
    assert health.well
    assert "1 text could not be embedded" in health.degraded[0]
    exposition = asyncio.run(embedding.exposition()).decode()
    assert 'commonplace_texts_out{state="set_aside"} 1.0' in exposition


def test_stuck_worker_is_unhealthy() -> None:
    clock = Clock()
    clock.step = 0.0
    embedding = _embedding("postgresql://nowhere/none", clock)
    assert asyncio.run(embedding.health()).reasons == ("The model is being opened.",)
    embedding.status = WorkerStatus(clock.now, problem="The database is away.")
    assert asyncio.run(embedding.health()).reasons == ("The database is away.",)
    embedding.status = WorkerStatus(clock.now)
    assert asyncio.run(embedding.health()).well
    clock.now += STUCK_SECONDS
    assert not asyncio.run(embedding.health()).well
    assert b"commonplace_healthy 0.0" in asyncio.run(embedding.exposition())
