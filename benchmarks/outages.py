"""Restart PostgreSQL under a load of questions, and count which are answered, lost and double.

    python -m benchmarks.outages --restarts 10 [--away 4] [--pause 4] [--a-second 20]

Members of eight guilds ask, each question once, of notes and of the articles that come with the
program. Meanwhile PostgreSQL is stopped at once (`pg_ctl stop -m immediate`), stays away for a
while, and is started again. Each question is written down with what its asker was told. In the end
the database must have each that was answered once, under the id that its buttons have, and in the
order in which they were asked.

The embedder is the tests' bag of words; PostgreSQL is a cluster of this run's own that waits for
its disk (`fsync` on).
"""

import argparse
import asyncio
import itertools
import json
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np

from benchmarks.killing_processes import durable
from bot.answers.lookup import Ask
from bot.config.sections import DataSettings
from bot.config.settings import Settings
from bot.core import index_updates
from bot.core.core import Core
from bot.core.worker import Worker
from bot.process.background import STAND_BY_SECONDS
from bot.process.client import answered_together, start_worker
from bot.review import service
from knowledge.store.database import is_away
from knowledge.store.notes.decisions import Ruling
from knowledge.values.notes import Decision, Member
from knowledge.values.submissions import Submission
from tests.fakes import WordEmbedder
from tests.postgres import Cluster

GUILDS: Final = range(10, 18)
NOTES: Final = 20
JUDGED: Final = Path(__file__).parents[1] / "tests" / "judged" / "queries.jsonl"


@dataclass
class Told:
    """What the askers were told: texts by the ids that were told, and the seconds that it took."""

    texts: dict[int, str] = field(default_factory=dict)
    said: Counter[str] = field(default_factory=Counter)
    seconds: dict[str, list[float]] = field(default_factory=dict)

    def note(self, what: str, seconds: float) -> None:
        self.said[what] += 1
        self.seconds.setdefault(what, []).append(seconds)


def _fill(core: Core) -> None:
    for guild_id, number in itertools.product(GUILDS, range(NOTES)):
        text = f"The quokka{number} of guild{guild_id} is fed at {number} in hall{number}."
        proposed = core.store.contributions.propose(
            guild_id, Member(1, "Mira"), 5, Submission(f"Quokka {number}", text)
        )
        revision_id = proposed.note.revision.id
        ruling = Ruling(Decision.APPROVE)
        service.indexed(
            core, core.store.decisions.decide(guild_id, revision_id, Member(2, "Ada"), ruling)
        )


async def _ask(worker: Worker[Core], text: str, guild_id: int, told: Told) -> None:
    started = time.monotonic()
    try:
        reply = await worker.call_batched(answered_together, Ask(text, 1, guild_id, 5))
    except Exception as error:  # noqa: BLE001 - counted by its kind
        what = "refused" if is_away(error) else f"failed: {error!r:.80}"
        told.note(what, time.monotonic() - started)
        return
    what = "answered from memory" if reply.bridged else "answered"
    told.note(what, time.monotonic() - started)
    told.texts[reply.question_id or 0] = text


async def _load(worker: Worker[Core], told: Told, a_second: float, ended: asyncio.Event) -> None:
    judged = [json.loads(line)["text"] for line in JUDGED.read_text().splitlines()]
    own = [f"when is quokka{number} fed" for number in range(NOTES)]
    texts = itertools.cycle([*own, *judged])
    asked = []
    for number, (text, guild_id) in enumerate(zip(texts, itertools.cycle(GUILDS), strict=False)):
        if ended.is_set():
            break
        asked.append(asyncio.create_task(_ask(worker, f"{text} ({number})", guild_id, told)))
        await asyncio.sleep(1 / a_second)
    await asyncio.gather(*asked)


async def _stand_by(worker: Worker[Core], ended: asyncio.Event) -> None:
    while not ended.is_set():
        try:
            await worker.run_slices(Core.stand_by)
        except Exception as error:
            if not is_away(error):
                raise
        await asyncio.sleep(STAND_BY_SECONDS)


async def _run(cluster: Cluster, folder: Path, arguments: argparse.Namespace) -> int:
    url = cluster.empty()
    settings = Settings(data=DataSettings(folder=folder / "data", database=url))
    worker, told, ended = start_worker(settings, WordEmbedder(512)), Told(), asyncio.Event()
    await worker.run_slices(index_updates.update_own)
    await worker.call(_fill)
    await worker.run_slices(Core.warm_up)
    for guild_id in GUILDS:
        await worker.call_batched(answered_together, Ask("quokka?", 1, guild_id, 5))
    before = await worker.call(_recorded)
    working = [
        asyncio.create_task(_load(worker, told, arguments.a_second, ended)),
        asyncio.create_task(_stand_by(worker, ended)),
    ]
    for _ in range(arguments.restarts):
        await asyncio.sleep(arguments.pause)
        await asyncio.to_thread(cluster.stop)
        await asyncio.sleep(arguments.away)
        await asyncio.to_thread(cluster.start)
    await asyncio.sleep(arguments.pause)
    ended.set()
    await asyncio.gather(*working)
    recorded = await worker.call(_recorded)
    waiting = await worker.call(lambda core: core.recording.waiting)
    await worker.stop()
    return _judged(told, recorded[len(before) :], waiting)


def _recorded(core: Core) -> list[dict[str, Any]]:
    return core.store.database.rows(
        "select id, text, asked_at, (select count(*) from hits where question_id = q.id) as hits "
        "from questions q order by id"
    )


def _judged(told: Told, rows: list[dict[str, Any]], waiting: int) -> int:
    texts = Counter(row["text"] for row in rows)
    by_id = {row["id"]: row["text"] for row in rows}
    wrong = {
        "lost": sum(by_id.get(key) != text for key, text in told.texts.items()),
        "doubled": sum(number > 1 for number in texts.values()),
        "recorded though nobody was answered": sum(key not in told.texts for key in by_id),
        "in another order": sum(
            one["asked_at"] > other["asked_at"] for one, other in itertools.pairwise(rows)
        ),
        "without hits": sum(not row["hits"] for row in rows),
        "still waiting": waiting,
    }
    for what, number in told.said.most_common():
        p50, p95 = np.percentile(np.array(told.seconds[what]) * 1e3, [50, 95])
        print(f"{what}: {number:,} (p50 {p50:.0f} ms, p95 {p95:.0f} ms)")
    print(f"recorded: {len(rows):,}")
    for what, number in wrong.items():
        print(f"{what}: {number}")
    return sum(wrong.values())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--restarts", type=int, default=10)
    parser.add_argument("--away", type=float, default=4)
    parser.add_argument("--pause", type=float, default=4)
    parser.add_argument("--a-second", type=float, default=20)
    arguments = parser.parse_args()
    with durable() as cluster, tempfile.TemporaryDirectory() as folder:
        sys.exit(bool(asyncio.run(_run(cluster, Path(folder), arguments))))


if __name__ == "__main__":
    main()
