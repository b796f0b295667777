"""Load of a flood: one member asking without a pause, and a busy evening in twenty guilds.

    python -m benchmarks.flooding one    one member, 20 questions of 2,000 characters a second
    python -m benchmarks.flooding many   60 questions a second from 200 members in 20 guilds

The real model answers, with the bot's limits and worker but without Discord. Waiting times run from
a question to its answer; refusals are counted apart. Run it on an idle machine, or read the load
average that it prints.
"""

import argparse
import asyncio
import os
import random
import resource
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from bot.answers.ask import Ask
from bot.config.settings import DataSettings, QuestionSettings, Settings
from bot.core import index_updates
from bot.core.core import Core
from bot.core.job_queue import Priority
from bot.core.worker import Worker, WorkerBusyError, current_member
from bot.interactions.policy.flood_control import FloodControl, TooFastError
from bot.process.client import answer_together, start_worker
from bot.review import service
from knowledge import corpus
from knowledge.sources.addition import add_paths
from knowledge.store.notes.decisions import Ruling
from knowledge.values.documents import Document
from knowledge.values.notes import Decision, Member
from knowledge.values.submissions import (
    Submission,
)

GUILD: Final = 10
FLOODER: Final = 1
MODERATOR: Final = 2
LONG: Final = 2_000


@dataclass
class Seen:
    """Observations: waiting times in seconds by kind, and refusals."""

    worker: Worker[Core]
    limits: FloodControl
    words: list[str]
    seconds: dict[str, list[float]] = field(default_factory=dict)
    refused: Counter[str] = field(default_factory=Counter)
    longest_queue: int = 0

    def text(self, characters: int) -> str:
        """Words of the articles in random order, so no reply comes from the cache."""
        found = " ".join(random.choices(self.words, k=characters // 4 + 4))  # noqa: S311
        return found[:characters]

    async def timed(self, kind: str, awaitable: Any) -> None:
        """Note how long something took, unless it was refused."""
        started = time.perf_counter()
        try:
            await awaitable
        except TooFastError as error:
            said = "said nothing" if error.told else "told"
            self.refused[f"{kind}: too fast ({error.reason}), {said}"] += 1
        except WorkerBusyError as error:
            self.refused[f"{kind}: {error.reason}"] += 1
            self.seconds.setdefault(f"{kind}, told busy", []).append(time.perf_counter() - started)
        else:
            self.seconds.setdefault(kind, []).append(time.perf_counter() - started)

    async def ask(self, member: int, guild: int, characters: int) -> None:
        """Ask as a member does."""
        current_member.set(member)
        with self.limits.admitted(member, guild):
            await self.worker.call_batched(
                answer_together, Ask(self.text(characters), member, guild)
            )

    async def approve(self, guild: int, number: int) -> None:
        """Propose and approve a note, with all its embedding."""
        current_member.set(MODERATOR)
        submission = Submission(f"Note {number}", self.text(600))
        outcome = await self.worker.call(
            lambda core: service.update_index(
                core, core.store.contributions.propose(guild, Member(3, "Mira"), 5, submission)
            )
        )
        revision_id = outcome.note.revision.id
        await self.worker.run_slices(
            lambda core: service.embed_revision_ahead(core, guild, revision_id),
            priority=Priority.REVIEWING,
        )
        await self.worker.call(
            lambda core: service.decide(
                core, guild, revision_id, Member(MODERATOR, "Ada"), Ruling(Decision.APPROVE)
            )
        )

    async def health(self) -> None:
        """Ask like `/healthz`, and look at the queue."""
        self.longest_queue = max(self.longest_queue, sum(self.worker.waiting().values()))
        await self.worker.call(lambda core: core.index.generation, priority=Priority.HEALTH)

    def show(self) -> None:
        """Print everything."""
        for kind, found in sorted(self.seconds.items()):
            found.sort()
            p50, p99 = found[len(found) // 2], found[min(len(found) * 99 // 100, len(found) - 1)]
            print(f"{kind}: {len(found)}, p50 {p50:.3f} s, p99 {p99:.3f} s, worst {found[-1]:.3f}")
        for reason, count in sorted(self.refused.items()):
            print(f"{reason}: {count}")
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        load = "/".join(f"{average:.1f}" for average in os.getloadavg())
        print(f"longest queue {self.longest_queue}, memory {memory:.0f} MB at most, load {load}")


async def _each(seen: Seen, kind: str, pause: float, until: float, make: Any) -> None:
    """Begin something every so many seconds, whether or not the last one is done."""
    tasks: list[asyncio.Task[None]] = []
    started, number = time.monotonic(), 0
    while time.monotonic() < until:
        tasks.append(asyncio.create_task(seen.timed(kind, make(number))))
        number += 1
        await asyncio.sleep(max(0, started + number * pause - time.monotonic()))
    await asyncio.gather(*tasks)


async def _one(seen: Seen, seconds: float) -> None:
    until = time.monotonic() + seconds
    await asyncio.gather(
        _each(seen, "flooder", 0.05, until, lambda _: seen.ask(FLOODER, GUILD, LONG)),
        _each(seen, "others", 0.5, until, lambda number: seen.ask(100 + number % 20, GUILD, 60)),
        _each(seen, "approvals", 2, until, lambda number: seen.approve(GUILD, number)),
        _each(seen, "health", 1, until, lambda _: seen.health()),
    )


async def _many(seen: Seen, seconds: float, folder: Path) -> None:
    text = "\n\n".join(f"## Part {number}\n\n{seen.text(300)}." for number in range(50))
    for file in range(40):
        (folder / f"file{file}.md").write_text(f"# File {file}\n\n{text}", encoding="utf-8")
    await seen.worker.call(lambda core: add_paths(core.store, [folder]))
    until = time.monotonic() + seconds
    indexing = asyncio.create_task(
        seen.timed("2,000 passages indexed", seen.worker.run_slices(index_updates.update_files))
    )
    await asyncio.gather(
        _each(
            seen,
            "questions",
            1 / 60,
            until,
            lambda number: seen.ask(100 + number % 200, GUILD + number % 20, 60),
        ),
        _each(seen, "approvals", 2, until, lambda number: seen.approve(GUILD, number)),
        _each(seen, "health", 1, until, lambda _: seen.health()),
    )
    print(f"indexing {'ended' if indexing.done() else 'went on'} when the questions did")
    await indexing


async def main() -> None:
    """Flood a bot on a folder of its own, and say how others fared."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else "")
    parser.add_argument("flood", choices=("one", "many"))
    parser.add_argument("--seconds", type=float, default=60)
    chosen = parser.parse_args()
    found = [article for article in corpus.articles() if isinstance(article, Document)]
    words = [word for article in found for word in article.text.split()]
    with tempfile.TemporaryDirectory() as folder:
        worker = start_worker(Settings(data=DataSettings(folder=Path(folder) / "data")))
        seen = Seen(worker, FloodControl(QuestionSettings()), words)
        await worker.run_slices(index_updates.update_notes_and_articles)
        await worker.run_slices(Core.warm_up)
        files = Path(folder) / "files"
        files.mkdir()
        await {
            "one": lambda: _one(seen, chosen.seconds),
            "many": lambda: _many(seen, chosen.seconds, files),
        }[chosen.flood]()
        seen.show()
        await worker.stop()


if __name__ == "__main__":
    asyncio.run(main())
