"""`eval` with the endpoint as reranker: in this process, the endpoint in a thread of its own."""

import asyncio
import json
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from bot.__main__ import app
from bot.cli.console import UNUSABLE
from bot.storage.data_folder import data_folder
from indexer.embedding.model_records import ModelRecord, RecordedModel
from tests.bot.phrasing.scripted_endpoint import (
    KEY,
    MODEL,
    Behaviour,
    ScriptedEndpoint,
    answers_with,
    fails,
    says,
    scripted_endpoint,
    sent,
)
from tests.fakes import WordEmbedder

TEXTS = {"bees": "bees give honey", "cows": "cows give milk", "hens": "hens give eggs"}
QUESTIONS = {"bees": "who gives honey", "hens": "what does an omelette give"}


@pytest.fixture
def judged(tmp_path: Path) -> Path:
    """A tiny judged set; its second question has only a common word of the one that answers it."""
    folder = tmp_path / "farm"
    folder.mkdir()
    for name, texts in (("corpus", TEXTS), ("queries", QUESTIONS)):
        lines = [json.dumps({"_id": key, "text": text}) for key, text in texts.items()]
        (folder / f"{name}.jsonl").write_text("\n".join(lines) + "\n")
    (folder / "qrels.tsv").write_text("".join(f"{key}\t{key}\t1\n" for key in QUESTIONS))
    return folder


@pytest.fixture
def served() -> Iterator[ScriptedEndpoint]:
    """A scripted endpoint whose event loop runs in another thread."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    serving = scripted_endpoint()
    yield asyncio.run_coroutine_threadsafe(serving.__aenter__(), loop).result()
    asyncio.run_coroutine_threadsafe(serving.__aexit__(None, None, None), loop).result()
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()


def _open_words(record: ModelRecord) -> RecordedModel:
    return RecordedModel(WordEmbedder(model=record.name), record)


@pytest.fixture
def run(
    tmp_path: Path, judged: Path, served: ScriptedEndpoint, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Result]:
    other = tmp_path / "reordering.toml"
    other.write_text(
        f'[phrasing]\nmode = "choose"\nurl = "{served.url}"\nmodel = "{MODEL}"\nreorder = true\n'
    )
    monkeypatch.setenv("PHRASING_KEY", KEY)

    data = str(data_folder(tmp_path / "data"))

    def invoke(config: Path = other) -> Result:
        return CliRunner().invoke(
            app,
            ["dev", "eval", str(judged), "--config", str(config), "--json", "--data", data],
            obj=_open_words,
            env={"COLUMNS": "200"},
            catch_exceptions=False,
        )

    return invoke


def _puts_first(word: str) -> Behaviour:
    """Put what has a word first, and what else there is behind it."""

    def order(body: dict[str, Any]) -> dict[str, Any]:
        passages = sent(body)["passages"]
        return {"order": sorted(passages, key=lambda key: word not in passages[key]["text"])}

    return answers_with(order)


def test_eval_measures_the_endpoints_order(
    run: Callable[..., Result], served: ScriptedEndpoint, tmp_path: Path
) -> None:
    served.always(_puts_first("eggs"))
    plain = tmp_path / "plain.toml"
    plain.touch()
    results = [run(plain), run()]
    assert [result.exit_code for result in results] == [0, 0]
    without, reordered = (json.loads(result.stdout)["ndcg_at_10"] for result in results)
    assert without < reordered
    assert {sent(body)["question"] for body in served.bodies} == set(QUESTIONS.values())


def test_eval_counts_unchanged_orders(run: Callable[[], Result], served: ScriptedEndpoint) -> None:
    served.always(says("I can't."))
    result = run()
    assert result.exit_code == 0
    assert "2 questions in the same order (invalid)." in result.stderr


def test_eval_fails_with_its_endpoint(run: Callable[[], Result], served: ScriptedEndpoint) -> None:
    served.always(fails(500))
    result = run()
    assert result.exit_code == UNUSABLE
    assert result.stdout == ""
    assert "127.0.0.1 can't be asked: it answered 500." in result.stderr
