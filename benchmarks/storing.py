"""Cost of a question, a note and its decision in the community database, by kind of database.

    python benchmarks/storing.py [URL] [--count 500]

Without a URL, in a file of SQLite in a temporary folder; with one, in that PostgreSQL database,
which must be empty. CPU time is this process's alone; what a server takes is in the wall time.
"""

import argparse
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from bot.storage.data_folder import open_database
from knowledge.store.notes.decisions import Ruling
from knowledge.store.store import Store
from knowledge.values.notes import Decision, Member
from knowledge.values.questions import Evidence, Question, RecordedHit
from knowledge.values.submissions import Submission

GUILD = 10
MIRA, ADA = Member(1, "Mira"), Member(2, "Ada")
HITS = [
    RecordedHit(f"note:{number}", "A title", "A › B", "words " * 60, 0.5, ("meaning",))
    for number in range(10)
]


def ask(store: Store, number: int) -> None:
    at = datetime(2026, 1, 1, tzinfo=UTC)
    text = f"What is number {number}?"
    question = Question(0, GUILD, 5, number, text, Evidence.STRONG, at, 1, HITS)
    store.question_records.record([question])


def decide(store: Store, number: int) -> None:
    text = Submission(f"Note {number}", "Forty hours a month.")
    note = store.contributions.propose(GUILD, MIRA, 5, text).note
    store.decisions.decide(GUILD, note.revision.id, ADA, Ruling(Decision.APPROVE))


def read(store: Store, number: int) -> None:
    store.question_records.question(number + 1)
    store.notes.of_revision(number + 1)
    store.guilds.settings(GUILD)


def measured(store: Store, count: int, step: Callable[[Store, int], None]) -> None:
    wall, cpu = time.perf_counter(), time.process_time()
    for number in range(count):
        step(store, number)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    name = step.__name__
    print(f"{name:8} {wall / count * 1e3:7.2f} ms, of which CPU {cpu / count * 1e3:.2f} ms")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("url", nargs="?", default="")
    parser.add_argument("--count", type=int, default=500)
    given = parser.parse_args()
    with (
        tempfile.TemporaryDirectory() as folder,
        Store(open_database(Path(folder), given.url)) as store,
    ):
        for step in (ask, decide, read):
            measured(store, given.count, step)


if __name__ == "__main__":
    main()
