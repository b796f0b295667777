"""Prometheus metrics of a bot and of an embedding worker.

A label has one of a few fixed values, never text, a guild or a member. Each `Metrics` has its own
registry, so that two bots in one process count separately. Only this module uses prometheus-client.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Final, NamedTuple

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Info, ProcessCollector
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest

from bot.answers.lookup import Stage
from bot.answers.phrased import Phrased
from bot.core.core import Figures
from bot.core.job_queue import Priority
from knowledge.values.embedding_jobs import QueueState
from knowledge.values.questions import Evidence, Verdict

CONTENT_TYPE: Final = CONTENT_TYPE_LATEST

# A question alone takes about ten milliseconds on a small host; after three seconds an answer is
# too late (Discord's limit for an acknowledgement).
_STAGE_SECONDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 3.0)
_PHRASING_SECONDS: Final = (0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 15.0, 30.0, 60.0, 120.0)
_WHOLE_SECONDS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 3.0, 5.0, 10.0, 30.0)


class Situation(NamedTuple):
    """State of the bot when its metrics are read.

    `leads` says whether this process does the work for all guilds. `figures` are None until the
    core is open. `shards` says of each shard of this process whether it is connected.
    """

    healthy: bool
    degraded: bool
    connected: bool
    waiting: Mapping[Priority, int]
    figures: Figures | None
    leads: bool = True
    epochs: Mapping[int, int] = MappingProxyType({})
    shards: Mapping[int, bool] = MappingProxyType({})
    processes: int = 1


class _ProcessMetrics:
    """Metrics of one process, with their help texts."""

    def __init__(self, version: str) -> None:
        self._registry = CollectorRegistry()
        ProcessCollector(registry=self._registry)
        Info("commonplace_build", "The program.", registry=self._registry).info(
            {"version": version}
        )
        self._work = WorkGauges(self._registry)

    def help_texts(self) -> dict[str, str]:
        """Return the help texts of the bot's own metrics, by their names in `/metrics`."""
        suffixes = {"counter": "_total", "info": "_info"}
        return {
            family.name + suffixes.get(family.type, ""): family.documentation
            for family in self._registry.collect()
            if family.name.startswith("commonplace_")
        }


