"""Answers of a living bot while another model's index is built beside it, and while it switches.

    python -m benchmarks.models [--passages 20000] [--seconds 60] [--build-seconds 300]
    python -m benchmarks.models --whole [--other FOLDER]

Makes the corpus of `benchmarks/answering.py`, an index of it, and a copy of that which says that it
is another model's: vectors are pseudo-random, because embedding takes long and none of what is
measured here depends on what they mean. A worker serves the first as a bot does. Questions come at
random, four a second on the average, whether or not the one before was answered. Then, in one run:
some time with nothing else; some time while `commonplace model use` derives, measures and builds
from files in a process of its own, all with real models; the switch to the copy; some time after
it; and the way back. No answer may be missing.

With --whole nothing is pretended: every passage is a file's, `commonplace index` makes the index
that serves, some of the first answers are found helpful, and `commonplace model use` goes on to its
end, without --anyway. That takes as long as embedding all of it twice.
"""

import argparse
import asyncio
import os
import random
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import numpy as np
from safetensors.numpy import load_file, save_file

from benchmarks.answering import documents, questions_about
from benchmarks.sizing import PseudoRandom
from bot.answers.lookup import Ask
from bot.config.sections import DataSettings
from bot.config.settings import Settings
from bot.core.core import Core
from bot.core.index_updates import run_to_end, update_own
from bot.core.live_switch import LiveSwitch
from bot.core.worker import Worker
from bot.models.choice import go_back
from bot.models.serving_model import Served, take
from bot.process.client import answered_together
from bot.storage.data_folder import held, model_cache
from bot.storage.index_places import INDEX
from indexer.embedding.embedder import DEFAULT_MODEL
from indexer.embedding.model_records import ModelRecord, RecordedModel, open_record
from indexer.embedding.shipped_models import shipped_models
from indexer.ingest.pipeline import update
from knowledge.sources import add_paths
from knowledge.values.documents import Kind
from knowledge.values.questions import Feedback, Verdict

PER_SECOND = 4.0
# More than are embedded in the time.
FILES = 4_000
# Answers that are found helpful where all of it is measured: enough for a judged set.
ACCEPTED = 60


def disturbed(folder: Path, noise: float) -> Path:
    """The packaged model with a little noise on its weights: another one, and about as good."""
    shutil.copytree(shipped_models()[DEFAULT_MODEL].source(folder.parent / "weights"), folder)
    weights = load_file(folder / "model.safetensors")
    chance = np.random.default_rng(1)
    for key, value in weights.items():
        if value.dtype == np.float32:
            weights[key] = value + noise * chance.standard_normal(value.shape, np.float32)
    save_file(weights, folder / "model.safetensors", {"format": "pt"})
    return folder


class Asking:
    """Questions that come whether or not those before were answered, and how long each waited."""

    def __init__(self, worker: Worker[Core], texts: Iterator[str]) -> None:
        self.waited: dict[str, list[float]] = {}
        self.problems: list[str] = []
        self.phase = "before"
        # So many of the next answers are found helpful.
        self.accepts = 0
        self._worker = worker
        self._texts = texts
        self._running: set[asyncio.Task[None]] = set()

    async def go_on(self) -> None:
        chance = random.Random(2)  # noqa: S311 - the same moments on every run
        due = time.perf_counter()
        while True:
            due += chance.expovariate(PER_SECOND)
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            task = asyncio.create_task(self._ask(next(self._texts), due, self.phase))
            self._running.add(task)
            task.add_done_callback(self._running.discard)

    async def _ask(self, text: str, due: float, phase: str) -> None:
        try:
            reply = await self._worker.call_batched(answered_together, Ask(text, 1))
            if self.accepts and reply.question_id is not None:
                self.accepts -= 1
                found = Feedback(reply.question_id, 1, Verdict.HELPFUL)
                await self._worker.call(lambda core: core.store.feedback_records.record(found))
        except Exception as error:  # noqa: BLE001 - it is told
            self.problems.append(f"{type(error).__name__}: {error}")
        self.waited.setdefault(phase, []).append((time.perf_counter() - due) * 1e3)

    async def settle(self) -> None:
        await asyncio.gather(*self._running)

    def table(self) -> Iterator[str]:
        yield "| phase | answers | p50 ms | p95 ms | most ms |"
        yield "|---|---|---|---|---|"
        for phase, waited in self.waited.items():
            p50, p95 = np.percentile(waited, [50, 95])
            yield f"| {phase} | {len(waited)} | {p50:.1f} | {p95:.1f} | {max(waited):.0f} |"


