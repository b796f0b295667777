"""Evidence fitted on judged sets and accepted answers, with the word embedder as the model."""

import json
import re
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from benchmarks.calibration import LEAST_QUESTIONS, STRONG_PRECISION
from benchmarks.fitting import main
from bot.models.calibrations import chosen_calibration
from bot.storage.data_folder import data_folder
from indexer.embedding.embedder import DEFAULT_MODEL
from indexer.embedding.model_records import ModelRecord, RecordedModel
from indexer.evaluation.judged_sets import LEAST_HARVEST
from indexer.retrieval.evidence import CalibrationError, FittedFor, calibration
from knowledge.dependencies import install_hint
from knowledge.values.questions import Evidence
from tests.bot.accepted_answers import accept, nearly_enough
from tests.fakes import WordEmbedder


def _open_words(record: ModelRecord) -> RecordedModel:
    return RecordedModel(WordEmbedder(4_096, model=record.name), record)


@pytest.fixture
def run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    def fit(*arguments: str | Path) -> str:
        data = data_folder(tmp_path / "data")
        options = ["--data", str(data), "--to", str(tmp_path / "fitted.toml")]
        main([*options, *map(str, arguments)], _open_words)
        return capsys.readouterr().out

    return fit


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


# Sets in folders.


def test_what_is_fitted_is_written_and_can_be_read(run: Callable[..., str], tmp_path: Path) -> None:
    assert "cross-fitted" in run(_set(tmp_path / "farm", LEAST_QUESTIONS))
    found = calibration(tmp_path / "fitted.toml")
    assert found.strong > 0
    assert found.model == FittedFor(DEFAULT_MODEL, DEFAULT_MODEL)


def test_in_the_data_folder_it_counts_for_the_model_that_it_was_fitted_for(
    run: Callable[..., str], tmp_path: Path
) -> None:
    farm, data = _set(tmp_path / "farm", LEAST_QUESTIONS), data_folder(tmp_path / "data")
    main(["--data", str(data), str(farm)], _open_words)
    for name, counts in ((DEFAULT_MODEL, True), ("owner/other", False)):
        chosen = chosen_calibration(data, ModelRecord(name, vectors=name))
        assert (not chosen.ignored) is counts


def test_too_few_questions_are_counted_and_nothing_is_written(
    run: Callable[..., str], tmp_path: Path
) -> None:
    with pytest.raises(SystemExit) as refused:
        run(_set(tmp_path / "farm", LEAST_QUESTIONS - 1))
    assert f"{LEAST_QUESTIONS - 1} judged questions found anything" in str(refused.value)
    assert not (tmp_path / "fitted.toml").exists()


def test_where_every_passage_is_right_there_is_nothing_to_tell_apart(
    run: Callable[..., str], tmp_path: Path
) -> None:
    with pytest.raises(SystemExit) as refused:
        run(_set(tmp_path / "farm", LEAST_QUESTIONS, documents=1))
    assert "The first passages are all right" in str(refused.value)
    assert not (tmp_path / "fitted.toml").exists()


def test_two_sets_of_one_name_are_told_apart_by_nobody(
    run: Callable[..., str], tmp_path: Path
) -> None:
    sets = [_set(tmp_path / folder / "farm", LEAST_QUESTIONS) for folder in ("a", "b")]
    with pytest.raises(SystemExit, match="Two sets are named farm"):
        run(*sets)


def test_a_folder_to_write_to_that_is_missing_is_named_before_anything_is_fitted(
    run: Callable[..., str], tmp_path: Path
) -> None:
    farm = _set(tmp_path / "farm", LEAST_QUESTIONS)
    target = tmp_path / "missing" / "fitted.toml"
    with pytest.raises(SystemExit) as refused:
        run(farm, "--to", target)
    assert "there is no folder" in str(refused.value)


def test_missing_scipy_is_named_with_its_extra(
    run: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "scipy", None)
    with pytest.raises(CalibrationError, match=re.escape(install_hint("models"))):
        run()


def test_without_any_set_both_ways_to_name_one_are_told(run: Callable[..., str]) -> None:
    with pytest.raises(SystemExit, match="Name folders of judged sets, --from-community, or both"):
        run()


# The community's own answers.


@pytest.fixture
def community(tmp_path: Path) -> Path:
    return nearly_enough(tmp_path / "data")


PICKED = range(50, 55)


def _pick(folder: Path, number: int) -> None:
    """What was asked is refused, and a member picks what doesn't come first today either."""
    accept(folder, number, evidence=Evidence.NONE, picked="article:trends-to-2030")


@pytest.fixture
def enough(community: Path) -> None:
    for number in PICKED:
        _pick(community, number)


@pytest.mark.usefixtures("community")
@pytest.mark.parametrize("beside", [True, False], ids=["beside a folder", "alone"])
def test_too_few_accepted_answers_are_counted_and_how_many_it_takes_is_told(
    run: Callable[..., str], tmp_path: Path, beside: bool
) -> None:
    folders = [_set(tmp_path / "farm", LEAST_QUESTIONS)] if beside else []
    with pytest.raises(SystemExit) as refused:
        run("--from-community", *folders)
    assert f"{LEAST_HARVEST - 1} answers" in str(refused.value)
    assert f"{LEAST_HARVEST} different questions" in str(refused.value)
    assert not (tmp_path / "fitted.toml").exists()


@pytest.mark.usefixtures("enough")
def test_accepted_and_picked_answers_are_a_set_to_fit_on(
    run: Callable[..., str], tmp_path: Path
) -> None:
    assert "accepted answers right kept" in run("--from-community")
    assert calibration(tmp_path / "fitted.toml").strong > 0
    written = (tmp_path / "fitted.toml").read_text(encoding="utf-8")
    assert "`benchmarks.fitting --from-community`" in written
    assert f"accepted answers: {LEAST_HARVEST - 1 + len(PICKED)} questions" in written


def test_where_hardly_anything_was_picked_accepted_answers_would_make_everything_strong(
    run: Callable[..., str], community: Path, tmp_path: Path
) -> None:
    _pick(community, 50)
    with pytest.raises(SystemExit) as refused:
        run("--from-community", _set(tmp_path / "farm", LEAST_QUESTIONS))
    assert f"{LEAST_HARVEST - 1} of {LEAST_HARVEST} accepted answers come first anyway" in str(
        refused.value
    )
    assert f"Less than {STRONG_PRECISION:.0%} may" in str(refused.value)
    assert not (tmp_path / "fitted.toml").exists()


@pytest.mark.usefixtures("enough")
def test_accepted_answers_are_fitted_on_beside_the_sets_of_folders(
    run: Callable[..., str], tmp_path: Path
) -> None:
    said = run(_set(tmp_path / "farm", LEAST_QUESTIONS), "--from-community")
    for name in ("accepted answers", "farm"):
        assert f"cross-fitted {name} right kept" in said
        assert f"{name} foreign refused" in said
    written = (tmp_path / "fitted.toml").read_text(encoding="utf-8")
    assert "`benchmarks.fitting --from-community farm`" in written


@pytest.mark.usefixtures("enough")
def test_a_folder_named_as_the_accepted_answers_are_is_to_be_renamed(
    run: Callable[..., str], tmp_path: Path
) -> None:
    namesake = _set(tmp_path / "accepted answers", LEAST_QUESTIONS)
    with pytest.raises(SystemExit) as refused:
        run("--from-community", namesake)
    assert "Two sets are named accepted answers" in str(refused.value)
