"""Backups of a PostgreSQL database: how long an archive takes, how large it is, and its restore.

python -m benchmarks.archives [--questions 20000] [--notes 1000]
"""

import argparse
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from knowledge.backup import archives
from knowledge.store.postgres.database import PostgresDatabase
from knowledge.store.store import Store
from knowledge.values.notes import Member
from knowledge.values.questions import Evidence, Question, RecordedHit
from knowledge.values.submissions import Submission
from tests.postgres import running_cluster

AT: Final = datetime(2026, 1, 2, tzinfo=UTC)


@contextmanager
def told(what: str) -> Iterator[None]:
    started = time.perf_counter()
    yield
    print(f"{what:30} {time.perf_counter() - started:8.1f} s")


def fill(store: Store, questions: int, notes: int) -> None:
    hit = RecordedHit("note:1", "Hours", "A › B", "Forty hours a month. " * 20, 0.5, ("meaning",))
    asked = [
        Question(
            0, number % 20 + 1, 5, 7 + number % 900, f"how many hours in room {number}?",
            Evidence.NONE, AT + timedelta(minutes=number), 1, [hit],
        )
        for number in range(questions)
    ]  # fmt: skip
    for start in range(0, questions, 500):
        store.question_records.record(asked[start : start + 500])
    for number in range(notes):
        text = Submission(f"Hours {number}", "Forty hours a month. " * 40, ("gpu",))
        store.contributions.propose(number % 20 + 1, Member(number % 90 + 1, "Mira"), 5, text)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--questions", type=int, default=20_000)
    parser.add_argument("--notes", type=int, default=1_000)
    arguments = parser.parse_args()
    with running_cluster() as cluster, tempfile.TemporaryDirectory() as name:
        database = PostgresDatabase(cluster.empty(), Path(name))
        with Store(database) as store:
            fill(store, arguments.questions, arguments.notes)
            target = Path(name) / "backup.zip"
            with told("backed up and verified"):
                archives.back_up(database, target)
            print(f"{'its size':30} {target.stat().st_size / 1e6:8.1f} MB")
            with told("put back"):
                archives.restore(target, store, database, AT)


if __name__ == "__main__":
    main()
