"""The command `model`, as somebody types it: what it says, and what it leaves behind."""

import json
import logging
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from bot.__main__ import app
from bot.cli.models import RUNS_ON_PYTORCH
from bot.models.calibrations import save_calibration
from bot.models.serving_model import read_pointer
from bot.storage.data_folder import MODEL_LOCK, try_lock
from indexer.retrieval.evidence import FittedFor, default_calibration
from tests.bot.models.choosing import FIRST, MEETUP, WHERE, opened, publish, quoted
from tests.fakes import salted_models

pytestmark = pytest.mark.usefixtures("small_sets", "one_article")
Run = Callable[..., Result]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A data folder in which the first model serves, with a note."""
    with opened(tmp_path / "data") as core:
        publish(core, *MEETUP)
    return tmp_path / "data"


@pytest.fixture
def run(folder: Path, tmp_path: Path) -> Iterator[Run]:
    """Run `commonplace model …` on the folder, with models that are made of words."""
    config = tmp_path / "config.toml"
    config.write_text(f'[model]\nname = "{FIRST}"\n[articles]\nbundled = "never"\n')

    def invoke(*arguments: str | Path) -> Result:
        where = ["--config", str(config), "--data", str(folder)]
        named = ["model", *map(str, arguments), *where]
        return CliRunner().invoke(app, named, obj=salted_models, env={"COLUMNS": "80"})

    yield invoke
    # The command logs to its own standard error, which has ended with it.
    logging.getLogger().handlers.clear()


@pytest.fixture
def other(tmp_path: Path) -> Path:
    return _model(tmp_path / "other")


def _model(folder: Path) -> Path:
    folder.mkdir()
    (folder / "modules.json").write_text("[]")
    return folder


def _served(folder: Path) -> str:
    with opened(folder) as core:
        assert quoted(core, WHERE) == [MEETUP[1]]
        return core.served.model.name


def test_a_chosen_model_serves_from_the_next_start(run: Run, folder: Path, other: Path) -> None:
    done = run("use", other)
    assert done.exit_code == 0, done.output
    assert "survival-game" in done.output
    assert "all together" in done.output
    assert "serves from the bot's next start" in " ".join(done.output.split())
    assert _served(folder) == str(other)
    again = run("use", other)
    assert again.exit_code == 0
    assert "serves already" in again.output
    back = run("back")
    assert back.exit_code == 0, back.output
    assert f"{FIRST} serves from the bot's next start" in " ".join(back.output.split())
    assert _served(folder) == FIRST


def test_a_worse_model_is_marked_in_the_table(run: Run, folder: Path, tmp_path: Path) -> None:
    done = run("use", _model(tmp_path / "blind"))
    assert done.exit_code == 0, done.output
    assert "worse" in done.output
    assert run("back").exit_code == 0
    assert _served(folder) == FIRST


@pytest.mark.slow
def test_a_model_without_package_is_slower(run: Run, folder: Path, tmp_path: Path) -> None:
    slow = _model(tmp_path / "slow torch")
    done = run("use", slow)
    assert done.exit_code == 0, done.output
    assert RUNS_ON_PYTORCH in " ".join(done.output.split())


@pytest.mark.slow
def test_a_failed_choice_is_continued(run: Run, folder: Path, other: Path, tmp_path: Path) -> None:
    """Each build begins with what the one before has embedded."""
    done = run("use", other)
    assert done.exit_code == 0, done.output
    run("back")
    # The index that is gone back from is what the same command goes on with.
    done = run("use", other)
    assert done.exit_code == 0, done.output
    assert _served(folder) == str(other)
    assert len(list(folder.glob("index*"))) == 2


@pytest.mark.slow
def test_each_model_has_its_own_calibration(run: Run, folder: Path, other: Path) -> None:
    """What refuses everything, fitted for the other one, is what the other one is measured with."""
    refuses_all = replace(default_calibration(), none=1.0, near=1.0, model=FittedFor(str(other)))
    save_calibration(folder, refuses_all)
    done = run("use", other)
    assert done.exit_code == 0, done.output
    told = " ".join(done.output.split())
    assert re.search(r"answered of 24 0\.\d*[1-9]\d* 0\.000 <0\.001 worse", told)


@pytest.mark.slow
def test_unfitting_calibration_is_told(run: Run, folder: Path, other: Path) -> None:
    save_calibration(folder, replace(default_calibration(), model=FittedFor(FIRST)))
    done = run("use", other)
    assert done.exit_code == 0, done.output
    told = " ".join(done.output.split())
    assert f"was fitted for {FIRST} and is not applied to {other}" in told


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["use", "nonsense"], "There is no model 'nonsense'"),
        (["use", "nobody/no-such-model"], "HF_HUB_OFFLINE=0"),
        (["use", "{tmp}"], "it is no model's folder"),
        (["use", "{tmp}/missing"], "There is no model"),
        (["back"], "nothing to go back to"),
    ],
)
def test_what_can_not_be_done_is_said_in_a_sentence_and_changes_nothing(
    run: Run, folder: Path, tmp_path: Path, arguments: list[str], said: str
) -> None:
    before = read_pointer(folder)
    done = run(*(each.format(tmp=tmp_path) for each in arguments))
    assert done.exit_code == 2
    assert said in " ".join(done.output.split())
    assert read_pointer(folder) == before


def test_two_at_once_are_refused(run: Run, folder: Path, other: Path) -> None:
    with try_lock(folder, MODEL_LOCK):
        for command in (["use", other], ["back"]):
            done = run(*command)
            assert done.exit_code == 2
            assert "being built" in done.output


def test_the_list_is_for_people_and_for_programs(run: Run) -> None:
    lines = [json.loads(line) for line in run("list", "--json").stdout.splitlines()]
    assert lines[0]["name"] == FIRST
    assert lines[0]["standing"] == "serves"
    assert {"english", "multilingual"} <= {line["key"] for line in lines}
    shown = run("list").output
    assert "not measured here" in shown
    assert "Apache-2.0" in shown
