"""Processes that decide together on one PostgreSQL: their attempts, and the end of their lives.

Each submits and approves notes and changes settings of three guilds, in the others' way, with a
journal line before and after each attempt. A process is started again when it has ended, and
repeats an interrupted attempt as the same interaction. `benchmarks/killing_processes.py` counts
losses and doubles.
"""

import json
import multiprocessing
import os
import random
import signal
import time
from collections import Counter
from dataclasses import dataclass
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any, Final

from bot.config.sections import DataSettings
from bot.config.settings import Settings
from bot.core import index_updates
from bot.core.core import Core
from bot.core.index_updates import run_to_end
from bot.review import service
from indexer.index.database import IndexError_
from knowledge.store.database import DatabaseAwayError, OutcomeUnknownError, StoreError
from knowledge.store.notes.decisions import Ruling
from knowledge.values.notes import Decision, Member, Outcome
from knowledge.values.submissions import Submission
from tests.commit_deaths import die_around_commit
from tests.fakes import WordEmbedder

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

    def told(self) -> list[dict[str, Any]]:
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
        self._left = _unanswered(place, worker)
        # Discord's ids are never given twice; nor are these.
        self._next_id = time.time_ns()

    def go_on(self) -> None:
        """Attempt one thing after another for as long as the process lives."""
        while True:
            attempt = self._left or self._another()
            self._left = None
            if attempt is not None:
                self._attempt(attempt)
            else:
                time.sleep(0.01)
            try:
                list(index_updates.follow_behind(self._core))
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
        self._next_id += 1
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

        return service.taken(self._core, attempt["guild"], attempt["id"], propose).done

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
        self._core.store.guilds.change(attempt["guild"], minutes, None, attempt["id"])
        return True


def _unanswered(place: Place, worker: int) -> dict[str, Any] | None:
    """This process's attempt at its last kill."""
    own = [line for line in place.told() if line["worker"] == worker]
    if own and own[-1]["said"] in ("attempted", "unknown") and own[-1]["kind"] != "settings":
        return {key: value for key, value in own[-1].items() if key != "said"}
    return None


def live(place: Place, worker: int, seed: int) -> None:
    """A process as it is run: the index is brought in step, and then it is worked."""
    works = Worker(place, worker, seed)
    run_to_end(index_updates.update_own(works._core))
    works.go_on()


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
            self._running[worker] = self._begun(worker, kill)
        time.sleep(0.01)

    def _begun(self, worker: int, kill: bool) -> tuple[BaseProcess, float, str]:
        how = self._chance.choice(["at random", "before a commit", "after a commit"])
        number, seed = self._chance.randrange(1, COMMITS), self._chance.randrange(2**32)

        def lived() -> None:
            if kill and how != "at random":
                die_around_commit(number, after=how == "after a commit")
            live(self._place, worker, seed)

        process = FORKED.Process(target=lived)
        process.start()
        life = self._chance.uniform(0.2, LIFE_SECONDS) if how == "at random" else 30.0
        return process, time.monotonic() + life, how

    def stand_still(self, worker: int, *, still: bool) -> None:
        """Pause a process in the middle of its work, or let it go on."""
        pid = self._running[worker][0].pid
        if pid is not None:
            os.kill(pid, signal.SIGSTOP if still else signal.SIGCONT)

    def end(self) -> None:
        for process, _, _ in self._running.values():
            process.kill()
            process.join()
