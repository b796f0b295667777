"""Kill processes that decide together on one PostgreSQL, and count losses and doubles.

    python -m benchmarks.killing_processes --kills 200
    python -m benchmarks.killing_processes --cuts 50
    python -m benchmarks.killing_processes --restarts 5
    python -m benchmarks.killing_processes --stops 4 [--seconds 30]

Three processes submit and approve notes and change settings of three guilds, in each other's way.
Each writes a journal before and after every attempt. They end by SIGKILL at random moments, right
before a commit, or right after one. With `--cuts` they lose the connection around a commit, with
`--stops` they are paused, and with `--restarts` the server restarts. An interrupted attempt is
repeated as the same interaction.

At the end the database must match the journals: each submission and decision once, unbroken log
chains without a gap, and an index of exactly the live notes.

The embedder is the tests' bag of words; PostgreSQL is a cluster of this run with `fsync` on.
"""

import argparse
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.deciding_processes import WORKERS, Lives, Place
from bot.core import index_updates
from bot.core.core import Core
from bot.core.index_updates import run_to_end
from indexer.index.written_documents import document_digest
from knowledge import corpus
from knowledge.values.documents import Kind
from tests.postgres import Cluster, running_cluster
from tests.postgres_cuts import Cut, cutting_socket

# Conditions at the end.


def problems(place: Place) -> Iterator[str]:
    """Differences between the database and the journals."""
    told: dict[int, list[dict[str, Any]]] = {}
    # An attempt belongs to one process, so its lines are in order.
    for line in place.told():
        told.setdefault(line["id"], []).append(line)
    with place.core() as core:
        run_to_end(index_updates.update_own(core))
        yield from _of_attempts(core, told)
        yield from _of_the_log(core)
        wanted = {
            found.id: document_digest(found)
            for found in map(corpus.note_document, core.store.notes.every_live())
        }
        have = core.index.tables.document_digests({Kind.NOTE})
        if wanted != have:
            yield f"the index is not the notes: {sorted(wanted.items() ^ have.items())[:3]}"


def _of_attempts(core: Core, told: dict[int, list[dict[str, Any]]]) -> Iterator[str]:
    rows = core.store.database.rows
    submitted = Counter(row["title"] for row in rows("select title from revisions"))
    approved = Counter(
        row["reason"] for row in rows("select reason from reviews where decision = 'approve'")
    )
    changed = Counter(
        row["user_id"]
        for row in rows(
            "select m.user_id from log l join members m on m.key = l.actor "
            "where l.event = 'settings'"
        )
    )
    for number, lines in told.items():
        kind, said = lines[0]["kind"], [line["said"] for line in lines]
        found = {
            "submit": submitted[f"Note {number}"],
            "approve": approved[str(number)],
            "settings": changed[number],
        }[kind]
        if found > 1 or (said[-1] == "done" and found != 1):
            yield f"{kind} {number}: {found} times, and told: {said}"
        if found and said[-1] in ("nothing", "was decided before"):
            yield f"{kind} {number}: it was made, and told: {said}"


def _of_the_log(core: Core) -> Iterator[str]:
    if core.store.audit_log.breaks():
        yield "a chain of the log is broken"
    if contradicted := core.store.audit_log.contradicted_notes():
        yield f"notes are not what the log says: {contradicted[:3]}"
    rows = core.store.database.rows
    for row in rows(
        "select guild_id, count(*) as n, max(number) as last from log group by guild_id"
    ):
        if row["n"] != row["last"]:
            yield f"the log of guild {row['guild_id']} has {row['n']} lines up to {row['last']}"
    for row in rows(
        "select revision_id, count(*) as n from reviews where decision = 'approve' "
        "group by revision_id having count(*) > 1"
    ):
        yield f"revision {row['revision_id']} was approved {row['n']} times"
    for row in rows(
        "select r.id, (select count(*) from notices x where x.revision_id = r.id) as n "
        "from revisions r where r.state = 'approved'"
    ):
        if row["n"] != 1:
            yield f"{row['n']} notices tell of the approval of revision {row['id']}"


