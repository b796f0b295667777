"""Embedding worker, `commonplace cluster worker`: embeds texts for bots on one database.

The worker needs no token, and uses only the database's schema `work`. One thread owns the model and
the connection; another thread serves health and metrics. On SIGTERM or SIGINT, the worker ends
after its current texts. It waits during outages of the database. No text is ever logged.
"""

import asyncio
import contextlib
import logging
import os
import secrets
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from typing import Final

from bot.config.settings import Settings
from bot.core.worker import run_in_thread
from bot.process.health_server import Health, serving
from bot.process.metrics import EmbeddingMetrics
from bot.storage.derived_data import open_work_queue, unembedded_texts_warning
from indexer.embedding.embedder import Embedder
from indexer.ingest.embedding_queue import EmbeddingWorker
from knowledge.dependencies import own_version
from knowledge.store.database import StoreError
from knowledge.values.embedding_jobs import QueueState

# Pause of an idle worker.
IDLE_SECONDS: Final = 0.2
# Interval of counting the waiting texts and deleting abandoned results.
LOOK_SECONDS: Final = 5.0
# After this time without a step, a worker is stuck: a step takes about a second.
STUCK_SECONDS: Final = 120.0
# First and longest pause during an outage of the database.
AWAY_SECONDS: Final = (1.0, 30.0)

_EMPTY: Final = QueueState(0, 0, "", {})
_SIGNALS: Final = (signal.SIGTERM, signal.SIGINT)

_logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class WorkerStatus:
    """A worker's status at the monotonic time `at`; `other` warns of texts for other models."""

    at: float
    problem: str = ""
    other: str = ""
    state: QueueState = _EMPTY


class Embedding:
    """Embedding worker, run in its own thread, with health and metrics."""

    def __init__(
        self,
        url: str,
        open_model: Callable[[], Embedder],
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Prepare the worker; `run` calls `open_model` in its own thread."""
        self._url = url
        self._open_model = open_model
        self._clock = clock
        self._name = f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(2)}"
        self._stop = threading.Event()
        self.opened = threading.Event()
        self._told = ""
        self._looked_at = -LOOK_SECONDS
        self.status = WorkerStatus(clock(), problem="The model is being opened.")
        self.metrics = EmbeddingMetrics(own_version())

    def stop(self) -> None:
        self._stop.set()

    def run(self) -> None:
        """Embed until `stop` is called; ModelError or StoreError if it can't start."""
        # Before the model, which takes seconds to open.
        open_work_queue(self._url).close()
        embedder = self._open_model()
        self.opened.set()
        wait, most = AWAY_SECONDS
        while not self._stop.is_set():
            try:
                with self._join_queue(embedder) as step:
                    wait, _ = AWAY_SECONDS
                    while not self._stop.is_set():
                        if not step():
                            self._stop.wait(IDLE_SECONDS)
            except StoreError as error:
                self.status = WorkerStatus(self._clock(), problem=str(error))
                _logger.error("%s", error)
                self._stop.wait(wait)
                wait = min(2 * wait, most)

    @contextmanager
    def _join_queue(self, embedder: Embedder) -> Iterator[Callable[[], int]]:
        """Register the worker in the queue; yields a function that embeds a few waiting texts."""
        with closing(open_work_queue(self._url)) as jobs:
            worker = EmbeddingWorker(jobs, embedder, self._name)

            def step() -> int:
                done, failed = worker.done, worker.failed
                found = worker.step()
                self.metrics.count("worker_embedded", number=worker.done - done)
                self.metrics.count("worker_failed", number=worker.failed - failed)
                if self._clock() - self._looked_at >= LOOK_SECONDS:
                    self._looked_at = self._clock()
                    jobs.forget_old()
                    self._note_state(worker.kind, jobs.state(), jobs.other_kinds(worker.kind))
                else:
                    self.status = replace(self.status, at=self._clock(), problem="")
                return found

            _logger.info("Texts are embedded for %s.", embedder.model)
            try:
                yield step
            finally:
                # During an outage, the other workers soon notice that this one is gone.
                with contextlib.suppress(StoreError):
                    worker.leave()

    def _note_state(self, kind: str, state: QueueState, other: Mapping[str, int]) -> None:
        """Store the queue's state; warn once if texts wait for a model that no worker has."""
        unattended = {name: count for name, count in other.items() if name not in state.workers}
        told = ""
        if unattended:
            told = (
                f"Texts wait for the model {', '.join(unattended)}, but no worker has it; this one "
                f"has {kind}. Set `model.name` in the worker's config.toml to the bots' model."
            )
        if told and told != self._told:
            _logger.warning("%s", told)
        self._told = told
        self.status = WorkerStatus(self._clock(), other=told, state=state)

    async def health(self) -> Health:
        seen = self.status
        stuck = self._clock() - seen.at >= STUCK_SECONDS
        silent = "The worker has been stuck for two minutes." if stuck else ""
        problem = seen.problem or silent
        set_aside = unembedded_texts_warning(seen.state.set_aside)
        details: dict[str, object] = {"version": own_version(), "waiting": seen.state.waiting}
        degraded = tuple(filter(None, (seen.other, set_aside)))
        return Health(tuple(filter(None, (problem,))), details, degraded)

    async def exposition(self) -> bytes:
        health = await self.health()
        return self.metrics.exposition({"healthy": health.well}, self.status.state)


def run_worker(settings: Settings, open_model: Callable[[], Embedder]) -> None:
    """Embed until stopped; ModelError, StoreError or HealthError if it can't start."""
    asyncio.run(_run(settings, Embedding(settings.data.database, open_model)))


async def _run(settings: Settings, embedding: Embedding) -> None:
    loop = asyncio.get_running_loop()
    asked = False

    def stop() -> None:
        nonlocal asked
        asked = True
        embedding.stop()
        # Don't wait for the model: deriving it takes minutes, and no text was taken yet.
        if not embedding.opened.is_set():
            running.cancel()

    async with serving(settings.health, embedding.health, embedding.exposition):
        running = asyncio.ensure_future(run_in_thread(embedding.run))
        # Windows has no such handlers; Ctrl+C ends the loop.
        with contextlib.suppress(NotImplementedError):
            for number in _SIGNALS:
                loop.add_signal_handler(number, stop)
        try:
            await running
        except asyncio.CancelledError:
            if not asked:
                raise
        finally:
            embedding.stop()
    _logger.info("Stopped.")
