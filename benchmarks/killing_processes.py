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

At the end the database must match the journals: each submission and decision once, notes in the
state of the log, and an index of exactly the live notes.

The embedder is the tests' bag of words; PostgreSQL is a cluster of this run with `fsync` on.
"""

import argparse
import json
import multiprocessing
import os
import random
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any, Final

from bot.config.settings import DataSettings, Settings
from bot.core import index_updates
from bot.core.core import Core
from bot.core.index_updates import run_to_end
from bot.review import service
from indexer.index.database import IndexError_
from indexer.index.written_documents import document_digest
from knowledge import corpus
from knowledge.store.database import DatabaseAwayError, OutcomeUnknownError, StoreError
from knowledge.store.notes.decisions import Ruling
from knowledge.values.documents import Kind
from knowledge.values.notes import Decision, Member, Outcome
from knowledge.values.submissions import Submission
from tests.commit_deaths import die_around_commit
from tests.fakes import WordEmbedder
from tests.postgres import Cluster, running_cluster
from tests.postgres_cuts import Cut, cutting_socket

GUILDS: Final = (10, 11, 12)
WORKERS: Final = 3
CONTRIBUTOR: Final = Member(1, "Mira")
# A life without a violent end has so many seconds at the most.
LIFE_SECONDS: Final = 4.0
# Among so many commits of a life one is chosen to end before or after.
COMMITS: Final = 40
# So many notes wait for a decision before one is decided on rather than another one submitted.
WAITING: Final = 4

FORKED: Final = multiprocessing.get_context("fork")


@dataclass(frozen=True)
class Place:
    """The processes' workplace; `url` is their address of the database."""

    folder: Path
    url: str

    def core(self) -> Core:
        settings = Settings(data=DataSettings(folder=self.folder / "data", database=self.url))
        return Core(settings, WordEmbedder(64))

    def journal(self, worker: int) -> Path:
        return self.folder / f"journal-{worker}"

    def journal_lines(self) -> list[dict[str, Any]]:
        """All journal lines, each process's in order."""
        lines = []
        for worker in range(WORKERS):
            # A kill can leave a line half-written.
            text = self.journal(worker).read_text() if self.journal(worker).exists() else ""
            lines += [json.loads(line) for line in text.splitlines() if line.endswith("}")]
        return lines


# The work of a process.


