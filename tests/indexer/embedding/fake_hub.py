"""A hub of models on this machine: a few routes of the real one, and its failures.

`fake_hub.py FOLDER` prints its address and serves each model in FOLDER as `owner/name`. The names
`cut`, `tampered`, `gated` and `failing`, and the owner `private`, decide how it fails.
"""

import asyncio
import hashlib
import sys
from pathlib import Path
from typing import Any, Final

from aiohttp import web

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
