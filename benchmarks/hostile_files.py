"""Hostile files of each format through the sandbox: what became of them, of the loop, of the token.

Each file is read as a member's attachment, in an event loop that measures how long it stands still,
with a token in this process's environment; after each file's format, the environment and the
memory of the process that read them are searched for it. Run it on a machine that does nothing
else: the standstill is real time.

    python -m benchmarks.hostile_files --files 500
"""

import argparse
import asyncio
import os
import secrets
import threading
import time
from collections import Counter
from typing import Any

from bot.interactions.attachments import Attachments
from knowledge.files import reader
from knowledge.model.submissions import InvalidNoteError
from tests.knowledge.hostile_files import NAMES, holds, hostile_files

TICK_SECONDS = 0.005


class Attached:
    """A file as Discord gives it."""

    def __init__(self, filename: str, content: bytes) -> None:
        self.filename = filename
        self.size = len(content)
        self._content = content

    async def read(self) -> bytes:
        return self._content


async def measured(attachments: Attachments, name: str, content: bytes) -> tuple[str, float, float]:
    """What became of a file, how long that took, and how long the loop stood still meanwhile."""
    file: Any = Attached(name, content)
    begun = time.perf_counter()
    reading = asyncio.ensure_future(attachments.read(file, 1))
    still, before = 0.0, begun
    while not reading.done():
        await asyncio.wait([reading], timeout=TICK_SECONDS)
        now = time.perf_counter()
        still, before = max(still, now - before - TICK_SECONDS), now
    try:
        reading.result()
        outcome = "read"
    except InvalidNoteError:
        outcome = "refused"
    return outcome, time.perf_counter() - begun, still


async def main(number: int) -> None:
    token = secrets.token_hex(16)
    os.environ["DISCORD_TOKEN"] = token
    attachments = Attachments()
    await measured(attachments, "a.md", b"Text.")
    threads = threading.active_count()
    print("| format | read | refused | slowest, s | loop still, ms | token seen |")
    print("|---|---|---|---|---|---|")
    for kind, name in NAMES.items():
        counts: Counter[str] = Counter()
        slowest = stillest = 0.0
        seen = False
        for done, content in enumerate(hostile_files(kind, number), start=1):
            outcome, seconds, still = await measured(attachments, name, content)
            counts[outcome] += 1
            slowest, stillest = max(slowest, seconds), max(stillest, still)
            process = reader.sandbox._process
            if (done % 100 == 0 or done == number) and process and process.poll() is None:
                seen = seen or holds(process.pid, token.encode())
        print(
            f"| {kind} | {counts['read']} | {counts['refused']} | {slowest:.2f} | "
            f"{stillest * 1_000:.0f} | {'yes' if seen else 'no'} |",
            flush=True,
        )
    print(f"\nThreads before and after: {threads}, {threading.active_count()}.")
    attachments.close()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--files", type=int, default=500, help="of each format")
    asyncio.run(main(parser.parse_args().files))