class Worker:
    """One life of a process."""

    def __init__(self, place: Place, worker: int, seed: int) -> None:
        self._core = place.core()
        self._worker = worker
        self._chance = random.Random(seed)  # noqa: S311 - actions, not secrets
        self._file = os.open(place.journal(worker), os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        self._left = _last_attempt(place, worker)
        # Discord's ids are never given twice; nor are these, even by workers with one start.
        self._next_id = time.time_ns() // WORKERS * WORKERS + worker

    def go_on(self) -> None:
        """Bring the index in step, then attempt one thing after another."""
        run_to_end(index_updates.update_notes_and_articles(self._core))
        while True:
            attempt = self._left or self._another()
            self._left = None
            if attempt is not None:
                self._attempt(attempt)
            else:
                time.sleep(0.01)
            try:
                list(index_updates.update_unindexed_notes(self._core))
            except (StoreError, IndexError_):
                continue

    def _another(self) -> dict[str, Any] | None:
        guild_id = self._chance.choice(GUILDS)
        try:
            pending = self._core.store.database.rows(
                "select r.id from revisions r join notes n on n.id = r.note_id "
                "where n.guild_id = ? and r.state = 'pending' order by r.id",
                [guild_id],
            )
        except StoreError:
            return None
        self._next_id += WORKERS
        attempt = {"id": self._next_id, "guild": guild_id, "worker": self._worker}
        if self._chance.random() < 0.1:
            return attempt | {"kind": "settings", "value": self._chance.randrange(1, 1_000)}
        if len(pending) < WAITING:
            return attempt | {"kind": "submit"}
        return attempt | {"kind": "approve", "revision": self._chance.choice(pending)["id"]}

    def _attempt(self, attempt: dict[str, Any]) -> None:
        self._say(attempt, "attempted")
        try:
            done = getattr(self, f"_{attempt['kind']}")(attempt)
        except OutcomeUnknownError:
            self._say(attempt, "unknown")
            # A change of settings has no id; its author can see the result.
            self._left = None if attempt["kind"] == "settings" else attempt
        except (StoreError, IndexError_) as error:
            plain = isinstance(error, DatabaseAwayError) or "Nothing was changed" in str(error)
            self._say(attempt, "nothing" if plain else "refused")
        else:
            self._say(attempt, "done" if done else "was decided before")

    def _say(self, attempt: dict[str, Any], said: str) -> None:
        os.write(self._file, (json.dumps(attempt | {"said": said}) + "\n").encode())

    def _submit(self, attempt: dict[str, Any]) -> bool:
        written = Submission(
            f"Note {attempt['id']}", f"The lantern {attempt['id']} is lit at dusk."
        )

        def propose() -> Outcome:
            return self._core.store.contributions.propose(attempt["guild"], CONTRIBUTOR, 5, written)

        return service.once_per_interaction(
            self._core, attempt["guild"], attempt["id"], propose
        ).done

    def _approve(self, attempt: dict[str, Any]) -> bool:
        outcome = service.decide(
            self._core,
            attempt["guild"],
            attempt["revision"],
            Member(100 + self._worker, "Ada"),
            Ruling(Decision.APPROVE, str(attempt["id"])),
            attempt["id"],
        )
        return outcome is not None and outcome.done

    def _settings(self, attempt: dict[str, Any]) -> bool:
        minutes = {"undo_minutes": attempt["value"]}
        self._core.store.guilds.change(attempt["guild"], minutes, attempt["id"])
        return True


def _last_attempt(place: Place, worker: int) -> dict[str, Any] | None:
    """This process's attempt at its last kill."""
    own = [line for line in place.journal_lines() if line["worker"] == worker]
    if own and own[-1]["said"] in ("attempted", "unknown") and own[-1]["kind"] != "settings":
        return {key: value for key, value in own[-1].items() if key != "said"}
    return None


class Lives:
    """Processes, started again whenever they have ended."""

    def __init__(self, place: Place, seed: int) -> None:
        self._place = place
        self._chance = random.Random(seed)  # noqa: S311 - moments, not secrets
        self._running: dict[int, tuple[BaseProcess, float, str]] = {}
        self.ended: Counter[str] = Counter()

    def step(self, *, kill: bool) -> None:
        """Start ended processes, and kill due ones."""
        for worker in range(WORKERS):
            process, until, how = self._running.get(worker, (None, 0.0, ""))
            if process is not None and process.is_alive():
                if kill and time.monotonic() > until:
                    process.kill()
                    process.join()
                continue
            if process is not None:
                self.ended[how if process.exitcode == -signal.SIGKILL else "by itself"] += 1
            self._running[worker] = self._begin(worker, kill)
        time.sleep(0.01)

    def _begin(self, worker: int, kill: bool) -> tuple[BaseProcess, float, str]:
        how = self._chance.choice(["at random", "before a commit", "after a commit"])
        number, seed = self._chance.randrange(1, COMMITS), self._chance.randrange(2**32)

        def run() -> None:
            if kill and how != "at random":
                die_around_commit(number, after=how == "after a commit")
            Worker(self._place, worker, seed).go_on()

        process = FORKED.Process(target=run)
        process.start()
        life = self._chance.uniform(0.2, LIFE_SECONDS) if how == "at random" else 30.0
        return process, time.monotonic() + life, how

    def work(self, seconds: float) -> None:
        """Keep the processes going for a while."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            self.step(kill=False)

    def stand_still(self, worker: int, *, still: bool) -> None:
        """Pause a process in the middle of its work, or let it go on."""
        pid = self._running[worker][0].pid
        if pid is not None:
            os.kill(pid, signal.SIGSTOP if still else signal.SIGCONT)

    def end(self) -> None:
        for process, _, _ in self._running.values():
            process.kill()
            process.join()


# Conditions at the end.


def problems(place: Place) -> Iterator[str]:
    """Differences between the database and the journals."""
    told: dict[int, list[dict[str, Any]]] = {}
    # An attempt belongs to one process, so its lines are in order.
    for line in place.journal_lines():
        told.setdefault(line["id"], []).append(line)
    with place.core() as core:
        run_to_end(index_updates.update_notes_and_articles(core))
        yield from _attempt_problems(core, told)
        yield from _log_problems(core)
        wanted = {
            found.id: document_digest(found)
            for found in map(corpus.note_document, core.store.notes.every_live())
        }
        have = core.index.tables.document_digests({Kind.NOTE})
        if wanted != have:
            yield f"the index is not the notes: {sorted(wanted.items() ^ have.items())[:3]}"


def _attempt_problems(core: Core, told: dict[int, list[dict[str, Any]]]) -> Iterator[str]:
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


def _log_problems(core: Core) -> Iterator[str]:
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


@contextmanager
def lives_at(place: Place, seed: int) -> Iterator[Lives]:
    lives = Lives(place, seed)
    try:
        yield lives
    finally:
        lives.end()


def judge(place: Place, what: str) -> int:
    said = Counter(line["said"] for line in place.journal_lines())
    found = list(problems(place))
    print(f"{what}; told: {dict(said)}; {len(found)} lost, double or told wrongly", flush=True)
    print("\n".join(found[:20]))
    return len(found)


def kill(cluster: Cluster, folder: Path, kills: int, seed: int) -> int:
    place = Place(folder, cluster.empty())
    with lives_at(place, seed) as lives:
        while lives.ended.total() < kills:
            lives.step(kill=True)
    return judge(place, f"{lives.ended.total()} kills: {dict(lives.ended)}")


def cut(cluster: Cluster, folder: Path, cuts: int, seed: int) -> int:
    url = cluster.empty()
    chance = random.Random(seed)  # noqa: S311
    with cutting_socket(cluster.folder) as cutting:
        place = Place(folder, url.replace(str(cluster.folder), str(cutting.folder)))
        with lives_at(place, seed) as lives:
            due = time.monotonic() + 5
            while cutting.done < cuts:
                lives.step(kill=False)
                if time.monotonic() > due:
                    cutting.cut(chance.choice([Cut.BEFORE, Cut.AFTER, Cut.AFTER]))
                    due = time.monotonic() + chance.uniform(0.1, 0.7)
            time.sleep(1)
        return judge(place, f"{cutting.done} connections cut around a commit")


def restart(cluster: Cluster, folder: Path, restarts: int, seed: int) -> int:
    place = Place(folder, cluster.empty())
    with lives_at(place, seed) as lives:
        lives.work(8)
        for _ in range(restarts):
            cluster.stop()
            lives.work(0.5)
            cluster.start()
            lives.work(5)
    ended = f"processes that ended: {dict(lives.ended)}"
    return judge(place, f"{restarts} restarts (-m immediate); {ended}")


def stop(cluster: Cluster, folder: Path, stops: int, seed: int, seconds: float) -> int:
    place = Place(folder, cluster.empty())
    chance = random.Random(seed)  # noqa: S311
    with lives_at(place, seed) as lives:
        for number in range(stops):
            lives.work(chance.uniform(3, 4))
            lives.stand_still(number % WORKERS, still=True)
            lives.work(seconds)
            lives.stand_still(number % WORKERS, still=False)
        lives.work(3)
    return judge(place, f"{stops} times a process stood still for {seconds:.0f} s")


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
        "kills": kill,
        "cuts": cut,
        "restarts": restart,
        "stops": partial(stop, seconds=arguments.seconds),
    }
    with durable() as cluster:
        for name, trial in trials.items():
            if number := getattr(arguments, name):
                with tempfile.TemporaryDirectory() as folder:
                    wrong += trial(cluster, Path(folder), number, arguments.seed)
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
