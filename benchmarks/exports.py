"""Reading of a large chat export: time, memory, and its share of an import.

`python benchmarks/exports.py [--messages N] [--embedded N] [--whole]`. An export of N messages is
written to a temporary folder: four in five in one channel where several conversations run at once,
with small talk, replies, reactions and pings, and the rest in help threads. It is read whole; then
a smaller one is imported with the real model, which tells what share of the time goes to embedding.
With `--whole`, the large one is imported with vectors that cost nothing: what memory it takes. Each
part runs in a process of its own, whose peak memory is its own.
"""

import argparse
import json
import os
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, Final

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))
os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

from knowledge.chat.export_file import Count, export_documents, on_disk

GUILD: Final = 100_000_000_000_000_011
THREAD_MESSAGES: Final = 20
TOPIC_TEXT: Final = """
    role channel permission webhook bot token password login export backup index search note review
    server domain certificate proxy database migration driver update setting theme language invite
    emoji sticker event thread forum tag queue timeout cache log
"""
TOPICS: Final = TOPIC_TEXT.split()
VERB_TEXT: Final = "change remove add restore export find rename move hide share"
VERBS: Final = VERB_TEXT.split()
WHERE: Final = (
    "under the gear symbol",
    "in the settings of the server",
    "on the second page",
    "with the command line",
    "in the file config.toml",
    "through the menu at the top left",
)
SMALL: Final = ("hi", "lol", "thanks!", "same", "gm all", ":wave:", "nice", "@everyone", "ok")
TALK_TEXT: Final = "yesterday we walked around the lake and it rained the whole way back home"
TALK: Final = TALK_TEXT.split()


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--messages", type=int, default=500_000, help="in the export that is read")
    parser.add_argument("--embedded", type=int, default=10_000, help="in the one that is imported")
    parser.add_argument("--whole", action="store_true", help="import the large one, too")
    parser.add_argument("--part", nargs=2, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.part:
        name, folder = arguments.part
        measures: dict[str, Callable[[Path], dict[str, Any]]]
        measures = {"read": read, "import": embed, "whole": partial(embed, free=True)}
        print(json.dumps(measures[name](Path(folder))))
        return
    print(
        f"{'part':<8} {'messages':>9} {'documents':>9} {'seconds':>8} {'messages/s':>10} {'MB':>6}"
    )
    parts = [("read", arguments.messages), ("import", arguments.embedded)]
    if arguments.whole:
        parts.append(("whole", arguments.messages))
    for part, messages in parts:
        with tempfile.TemporaryDirectory() as scratch:
            size = write(Path(scratch), messages)
            found = run(part, scratch)
        print(
            f"{part:<8} {messages:>9,} {found['documents']:>9,} {found['seconds']:>8.1f} "
            f"{messages / found['seconds']:>10,.0f} {found['peak_rss_mb']:>6,.0f}"
            f"   {size / 1e6:,.0f} MB of JSON"
        )
        if part == "import":
            print(
                f"Embedding took {found['embedding']:.1%} of the import's time, "
                f"{found['embedding_cpu']:.1%} of its processor time."
            )


def run(part: str, folder: str) -> dict[str, Any]:
    """One part, in a process of its own."""
    command = [sys.executable, __file__, "--part", part, folder]
    done = subprocess.run(command, check=True, capture_output=True, text=True)  # noqa: S603
    result: dict[str, Any] = json.loads(done.stdout)
    return result


def read(folder: Path) -> dict[str, Any]:
    """Read every export in the folder and keep nothing of it."""
    count = Count()
    started = time.perf_counter()
    for path in folder.iterdir():
        for _ in export_documents(on_disk(path), path.name, count=count):
            pass
    return measured(count, time.perf_counter() - started)


def embed(folder: Path, *, free: bool = False) -> dict[str, Any]:
    """Import every export in the folder with the real model, or with vectors that cost nothing."""
    from indexer.embedding.embedder import DEFAULT_MODEL, open_embedder
    from indexer.index.index import Index
    from indexer.ingest.files import update_files
    from indexer.ingest.pipeline import UpdateReport
    from knowledge.files.scan import scan
    from knowledge.values.documents import SHARED

    def made(texts: Any) -> Any:
        vectors = source.standard_normal((len(texts), embedder.dimension), dtype=np.float32)
        return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)

    source = np.random.default_rng(5)

    class Timed:
        """The embedder, and how long it took."""

        def __init__(self) -> None:
            self._embedder = open_embedder(
                DEFAULT_MODEL,
                folder.parent / "models",
            )
            self.model = self._embedder.model
            self.dimension = self._embedder.dimension
            self.max_tokens = self._embedder.max_tokens
            self.count_tokens = self._embedder.count_tokens
            self.embed_queries = self._embedder.embed_queries
            self.seconds = self.cpu = 0.0

        def embed_passages(self, texts: Any) -> Any:
            started, cpu = time.perf_counter(), time.process_time()
            vectors = made(texts) if free else self._embedder.embed_passages(texts)
            self.seconds += time.perf_counter() - started
            self.cpu += time.process_time() - cpu
            return vectors

    embedder = Timed()
    embedder.embed_passages(["The model is read before the clock starts."])
    embedder.seconds = embedder.cpu = 0.0
    with (
        tempfile.TemporaryDirectory() as scratch,
        Index(
            Path(scratch) / "index",
            model=embedder.model,
            dimension=embedder.dimension,
            max_tokens=embedder.max_tokens,
        ) as index,
    ):
        started, cpu = time.perf_counter(), time.process_time()
        for progress in update_files(
            index, embedder, scan([(str(folder), SHARED)], {}, {}), UpdateReport()
        ):
            report = progress.report
        seconds, cpu = time.perf_counter() - started, time.process_time() - cpu
    if report.failed:
        raise SystemExit(f"{report.failed[0].source} {report.failed[0].reason}")
    share = {"embedding": embedder.seconds / seconds, "embedding_cpu": embedder.cpu / cpu}
    return {**measured(Count(), seconds), "documents": len(report.added), **share}