class WorkGauges:
    """Gauges of the embedding queue and its workers."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._texts = Gauge(
            "commonplace_texts_out", "Texts for embedding workers.", ["state"], registry=registry
        )
        self._workers = Gauge(
            "commonplace_workers", "Embedding workers that are alive.", registry=registry
        )

    def show(self, state: QueueState) -> None:
        self._texts.labels("waiting").set(state.waiting)
        self._texts.labels("set_aside").set(state.set_aside)
        self._workers.set(sum(state.workers.values()))


class Metrics(_ProcessMetrics):
    """Metrics of a bot."""

    def __init__(self, version: str) -> None:
        super().__init__(version)
        self._questions = self._counter("questions", "Questions answered, by evidence.", "evidence")
        for evidence in Evidence:
            self._questions.labels(evidence.value)
        self._errors = self._counter("errors", "Errors, by the exception's name.", "kind")
        self._dropped = self._counter(
            "dropped", "Questions and clicks refused or dropped because they were late.", "reason"
        )
        self._stages = Histogram(
            "commonplace_stage_seconds",
            "Duration of a stage of answering.",
            ["stage"],
            buckets=_STAGE_SECONDS,
            registry=self._registry,
        )
        for stage in Stage:
            self._stages.labels(stage.value)
        self._whole = Histogram(
            "commonplace_answer_seconds",
            "Time from a question to its answer, including the wait.",
            buckets=_WHOLE_SECONDS,
            registry=self._registry,
        )
        self._phrasings = self._counter(
            "phrasings", "Answers sent to a language model, by outcome.", "outcome"
        )
        self._sentences = self._counter(
            "phrased_sentences",
            "Sentences of a language model, by the verdict of the checks.",
            "verdict",
        )
        self._tokens = Counter(
            "commonplace_phrasing_tokens", "Tokens sent and received.", registry=self._registry
        )
        self._phrasing_seconds = Histogram(
            "commonplace_phrasing_seconds",
            "Duration of a language model's reply.",
            buckets=_PHRASING_SECONDS,
            registry=self._registry,
        )
        self._healthy = self._gauge("healthy", "Whether /healthz answers 200.")
        self._degraded = self._gauge("degraded", "Whether answers lack an optional part.")
        self._connected = self._gauge("discord_connected", "Whether Discord is connected.")
        self._leads = self._gauge("leads", "Whether this process does the work for all guilds.")
        self._epochs = self._gauge(
            "shard_epoch",
            "Epoch of this process's lease of a shard, if processes share shards.",
            "shard",
        )
        self._shards = self._gauge(
            "shard_connected", "Whether a shard of this process is connected.", "shard"
        )
        self._processes = self._gauge("processes", "Processes that share this bot's shards.")
        self._waiting = self._gauge(
            "queue_length", "Jobs waiting for the worker thread.", "priority"
        )
        self._pending = self._gauge("reviews_pending", "Revisions waiting for a decision.")
        self._live = self._gauge("notes_live", "Notes that answer questions.")
        self._verdicts = self._gauge(
            "verdicts", "Verdicts on answers since the beginning.", "verdict"
        )
        self._generation = self._gauge("index_generation", "Number of changes of the index.")
        self._age = self._gauge("index_age_seconds", "Time since the last change of the index.")
        self._documents = self._gauge("documents", "Documents in the index.", "scope")
        self._passages = self._gauge("passages", "Passages in the index.", "scope")
        self._failing = self._gauge("sources_failing", "Sources that fail, or lost documents.")
        self._embedder = Info("commonplace_embedder", "The model.", registry=self._registry)

    def _counter(self, name: str, said: str, label: str) -> Counter:
        return Counter(f"commonplace_{name}", said, [label], registry=self._registry)

    def _gauge(self, name: str, said: str, *labels: str) -> Gauge:
        return Gauge(f"commonplace_{name}", said, labels, registry=self._registry)

    def count_answer(self, evidence: Evidence, seconds: float) -> None:
        self._questions.labels(evidence.value).inc()
        self._whole.observe(seconds)

    def observe_stage(self, stage: Stage, seconds: float) -> None:
        """Observe the duration of a stage; called in the worker's thread."""
        self._stages.labels(stage.value).observe(seconds)

    def count_phrasing(self, found: Phrased, tokens: int) -> None:
        """Count a phrasing by its outcome, and its sentences by the verdicts of the checks."""
        self._phrasings.labels(found.outcome.value).inc()
        self._phrasing_seconds.observe(found.seconds)
        self._tokens.inc(tokens)
        for verdict, count in found.verdicts.items():
            self._sentences.labels(verdict).inc(count)

    def count_refusal(self, reason: str) -> None:
        """Count a refused or late job, by the reason. Such a job doesn't count as an error."""
        self._dropped.labels(reason).inc()

    def count_error(self, error: BaseException) -> None:
        """Count an error by the name of its class."""
        self._errors.labels(type(error).__name__).inc()

    def exposition(self, now: Situation) -> bytes:
        self._healthy.set(now.healthy)
        self._degraded.set(now.degraded)
        self._connected.set(now.connected)
        self._leads.set(now.leads)
        # Shards move between processes.
        self._epochs.clear()
        for shard, epoch in now.epochs.items():
            self._epochs.labels(str(shard)).set(epoch)
        self._shards.clear()
        for shard, connected in now.shards.items():
            self._shards.labels(str(shard)).set(connected)
        self._processes.set(now.processes)
        for priority, count in now.waiting.items():
            self._waiting.labels(priority.name.lower()).set(count)
        if now.figures is not None:
            self._show(now.figures)
        return generate_latest(self._registry)

    def _show(self, figures: Figures) -> None:
        self._pending.set(figures.notes["pending"])
        self._live.set(figures.notes["live"])
        for verdict in Verdict:
            self._verdicts.labels(verdict.value).set(figures.verdicts[verdict.value])
        self._generation.set(figures.generation)
        self._failing.set(figures.failing_sources)
        if figures.work is not None:
            self._work.show(figures.work)
        if figures.changed_at is not None:
            self._age.set((datetime.now(UTC) - figures.changed_at).total_seconds())
        for gauge, counted in (
            (self._documents, figures.documents),
            (self._passages, figures.passages),
        ):
            for scope, count in counted.items():
                gauge.labels(scope).set(count)
        self._embedder.info({"model": figures.model, "vectors": figures.embedder})


class EmbeddingMetrics(_ProcessMetrics):
    """Metrics of an embedding worker."""

    def __init__(self, version: str) -> None:
        super().__init__(version)
        registry = self._registry
        self._healthy = Gauge(
            "commonplace_healthy", "Whether /healthz answers 200.", registry=registry
        )
        self._embedded = Counter(
            "commonplace_worker_embedded",
            "Texts embedded by this worker.",
            registry=registry,
        )
        self._failed = Counter(
            "commonplace_worker_failed", "Texts this worker could not embed.", registry=registry
        )

    def count_texts(self, done: int, failed: int) -> None:
        self._embedded.inc(done)
        self._failed.inc(failed)

    def exposition(self, healthy: bool, state: QueueState) -> bytes:
        self._healthy.set(healthy)
        self._work.show(state)
        return generate_latest(self._registry)
