"""Speeds of models, measured by `commonplace model try` on this machine.

A file in the data folder stores each speed under the model's `Embedder.model`, a name for the model
and its runtime. A lost or damaged file counts as empty.
"""

import json
import os
import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from bot.storage.json_file import write_json
from indexer.embedding.derivation import SAMPLE, VARIED
from indexer.embedding.embedder import Embedder

FILE: Final = "model-speeds.json"

# Questions, sentences and long passages, repeated.
_PASSAGES: Final = (*SAMPLE, *VARIED) * 4
_BATCH: Final = 16
_QUESTIONS: Final = VARIED * 2


@dataclass(frozen=True, slots=True)
class Speed:
    """Speed of a model: texts a second in batches, and milliseconds for one question."""

    name: str
    texts_per_second: float
    question_ms: float
    cores: int
    measured_at: str


def measure(name: str, embedder: Embedder, clock: Callable[[], float] = time.perf_counter) -> Speed:
    """Measure a model for some seconds. The time for a question is the median of many questions."""
    embedder.embed_queries(_QUESTIONS[:1])
    started = clock()
    for start in range(0, len(_PASSAGES), _BATCH):
        embedder.embed_passages(_PASSAGES[start : start + _BATCH])
    seconds = clock() - started
    asked = []
    for text in _QUESTIONS:
        before = clock()
        embedder.embed_queries([text])
        asked.append((clock() - before) * 1e3)
    return Speed(
        name,
        round(len(_PASSAGES) / max(seconds, 1e-9), 1),
        round(statistics.median(asked), 2),
        os.cpu_count() or 1,
        datetime.now(UTC).isoformat(timespec="seconds"),
    )


def read_speeds(folder: Path) -> Mapping[str, Speed]:
    """Return the earlier measurements, by `Embedder.model`."""
    try:
        found = json.loads((folder / FILE).read_text(encoding="utf-8"))
        return {str(model): Speed(**fields) for model, fields in found.items()}
    except (OSError, ValueError, TypeError, AttributeError):
        return {}


def save_speed(folder: Path, model: str, speed: Speed) -> None:
    """Save the speed of a model, replacing an earlier speed; `model` is an `Embedder.model`."""
    speeds = {**read_speeds(folder), model: speed}
    write_json(folder / FILE, {key: asdict(one) for key, one in speeds.items()})