def measured(count: Count, seconds: float) -> dict[str, Any]:
    """The figures of a part."""
    return {
        "documents": count.documents,
        "seconds": seconds,
        "peak_rss_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3,
    }


# The export.


def write(folder: Path, messages: int) -> int:
    """Write an export of about so many messages; returns its size in bytes."""
    source = random.Random(5)  # noqa: S311 - the same export every time
    in_channel = messages * 4 // 5
    write_file(folder / "channel.json", 10**18, "GuildTextChat", talk(source, in_channel))
    for number in range((messages - in_channel) // THREAD_MESSAGES):
        path = folder / f"thread {number}.json"
        first = 2 * 10**18 + number * 1_000
        write_file(path, first, "GuildPublicThread", thread(source, first))
    return sum(path.stat().st_size for path in folder.iterdir())


def write_file(path: Path, channel: int, kind: str, messages: Iterator[dict[str, Any]]) -> None:
    """Write one file as DiscordChatExporter does."""
    name = f"How does one {path.stem}?"
    head = {
        "guild": {"id": str(GUILD), "name": "Harbour", "iconUrl": ""},
        "channel": {"id": str(channel), "type": kind, "category": "help", "name": name},
        "dateRange": {"after": None, "before": None},
        "exportedAt": "2026-04-01T00:00:00+00:00",
    }
    with path.open("w", encoding="utf-8") as file:
        file.write(json.dumps(head, indent=2)[:-2] + ',\n  "messages": [\n')
        for number, message in enumerate(messages):
            file.write((",\n" if number else "") + json.dumps(message, indent=2))
        file.write('\n  ],\n  "messageCount": 0\n}')


def talk(source: random.Random, count: int) -> Iterator[dict[str, Any]]:
    """A channel: questions, answers to one of the last questions, talk, small talk."""
    questions: list[int] = []
    second = 0.0
    for number in range(1, count + 1):
        second += source.expovariate(1 / 60)
        kind = source.random()
        reply = 0
        if kind < 0.1 or not questions:
            text = asked(source)
            questions = [*questions[-3:], number]
        elif kind < 0.4:
            text = answered(source)
            reply = source.choice(questions) if source.random() < 0.6 else 0
        elif kind < 0.7:
            text = source.choice(SMALL)
        else:
            text = " ".join(source.sample(TALK, 9))
        yield message(10**18 + number, source.randrange(1, 2_000), text, second, reply=reply)


def thread(source: random.Random, first: int) -> Iterator[dict[str, Any]]:
    """A help thread: a question, replies, and thanks for one of them."""
    yield message(first, 5, asked(source), 0.0)
    for number in range(1, THREAD_MESSAGES - 1):
        yield message(first + number, 5 + number % 4, answered(source), 60.0 * number)
    yield message(first + 99, 5, "Thanks, that worked!", 6_000.0, reply=first + 2)


def asked(source: random.Random) -> str:
    """A question."""
    verb, one, other = source.choice(VERBS), *source.sample(TOPICS, 2)
    return f"How do I {verb} the {one} of a {other}? I looked for number {source.randrange(10**6)}."


def answered(source: random.Random) -> str:
    """An answer of two or three sentences."""
    parts = [
        f"You {source.choice(VERBS)} the {source.choice(TOPICS)} {source.choice(WHERE)}, "
        f"as step {source.randrange(10**6)} says."
        for _ in range(source.randrange(1, 4))
    ]
    return " ".join(parts)


def message(number: int, author: int, text: str, second: float, reply: int = 0) -> dict[str, Any]:
    """A message with everything that the exporter writes."""
    at = time.strftime("%Y-%m-%dT%H:%M:%S+00:00", time.gmtime(1_600_000_000 + second))
    user = {
        "id": str(author),
        "name": f"member{author}",
        "discriminator": "0000",
        "nickname": f"Member {author}",
        "color": None,
        "isBot": False,
        "roles": [{"id": "5", "name": "member", "color": None, "position": 1}],
        "avatarUrl": "https://cdn.discordapp.com/embed/avatars/0.png",
    }
    made: dict[str, Any] = {
        "id": str(number),
        "type": "Reply" if reply else "Default",
        "timestamp": at,
        "timestampEdited": None,
        "callEndedTimestamp": None,
        "isPinned": False,
        "content": text,
        "author": user,
        "attachments": [],
        "embeds": [],
        "stickers": [],
        "reactions": [],
        "mentions": [],
        "inlineEmojis": [],
    }
    if reply:
        made["reference"] = {"messageId": str(10**18 + reply if reply < 10**17 else reply)}
    return made


if __name__ == "__main__":
    main()
