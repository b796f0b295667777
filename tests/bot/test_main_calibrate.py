"""The command `calibrate`, in this process and with the word embedder in place of a model."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from bot.__main__ import app
from bot.cli.console import UNUSABLE
from indexer.embedding.embedder import Embedder
from indexer.evaluation.calibration import LEAST_QUESTIONS
from indexer.retrieval.evidence import calibration
from tests.fakes import WordEmbedder


def _open_words(name: str, _: Path) -> Embedder:
    return WordEmbedder(4_096, model=name)


@pytest.fixture
def run(tmp_path: Path) -> Callable[..., Result]:
    def invoke(*arguments: str | Path) -> Result:
        options = ["--data", str(tmp_path / "data"), "--to", str(tmp_path / "fitted.toml")]
        return CliRunner().invoke(
            app,
            ["calibrate", *options, *map(str, arguments)],
            obj=_open_words,
            env={"COLUMNS": "200"},
            catch_exceptions=False,
        )

    return invoke


def _set(folder: Path, questions: int, *, documents: int = 0) -> Path:
    """A set whose questions share their words with the documents that answer."""
    folder.mkdir(parents=True)
    names = [f"animal{number} gives product{number}" for number in range(documents or questions)]
    rows = [json.dumps({"_id": str(i), "text": text}) for i, text in enumerate(names)]
    (folder / "corpus.jsonl").write_text("\n".join(rows))
    asked = [json.dumps({"_id": str(i), "text": names[i % len(names)]}) for i in range(questions)]
    (folder / "queries.jsonl").write_text("\n".join(asked))
    lines = [f"{question}\t{question % len(names)}\t1" for question in range(questions)]
    (folder / "qrels.tsv").write_text("\n".join(lines))
    return folder


def _sentence(result: Result) -> str:
    assert result.exit_code == UNUSABLE, result.stdout
    return " ".join(result.stderr.split())


def test_what_is_fitted_is_written_and_can_be_read(
    run: Callable[..., Result], tmp_path: Path
) -> None:
    result = run(_set(tmp_path / "farm", LEAST_QUESTIONS))
    assert result.exit_code == 0, result.stderr
    assert "cross-fitted" in result.stdout
    assert calibration(tmp_path / "fitted.toml").strong > 0


def test_too_few_questions_are_counted_and_nothing_is_written(
    run: Callable[..., Result], tmp_path: Path
) -> None:
    said = _sentence(run(_set(tmp_path / "farm", LEAST_QUESTIONS - 1)))
    assert f"{LEAST_QUESTIONS - 1} judged questions found anything" in said
    assert not (tmp_path / "fitted.toml").exists()


def test_where_every_passage_is_right_there_is_nothing_to_tell_apart(
    run: Callable[..., Result], tmp_path: Path
) -> None:
    said = _sentence(run(_set(tmp_path / "farm", LEAST_QUESTIONS, documents=1)))
    assert "The first passages are all right" in said
    assert not (tmp_path / "fitted.toml").exists()


def test_two_sets_of_one_name_are_told_apart_by_nobody(
    run: Callable[..., Result], tmp_path: Path
) -> None:
    sets = [_set(tmp_path / folder / "farm", LEAST_QUESTIONS) for folder in ("a", "b")]
    assert "Two sets are named farm" in _sentence(run(*sets))


def test_a_folder_to_write_to_that_is_missing_is_named_before_anything_is_fitted(
    run: Callable[..., Result], tmp_path: Path
) -> None:
    farm = _set(tmp_path / "farm", LEAST_QUESTIONS)
    target = tmp_path / "missing" / "fitted.toml"
    said = _sentence(run(farm, "--to", target))
    assert "there is no folder" in said
