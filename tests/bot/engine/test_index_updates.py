"""Index updates: what the log says of long ones, and codes that come later.

What else they do is tested with the core.
"""

import itertools
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bot.answers.lookup import Ask, Stage
from bot.config import Settings
from bot.config_sections import DataSettings
from bot.engine import index_updates
from bot.engine.core import Core
from bot.engine.index_updates import TELL_SECONDS, run_to_end, told
from indexer.ingest.pipeline import SLICE_TEXTS, Progress, UpdateReport
from knowledge.model.documents import ARTICLES, SHARED
from tests.fakes import CodedEmbedder, WordEmbedder


def _update(_core: Any) -> Iterator[Progress]:
    for done in range(5):
        yield Progress(done, 4, f"secret title {done}", UpdateReport())


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0.0, []),
        (TELL_SECONDS / 2, [f"{done} of 4 documents are indexed." for done in (1, 3)]),
        (TELL_SECONDS, [f"{done} of 4 documents are indexed." for done in range(4)]),
    ],
)
def test_the_log_says_how_far_a_long_update_is_but_no_titles(
    seconds: float, said: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    clock = itertools.count(0.0, seconds).__next__
    core: Any = None
    with caplog.at_level(logging.INFO, "bot.engine.index_updates"):
        assert [step.done for step in told(_update, clock)(core)] == [0, 1, 2, 3, 4]
    assert caplog.messages == said


# Token codes of passages that an earlier release put in.


@pytest.fixture
def earlier(tmp_path: Path) -> Settings:
    """Settings of a data folder whose index has no codes."""
    settings = Settings(data=DataSettings(folder=tmp_path / "data"))
    with Core(settings, WordEmbedder()) as core:
        run_to_end(index_updates.update_quickly(core))
    return settings


def _coded() -> CodedEmbedder:
    """The same model, with token vectors."""
    return CodedEmbedder(model=WordEmbedder().model)


def _lacking(core: Core) -> int:
    return len(core.index.tables.without_token_codes())


def test_passages_of_an_earlier_release_get_codes_in_slices_and_only_once(
    earlier: Settings,
) -> None:
    with Core(earlier, _coded()) as core:
        generation, passages = core.index.generation, _lacking(core)
        assert passages == core.index.size([SHARED, ARTICLES]) > SLICE_TEXTS
        told = [(step.done, step.total) for step in index_updates.backfill(core)]
        assert told == [
            (min(done, passages), passages)
            for done in range(SLICE_TEXTS, passages + SLICE_TEXTS, SLICE_TEXTS)
        ]
        assert _lacking(core) == 0
        assert core.index.generation == generation
        assert list(index_updates.backfill(core)) == []


def test_what_was_answered_before_is_looked_up_anew_afterwards(earlier: Settings) -> None:
    with Core(earlier, _coded()) as core:
        looked_up: list[Stage] = []
        core.answer_pipeline.observe(lambda stage, _: looked_up.append(stage))

        def looks_up() -> bool:
            looked_up.clear()
            core.answer_pipeline.ask([Ask("what is open source AI", 1)])
            return Stage.SEARCH in looked_up

        assert [looks_up(), looks_up()] == [True, False]
        list(index_updates.backfill(core))
        assert [looks_up(), looks_up()] == [True, False]
        list(index_updates.backfill(core))
        assert not looks_up()


def test_an_update_ends_with_what_an_earlier_release_left_out(earlier: Settings) -> None:
    with Core(earlier, _coded()) as core:
        report = run_to_end(index_updates.update(core))
        assert (report.added, report.changed) == ([], [])
        assert _lacking(core) == 0


def test_it_may_end_at_any_step_and_is_gone_on_with_by_the_next_process(
    earlier: Settings,
) -> None:
    with Core(earlier, _coded()) as core:
        before = _lacking(core)
        next(index_updates.backfill(core))
        assert _lacking(core) == before - SLICE_TEXTS
    with Core(earlier, _coded()) as core:
        assert _lacking(core) == before - SLICE_TEXTS
        run_to_end(index_updates.backfill(core))
        assert _lacking(core) == 0


def test_a_model_without_token_vectors_is_left_as_it_is(earlier: Settings) -> None:
    with Core(earlier, WordEmbedder()) as core:
        before = _lacking(core)
        assert list(index_updates.backfill(core)) == []
        assert _lacking(core) == before > 0
