"""How fast a question is answered, how many a second, and how soon after a start.

    python benchmarks/answering.py [--passages 20000] [--reference]

Makes a corpus of synthetic documents from the words of the bundled articles, indexes it with the
real model into a temporary folder (that takes minutes), then measures in one run:

- the query path (embed, search, fuse, judge, fetch) one question at a time, and its stages;
- a hundred members asking at once, through the worker, recording included;
- a fresh process: time to its first answer, and its memory then;
- with --reference, `SentenceTransformer.encode([question])` alone, for the ratio.
"""

import argparse
import asyncio
import itertools
import json
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from bot.client import start_worker
from bot.config import DataSettings, Settings
from bot.conversation import Ask
from bot.core import Core
from indexer.passages import sentences
from indexer.pipeline import update
from knowledge.corpus import articles
from knowledge.model import SHARED, Document, Failure, Kind

_FIRST_ANSWER = """
import json, resource, sys, time
started = time.perf_counter()
from pathlib import Path
from bot.config import DataSettings, Settings
from bot.conversation import Ask
from bot.core import Core
import bot.client  # what a bot has imported, too
core = Core(Settings(data=DataSettings(folder=Path(sys.argv[1]))))
core.ask([Ask("who made PyTorch?", 1)])
status = Path("/proc/self/status")
rss = next(int(line.split()[1]) for line in status.read_text().splitlines()
           if line.startswith("VmRSS")) / 1e3 if status.exists() else 0
print(json.dumps({"seconds": time.perf_counter() - started, "rss_mb": rss}))
"""


def documents(passages: int) -> Iterator[Document]:
    """Documents of one passage each: sentences of the articles, shuffled, with words swapped in."""
    source = [item for item in articles() if not isinstance(item, Failure)]
    pool = [item.text[start:end] for item in source for start, end in sentences(item.text)]
    vocabulary = sorted({word for sentence in pool for word in sentence.split()})
    chance = random.Random(1)  # noqa: S311 - the same corpus on every run
    for number in range(passages):
        words = " ".join(chance.sample(pool, 5)).split()
        for place in chance.sample(range(len(words)), len(words) // 5):
            words[place] = chance.choice(vocabulary)
        title = " ".join(chance.sample(vocabulary, 4))
        text = " ".join(words[:120])
        yield Document(f"file:{number}", SHARED, Kind.FILE, title, text)


def questions() -> list[str]:
    """The judged questions, which no document was made from."""
    path = Path(__file__).parent.parent / "tests" / "judged" / "queries.jsonl"
    return [json.loads(line)["text"] for line in path.read_text("utf-8").splitlines()]


def percentiles(milliseconds: list[float]) -> str:
    p50, p95 = np.percentile(milliseconds, [50, 95])
    return f"p50 {p50:.1f} ms, p95 {p95:.1f} ms"


def one_at_a_time(core: Core, asked: list[str]) -> list[float]:
    times = []
    for text in asked:
        started = time.perf_counter()
        core.conversation.ask([Ask(text, 1)], record=False)
        times.append((time.perf_counter() - started) * 1e3)
    return times


def stages(core: Core, asked: list[str]) -> dict[str, list[float]]:
    found: dict[str, list[float]] = {"embed": [], "retrieve": [], "vectors": [], "words": []}
    for text in asked:
        clock = [time.perf_counter()]
        vector = core.retriever.embedded([text])[0]
        clock.append(time.perf_counter())
        core.retriever.ranked(text, vector, [SHARED], 10)
        clock.append(time.perf_counter())
        core.index.nearest(vector, 100, [SHARED])
        clock.append(time.perf_counter())
        core.index.matching(text, 100, [SHARED])
        clock.append(time.perf_counter())
        for name, (before, after) in zip(found, itertools.pairwise(clock), strict=True):
            found[name].append((after - before) * 1e3)
    return found


async def at_once(settings: Settings, asked: list[str], members: int) -> float:
    """Answers a second while `members` ask, each again as soon as they are answered."""
    worker = start_worker(settings)
    await worker.call_batched(Core.ask, Ask("warm up", 0))
    each = 20

    async def member(number: int) -> None:
        for turn in range(each):
            # Every question is a new one: no two members ask the same.
            text = f"{asked[(number + turn) % len(asked)]} {number} {turn}"
            await worker.call_batched(Core.ask, Ask(text, number))

    started = time.perf_counter()
    await asyncio.gather(*(member(number) for number in range(members)))
    rate = members * each / (time.perf_counter() - started)
    await worker.stop()
    return rate


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--passages", type=int, default=20_000)
    parser.add_argument("--reference", action="store_true")
    parser.add_argument("--folder", type=Path, help="keep the index here, to measure again")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.folder or Path(temporary)
        settings = Settings(data=DataSettings(folder=folder))
        asked = questions()
        with Core(settings) as core:
            started = time.perf_counter()
            for progress in update(core.index, core.embedder, documents(options.passages)):
                report = progress.report
            seconds = time.perf_counter() - started
            print(f"indexed: {report}, {report.embedded / seconds:.0f} texts a second")
            core.index.save_snapshots()
            one_at_a_time(core, asked[:10])
            alone = one_at_a_time(core, asked * 4)
            print(f"question to answer: {percentiles(alone)}")
            for name, times in stages(core, asked * 2).items():
                print(f"  {name}: {percentiles(times)}")
        if options.reference:
            from indexer.embedder import SentenceTransformerEmbedder

            reference = SentenceTransformerEmbedder(settings.model.name)
            times = []
            for text in asked * 2:
                started = time.perf_counter()
                reference.embed_queries([text])
                times.append((time.perf_counter() - started) * 1e3)
            print(f"SentenceTransformer.encode alone: {percentiles(times)}")
            print(f"ratio of the medians: {np.median(alone) / np.median(times):.2f}")
        print(f"100 members at once: {asyncio.run(at_once(settings, asked, 100)):.0f} answers/s")
        first = subprocess.run(  # noqa: S603 - our own code, in a fresh process
            [sys.executable, "-c", _FIRST_ANSWER, str(folder)],
            capture_output=True,
            text=True,
            check=True,
        )
        print(f"fresh process, first answer: {first.stdout.strip()}")


if __name__ == "__main__":
    main()
