"""Two configurations compared on a judged set, with the word embedder in place of a model."""

import json
import math
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from benchmarks.comparing import Comparison, main
from bot.config.settings import ConfigError
from bot.storage.data_folder import data_folder
from indexer.evaluation.metrics import Run
from indexer.evaluation.runner import Evaluation
from knowledge.dependencies import install_hint
from knowledge.values.questions import Evidence
from tests.farm import FIGURES, PRODUCTS, farm, open_words, write


@pytest.fixture
def judged(tmp_path: Path) -> Path:
    return farm(tmp_path)


@pytest.fixture
def run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    def compare(*arguments: str | Path) -> str:
        data = data_folder(tmp_path / "data")
        main([*map(str, arguments), "--data", str(data)], open_words)
        return capsys.readouterr().out

    return compare


def _record(said: str) -> dict[str, Any]:
    record: dict[str, Any] = json.loads(said)
    return record


@pytest.fixture
def reranked(tmp_path: Path, cross_encoder: Path) -> Path:
    path = tmp_path / "reranked.toml"
    path.write_text(f'[model]\nreranker = "{cross_encoder}"\nreranker_ms = 60000\n')
    return path


def test_a_reranker_is_compared_with_none(
    run: Callable[..., str], judged: Path, reranked: Path
) -> None:
    record = _record(run(judged, reranked, "--json"))
    # Its weights are random: on five questions with one right answer each it must do harm.
    assert record["other"]["ndcg_at_10"] < record["current"]["ndcg_at_10"]
    assert record["changed"]


@pytest.fixture
def blind(tmp_path: Path) -> Path:
    path = tmp_path / "blind.toml"
    path.write_text('[model]\nname = "blind"\n')
    return path


@pytest.fixture
def same(tmp_path: Path) -> Path:
    path = tmp_path / "same.toml"
    path.write_text("[answers]\npassages = 2\n")
    return path


def test_settings_that_rank_alike_are_compared_without_a_difference(
    run: Callable[..., str], judged: Path, same: Path
) -> None:
    record = _record(run(judged, same, "--json"))
    assert list(record) == ["current", "other", "p_value", "changed"]
    assert set(record["current"]) == set(record["other"]) == FIGURES
    assert record["current"]["ndcg_at_10"] == record["other"]["ndcg_at_10"]
    assert (record["p_value"], record["changed"]) == (1.0, [])


def test_what_other_settings_change_is_told_question_by_question(
    run: Callable[..., str], judged: Path, blind: Path
) -> None:
    """Both find by words; what the current model alone brings up is ranked by the order of ids."""
    record = _record(run(judged, blind, "--legs", "--json"))
    dense = [record[name]["legs"]["dense"]["ndcg_at_10"] for name in ("current", "other")]
    assert dense[0] > dense[1]
    difference = record["other"]["ndcg_at_10"] - record["current"]["ndcg_at_10"]
    gains = [change["other"] - change["current"] for change in record["changed"]]
    assert sum(gains) / len(PRODUCTS) == pytest.approx(difference)
    assert all(set(change) == {"question", "current", "other"} for change in record["changed"])
    assert 0 < record["p_value"] <= 1


def test_a_comparison_is_shown_side_by_side_with_its_verdict(
    run: Callable[..., str], judged: Path, blind: Path
) -> None:
    shown = run(judged, blind)
    header = next(line for line in shown.splitlines() if "figure" in line)
    assert [word for word in header.split() if word.isalpha()] == [
        "figure",
        "current",
        "other",
        "difference",
    ]
    assert "paired randomisation test" in shown
    assert " lost" in shown


def test_settings_to_compare_with_that_are_missing_are_named(
    judged: Path, tmp_path: Path, run: Callable[..., str]
) -> None:
    with pytest.raises(ConfigError, match=r"no\.toml can't be read"):
        run(judged, tmp_path / "no.toml")


# The picture.


def _panels(path: Path) -> list[str]:
    text = path.read_text()
    titles = ("How well the strength", "How well it ranks", "How fast it is")
    return [title for title in titles if f"<!-- {title}" in text]


def test_without_unanswerable_questions_the_picture_does_not_speak_of_refusing(
    run: Callable[..., str], judged: Path, tmp_path: Path
) -> None:
    assert set(_record(run(judged, "--plot", tmp_path / "out.svg", "--json"))) == FIGURES
    assert _panels(tmp_path / "out.svg") == ["How well it ranks", "How fast it is"]
    write(judged / "unanswerable.jsonl", {"u1": "largest river", "u2": "cows give what"})
    _record(run(judged, "--plot", tmp_path / "out.svg", "--json"))
    assert len(_panels(tmp_path / "out.svg")) == 3


def test_two_settings_are_drawn_into_one_picture(
    run: Callable[..., str], judged: Path, tmp_path: Path, blind: Path
) -> None:
    run(judged, blind, "--plot", tmp_path / "out.png")
    assert (tmp_path / "out.png").read_bytes().startswith(b"\x89PNG")
    _record(run(judged, blind, "--plot", tmp_path / "out.svg", "--json"))
    drawn = (tmp_path / "out.svg").read_text()
    for name in ("current", "other"):
        assert f"<!-- {name}: mean" in drawn
        assert f"<!-- {name}: p50" in drawn


@pytest.mark.parametrize(
    ("place", "problem"),
    [("out.txt", "must end in .png or .svg or .pdf"), ("gone/out.png", "there is no folder")],
)
def test_a_picture_that_can_not_be_drawn_is_explained_before_anything_is_measured(
    run: Callable[..., str], judged: Path, tmp_path: Path, place: str, problem: str
) -> None:
    with pytest.raises(SystemExit, match=re.escape(problem)):
        run(judged, "--plot", tmp_path / place)


def test_without_matplotlib_the_extra_is_named(
    run: Callable[..., str], judged: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    with pytest.raises(SystemExit, match=re.escape(install_hint("plot"))):
        run(judged, "--plot", tmp_path / "out.png")


# Which questions changed.


def _evaluation(run: Run) -> Evaluation:
    judgements = {"q1": {"a": 1}, "q2": {"b": 1}, "q3": {"c": 1}}
    return Evaluation(
        run=run,
        judgements=judgements,
        legs={},
        evidence=dict.fromkeys(judgements, Evidence.STRONG),
        strengths=dict.fromkeys(judgements, 0.9),
        unanswerable={},
        unanswerable_strengths={},
        milliseconds=[1.0],
        passages_per_second=1.0,
        threshold=0.5,
    )


def test_a_comparison_names_what_changed_with_the_largest_loss_first() -> None:
    comparison = Comparison(
        current=_evaluation({"q1": ["a"], "q2": ["x", "b"], "q3": ["c"]}),
        other=_evaluation({"q1": ["x", "a"], "q2": ["b"], "q3": ["c"]}),
        queries={"q1": "one?", "q2": "two?", "q3": "three?"},
    )
    second = pytest.approx(1 / math.log2(3))
    assert comparison.to_dict()["changed"] == [
        {"question": "one?", "current": 1.0, "other": second},
        {"question": "two?", "current": second, "other": 1.0},
    ]
    assert [change.gain > 0 for change in comparison.changed()] == [False, True]
    assert comparison.p_value() == 1.0
