"""Bytes and seconds of following a Git repository, against Git's own server.

    python -m benchmarks.repositories [FILES]

A repository of so many Markdown files with twenty commits is served by `git http-backend` on this
machine. Printed is what each look at it costs: the first, one without a change, one after a commit
of one file, and one after the history was written anew. It needs Git; the program does not.
"""

import os
import random
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, make_server

from knowledge.git.sync import sync
from knowledge.values.source_locations import RepositoryLocation
from knowledge.web.fetcher import Fetcher
from knowledge.web.page_store import PageStore

WORDS = [
    "harbour",
    "ferry",
    "pier",
    "morning",
    "ticket",
    "island",
    "captain",
    "storm",
    "lamp",
    "rope",
    "anchor",
]


class _Quiet(WSGIRequestHandler):
    def log_message(self, format: str, *arguments: Any) -> None:
        pass


class Backend:
    """`git http-backend` over a folder, which counts what it sends."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.sent = 0
        self.requests = 0

    def __call__(self, environ: dict[str, Any], start: Any) -> Iterable[bytes]:
        told = {key: value for key, value in environ.items() if isinstance(value, str)}
        told |= {"GIT_PROJECT_ROOT": str(self.folder), "GIT_HTTP_EXPORT_ALL": "1"}
        told["GIT_PROTOCOL"] = told.get("HTTP_GIT_PROTOCOL", "")
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        answered = subprocess.run(
            ["git", "http-backend"],  # noqa: S607 - the Git of whoever measures
            input=body,
            env={**os.environ, **told},
            capture_output=True,
            check=True,
        )
        head, _, content = answered.stdout.partition(b"\r\n\r\n")
        headers = dict(line.split(": ", 1) for line in head.decode().split("\r\n"))
        self.sent += len(content)
        self.requests += 1
        start(headers.pop("Status", "200 OK"), list(headers.items()))
        return [content]


def git(folder: Path, *arguments: str) -> None:
    named = ["-c", "user.name=Ada", "-c", "user.email=ada@example.org"]
    subprocess.run(["git", *named, *arguments], cwd=folder, check=True, capture_output=True)  # noqa: S603, S607


def written(folder: Path, files: int) -> None:
    chance = random.Random(5)  # noqa: S311 - the same pages on every run
    for number in range(files):
        parts = [f"# Page {number}\n"]
        for part in range(8):
            text = " ".join(chance.choices(WORDS, k=120))
            parts.append(f"## Part {part}\n\n{text}.\n")
        path = folder / f"docs/{number % 20}/{number}.md"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("\n".join(parts))


def main() -> None:
    files = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000
    with tempfile.TemporaryDirectory() as temporary:
        root = Path(temporary)
        work = root / "work"
        work.mkdir()
        git(work, "init", "--quiet", "-b", "main")
        written(work, files)
        for commit in range(20):
            (work / "changes.md").write_text(f"# Changes\n\nNumber {commit}.\n")
            git(work, "add", ".")
            git(work, "commit", "--quiet", "-m", f"{commit}")
        git(root, "clone", "--quiet", "--bare", str(work), "served.git")
        backend = Backend(root)
        server = make_server("127.0.0.1", 0, backend, handler_class=_Quiet)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        location = str(RepositoryLocation(f"http://git.test:{server.server_port}/served.git"))
        with PageStore(root / "web.db") as pages:

            def look(what: str) -> None:
                backend.sent = backend.requests = 0
                began = time.perf_counter()
                with Fetcher(
                    0, problem_with=lambda at: "", resolve=lambda host, port: ["127.0.0.1"]
                ) as fetcher:
                    now, grace = datetime.now(UTC), timedelta(days=14)
                    steps = sum(1 for _ in sync(location, root, pages, fetcher, now, grace))
                seconds = time.perf_counter() - began
                print(
                    f"{what}: {backend.requests} requests, {backend.sent:,} bytes, "
                    f"{steps - 1:,} files read, {seconds:.2f} s"
                )
                if reason := pages.site(location).reason:
                    raise SystemExit(reason)

            look("the first")
            look("without a change")
            (work / "docs/0/0.md").write_text("# Page 0\n\nAnother text.\n")
            git(work, "commit", "--quiet", "-am", "Another text")
            git(work, "push", "--quiet", str(root / "served.git"), "main")
            look("after a commit of one file")
            git(work, "checkout", "--quiet", "--orphan", "anew")
            git(work, "commit", "--quiet", "-m", "Anew")
            git(work, "push", "--quiet", "--force", str(root / "served.git"), "anew:main")
            look("after the history was written anew")
        server.shutdown()


if __name__ == "__main__":
    main()
