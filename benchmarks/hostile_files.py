"""Hostile files, pages and chats: their result, the pauses of the event loop, the token's safety.

    python -m benchmarks.hostile_files --files 500

Each file is read as a member's attachment, each page and sitemap as in a crawl, each chat as a
synced channel's thread, while the event loop measures its own pauses. A token is in this process's
environment. After each kind, the reading process's environment and memory are searched for it. Run
it on an idle machine: the pauses are real time.
"""

import argparse
import asyncio
import os
import secrets
import threading
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, Final

from bot.interactions.attachments import Attachments
from knowledge.chat.conversations import Message
from knowledge.chat.transcript import Channel, documents
from knowledge.files import reader
from knowledge.sources.kinds.sitemaps import UnlistableError, extract_links, parse_listing_sandboxed
from knowledge.values.submissions import InvalidNoteError
from tests.knowledge.hostile_files import NAMES, holds, hostile_files
from tests.pumped_texts import FRAGMENTS, pumped

TICK_SECONDS = 0.005
# As long as Discord lets a message be.
MESSAGE_CHARACTERS: Final = 4_000
AT: Final = datetime(2026, 1, 1, tzinfo=UTC)
Read = Callable[[bytes], Awaitable[object]]


class Attached:
    """A file as Discord gives it."""

    def __init__(self, filename: str, content: bytes) -> None:
        self.filename = filename
        self.size = len(content)
        self._content = content

    async def read(self) -> bytes:
        return self._content


async def attach(attachments: Attachments, name: str, content: bytes) -> None:
    file: Any = Attached(name, content)
    await attachments.read(file, 1)


def in_thread(read: Callable[[bytes], object]) -> Read:
    """A reader with a thread of its own, like the worker and crawls."""

    async def reading(content: bytes) -> None:
        await asyncio.to_thread(read, content)

    return reading


def chat(content: bytes) -> None:
    """Make documents of a thread with the same text as question, answers and thanks."""
    text = content.decode()
    said = (f"How do I install it? {text}", text, f"{text}\nThat worked, thanks!")
    messages = [
        Message(number, number % 2 + 1, "Ada", AT + timedelta(minutes=number), line)
        for number, line in enumerate(said)
    ]
    for _ in documents(Channel(1, 2, "Installing", thread=True), messages):
        pass


def hostile_chats(number: int) -> Iterator[bytes]:
    for place in range(number):
        yield pumped(FRAGMENTS[place % len(FRAGMENTS)], MESSAGE_CHARACTERS).encode()


def kinds(attachments: Attachments, number: int) -> Iterator[tuple[str, Read, Iterator[bytes]]]:
    """Each kind of hostile content with its reader."""
    for kind, name in NAMES.items():
        yield kind, partial(attach, attachments, name), hostile_files(kind, number)
    page = "https://a.org/a"
    yield (
        "links of a page",
        in_thread(lambda content: extract_links(content, page)),
        hostile_files("links of a page", number),
    )
    yield (
        "sitemap",
        in_thread(lambda content: parse_listing_sandboxed(content, "https://a.org/sitemap.xml")),
        hostile_files("sitemap", number),
    )
    yield "chat", in_thread(chat), hostile_chats(number)


async def measure(read: Read, content: bytes) -> tuple[str, float, float]:
    """The result of some content, its seconds, and the loop's longest pause."""
    begun = time.perf_counter()
    reading = asyncio.ensure_future(read(content))
    still, before = 0.0, begun
    while not reading.done():
        await asyncio.wait([reading], timeout=TICK_SECONDS)
        now = time.perf_counter()
        still, before = max(still, now - before - TICK_SECONDS), now
    try:
        reading.result()
        outcome = "read"
    except (InvalidNoteError, UnlistableError):
        outcome = "refused"
    return outcome, time.perf_counter() - begun, still


async def main(number: int) -> None:
    token = secrets.token_hex(16)
    os.environ["DISCORD_TOKEN"] = token
    attachments = Attachments()
    await measure(partial(attach, attachments, "a.md"), b"Text.")
    threads = threading.active_count()
    print("| kind | read | refused | slowest, s | loop still, ms | token seen |")
    print("|---|---|---|---|---|---|")
    for kind, read, contents in kinds(attachments, number):
        counts: Counter[str] = Counter()
        slowest = stillest = 0.0
        seen = False
        for done, content in enumerate(contents, start=1):
            outcome, seconds, still = await measure(read, content)
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
    await asyncio.get_running_loop().shutdown_default_executor()
    print(f"\nThreads before and after: {threads}, {threading.active_count()}.")
    attachments.close()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--files", type=int, default=500, help="of each kind")
    asyncio.run(main(parser.parse_args().files))
