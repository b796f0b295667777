"""Prometheus metrics of a bot and of an embedding worker.

A label has one of a few fixed values, never text, a guild or a member. Each `Metrics` has its own
registry, so that two bots in one process count separately. Only this module uses prometheus-client.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, ClassVar, Final, TypeVar

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Info, ProcessCollector
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.metrics import MetricWrapperBase

from bot.answers.lookup import Stage
from bot.answers.phrased import Phrased
from bot.core.core import Figures
from knowledge.values.embedding_jobs import QueueState
from knowledge.values.questions import Evidence, Verdict

CONTENT_TYPE: Final = CONTENT_TYPE_LATEST

# A question alone takes about ten milliseconds on a small host; after three seconds an answer is
# too late (Discord's limit for an acknowledgement).
_STAGE_SECONDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 3.0)
_PHRASING_SECONDS: Final = (0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 15.0, 30.0, 60.0, 120.0)
_WHOLE_SECONDS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 3.0, 5.0, 10.0, 30.0)

_Metric = TypeVar("_Metric", bound=MetricWrapperBase)
# By name, the help text of a metric and its label, if it has one.
_Declared = Mapping[str, tuple[str, ...]]
# Values of gauges by name; a gauge with a label has one for each value of the label.
Values = Mapping[str, float | Mapping[Any, float]]

_WORK: Final[_Declared] = {
    "texts_out": ("Texts for embedding workers.", "state"),
    "workers": ("Embedding workers that are alive.",),
    "healthy": ("Whether /healthz answers 200.",),
}


class _ProcessMetrics:
    """Metrics of one process, with their help texts."""

    counters: ClassVar[_Declared]
    gauges: ClassVar[_Declared]

    def __init__(self, version: str) -> None:
        self._registry = CollectorRegistry()
        ProcessCollector(registry=self._registry)
        self._add(Info, "build", "The program.").info({"version": version})
        self._counters = {name: self._add(Counter, name, *by) for name, by in self.counters.items()}
        self._gauges = {name: self._add(Gauge, name, *by) for name, by in self.gauges.items()}

    def _add(
        self, kind: type[_Metric], name: str, told: str, *labels: str, **options: Any
    ) -> _Metric:
        return kind(f"commonplace_{name}", told, labels, registry=self._registry, **options)

    def count(self, name: str, *labels: str, number: int = 1) -> None:
        counter = self._counters[name]
        (counter.labels(*labels) if labels else counter).inc(number)

    def exposition(self, values: Values, work: QueueState | None = None) -> bytes:
        """Set gauges, also those of the embedding queue if it is given; return all metrics."""
        if work is not None:
            texts = {"waiting": work.waiting, "set_aside": work.set_aside}
            values = {**values, "texts_out": texts, "workers": sum(work.workers.values())}
        for name, value in values.items():
            gauge = self._gauges[name]
            if not isinstance(value, Mapping):
                gauge.set(value)
                continue
            # Shards move between processes.
            gauge.clear()
            for label, number in value.items():
                gauge.labels(label).set(number)
        return generate_latest(self._registry)

    def help_texts(self) -> dict[str, str]:
        """Return the help texts of the bot's own metrics, by their names in `/metrics`."""
        suffixes = {"counter": "_total", "info": "_info"}
        return {
            family.name + suffixes.get(family.type, ""): family.documentation
            for family in self._registry.collect()
            if family.name.startswith("commonplace_")
        }


class EmbeddingMetrics(_ProcessMetrics):
    """Metrics of an embedding worker."""

    counters: ClassVar[_Declared] = {
        "worker_embedded": ("Texts embedded by this worker.",),
        "worker_failed": ("Texts this worker could not embed.",),
    }
    gauges: ClassVar[_Declared] = _WORK


