"""A hub of models on this machine: a few routes of the real one, and what can go wrong with it.

`fake_hub.py FOLDER PLAN` serves each model in FOLDER as `owner/name` and says its address. PLAN is
JSON: `cut` ends the first download of weights after so many bytes, `wrong` lists other digests than
the files have, `status` answers everything with this status.
"""

import asyncio
import hashlib
import json
import sys
from collections import Counter
from pathlib import Path
from typing import Any, Final

from aiohttp import web

COMMIT: Final = "c0ffee" + "0" * 34


class FakeHub:
    """Serves a folder; `downloads` counts the bytes of weights that were sent, by their first."""

    def __init__(self, folder: Path, plan: dict[str, Any]) -> None:
        self._folder = folder
        self._plan = plan
        self.downloads: Counter[str] = Counter()

    def application(self) -> web.Application:
        made = web.Application()
        made.router.add_get("/api/models/{owner}/{name}/revision/{revision}", self._info)
        made.router.add_get("/api/models/{owner}/{name}/tree/{revision}", self._tree)
        made.router.add_route("*", "/{owner}/{name}/resolve/{revision}/{path:.*}", self._resolve)
        return made

    def _model(self, request: web.Request) -> Path:
        if status := self._plan.get("status"):
            raise web.HTTPException(text="No.") if status == 0 else _error(status)
        found = self._folder / request.match_info["name"]
        if request.match_info["owner"] != "owner" or not found.is_dir():
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
                digest = hashlib.sha256(b"other" if self._plan.get("wrong") else content)
                row["lfs"] = {
                    "oid": digest.hexdigest(),
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
        self.downloads[path.name] += 1
        cut = self._plan.get("cut") if path.suffix == ".safetensors" else None
        if start:
            headers["Content-Range"] = f"bytes {start}-{len(content) - 1}/{len(content)}"
        response = web.StreamResponse(status=206 if start else 200, headers=headers)
        response.content_length = len(content) - start
        await response.prepare(request)
        if cut and self.downloads[path.name] == 1:
            await response.write(content[:cut])
            # What was written is to arrive; the library keeps pieces of ten megabytes.
            await asyncio.sleep(1)
            assert request.transport is not None
            request.transport.abort()
            return response
        print(json.dumps({"sent": path.name, "from": start}), flush=True)  # noqa: T201
        await response.write(content[start:])
        return response


def _error(status: int) -> web.HTTPException:
    kinds = {401: web.HTTPUnauthorized, 403: web.HTTPForbidden, 500: web.HTTPInternalServerError}
    headers = {"X-Error-Code": "GatedRepo"} if status == 403 else {}
    return kinds[status](headers=headers)


async def main(folder: Path, plan: dict[str, Any]) -> None:
    runner = web.AppRunner(FakeHub(folder, plan).application(), shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    host, port = runner.addresses[0][:2]
    print(json.dumps({"address": f"http://{host}:{port}"}), flush=True)  # noqa: T201
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), json.loads(sys.argv[2])))
