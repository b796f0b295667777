"""Requests a second of what other programs are served, by HTTP and by MCP over HTTP.

    python -m benchmarks.programs [--passages 5000] [--folder FOLDER] [--connections 16]

Makes a corpus as `answering.py` does, serves it with `commonplace serve` and `commonplace mcp` as a
process of its own each, and asks over kept connections, each of which asks again as soon as it is
answered. No query is sent twice, so nothing comes from a cache. What asks runs on the same machine
and takes its share; the load before and after says what else it did.
"""

import argparse
import asyncio
import itertools
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from benchmarks.answering import documents, percentiles, questions_about
from bot.config.sections import DataSettings
from bot.config.settings import Settings
from bot.core.core import Core
from indexer.ingest.pipeline import update
from knowledge.values.documents import Document

TOKEN: Final = "0123456789abcdef"  # noqa: S105 - of this benchmark alone
REQUESTS: Final = 3_000


def filled(folder: Path, made: Sequence[Document]) -> None:
    with Core(Settings(data=DataSettings(folder=folder))) as core:
        for _ in update(core.index, core.embedder, made):
            pass
        core.index.save_snapshots()


@contextmanager
def served(folder: Path, *command: str) -> Iterator[tuple[int, int]]:
    """The port and the process of what is served."""
    process = subprocess.Popen(  # noqa: S603 - our own code, in a process of its own
        [sys.executable, "-m", "bot", *command, "--data", str(folder)],
        env={**os.environ, "COMMONPLACE_MCP_TOKEN": TOKEN, "COMMONPLACE_SERVE_TOKEN": TOKEN},
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    try:
        for line in process.stderr:
            if found := re.search(r"http://127\.0\.0\.1:(\d+)/", line):
                yield int(found[1]), process.pid
                return
        raise SystemExit("It was not served.")
    finally:
        process.kill()
        process.wait()


def http_request(path: str, body: dict[str, Any], more: str = "") -> bytes:
    content = json.dumps(body).encode()
    head = (
        f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1:PORT\r\nAuthorization: Bearer {TOKEN}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(content)}\r\n{more}\r\n"
    )
    return head.encode() + content


def by_http(tool: str, argument: str, text: str) -> bytes:
    return http_request(f"/{tool}", {argument: text})


def by_mcp(tool: str, argument: str, text: str) -> bytes:
    call = {"name": tool, "arguments": {argument: text}}
    body = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": call}
    return http_request("/mcp", body, "Accept: application/json, text/event-stream\r\n")


def cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


async def answered(port: int, requests: Iterator[bytes], milliseconds: list[float]) -> None:
    """Send requests one after another over one connection."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for request in requests:
        started = time.perf_counter()
        writer.write(request.replace(b":PORT", b":%d" % port, 1))
        head = (await reader.readuntil(b"\r\n\r\n")).lower()
        found = re.search(rb"content-length: (\d+)", head)
        if found is None or not head.startswith(b"http/1.1 200"):
            raise SystemExit(f"It was refused: {head.decode()}")
        await reader.readexactly(int(found[1]))
        milliseconds.append((time.perf_counter() - started) * 1e3)
    writer.close()


async def measured(port: int, pid: int, requests: Sequence[bytes], connections: int) -> str:
    # What is read and measured once at the start is over after some.
    await answered(port, iter(requests[:200]), [])
    milliseconds: list[float] = []
    waiting = iter(requests[200:])
    started, cpu = time.perf_counter(), cpu_seconds(pid)
    await asyncio.gather(*(answered(port, waiting, milliseconds) for _ in range(connections)))
    seconds, cpu = time.perf_counter() - started, cpu_seconds(pid) - cpu
    count = len(milliseconds)
    return (
        f"{count / seconds:.0f} requests/s, {percentiles(milliseconds)}, "
        f"{cpu / count * 1e3:.1f} ms of CPU each"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--passages", type=int, default=5_000)
    parser.add_argument("--folder", type=Path, help="keep the index here, to measure again")
    parser.add_argument("--connections", type=int, default=16)
    options = parser.parse_args()
    made = list(documents(options.passages))
    asked = itertools.cycle(questions_about(made, min(4 * REQUESTS, len(made))))
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.folder or Path(temporary)
        filled(folder, made)
        ways = (
            ("HTTP", by_http, ("serve", "--port", "0", "--per-second", "0")),
            ("MCP", by_mcp, ("mcp", "--http", "0", "--per-second", "0")),
        )
        print(f"load before: {os.getloadavg()[0]:.1f}")
        for name, request, command in ways:
            for tool, argument in (("search", "query"), ("ask", "question")):
                requests = [request(tool, argument, next(asked)) for _ in range(REQUESTS)]
                with served(folder, *command) as (port, pid):
                    said = asyncio.run(measured(port, pid, requests, options.connections))
                print(f"{name} {tool}: {said}")
        print(f"load after: {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main()
