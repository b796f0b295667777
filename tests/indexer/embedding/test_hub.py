"""Downloads from a hub: resumed, verified, never pickles, and every trouble in a sentence.

The hub's library reads its environment when it is imported, so each download is a process.
"""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.indexer.embedding import fake_hub
from tests.indexer.embedding.fake_hub import COMMIT

FETCHING = """
import json, sys
from indexer.embedding.hub import HubError, fetch
shown = []
try:
    found = fetch(sys.argv[1], sys.argv[2], lambda done, total: shown.append((done, total)))
    said = {"folder": str(found.folder), "revision": found.revision, "shown": shown[-1:]}
    print(json.dumps(said))
except HubError as error:
    print(json.dumps({"error": str(error)}))
"""

Hub = Callable[..., str]
Fetch = Callable[..., dict[str, Any]]
Sent = Callable[[], list[dict[str, Any]]]


@pytest.fixture
def models_there(tmp_path: Path) -> Path:
    """What the hub has: a model with weights of both kinds, and one with pickles alone."""
    folder = tmp_path / "there"
    for name, weights in (
        ("good", ("model.safetensors", "pytorch_model.bin")),
        ("pickled", ("pytorch_model.bin",)),
    ):
        (folder / name / "1_Pooling").mkdir(parents=True)
        (folder / name / "onnx").mkdir()
        for path in ("modules.json", "config.json", "1_Pooling/config.json", "onnx/config.json"):
            (folder / name / path).write_text("{}")
        (folder / name / "README.md").write_text("---\nlanguage: en\n---\n")
        (folder / name / "run.py").write_text("raise SystemExit")
        for file in weights:
            (folder / name / file).write_bytes(bytes(range(256)) * 60_000)
    return folder


@pytest.fixture
def hubs() -> Iterator[list[subprocess.Popen[str]]]:
    """The hubs that the test starts."""
    started: list[subprocess.Popen[str]] = []
    yield started
    for process in started:
        process.kill()
        process.wait()
        assert process.stdout is not None
        process.stdout.close()


@pytest.fixture
def hub(models_there: Path, hubs: list[subprocess.Popen[str]]) -> Hub:
    """Start a hub that goes by a plan; gives its address."""

    def start(**plan: Any) -> str:
        process = subprocess.Popen(
            [sys.executable, fake_hub.__file__, str(models_there), json.dumps(plan)],
            stdout=subprocess.PIPE,
            text=True,
        )
        hubs.append(process)
        assert process.stdout is not None
        address: str = json.loads(process.stdout.readline())["address"]
        return address

    return start


@pytest.fixture
def sent(hubs: list[subprocess.Popen[str]]) -> Sent:
    """What the hub says that it sent whole, or the rest of; it ends with this."""

    def told() -> list[dict[str, Any]]:
        hubs[0].kill()
        assert hubs[0].stdout is not None
        return [json.loads(line) for line in hubs[0].stdout]

    return told


@pytest.fixture
def fetched(tmp_path: Path) -> Fetch:
    """Download in a process of its own; what came of it."""

    def run(address: str, name: str, revision: str = "", **environment: str) -> dict[str, Any]:
        passed = {key: value for key, value in os.environ.items() if not key.startswith("HF_")}
        done = subprocess.run(
            [sys.executable, "-c", FETCHING, name, revision],
            env={
                **passed,
                "HF_ENDPOINT": address,
                "HF_HOME": str(tmp_path / "home"),
                "HF_HUB_DISABLE_XET": "1",
                **environment,
            },
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.stdout, done.stderr
        result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
        return result

    return run


def _files(folder: str) -> set[str]:
    found = Path(folder)
    return {path.relative_to(found).as_posix() for path in found.rglob("*") if path.is_file()}


def test_what_shapes_vectors_is_downloaded_and_nothing_else(
    hub: Hub, fetched: Fetch, models_there: Path
) -> None:
    found = fetched(hub(), "owner/good")
    assert _files(found["folder"]) == {
        "1_Pooling/config.json",
        "README.md",
        "config.json",
        "model.safetensors",
        "modules.json",
    }
    assert found["revision"] == COMMIT
    weights = (models_there / "good" / "model.safetensors").read_bytes()
    assert (Path(found["folder"]) / "model.safetensors").read_bytes() == weights
    [[done, total]] = found["shown"]
    assert done == total > len(weights)


def test_a_commit_that_is_named_is_the_one_that_comes(hub: Hub, fetched: Fetch) -> None:
    assert fetched(hub(), "owner/good", COMMIT)["revision"] == COMMIT


def test_a_download_that_broke_off_goes_on_where_it_ended(
    hub: Hub, fetched: Fetch, models_there: Path, sent: Sent
) -> None:
    address = hub(cut=12_000_000)
    first = fetched(address, "owner/good")
    found = first if "folder" in first else fetched(address, "owner/good")
    [again] = [line for line in sent() if line["sent"] == "model.safetensors"]
    assert again["from"] > 0
    weights = (models_there / "good" / "model.safetensors").read_bytes()
    assert (Path(found["folder"]) / "model.safetensors").read_bytes() == weights


def test_weights_as_pickles_are_refused(hub: Hub, fetched: Fetch, tmp_path: Path) -> None:
    assert "no weights as safetensors" in fetched(hub(), "owner/pickled")["error"]
    assert not list((tmp_path / "home").rglob("*.bin"))


def test_files_that_are_not_as_listed_are_deleted(hub: Hub, fetched: Fetch, tmp_path: Path) -> None:
    assert "differs from the hub's" in fetched(hub(wrong=True), "owner/good")["error"]
    assert not list((tmp_path / "home").rglob("*.safetensors"))


@pytest.mark.parametrize(
    ("name", "revision", "plan", "said"),
    [
        ("owner/none", "", {}, "There is no model 'owner/none'"),
        ("elsewhere/good", "", {}, "There is no model"),
        ("owner/good", "f" * 40, {}, "no longer has this revision"),
        ("owner/good", "", {"status": 401}, "There is no model"),
        ("owner/good", "", {"status": 403}, "has terms to accept"),
        ("owner/good", "", {"status": 500}, "could not be downloaded"),
    ],
)
def test_what_the_hub_refuses_is_said_in_a_sentence(
    hub: Hub, fetched: Fetch, name: str, revision: str, plan: dict[str, Any], said: str
) -> None:
    error = fetched(hub(**plan), name, revision)["error"]
    assert said in error
    assert "Traceback" not in error


def test_a_hub_that_is_not_there_is_said(fetched: Fetch) -> None:
    """The port is that of nothing: it was given back."""
    import socket

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{free.getsockname()[1]}"
    assert "could not be downloaded" in fetched(address, "owner/good")["error"]


def test_where_downloading_is_switched_off_nothing_is_asked(fetched: Fetch) -> None:
    found = fetched("http://127.0.0.1:9", "owner/good", HF_HUB_OFFLINE="1")
    assert "switched off (HF_HUB_OFFLINE)" in found["error"]
