"""Downloads from a hub: resumed, verified, no pickles, and a sentence for each failure.

The hub's library reads its environment when it is imported, so one process downloads for all tests.
"""

import asyncio
import hashlib
import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import pytest
from aiohttp import web
from huggingface_hub import constants

from indexer.embedding.hub import HubError, fetch

COMMIT: Final = "c0ffee" + "0" * 34
# The hub's library keeps pieces of ten megabytes.
CUT_BYTES: Final = 12_000_000


class FakeHub:
    """Serves a folder; `was_cut` says that the cut download has begun."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.was_cut = False

    def application(self) -> web.Application:
        made = web.Application()
        made.router.add_get("/api/models/{owner}/{name}/revision/{revision}", self._info)
        made.router.add_get("/api/models/{owner}/{name}/tree/{revision}", self._tree)
        made.router.add_route("*", "/{owner}/{name}/resolve/{revision}/{path:.*}", self._resolve)
        return made

    def _model(self, request: web.Request) -> Path:
        owner, name = request.match_info["owner"], request.match_info["name"]
        if owner == "private":
            raise web.HTTPUnauthorized
        if name == "gated":
            raise web.HTTPForbidden(headers={"X-Error-Code": "GatedRepo"})
        if name == "failing":
            raise web.HTTPInternalServerError
        found = self._folder / name
        if owner != "owner" or not found.is_dir():
            raise web.HTTPNotFound(headers={"X-Error-Code": "RepoNotFound"})
        if request.match_info["revision"] not in ("main", COMMIT):
            raise web.HTTPNotFound(headers={"X-Error-Code": "RevisionNotFound"})
        return found

    async def _info(self, request: web.Request) -> web.Response:
        found = self._model(request)
        return web.json_response({"id": f"owner/{found.name}", "sha": COMMIT, "siblings": []})

    async def _tree(self, request: web.Request) -> web.Response:
        found = self._model(request)
        rows = []
        for path in sorted(path for path in found.rglob("*") if path.is_file()):
            content = path.read_bytes()
            row: dict[str, Any] = {
                "type": "file",
                "path": path.relative_to(found).as_posix(),
                "size": len(content),
                "oid": hashlib.sha1(content).hexdigest(),  # noqa: S324 - as Git names files
            }
            if path.suffix in (".safetensors", ".bin"):
                listed = b"other" if found.name == "tampered" else content
                row["lfs"] = {
                    "oid": hashlib.sha256(listed).hexdigest(),
                    "size": len(content),
                    "pointerSize": 134,
                }
            rows.append(row)
        return web.json_response(rows)

    async def _resolve(self, request: web.Request) -> web.StreamResponse:
        path = self._model(request) / request.match_info["path"]
        if not path.is_file():
            raise web.HTTPNotFound(headers={"X-Error-Code": "EntryNotFound"})
        content = path.read_bytes()
        headers = {
            "X-Repo-Commit": COMMIT,
            "ETag": f'"{hashlib.sha256(content).hexdigest()}"',
            "Accept-Ranges": "bytes",
        }
        if request.method == "HEAD":
            return web.Response(headers={**headers, "Content-Length": str(len(content))})
        start = request.http_range.start or 0
        cut = path.parent.name == "cut" and path.suffix == ".safetensors"
        if cut and self.was_cut and not start:
            raise web.HTTPInternalServerError(text="The download was not resumed.")
        if start:
            headers["Content-Range"] = f"bytes {start}-{len(content) - 1}/{len(content)}"
        response = web.StreamResponse(status=206 if start else 200, headers=headers)
        response.content_length = len(content) - start
        await response.prepare(request)
        if cut and not self.was_cut:
            self.was_cut = True
            await response.write(content[:CUT_BYTES])
            # Gives the bytes time to arrive.
            await asyncio.sleep(1)
            assert request.transport is not None
            request.transport.abort()
            return response
        await response.write(content[start:])
        return response


async def main(folder: Path) -> None:
    runner = web.AppRunner(FakeHub(folder).application(), shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    host, port = runner.addresses[0][:2]
    print(f"http://{host}:{port}", flush=True)  # noqa: T201
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))


FETCHING = """
import json, sys
from indexer.embedding.hub import HubError, fetch
for line in sys.stdin:
    progress = []
    try:
        found = fetch(*json.loads(line), lambda done, total: progress.append((done, total)))
        answer = {"folder": str(found.folder), "revision": found.revision, "last": progress[-1:]}
    except HubError as error:
        answer = {"error": str(error)}
    print(json.dumps(answer), flush=True)