class Metrics(_ProcessMetrics):
    """Metrics of a bot."""

    counters: ClassVar[_Declared] = {
        "questions": ("Questions answered, by evidence.", "evidence"),
        "errors": ("Errors, by the exception's name.", "kind"),
        "dropped": ("Questions and clicks refused or dropped because they were late.", "reason"),
        "phrasings": ("Answers sent to a language model, by outcome.", "outcome"),
        "phrased_sentences": (
            "Sentences of a language model, by the verdict of the checks.",
            "verdict",
        ),
        "phrasing_tokens": ("Tokens sent and received.",),
    }
    gauges: ClassVar[_Declared] = {
        **_WORK,
        "degraded": ("Whether answers lack an optional part.",),
        "discord_connected": ("Whether Discord is connected.",),
        "leads": ("Whether this process does the work for all guilds.",),
        "shard_epoch": (
            "Epoch of this process's lease of a shard, if processes share shards.",
            "shard",
        ),
        "shard_connected": ("Whether a shard of this process is connected.", "shard"),
        "processes": ("Processes that share this bot's shards.",),
        "queue_length": ("Jobs waiting for the worker thread.", "priority"),
        "reviews_pending": ("Revisions waiting for a decision.",),
        "notes_live": ("Notes that answer questions.",),
        "verdicts": ("Verdicts on answers since the beginning.", "verdict"),
        "index_generation": ("Number of changes of the index.",),
        "index_age_seconds": ("Time since the last change of the index.",),
        "documents": ("Documents in the index.", "scope"),
        "passages": ("Passages in the index.", "scope"),
        "sources_failing": ("Sources that fail, or lost documents.",),
    }

    def __init__(self, version: str) -> None:
        super().__init__(version)
        self._stages = self._histogram(
            "stage_seconds", "Duration of a stage of answering.", _STAGE_SECONDS, "stage"
        )
        self._whole = self._histogram(
            "answer_seconds",
            "Time from a question to its answer, including the wait.",
            _WHOLE_SECONDS,
        )
        self._phrasing_seconds = self._histogram(
            "phrasing_seconds", "Duration of a language model's reply.", _PHRASING_SECONDS
        )
        self._embedder = self._add(Info, "embedder", "The model.")
        for evidence in Evidence:
            self._counters["questions"].labels(evidence.value)
        for stage in Stage:
            self._stages.labels(stage.value)

    def _histogram(
        self, name: str, told: str, buckets: tuple[float, ...], *labels: str
    ) -> Histogram:
        return self._add(Histogram, name, told, *labels, buckets=buckets)

    def count_answer(self, evidence: Evidence, seconds: float) -> None:
        self.count("questions", evidence.value)
        self._whole.observe(seconds)

    def observe_stage(self, stage: Stage, seconds: float) -> None:
        """Observe the duration of a stage; called in the worker's thread."""
        self._stages.labels(stage.value).observe(seconds)

    def count_phrasing(self, found: Phrased, tokens: int) -> None:
        """Count a phrasing by its outcome, and its sentences by the verdicts of the checks."""
        self.count("phrasings", found.outcome.value)
        self.count("phrasing_tokens", number=tokens)
        self._phrasing_seconds.observe(found.seconds)
        for verdict, number in found.verdicts.items():
            self.count("phrased_sentences", verdict, number=number)

    def count_error(self, error: BaseException) -> None:
        """Count an error by the name of its class."""
        self.count("errors", type(error).__name__)

    def with_figures(self, values: Values, figures: Figures) -> bytes:
        """Set gauges and those of the core's figures; return all metrics."""
        figures_by_gauge: Values = {
            "reviews_pending": figures.notes["pending"],
            "notes_live": figures.notes["live"],
            "verdicts": {verdict.value: figures.verdicts[verdict.value] for verdict in Verdict},
            "index_generation": figures.generation,
            "documents": figures.documents,
            "passages": figures.passages,
            "sources_failing": figures.failing_sources,
        }
        if figures.changed_at is not None:
            age = datetime.now(UTC) - figures.changed_at
            values = {**values, "index_age_seconds": age.total_seconds()}
        self._embedder.info({"model": figures.model, "vectors": figures.embedder})
        return self.exposition({**values, **figures_by_gauge}, figures.work)
