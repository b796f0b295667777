"""Latency and throughput of questions, and the time from a start to the first answer.

    python -m benchmarks.answering [--passages 20000] [--reference] [--folder FOLDER]
        [--model NAME]

Makes a corpus of synthetic documents from the words of the bundled articles, indexes it with the
real model into a temporary folder (that takes minutes), then measures in one run:

- the query path (embed, search, fuse, judge, fetch, quote) one question at a time, and its stages
- with --reference, `SentenceTransformer.encode([question])` alone, in turns with the path, so other
  load on the machine meets both
- a hundred members asking at once, through the worker, with recording: first each question once,
  then with every third one asked before, as in a busy channel
- a fresh process: the time to its first answer, and its memory then

The judged questions are asked, and others made of words of one document each, to lead all over the
corpus. Except in the busy channel, none is asked twice, because a cached reply costs nothing. CPU
time stands beside wall time: only CPU time is steady on a shared machine.
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
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Final

import numpy as np

from bot.answers.ask import Ask
from bot.answers.lookup import Stage
from bot.answers.outcome import Reply
from bot.config.settings import DataSettings, ModelSettings, Settings
from bot.core.core import Core
from bot.process.client import start_worker
from indexer.embedding.embedder import DEFAULT_MODEL
from indexer.embedding.installed_models import installed_models, model_folder
from indexer.ingest.pipeline import update
from indexer.text.sentences import sentences
from knowledge.corpus import articles
from knowledge.values.documents import SHARED, Document, Failure, Kind
from models.ship import source

MEMBERS: Final = 100
EACH: Final = 20
# Path and reference take turns of so many questions; in turns of one each would find the caches
# full of the other's weights.
BLOCK: Final = 62

_FIRST_ANSWER: Final = """
import json, sys, time
from pathlib import Path
from bot.config.settings import Settings
from bot.config.settings import DataSettings, ModelSettings
from bot.answers.pipeline import Ask
from bot.core.core import Core
import bot.process.client  # what a bot has imported, too
from indexer.embedding.installed_models import installed_models
settings = Settings(data=DataSettings(folder=Path(sys.argv[1])))
core = Core(settings.model_copy(update={"model": ModelSettings(name=sys.argv[3])}))
core.answer_pipeline.ask([Ask("who made PyTorch?", 1)])
seconds = time.time() - float(sys.argv[2])
status = Path("/proc/self/status")
rss = next(int(line.split()[1]) for line in status.read_text().splitlines()
           if line.startswith("VmRSS")) / 1e3 if status.exists() else 0
print(json.dumps({"seconds": round(seconds, 2), "rss_mb": round(rss)}))
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
        # A whole text behind a heading's mark would be a heading, and no passage.
        text = " ".join(words[:120]).lstrip("#|-> ")
        yield Document(f"file:{number}", SHARED, Kind.FILE, title, text)


def judged_questions() -> list[str]:
    """The judged questions; no document was made from them."""
    path = Path(__file__).parent.parent / "tests" / "judged" / "queries.jsonl"
    return [json.loads(line)["text"] for line in path.read_text("utf-8").splitlines()]


def questions_about(made: Sequence[Document], count: int) -> list[str]:
    """Questions of seven words in a row of a document each, spread over all documents."""
    chance = random.Random(2)  # noqa: S311 - the same questions on every run
    asked = []
    for document in chance.sample(made, count):
        words = document.text.split()
        start = chance.randrange(max(len(words) - 7, 1))
        asked.append(f"what about {' '.join(words[start : start + 7]).strip('.,;:')}?")
    return asked


def percentiles(milliseconds: Sequence[float]) -> str:
    p50, p95 = np.percentile(milliseconds, [50, 95])
    return f"p50 {p50:.1f} ms, p95 {p95:.1f} ms"


def timed(function: Callable[[], object]) -> tuple[float, float]:
    """Milliseconds of wall and CPU time."""
    wall, cpu = time.perf_counter(), time.process_time()
    function()
    return (time.perf_counter() - wall) * 1e3, (time.process_time() - cpu) * 1e3


