"""Comparison: the figures of two models on the same questions."""

from dataclasses import replace
from pathlib import Path

import pytest

from bot.core.index_updates import run_to_end, update_notes_and_articles
from bot.models.comparison import (
    HARDLY_CHANCE,
    OWN,
    TOGETHER,
    Figure,
    Side,
    accepted_answers,
    evaluators,
    figures,
    pool,
)
from indexer.embedding.model_records import ModelRecord
from indexer.evaluation.judged_sets import LEAST_HARVEST, JudgedSet, JudgedSetError
from indexer.evaluation.runner import Evaluation
from indexer.retrieval.evidence import default_calibration
from knowledge.values.documents import SHARED, Document, Kind
from tests.bot.accepted_answers import accept
from tests.bot.models.choosing import opened
from tests.fakes import salted_models


def test_small_losses_in_every_set_add_up() -> None:
    """None is significant by itself; together they are."""
    found = [
        Figure(name, "nDCG@10", [1.0] * 100, [1.0] * 98 + [0.5, 0.5]) for name in ("a", "b", "c")
    ]
    assert all(figure.p > HARDLY_CHANCE for figure in found)
    [together] = pool(found)
    assert together.judged == TOGETHER
    assert len(together.serving) == 300
    assert together.p < HARDLY_CHANCE
    assert together.gain < 0


def _judged() -> JudgedSet:
    texts = {"bees": "Bees make honey in a hive.", "cows": "Cows give milk on a meadow."}
    return JudgedSet(
        [Document(key, SHARED, Kind.FILE, key, text) for key, text in texts.items()],
        {"1": "what do bees make in a hive", "2": "what do cows give on a meadow"},
        {"1": {"bees": 1}, "2": {"cows": 1}},
        {"u": "zeppelins over zanzibar"},
    )


def _evaluation(name: str, judged: JudgedSet) -> Evaluation:
    model = salted_models(ModelRecord(name))
    with evaluators([Side(model, default_calibration())], judged, run_to_end) as [evaluator]:
        return evaluator.evaluate()


def test_two_models_are_measured_on_the_same_questions() -> None:
    judged = _judged()
    found = figures("bees", _evaluation("one", judged), _evaluation("two", judged))
    assert [(figure.name, len(figure.serving)) for figure in found] == [
        ("nDCG@10", 2),
        ("answered", 2),
        ("refused", 1),
    ]
    assert found[0].serving == [1.0, 1.0]


def test_without_refusals_none_are_reported() -> None:
    judged = replace(_judged(), unanswerable={})
    evaluation = _evaluation("one", judged)
    assert [figure.name for figure in figures("bees", evaluation, evaluation)] == [
        "nDCG@10",
        "answered",
    ]


def test_accepted_answers_count_as_found_only() -> None:
    """Most were accepted because the serving model ranked them first."""
    first = _evaluation("one", _judged())
    second = replace(first, run={key: [*found[::-1]] for key, found in first.run.items()})
    lost = replace(first, run={**first.run, "1": ["cows"]})
    order, *_ = figures("bees", first, second)
    assert order.gain < 0

    found, *_ = figures(OWN, first, second)
    assert (found.name, found.serving, found.gain) == ("found", [1.0, 1.0], 0.0)
    found, *_ = figures(OWN, first, lost)
    assert found.other == [0.0, 1.0]


def test_equal_sets_are_told_once() -> None:
    evaluation = _evaluation("one", _judged())
    both = [*figures(OWN, evaluation, evaluation), *figures("bees", evaluation, evaluation)]
    assert [figure.name for figure in pool(both)] == ["answered", "refused"]
    assert pool(both[:1]) == []


def test_helpful_and_picked_answers_are_the_servers_set(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    with opened(folder) as core:
        run_to_end(update_notes_and_articles(core))
    for number in range(LEAST_HARVEST - 1):
        accept(folder, number)
    with opened(folder) as core, pytest.raises(JudgedSetError, match="20 different questions"):
        accepted_answers(core.store, core.index.tables)
    accept(folder, 99, picked="article:community")
    with opened(folder) as core:
        judged = accepted_answers(core.store, core.index.tables)
    assert len(judged.queries) == LEAST_HARVEST
    assert {key for some in judged.judgements.values() for key in some} == {
        "article:milestones",
        "article:community",
    }