@contextmanager
def corpus_in(folder: Path, passages: int) -> Iterator[tuple[Settings, Iterator[str]]]:
    """A data folder with so many passages, a folder of files to build from, and questions."""
    made = list(documents(passages))
    guides = folder / "guides"
    guides.mkdir()
    for number, document in enumerate(made[:FILES]):
        (guides / f"{number:06}.md").write_text(f"# {document.title}\n\n{document.text}\n")
    settings = Settings(data=DataSettings(folder=folder / "data"))
    started = time.perf_counter()
    with Core(settings, opener=pseudo_random) as core:
        run_to_end(update_own(core))
        report = run_to_end(update(core.index, core.embedder, made, kinds={Kind.FILE}))
        core.index.save_snapshots()
        add_paths(core.store, [guides])
    print(f"{report.passages:,} passages in {time.perf_counter() - started:.0f} s", flush=True)
    # Each is asked once in a while: a reply that was given before costs nothing.
    asked = list(questions_about(made, min(len(made), 20_000)))
    yield settings, (text for _ in iter(int, 1) for text in asked)


@contextmanager
def whole_corpus_in(folder: Path, passages: int) -> Iterator[tuple[Settings, Iterator[str]]]:
    """The same of files alone, indexed by the command and with the real model."""
    made = list(documents(passages))
    guides = folder / "guides"
    guides.mkdir()
    for number, document in enumerate(made):
        (guides / f"{number:06}.md").write_text(f"# {document.title}\n\n{document.text}\n")
    settings = Settings(data=DataSettings(folder=folder / "data"))
    started = time.perf_counter()
    for arguments in (("source", "add", str(guides)), ("index",)):
        where = ["--data", str(settings.data.folder)]
        subprocess.run(  # noqa: S603 - our own command
            [sys.executable, "-m", "bot", *arguments, *where],
            stdout=subprocess.DEVNULL,
            check=True,
        )
    print(f"{passages:,} files in {time.perf_counter() - started:.0f} s, {loads()}", flush=True)
    asked = list(questions_about(made, len(made)))
    yield settings, (text for _ in iter(int, 1) for text in asked)


def loads() -> str:
    return f"load {os.getloadavg()[0]:.0f}"


def pseudo_random(record: ModelRecord, cache: Path) -> RecordedModel:
    """The real model's name and measures, with vectors that only a text's checksum chooses."""
    found = open_record(record, cache)
    return RecordedModel(PseudoRandom(found.embedder), found.record)


def second_index(folder: Path, other: Path) -> Served:
    """A copy of the index that says that the other model made it; it does not serve yet."""
    model = open_record(ModelRecord(str(other), str(other)), model_cache()).record
    served = Served(model, "index.copy")
    shutil.copytree(folder / INDEX, folder / served.index)
    with closing(sqlite3.connect(folder / served.index / "index.db")) as database:
        database.execute("update manifest set value = ? where key = 'model'", (model.vectors,))
        database.commit()
    return served


def command(*arguments: str | Path, settings: Settings) -> list[str]:
    where = ["--data", str(settings.data.folder)]
    return [sys.executable, "-m", "bot", "model", *map(str, arguments), *where]


async def followed(switch: LiveSwitch, worker: Worker[Core], name: str) -> None:
    """Look at the pointer as a bot does, until a model serves."""
    while await worker.call(lambda core: core.served.model.name) != name:
        await switch.look()
        await asyncio.sleep(0.2)