# The faults.


@contextmanager
def durable() -> Iterator[Cluster]:
    """A cluster that keeps commits, like one in production."""
    with running_cluster() as cluster:
        for setting in ("fsync", "synchronous_commit", "full_page_writes"):
            cluster.execute(f"alter system set {setting} = on")
        cluster.stop()
        cluster.start()
        yield cluster


def judged(place: Place, what: str) -> int:
    said = Counter(line["said"] for line in place.told())
    found = list(problems(place))
    print(f"{what}; told: {dict(said)}; {len(found)} lost, double or told wrongly", flush=True)
    print("\n".join(found[:20]))
    return len(found)


def killed(cluster: Cluster, folder: Path, kills: int, seed: int) -> int:
    place = Place(folder, cluster.empty())
    lives = Lives(place, seed)
    try:
        while lives.ended.total() < kills:
            lives.step(kill=True)
    finally:
        lives.end()
    return judged(place, f"{lives.ended.total()} kills: {dict(lives.ended)}")


def cut(cluster: Cluster, folder: Path, cuts: int, seed: int) -> int:
    url = cluster.empty()
    chance = random.Random(seed)  # noqa: S311
    with cutting_socket(cluster.folder) as cutting:
        place = Place(folder, url.replace(str(cluster.folder), str(cutting.folder)))
        lives = Lives(place, seed)
        try:
            due = time.monotonic() + 5
            while cutting.done < cuts:
                lives.step(kill=False)
                if time.monotonic() > due:
                    cutting.cut(chance.choice([Cut.BEFORE, Cut.AFTER, Cut.AFTER]))
                    due = time.monotonic() + chance.uniform(0.1, 0.7)
            time.sleep(1)
        finally:
            lives.end()
        return judged(place, f"{cutting.done} connections cut around a commit")


def restarted(cluster: Cluster, folder: Path, restarts: int, seed: int) -> int:
    place = Place(folder, cluster.empty())
    lives = Lives(place, seed)

    def work(seconds: float) -> None:
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            lives.step(kill=False)

    try:
        work(8)
        for _ in range(restarts):
            cluster.stop()
            work(0.5)
            cluster.start()
            work(5)
    finally:
        lives.end()
    told = f"{restarts} restarts (-m immediate); processes that ended: {dict(lives.ended)}"
    return judged(place, told)


def stopped(cluster: Cluster, folder: Path, stops: int, seed: int, seconds: float) -> int:
    place = Place(folder, cluster.empty())
    lives = Lives(place, seed)
    chance = random.Random(seed)  # noqa: S311

    def work(until: float) -> None:
        while time.monotonic() < until:
            lives.step(kill=False)

    try:
        for number in range(stops):
            work(time.monotonic() + chance.uniform(3, 4))
            lives.stand_still(number % WORKERS, still=True)
            work(time.monotonic() + seconds)
            lives.stand_still(number % WORKERS, still=False)
        work(time.monotonic() + 3)
    finally:
        lives.end()
    return judged(place, f"{stops} times a process stood still for {seconds:.0f} s")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=0)
    parser.add_argument("--cuts", type=int, default=0)
    parser.add_argument("--restarts", type=int, default=0)
    parser.add_argument("--stops", type=int, default=0)
    parser.add_argument("--seconds", type=float, default=30)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    wrong = 0
    trials: dict[str, Callable[[Cluster, Path, int, int], int]] = {
        "kills": killed,
        "cuts": cut,
        "restarts": restarted,
        "stops": partial(stopped, seconds=arguments.seconds),
    }
    with durable() as cluster:
        for name, trial in trials.items():
            if number := getattr(arguments, name):
                with tempfile.TemporaryDirectory() as folder:
                    wrong += trial(cluster, Path(folder), number, arguments.seed)
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
