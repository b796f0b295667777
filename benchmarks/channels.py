"""Read a channel of many messages into a core, without Discord, and measure what that takes.

    python -m benchmarks.channels --messages 200000            # a forum, ten messages a thread
    python -m benchmarks.channels --messages 200000 --posts    # one stream of announcements

Pages are made up when they are asked for, so that the memory is the program's own; the embedder is
the tests' bag of words. CPU time is that of this process, the memory its peak.
"""

import argparse
import resource
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from bot.config.sections import DataSettings
from bot.config.settings import Settings
from bot.core import index_updates
from bot.core.core import Core
from bot.core.index_updates import run_to_end
from bot.sources import channels
from knowledge.channels.messages import ArchivedMessage, first_id, time_of
from knowledge.channels.sync_state import MessagePage, ProgressMessage, SyncStage, SyncStep
from knowledge.channels.threads import Thread
from knowledge.chat.conversations import Message
from knowledge.store.guilds.synced_channels import SyncedChannel, SyncedContent
from tests.fakes import WordEmbedder

CHANNEL: Final = 77
THREAD: Final = 10
PAGE: Final = 100
NOW: Final = datetime(2026, 3, 4, tzinfo=UTC)
FIRST: Final = first_id(NOW - timedelta(days=3_000))
# An id a second.
STEP: Final = 1_000 << 22
TEXTS: Final = (
    "How do I pitch tent number {0} in deep snow when the wind is strong and the night is near?",
    "Use {0} long snow pegs, dig them in flat with the narrow end to the wind, then wait an hour.",
    "I have never had to do that with number {0}, but the people of the mountain hut surely know.",
)


def said(number: int) -> ArchivedMessage:
    message_id = FIRST + number * STEP
    text = TEXTS[min(number % THREAD, 2)].format(number)
    author = number % 7 + 1
    return ArchivedMessage(
        Message(message_id, author, f"Member {author}", time_of(message_id), text)
    )


def answer(step: SyncStep, messages: int) -> MessagePage:
    """What Discord would answer."""
    start = max(0, (step.after - FIRST) // STEP + 1)
    end = messages
    if step.thread_id != CHANNEL:
        start = max(start, (step.thread_id - FIRST) // STEP)
        end = (step.thread_id - FIRST) // STEP + THREAD
    page = [said(number) for number in range(start, min(start + PAGE, end))]
    return MessagePage(
        page, max((each.message.id for each in page), default=step.after), len(page) < PAGE
    )


def threads(step: SyncStep, messages: int) -> tuple[list[Thread], str, bool]:
    """A page of the list of threads."""
    start = int(step.cursor or 0)
    numbers = range(start, min(start + PAGE * THREAD, messages), THREAD)
    listed = [
        Thread(FIRST + n * STEP, CHANNEL, f"Tent {n}", last_id=FIRST + (n + THREAD - 1) * STEP)
        for n in numbers
    ]
    return listed, str(start + PAGE * THREAD), len(listed) < PAGE


def read(core: Core, messages: int, reads: SyncedContent) -> dict[str, float]:
    """Read everything; returns the CPU seconds of each part."""
    spent = {"reading": 0.0, "indexing": 0.0}
    channels.add(
        core, SyncedChannel(CHANNEL, CHANNEL, reads, NOW), "snow", 1, NOW, ProgressMessage()
    )
    pages = 0
    while True:
        began = time.process_time()
        step = channels.next_step(core, [CHANNEL], NOW).step
        if step is None:
            break
        if step.stage is SyncStage.READING:
            channels.take_page(core, step, answer(step, messages), ())
            pages += 1
        elif step.stage is SyncStage.ACTIVE:
            channels.take_threads(core, step, [], "", last=True)
        else:
            found, cursor, last = threads(step, messages)
            channels.take_threads(core, step, found, cursor, last=last)
        spent["reading"] += time.process_time() - began
        if pages % 100 == 0:
            began = time.process_time()
            run_to_end(index_updates.update_channels(core))
            spent["indexing"] += time.process_time() - began
    began = time.process_time()
    run_to_end(index_updates.update_channels(core))
    spent["indexing"] += time.process_time() - began
    spent["pages"] = pages
    return spent


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--messages", type=int, default=200_000)
    parser.add_argument("--posts", action="store_true")
    chosen = parser.parse_args()
    reads = SyncedContent.POSTS if chosen.posts else SyncedContent.THREADS
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(data=DataSettings(folder=Path(folder)))
        with Core(settings, WordEmbedder(64)) as core:
            spent = read(core, chosen.messages, reads)
            counts = channels.reports(core)[0].counts
            size = sum(path.stat().st_size for path in Path(folder).glob("channels.db*"))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"| {reads.value} | messages | documents | pages | reading | indexing | memory | file |")
    print("|---|---|---|---|---|---|---|---|")
    print(
        f"| | {counts.messages:,} | {counts.documents:,} | {spent['pages']:,.0f} | "
        f"{spent['reading']:.0f} s | {spent['indexing']:.0f} s | {peak:.0f} MB | "
        f"{size / 1e6:.0f} MB |"
    )


if __name__ == "__main__":
    main()
