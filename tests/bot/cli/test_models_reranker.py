"""The command `model use --reranker`, as somebody types it: measured both ways, then chosen."""

import json
import logging
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from bot.__main__ import app
from bot.models.serving_model import choose_reranker, chosen_reranker
from bot.storage.data_folder import MODEL_LOCK, try_lock
from tests.bot.models.choosing import FIRST, MEETUP, opened, publish
from tests.fakes import salted_models
from tests.models import save_cross_encoder

pytestmark = pytest.mark.usefixtures("small_sets", "one_article")
Run = Callable[..., Result]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    with opened(tmp_path / "data") as core:
        publish(core, *MEETUP)
    return tmp_path / "data"


@pytest.fixture
def run(folder: Path, tmp_path: Path) -> Run:
    """Run `commonplace model … --reranker` with a model that is made of words."""

    def invoke(*arguments: str | Path) -> Result:
        config = tmp_path / "config.toml"
        lines = f'[model]\nname = "{FIRST}"\nreranker_ms = 60000\n'
        config.write_text(f'{lines}[articles]\nbundled = "never"\n')
        where = ["--config", str(config), "--data", str(folder)]
        named = ["model", *map(str, arguments), "--reranker", *where]
        done = CliRunner().invoke(app, named, obj=salted_models, env={"COLUMNS": "80"})
        # The command logs to its own standard error, which has ended with it.
        logging.getLogger().handlers.clear()
        return done

    return invoke


def test_a_choice_counts_after_restart(run: Run, folder: Path, cross_encoder: Path) -> None:
    """Its weights are random: it must do harm."""
    done = run("use", cross_encoder)
    assert done.exit_code == 0, done.output
    assert "survival-game" in done.output
    assert "worse" in done.output
    assert "once the bot is restarted" in " ".join(done.output.split())
    assert chosen_reranker(folder, "") == str(cross_encoder)
    assert "serves already" in run("use", cross_encoder).output
    with opened(folder) as core:
        assert core.retriever.reranking is not None
        assert core.retriever.reranking.name == str(cross_encoder)


def test_a_reranker_is_the_same_from_another_folder(
    run: Run, folder: Path, cross_encoder: Path, tmp_path: Path
) -> None:
    choose_reranker(folder, "", str(cross_encoder))
    copy = shutil.copytree(cross_encoder, tmp_path / "copy")
    done = run("use", copy)
    assert done.exit_code == 0, done.output
    assert "the same" in done.output
    assert chosen_reranker(folder, "") == str(copy)


def test_the_way_back_leads_forth_again(run: Run, folder: Path) -> None:
    assert "no earlier reranker" in " ".join(run("back").output.split())
    choose_reranker(folder, "", "one")
    for serving in ("", "one"):
        done = run("back")
        assert done.exit_code == 0, done.output
        assert chosen_reranker(folder, "") == serving


def test_what_can_not_be_used_is_said_in_a_sentence_and_changes_nothing(
    run: Run, folder: Path, cross_encoder: Path, tmp_path: Path
) -> None:
    (tmp_path / "classifier").mkdir()
    save_cross_encoder(tmp_path / "classifier", labels=3)
    # An embedder: the library would make up a head with random weights.
    headless = shutil.copytree(cross_encoder, tmp_path / "headless")
    written = json.loads((headless / "config.json").read_text())
    (headless / "config.json").write_text(json.dumps(written | {"architectures": ["BertModel"]}))
    tried = [
        (run("use", "no/such-model"), "There is no reranker 'no/such-model' on this machine"),
        (run("use", tmp_path / "classifier"), "gives 3 scores for a pair"),
        (run("use", tmp_path / "headless"), "it is BertModel, without the part that scores"),
    ]
    with try_lock(folder, MODEL_LOCK):
        tried += [(run("use", cross_encoder), "being built"), (run("back"), "being built")]
    for done, said in tried:
        assert done.exit_code == 2
        assert said in " ".join(done.output.split())
    assert chosen_reranker(folder, "") == ""
