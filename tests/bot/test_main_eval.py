"""The command `dev eval`, in this process and with the word embedder in place of a model."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from bot.__main__ import app
from bot.cli.console import UNUSABLE
from bot.models.serving_model import choose_reranker
from bot.storage.data_folder import data_folder
from indexer.evaluation.judged_sets import LEAST_HARVEST
from knowledge.values.questions import Verdict
from tests.bot.accepted_answers import accept, nearly_enough
from tests.farm import FIGURES, farm, open_words


@pytest.fixture
def judged(tmp_path: Path) -> Path:
    return farm(tmp_path)


@pytest.fixture
def run(tmp_path: Path) -> Callable[..., Result]:
    def invoke(*arguments: str | Path) -> Result:
        data = ["--data", str(data_folder(tmp_path / "data"))]
        return CliRunner().invoke(
            app,
            ["dev", "eval", *map(str, arguments), *data],
            obj=open_words,
            env={"COLUMNS": "200"},
            catch_exceptions=False,
        )

    return invoke


def _record(result: Result) -> dict[str, Any]:
    assert result.exit_code == 0, result.stderr
    record: dict[str, Any] = json.loads(result.stdout)
    return record


def _sentence(result: Result) -> str:
    assert result.exit_code == UNUSABLE, result.stdout
    assert result.stdout == ""
    [line] = result.stderr.strip().splitlines()
    return line


@pytest.fixture
def reranked(tmp_path: Path, cross_encoder: Path) -> Path:
    path = tmp_path / "reranked.toml"
    path.write_text(f'[model]\nreranker = "{cross_encoder}"\nreranker_ms = 60000\n')
    return path


def test_figures_for_programs_keep_their_names(run: Callable[..., Result], judged: Path) -> None:
    assert set(_record(run(judged, "--json"))) == FIGURES


@pytest.mark.parametrize("both", [True, False])
def test_sets_have_one_origin(run: Callable[..., Result], judged: Path, both: bool) -> None:
    arguments = [judged, "--from-community"] if both else []
    assert "a judged set's folder, or --from-community, not both" in _sentence(run(*arguments))


def test_a_reranker_is_a_leg(run: Callable[..., Result], judged: Path, reranked: Path) -> None:
    legs = _record(run(judged, "--config", reranked, "--legs", "--json"))["legs"]
    assert set(legs) == {"dense", "lexical", "fused"}
    assert legs["fused"]["ndcg_at_10"] == _record(run(judged, "--json"))["ndcg_at_10"]


def test_the_reranker_that_was_chosen_is_measured_unless_the_settings_name_another(
    run: Callable[..., Result], judged: Path, cross_encoder: Path, tmp_path: Path, reranked: Path
) -> None:
    plain = _record(run(judged, "--json"))["ndcg_at_10"]
    choose_reranker(tmp_path / "data", "", str(cross_encoder))
    fast = tmp_path / "fast.toml"
    fast.write_text("[model]\nreranker_ms = 60000\n")
    chosen = _record(run(judged, "--config", fast, "--json"))["ndcg_at_10"]
    assert chosen < plain
    assert chosen == _record(run(judged, "--config", reranked, "--json"))["ndcg_at_10"]


# The community's own answers.


@pytest.fixture
def community(tmp_path: Path) -> Path:
    return nearly_enough(tmp_path / "data")


def test_few_answers_are_counted(run: Callable[..., Result], community: Path) -> None:
    assert f"{LEAST_HARVEST - 1} answers" in _sentence(run("--from-community"))


def test_answers_follow_the_corpus(run: Callable[..., Result], community: Path) -> None:
    accept(community, 50, [Verdict.HELPFUL, Verdict.HELPFUL])
    record = _record(run("--from-community", "--json"))
    assert record["questions"] == LEAST_HARVEST
    assert record["refused_rate"] is None
    assert record["recall_at_10"] == 1.0