def one_at_a_time(core: Core, asked: Sequence[str], reference: Callable[[str], object]) -> None:
    """Ask each question once, in turns with the reference, and print how long it took."""
    stages: dict[Stage, list[float]] = {}
    core.answer_pipeline.observe(
        lambda stage, seconds: stages.setdefault(stage, []).append(seconds * 1e3)
    )
    path, alone = [], []
    for start in range(0, len(asked), BLOCK):
        some = asked[start : start + BLOCK]
        path += [
            timed(partial(core.answer_pipeline.ask, [Ask(text, 1)], record=False)) for text in some
        ]
        alone += [timed(partial(reference, text)) for text in some]
    print(f"question to answer: {percentiles([wall for wall, _ in path])}")
    print(f"  CPU: {percentiles([cpu for _, cpu in path])}")
    for stage, times in stages.items():
        print(f"  {stage}: {percentiles(times)}")
    walls = [wall for wall, _ in alone]
    if np.median(walls) > 0.1:
        ratio = np.median([wall for wall, _ in path]) / np.median(walls)
        print(f"SentenceTransformer.encode alone: {percentiles(walls)}")
        print(f"ratio of the medians: {ratio:.2f}")


async def at_once(settings: Settings, asked: Sequence[str]) -> str:
    """Let members ask, each again as soon as they are answered."""
    worker = start_worker(settings)
    await worker.run_slices(Core.warm_up)
    waiting = iter(asked)
    milliseconds: list[float] = []
    batches: Counter[int] = Counter()

    def ask(core: Core, asks: list[Ask]) -> list[Reply]:
        batches[len(asks)] += 1
        return core.answer_pipeline.ask(asks)

    async def member(number: int) -> None:
        for text in waiting:
            started = time.perf_counter()
            await worker.call_batched(ask, Ask(text, number))
            milliseconds.append((time.perf_counter() - started) * 1e3)

    started, cpu = time.perf_counter(), time.process_time()
    await asyncio.gather(*(member(number) for number in range(MEMBERS)))
    seconds, cpu = time.perf_counter() - started, time.process_time() - cpu
    await worker.stop()
    return (
        f"{len(asked) / seconds:.0f} answers/s, {cpu / len(asked) * 1e3:.1f} ms of CPU each; "
        f"a member waits {percentiles(milliseconds)}; "
        f"{len(asked) / batches.total():.0f} in a batch"
    )


def first_answer(folder: Path, model: str) -> str:
    """Seconds from a fresh process's start to its first answer, and its memory."""
    finished = subprocess.run(  # noqa: S603 - our own code, in a fresh process
        [sys.executable, "-c", _FIRST_ANSWER, str(folder), str(time.time()), model],
        capture_output=True,
        text=True,
        check=True,
    )
    return finished.stdout.strip()


def encode_alone(name: str) -> Callable[[str], object]:
    """The reference library, with its model loaded."""
    from sentence_transformers import SentenceTransformer

    installed = installed_models().get(name)
    with tempfile.TemporaryDirectory() as scratch:
        folder = model_folder(name) if installed is None else source(installed, Path(scratch))
        model = SentenceTransformer(str(folder), device="cpu", local_files_only=True)
    model.encode(["warm up"])
    return lambda text: model.encode([text])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--passages", type=int, default=20_000)
    parser.add_argument("--model", default=DEFAULT_MODEL, help="a hub name or a folder")
    parser.add_argument("--reference", action="store_true")
    parser.add_argument("--folder", type=Path, help="keep the index here, to measure again")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.folder or Path(temporary)
        settings = Settings(
            data=DataSettings(folder=folder), model=ModelSettings(name=options.model)
        )
        made = list(documents(options.passages))
        about = iter(questions_about(made, min(2 * MEMBERS * EACH + 200, len(made))))
        with Core(settings) as core:
            started = time.perf_counter()
            for progress in update(core.index, core.embedder, made):
                report = progress.report
            seconds = time.perf_counter() - started
            print(f"indexed: {report}, {report.embedded / seconds:.0f} texts a second")
            core.index.save_snapshots()
            core.answer_pipeline.ask([Ask("who made PyTorch?", 1)])
            # As in a running bot; a question before that takes a millisecond longer.
            list(core.warm_up())
            reference = encode_alone(settings.model.name) if options.reference else len
            asked = [*judged_questions(), *itertools.islice(about, 200)]
            one_at_a_time(core, asked, reference)
        # A small corpus has no questions left for one or both.
        if once := list(itertools.islice(about, MEMBERS * EACH)):
            print(f"{MEMBERS} members at once: {asyncio.run(at_once(settings, once))}")
        if busy := list(itertools.islice(about, MEMBERS * EACH)):
            chance = random.Random(3)  # noqa: S311 - the same questions on every run
            for place in range(MEMBERS, len(busy), 3):
                busy[place] = busy[chance.randrange(place - MEMBERS, place)]
            print(f"  a third asked before: {asyncio.run(at_once(settings, busy))}")
        print(f"fresh process, first answer: {first_answer(folder, options.model)}")


if __name__ == "__main__":
    main()
