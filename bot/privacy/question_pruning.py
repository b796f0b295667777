"""Pruning of old questions: their words go, what figures are made of stays; in slices."""

from collections.abc import Iterator
from datetime import datetime
from typing import Final

from bot.engine.core import Core

# So many questions are pruned in one slice, which takes some milliseconds.
SLICE: Final = 50


def prune(core: Core, before: datetime) -> Iterator[int]:
    """Prune what was asked before a moment; each step gives how many were pruned so far."""
    total = 0
    while pruned := core.store.question_records.prune(before, SLICE):
        total += pruned
        yield total
