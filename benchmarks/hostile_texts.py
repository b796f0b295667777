"""Hostile texts at the limit of each entrance: their dearest job, and others' questions meanwhile.

    python -m benchmarks.hostile_texts --texts 100

Each entrance of `tests/entrances.py` reads texts of one repeated piece, as long as it takes them.
Files and pages go through the sandbox, and on until they are indexed with a word embedder. Its cost
is next to nothing. All jobs run in slices of a bot's worker, and every 200 ms somebody asks it a
question. The bars are one second of CPU for any job, and one second of waiting for 99 of a hundred
questions. A hundred texts of 10 MB take some minutes for each entrance. With `--tried 10`, all are
first read at a tenth of the length, and then only the dearest three at their full length. On a busy
machine, read the last column: the process's CPU during a wait is about the wait on an idle machine.
"""

import argparse
import asyncio
import itertools
import os
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from bot.answers.ask import Ask
from bot.core import index_updates
from bot.core.core import Core
from bot.core.worker import Worker
from bot.process.client import answer_together, start_worker
from tests.entrances import GUILD, entrance_settings, entrances_of
from tests.fakes import WordEmbedder
from tests.pumped_texts import FRAGMENTS, pumped
from tests.pumping import JOB_SECONDS, Entrance, timed_jobs

QUESTION_PAUSE_SECONDS: Final = 0.2
WAIT_SECONDS: Final = 1.0
# Texts read at full length after all were tried at a part of it.
DEAREST: Final = 3


class Asking:
    """Questions of another member, one every 200 ms, whether or not the last one is answered."""

    def __init__(self, worker: Worker[Core]) -> None:
        self.waits: list[float] = []
        self.cpu_waits: list[float] = []
        self._worker = worker
        self._asked: set[asyncio.Task[None]] = set()

    async def go_on(self) -> None:
        for number in itertools.count():
            task = asyncio.create_task(self._ask(f"When does harbour {number} open for members?"))
            self._asked.add(task)
            task.add_done_callback(self._asked.discard)
            await asyncio.sleep(QUESTION_PAUSE_SECONDS)

    async def _ask(self, text: str) -> None:
        begun, cpu = time.perf_counter(), time.process_time()
        await self._worker.call_batched(answer_together, Ask(text, 9, GUILD))
        self.waits.append(time.perf_counter() - begun)
        self.cpu_waits.append(time.process_time() - cpu)

    async def end(self) -> None:
        """Wait for the last answers."""
        await asyncio.gather(*self._asked)


def p99(waits: Sequence[float]) -> float:
    return sorted(waits)[len(waits) * 99 // 100]


async def dearest_job(worker: Worker[Core], jobs: Iterator[object]) -> float:
    """CPU seconds of the dearest of these jobs, which the worker does."""
    dearest = 0.0

    def steps(_: Core) -> Iterator[None]:
        nonlocal dearest
        for seconds in timed_jobs(jobs):
            dearest = max(dearest, seconds)
            yield

    await worker.run_slices(steps)
    return dearest


async def costs_of(
    worker: Worker[Core],
    entrance: Entrance,
    fragments: Sequence[str],
    characters: int,
    asking: Asking | None = None,
) -> list[tuple[float, str]]:
    """CPU seconds of the dearest job for a text of each fragment, with questions meanwhile."""
    costs = []
    for fragment in fragments:
        # The text is written to its file before anybody asks.
        jobs = entrance.jobs(pumped(fragment, characters)[: entrance.limit])
        task = asyncio.create_task(asking.go_on()) if asking is not None else None
        costs.append((await dearest_job(worker, jobs), fragment))
        if task is not None:
            task.cancel()
    return costs


async def main(texts: int, tried: int, characters: int, only: Sequence[str], folder: Path) -> int:
    """Print a line for each entrance; 1 if any job was too dear, or too many questions waited."""
    too_dear = 0
    embedder = WordEmbedder(64)
    fragments = FRAGMENTS[:: max(1, len(FRAGMENTS) // texts)][:texts]
    worker = start_worker(entrance_settings(folder), embedder)
    await worker.run_slices(index_updates.update_quickly)
    print(
        "| entrance | characters | texts | dearest job, s CPU | by | asked | p99, s | p99, s CPU |"
    )
    print("|---|---|---|---|---|---|---|---|")
    for entrance in await worker.call(lambda core: entrances_of(core, folder)):
        if only and entrance.name not in only:
            continue
        size = min(entrance.limit, characters)
        chosen: Sequence[str] = fragments
        if tried > 1:
            costs = await costs_of(worker, entrance, fragments, size // tried)
            embedder.calls.clear()
            too_dear += sum(cost > JOB_SECONDS for cost, _ in costs)
            chosen = [fragment for _, fragment in sorted(costs)[-DEAREST:]]
        asking = Asking(worker)
        costs = await costs_of(worker, entrance, chosen, size, asking)
        await asking.end()
        embedder.calls.clear()
        seconds, fragment = max(costs)
        wait = p99(asking.waits)
        too_dear += sum(cost > JOB_SECONDS for cost, _ in costs) + (wait > WAIT_SECONDS)
        print(
            f"| {entrance.name} | {size:,} | {len(costs)} | {seconds:.2f} | {fragment!r} | "
            f"{len(asking.waits):,} | {wait:.2f} | {p99(asking.cpu_waits):.2f} |",
            flush=True,
        )
    await worker.stop()
    load = "/".join(f"{average:.1f}" for average in os.getloadavg())
    print(f"\n{too_dear} above {JOB_SECONDS} s of CPU or {WAIT_SECONDS} s of waiting; load {load}.")
    return min(too_dear, 1)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--texts", type=int, default=100, help="for each entrance")
    parser.add_argument("--tried", type=int, default=1, help="at first this part of the length")
    parser.add_argument("--characters", type=int, default=10_000_000, help="at most")
    parser.add_argument("only", nargs="*", help="names of entrances")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as made:
        sys.exit(
            asyncio.run(
                main(options.texts, options.tried, options.characters, options.only, Path(made))
            )
        )
