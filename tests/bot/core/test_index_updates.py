"""Index updates: progress in the log, and token codes added later. More is tested with the core."""

import itertools
import logging
from collections.abc import Iterator
from typing import Any

import pytest

from bot.core.index_updates import PROGRESS_SECONDS, with_progress_logged
from indexer.ingest.pipeline import Progress, UpdateReport


def _update(_core: Any) -> Iterator[Progress]:
    for done in range(5):
        yield Progress(done, 4, f"secret title {done}", UpdateReport())


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0.0, []),
        (PROGRESS_SECONDS / 2, [f"{done} of 4 documents are indexed." for done in (1, 3)]),
        (PROGRESS_SECONDS, [f"{done} of 4 documents are indexed." for done in range(4)]),
    ],
)
def test_the_log_says_how_far_a_long_update_is_but_no_titles(
    seconds: float, said: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    clock = itertools.count(0.0, seconds).__next__
    core: Any = None
    with caplog.at_level(logging.INFO, "bot.core.index_updates"):
        assert [step.done for step in with_progress_logged(_update, clock)(core)] == [0, 1, 2, 3, 4]
    assert caplog.messages == said