async def measured(
    settings: Settings, texts: Iterator[str], other: Path, options: argparse.Namespace
) -> None:
    worker = Worker(lambda: Core(settings), Core.close)
    await worker.run_slices(Core.warm_up)
    switch = LiveSwitch(worker, settings.data.folder)
    await switch.look()
    asking = Asking(worker, texts)
    going = asyncio.create_task(asking.go_on())
    await asyncio.sleep(options.seconds)
    asking.phase = "while it is built"
    started = time.perf_counter()
    process = await asyncio.create_subprocess_exec(
        *command("use", other, "--anyway", settings=settings), stdout=subprocess.DEVNULL
    )
    await asyncio.wait([asyncio.create_task(process.wait())], timeout=options.build_seconds)
    if process.returncode is None:
        process.kill()
        await process.wait()
    built = time.perf_counter() - started
    asking.phase = "while nothing is measured"
    served = await asyncio.to_thread(second_index, settings.data.folder, other)
    asking.phase = "while it switches"
    started = time.perf_counter()
    take(settings.data.folder, settings.model.name, served)
    await followed(switch, worker, str(other))
    switched = time.perf_counter() - started
    asking.phase = "after"
    await asyncio.sleep(options.seconds)
    asking.phase = "while it goes back"
    started = time.perf_counter()
    process = await asyncio.create_subprocess_exec(
        *command("back", settings=settings), stdout=subprocess.DEVNULL
    )
    assert await process.wait() == 0
    back = time.perf_counter() - started
    await followed(switch, worker, DEFAULT_MODEL)
    answered_back = time.perf_counter() - started
    going.cancel()
    await asking.settle()
    await worker.stop()
    print("\n".join(asking.table()))
    print(f"model use was at it for {built:.0f} s; the switch took {switched:.1f} s.")
    print(f"model back: {back:.1f} s, with Python's start; the bot answers {answered_back:.1f} s")
    print("after the command was given.")
    started = time.perf_counter()
    go_back(settings.data.folder, settings.model.name)
    print(f"going back alone, with both indexes compared: {time.perf_counter() - started:.2f} s")
    print(f"{len(asking.problems)} questions failed. {asking.problems[:3]}")
    before, during = (
        float(np.percentile(asking.waited[phase], 95)) for phase in ("before", "while it is built")
    )
    print(f"p95 while it is built / before: {during / before:.2f}")


async def measured_whole(
    settings: Settings, texts: Iterator[str], other: Path, options: argparse.Namespace
) -> None:
    worker = Worker(lambda: Core(settings), Core.close)
    await worker.run_slices(Core.warm_up)
    switch = LiveSwitch(worker, settings.data.folder)
    await switch.look()
    looking = asyncio.create_task(switch.keep_looking())
    asking = Asking(worker, texts)
    asking.accepts = ACCEPTED
    going = asyncio.create_task(asking.go_on())
    await asyncio.sleep(options.seconds)
    for phase, arguments, name in (
        ("while it is used", ("use", other), str(other)),
        ("while it goes back", ("back",), DEFAULT_MODEL),
    ):
        asking.phase = phase
        started = time.perf_counter()
        process = await asyncio.create_subprocess_exec(*command(*arguments, settings=settings))
        ended = await process.wait()
        print(f"model {arguments[0]} ended with {ended}: ", end="")
        print(f"{time.perf_counter() - started:.1f} s, {loads()}", flush=True)
        if ended:
            break
        await followed(switch, worker, name)
        print(f"{name} answers after {time.perf_counter() - started:.1f} s", flush=True)
        asking.phase = f"after {arguments[0]}"
        await asyncio.sleep(options.seconds)
    going.cancel()
    looking.cancel()
    await asking.settle()
    await worker.stop()
    print("\n".join(asking.table()))
    print(f"{len(asking.problems)} questions failed. {asking.problems[:3]}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--passages", type=int, default=20_000)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--build-seconds", type=float, default=300.0)
    parser.add_argument("--noise", type=float, default=0.0005)
    parser.add_argument("--whole", action="store_true")
    parser.add_argument("--other", type=Path)
    options = parser.parse_args()
    os.environ["HF_HUB_OFFLINE"] = "1"
    with tempfile.TemporaryDirectory(prefix="commonplace-models-") as temporary:
        folder = Path(temporary)
        other = options.other or disturbed(folder / "other", options.noise)
        corpus = whole_corpus_in if options.whole else corpus_in
        measure = measured_whole if options.whole else measured
        with corpus(folder, options.passages) as (settings, texts), held(settings.data.folder):
            asyncio.run(measure(settings, texts, other, options))


if __name__ == "__main__":
    main()
