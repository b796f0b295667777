"""Latency of questions and pace of a large import, with and without embedding workers.

    python -m benchmarks.workers [--passages 400] [--rounds 3] [--most 2] [--nice 10] [--unasked]

Starts a PostgreSQL of its own and a core with the default model on it, and imports documents like a
running bot, in slices of its thread, with no worker, one, and so on, in turns. The workers are
processes of `commonplace cluster worker` on this machine, where they compete with the core for
processors; `--nice` lowers their priority. Meanwhile somebody asks a question, waits a tenth of a
second and asks the next. `--unasked` asks nothing, and measures the core's own share of an import.
"""

import argparse
import asyncio
import contextlib
import itertools
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.answering import documents, percentiles, questions_about
from bot.answers.ask import Ask
from bot.config.settings import DataSettings, Settings
from bot.core.core import Core
from bot.core.worker import Worker
from bot.process.client import answer_together, start_worker
from bot.storage.derived_data import open_work_queue
from indexer.ingest.pipeline import update
from knowledge.values.documents import Document, Kind
from tests.postgres import running_cluster

PAUSE_SECONDS = 0.1


@dataclass(slots=True)
class Figures:
    """Measurements with one number of workers, over all rounds."""

    passages: int = 0
    seconds: float = 0.0
    cpu_seconds: float = 0.0
    milliseconds: list[float] = field(default_factory=list)

    def __str__(self) -> str:
        own = self.cpu_seconds / self.passages * 1e3
        said = f"{self.passages / self.seconds:.1f} passages/s, {own:.1f} ms of CPU each"
        if not self.milliseconds:
            return said
        waits = percentiles(self.milliseconds)
        most = max(self.milliseconds)
        return f"{said}; {len(self.milliseconds)} questions: {waits}, the longest {most:.0f} ms"


@contextmanager
def workers(count: int, config: Path, url: str, nice: int) -> Iterator[None]:
    """Run so many embedding processes, once all of them have joined."""
    command = [sys.executable, "-m", "bot", "cluster", "worker", "--config", str(config)]
    started = [
        subprocess.Popen(  # noqa: S603 - our own command
            command, preexec_fn=lambda: os.nice(nice), stderr=subprocess.DEVNULL
        )
        for _ in range(count)
    ]
    try:
        with closing(open_work_queue(url)) as work:
            while sum(work.state().workers.values()) < count:
                time.sleep(0.1)
        yield
    finally:
        for process in started:
            process.terminate()
        for process in started:
            process.wait()


async def ask(worker: Worker[Core], asked: Iterator[str], found: list[float]) -> None:
    for text in asked:
        started = time.perf_counter()
        await worker.call_batched(answer_together, Ask(text, 1))
        found.append((time.perf_counter() - started) * 1e3)
        await asyncio.sleep(PAUSE_SECONDS)


async def import_documents(
    worker: Worker[Core], some: Sequence[Document], asked: Iterator[str], figures: Figures
) -> None:
    asking = asyncio.create_task(ask(worker, asked, figures.milliseconds))
    started, cpu = time.perf_counter(), time.process_time()
    last = await worker.run_slices(
        # None of these kinds is there: all are new, and nothing is taken out.
        lambda core: update(core.index, core.embedder, some, kinds={Kind.PAGE}, queue=core.work)
    )
    figures.seconds += time.perf_counter() - started
    figures.cpu_seconds += time.process_time() - cpu
    figures.passages += last.report.passages if last is not None else 0
    asking.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await asking


async def measure(options: argparse.Namespace, folder: Path, url: str) -> dict[int, Figures]:
    config = folder / "config.toml"
    config.write_text(f'[data]\nfolder = "{folder}"\ndatabase = "{url}"\n', encoding="utf-8")
    settings = Settings(data=DataSettings(folder=folder, database=url))
    made = list(documents(options.passages * (1 + options.rounds * (1 + options.most))))
    starts = range(0, len(made), options.passages)
    parts = (made[start : start + options.passages] for start in starts)
    asked: Iterator[str] = (
        iter(()) if options.unasked else itertools.cycle(questions_about(made, len(made)))
    )
    worker = start_worker(settings)
    await worker.run_slices(Core.warm_up)
    figures = {count: Figures() for count in range(options.most + 1)}
    # The first import warms up.
    await import_documents(worker, next(parts)[:100], asked, Figures())
    for _, (count, found) in itertools.product(range(options.rounds), figures.items()):
        with workers(count, config, url, options.nice):
            await import_documents(worker, next(parts), asked, found)
    await worker.stop()
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--passages", type=int, default=400, help="in each import")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--most", type=int, default=2, help="workers")
    parser.add_argument("--nice", type=int, default=10)
    parser.add_argument("--unasked", action="store_true", help="ask nothing meanwhile")
    options = parser.parse_args()
    with running_cluster() as cluster, tempfile.TemporaryDirectory() as temporary:
        found = asyncio.run(measure(options, Path(temporary), cluster.empty()))
    for count, figures in found.items():
        print(f"{count} workers: {figures}")


if __name__ == "__main__":
    main()
