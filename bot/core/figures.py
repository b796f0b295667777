"""Figures of a bot: numbers over all guilds, for whoever runs it and for metrics."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from knowledge.values.embedding_jobs import QueueState


@dataclass(frozen=True, slots=True)
class Figures:
    """How much there is and how much goes on, over all guilds: numbers, and nothing of anybody's.

    `questions` by evidence, `verdicts` by kind, `notes` live and pending; `documents` and
    `passages` by who they are for: *shared*, or *guild* for those of all guilds together.
    `model` is what serves, `embedder` what made the vectors; `work` what workers embed.
    """

    questions: Mapping[str, int]
    verdicts: Mapping[str, int]
    notes: Mapping[str, int]
    documents: Mapping[str, int]
    passages: Mapping[str, int]
    generation: int
    changed_at: datetime | None
    model: str
    embedder: str
    work: QueueState | None = None