"""

Fetch = Callable[..., dict[str, Any]]


@contextmanager
def process(*arguments: str, **options: Any) -> Iterator["subprocess.Popen[str]"]:
    with subprocess.Popen(
        [sys.executable, *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        **options,
    ) as started:
        yield started
        started.kill()


@contextmanager
def fetching(address: str, home: Path) -> Iterator[Fetch]:
    """Start a process that downloads from the hub at an address into a folder."""
    passed = {key: value for key, value in os.environ.items() if not key.startswith("HF_")}
    settings = {"HF_ENDPOINT": address, "HF_HOME": str(home), "HF_HUB_DISABLE_XET": "1"}
    with process("-c", FETCHING, env={**passed, **settings}) as started:

        def run(name: str, revision: str = "") -> dict[str, Any]:
            assert started.stdin is not None
            assert started.stdout is not None
            started.stdin.write(json.dumps([name, revision]) + "\n")
            started.stdin.flush()
            answer: dict[str, Any] = json.loads(started.stdout.readline())
            return answer

        yield run


@pytest.fixture(scope="module")
def hub_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The hub's models: some have weights of both kinds, and one has pickles alone."""
    folder = tmp_path_factory.mktemp("hub")
    for name in ("good", "cut", "tampered", "gated", "failing", "pickled"):
        for part in ("1_Pooling", "onnx"):
            (folder / name / part).mkdir(parents=True)
        for path in ("modules.json", "config.json", "1_Pooling/config.json", "onnx/config.json"):
            (folder / name / path).write_text("{}")
        (folder / name / "README.md").write_text("---\nlanguage: en\n---\n")
        (folder / name / "run.py").write_text("raise SystemExit")
        weights = bytes(range(256)) * (60_000 if name == "cut" else 60)
        (folder / name / "pytorch_model.bin").write_bytes(weights)
        if name != "pickled":
            (folder / name / "model.safetensors").write_bytes(weights)
    return folder


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="module")
def fetched(hub_folder: Path, home: Path) -> Iterator[Fetch]:
    """Download from the fake hub; returns the outcome."""
    with process(__file__, str(hub_folder)) as hub:
        assert hub.stdout is not None
        with fetching(hub.stdout.readline().strip(), home) as fetch_there:
            yield fetch_there


def weights_of(folder: Path | str) -> bytes:
    return (Path(folder) / "model.safetensors").read_bytes()


def test_only_files_that_shape_vectors_are_downloaded(fetched: Fetch, hub_folder: Path) -> None:
    found = fetched("owner/good")
    folder = Path(found["folder"])
    assert {
        path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()
    } == {"1_Pooling/config.json", "README.md", "config.json", "model.safetensors", "modules.json"}
    assert found["revision"] == COMMIT
    assert weights_of(folder) == weights_of(hub_folder / "good")
    [[done, total]] = found["last"]
    assert done == total > len(weights_of(folder))
    assert fetched("owner/good", COMMIT)["revision"] == COMMIT


def test_an_interrupted_download_is_resumed(fetched: Fetch, hub_folder: Path) -> None:
    """The first answer of the hub breaks off; it refuses to send these bytes again."""
    first = fetched("owner/cut")
    found = first if "folder" in first else fetched("owner/cut")
    assert weights_of(found["folder"]) == weights_of(hub_folder / "cut")
    assert len(weights_of(found["folder"])) > CUT_BYTES


@pytest.mark.parametrize(
    ("name", "said"),
    [("owner/pickled", "no weights as safetensors"), ("owner/tampered", "differs from the hub's")],
)
def test_pickles_and_unlisted_are_refused(fetched: Fetch, home: Path, name: str, said: str) -> None:
    assert said in fetched(name)["error"]
    folder = home / "hub" / f"models--{name.replace('/', '--')}"
    assert not [*folder.rglob("*.bin"), *folder.rglob("*.safetensors")]


@pytest.mark.parametrize(
    ("name", "revision", "said"),
    [
        ("owner/none", "", "There is no model 'owner/none'"),
        ("private/good", "", "There is no model"),
        ("owner/good", "f" * 40, "no longer has this revision"),
        ("owner/gated", "", "has terms to accept"),
        ("owner/failing", "", "could not be downloaded"),
    ],
)
def test_each_refusal_is_explained(fetched: Fetch, name: str, revision: str, said: str) -> None:
    error = fetched(name, revision)["error"]
    assert said in error
    assert "Traceback" not in error


def test_a_hub_that_does_not_answer_is_explained(tmp_path: Path) -> None:
    """Nothing listens at the port, because it was given back."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{free.getsockname()[1]}"
    with fetching(address, tmp_path) as fetch_there:
        assert "could not be downloaded" in fetch_there("owner/good")["error"]


def test_offline_mode_downloads_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(HubError, match=r"switched off \(HF_HUB_OFFLINE\)"):
        fetch("owner/good")
