"""Process of a worker that embeds for bots on one PostgreSQL database: `commonplace worker`.

It has no token and knows no Discord; of the database it needs the schema `work` alone. The model
and the connection belong to one thread, beside which health and metrics are served. Asked to stop
(SIGTERM, SIGINT), it hands in what it has taken, and ends. While the database is away it waits for
it. Nothing of a text gets into its log.
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
from bot.config.version import own_version
from bot.core.worker import beside
from bot.process.health import Health, serving
from bot.process.metrics import CONTENT_TYPE, EmbeddingMetrics
from bot.storage.derived_data import open_work, set_aside_told
from indexer.embedding.embedder import Embedder
from indexer.ingest.embedding_queue import EmbeddingWorker
from knowledge.store.database import StoreError
from knowledge.values.embedding_jobs import QueueState

# How long a worker with nothing to do waits until it looks again.
IDLE_SECONDS: Final = 0.2
# How often it is looked how many texts wait, and what nobody collects is deleted.
LOOK_SECONDS: Final = 5.0
# A worker that has not come round for so long is stuck: it takes a second's work at a time.
STUCK_SECONDS: Final = 120.0
# How long is waited for a database that is away, at first and at the most.
AWAY_SECONDS: Final = (1.0, 30.0)

_EMPTY: Final = QueueState(0, 0, "", {})
_SIGNALS: Final = (signal.SIGTERM, signal.SIGINT)

_logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Glance:
    """How a worker is, as its thread has last seen it.

    `problem` says why the database can't be used, `other` for which models texts wait that no
    worker of this one's takes. `at` is on the clock that stands still for nobody.
    """

    at: float
    problem: str = ""
    other: str = ""
    state: QueueState = _EMPTY


class Embedding:
    """A thread that embeds until it is stopped, and what can be asked of it meanwhile."""

    def __init__(
        self,
        url: str,
        open_model: Callable[[], Embedder],
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Do nothing yet; `open_model` is called in the thread. `clock` gives seconds."""
        self._url = url
        self._open_model = open_model
        self._clock = clock
        self._name = f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(2)}"
        self._stop = threading.Event()
        self.opened = threading.Event()
        self._told = ""
        self._looked_at = -LOOK_SECONDS
        self.glance = Glance(clock(), problem="The model is being opened.")
        self.metrics = EmbeddingMetrics(own_version())

    def stop(self) -> None:
        self._stop.set()

    def run(self) -> None:
        """Embed until it is stopped.

        Raises:
            ModelError: if the model can't be opened.
            StoreError: if the database can't be used at the start; later it is waited for.
        """
        # Before the model, which takes seconds to open.
        open_work(self._url).close()
        embedder = self._open_model()
        self.opened.set()
        wait, most = AWAY_SECONDS
        while not self._stop.is_set():
            try:
                with self._joined(embedder) as step:
                    wait, _ = AWAY_SECONDS
                    while not self._stop.is_set():
                        if not step():
                            self._stop.wait(IDLE_SECONDS)
            except StoreError as error:
                self.glance = Glance(self._clock(), problem=str(error))
                _logger.error("%s", error)
                self._stop.wait(wait)
                wait = min(2 * wait, most)

    @contextmanager
    def _joined(self, embedder: Embedder) -> Iterator[Callable[[], int]]:
        """Be one of the workers; what is given embeds a few texts, if any wait."""
        with closing(open_work(self._url)) as jobs:
            worker = EmbeddingWorker(jobs, embedder, self._name)

            def step() -> int:
                done, failed = worker.done, worker.failed
                found = worker.step()
                self.metrics.embedded(worker.done - done, worker.failed - failed)
                if self._clock() - self._looked_at >= LOOK_SECONDS:
                    self._looked_at = self._clock()
                    jobs.forget_old()
                    self._look(worker.kind, jobs.state(), jobs.other_kinds(worker.kind))
                else:
                    self.glance = replace(self.glance, at=self._clock(), problem="")
                return found

            _logger.info("Texts are embedded for %s.", embedder.model)
            try:
                yield step
            finally:
                # Where the database is away, the others see soon that this one is gone.
                with contextlib.suppress(StoreError):
                    worker.leave()

    def _look(self, kind: str, state: QueueState, other: Mapping[str, int]) -> None:
        """Note how the queue is, and say once for which other model texts wait."""
        unattended = {name: count for name, count in other.items() if name not in state.workers}
        told = ""
        if unattended:
            told = (
                f"Texts wait for another model ({', '.join(unattended)}) than this worker's "
                f"({kind}), and no worker has that: name the bots' model as `model.name` in the "
                "worker's config.toml."
            )
        if told and told != self._told:
            _logger.warning("%s", told)
        self._told = told
        self.glance = Glance(self._clock(), other=told, state=state)

    async def health(self) -> Health:
        seen = self.glance
        stuck = self._clock() - seen.at >= STUCK_SECONDS
        silent = "The worker has not come round for two minutes." if stuck else ""
        problem = seen.problem or silent
        set_aside = set_aside_told(seen.state.set_aside)
        details: dict[str, object] = {"version": own_version(), "waiting": seen.state.waiting}
        degraded = tuple(filter(None, (seen.other, set_aside)))
        return Health(tuple(filter(None, (problem,))), details, degraded)

    async def exposition(self) -> bytes:
        health = await self.health()
        return self.metrics.exposition(health.well, self.glance.state)


def run_worker(settings: Settings, open_model: Callable[[], Embedder]) -> None:
    """Embed until the process is asked to stop.

    Raises:
        HealthError: if health can't be served where the settings say.
        ModelError: if the model can't be opened.
        StoreError: if the database can't be used at the start.
    """
    asyncio.run(_run(settings, Embedding(settings.data.database, open_model)))


async def _run(settings: Settings, embedding: Embedding) -> None:
    loop = asyncio.get_running_loop()
    asked = False

    def stop() -> None:
        nonlocal asked
        asked = True
        embedding.stop()
        # Nothing has been taken; and making the model takes minutes, which nobody waits for.
        if not embedding.opened.is_set():
            running.cancel()

    async with serving(settings.health, embedding.health, embedding.exposition, CONTENT_TYPE):
        running = asyncio.ensure_future(beside(embedding.run))
        # Windows has no such handlers; Ctrl+C ends the loop there.
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
