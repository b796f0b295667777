"""The index in PostgreSQL beside the index in a file of SQLite: questions, writing, followers.

    python -m benchmarks.index_databases [--passages 10000] [--guilds 3] [--commits 10000]
        [--real-time]

Both hold the same guilds of synthetic passages (as `large`). PostgreSQL is a cluster of this run's
own on the same machine, which keeps what is committed (`fsync` on). Measured are, in turns:

- writing passages whose vectors are there already, many in a transaction, and notes one by one;
- the first question in a guild that is not in memory, each time with another connection;
- questions in a guild that is in memory, both legs with ten hits and their texts.

With --real-time (root, Linux) questions and what serves them wait for nothing else on the machine.

At the end eight processes write documents into some guilds, so many commits together, one in eight
of which takes something out again, while four follow; each has a connection of its own. What a
follower then holds in memory is compared with the tables.
"""

import argparse
import multiprocessing
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from multiprocessing.process import BaseProcess
from multiprocessing.queues import Queue
from multiprocessing.synchronize import Event
from pathlib import Path

import numpy as np

from benchmarks.large import centres, fill, opened
from benchmarks.resident_scopes import milliseconds
from benchmarks.structure import clustered
from indexer.index.database import IndexSchema, IndexWriteError, Place
from indexer.index.index import Index
from indexer.index.postgres import PostgresConnection
from indexer.index.written_documents import CutDocument
from indexer.text.passages import Passage
from knowledge.values.documents import Document, Kind, Scope
from tests.postgres import running_cluster

WRITERS = 8
FOLLOWERS = 4
# Questions of a turn, turns, and notes of a turn.
BLOCK = 25
TURNS = 8
NOTES = 100

# What is done before anything is measured on an opened index.
Prepare = Callable[[Index], object]


def percentiles(values: Sequence[float]) -> str:
    p50, p95 = np.percentile(values, [50, 95])
    return f"p50 {p50:.1f} ms, p95 {p95:.1f} ms"


@contextmanager
def database() -> Iterator[str]:
    """The URL of a database that keeps what is committed, as one that somebody runs does."""
    with running_cluster() as cluster:
        for setting in (
            "fsync = on",
            "synchronous_commit = on",
            "full_page_writes = on",
            "autovacuum = on",
            "shared_buffers = '128MB'",
        ):
            cluster.execute(f"alter system set {setting}")
        cluster.stop()
        cluster.start()
        yield cluster.empty()


def note(scope: Scope, name: str) -> CutDocument:
    document = Document(f"note:{name}", scope, Kind.NOTE, f"Note {name}", f"word1 word2 of {name}")
    return CutDocument(document, (Passage(document.id, 0, document.title, "", document.text),))


def put(index: Index, cut: CutDocument, vector: np.typing.NDArray[np.float32]) -> None:
    """Store vector and document, as for a note that was approved."""
    [passage] = cut.passages
    index.tables.store_vectors(dict.fromkeys(passage.digests, vector))
    index.tables.apply([cut])


def timed(function: Callable[[], object]) -> float:
    started = time.perf_counter()
    function()
    return (time.perf_counter() - started) * 1e3


def filled(places: dict[str, Place], scopes: Sequence[Scope], passages: int) -> None:
    for scope in scopes:
        for name, place in places.items():
            seconds = timed(lambda: fill(place, passages, scope)) / 1e3  # noqa: B023 - runs now
            print(f"{name}: {passages:,} passages written, held and saved in {seconds:.1f} s")


def hurry(index: Index) -> None:
    """Let nothing else have the processor first: this process, and what serves it in PostgreSQL."""
    processes = [0]
    if isinstance(index.tables.db, PostgresConnection):
        processes += [pid for [pid] in index.tables.db.rows("select pg_backend_pid()")]
    for pid in processes:
        os.sched_setscheduler(pid, os.SCHED_FIFO, os.sched_param(5))


def at_leisure() -> None:
    os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))


def first_questions(
    places: dict[str, Place], scopes: Sequence[Scope], passages: int, prepare: Prepare
) -> None:
    taken: dict[str, list[float]] = {name: [] for name in places}
    for number in range(5):
        for scope in scopes:
            for name, place in places.items():
                with opened(place) as index:
                    prepare(index)
                    taken[name].append(milliseconds(index, scope, number, passages))
    for name, times in taken.items():
        told = f"median {statistics.median(times):.0f} ms, at most {max(times):.0f} ms"
        print(f"{name}: first question in a guild that is not in memory: {told}")


def later_questions(
    places: dict[str, Place], scope: Scope, passages: int, prepare: Prepare
) -> None:
    indexes = {name: opened(place) for name, place in places.items()}
    taken: dict[str, list[float]] = {name: [] for name in places}
    for index in indexes.values():
        prepare(index)
        milliseconds(index, scope, 0, passages)
    for turn in range(TURNS):
        for name, index in indexes.items():
            for number in range(turn * BLOCK, (turn + 1) * BLOCK):
                taken[name].append(milliseconds(index, scope, 100 + number, passages))
    for name, times in taken.items():
        print(f"{name}: question in a guild that is in memory: {percentiles(times)}")
    medians = [statistics.median(times) for times in taken.values()]
    print(f"ratio of the medians: {medians[-1] / medians[0]:.2f}")
    notes(indexes, scope)
    for index in indexes.values():
        index.close()


def notes(indexes: dict[str, Index], scope: Scope) -> None:
    """From the approval of a note until it is in memory."""
    vectors = clustered(NOTES, 9, centres(1_000))
    taken: dict[str, list[float]] = {name: [] for name in indexes}
    for number, vector in enumerate(vectors):
        for name, index in indexes.items():

            def followed() -> None:
                put(index, note(scope, f"one by one {number}"), vector)  # noqa: B023 - runs now
                index.postings([scope])  # noqa: B023

            taken[name].append(timed(followed))
    for name, times in taken.items():
        print(f"{name}: a note is written and followed in {percentiles(times)}")


def write(place: Place, writer: int, commits: int) -> None:
    """Put documents into guilds, and take some of them out again; each is a commit."""
    vectors = clustered(commits, writer, centres(1_000))
    with opened(place) as index:
        index.tables.store_vectors(
            {
                key: vector
                for number, vector in enumerate(vectors)
                for key in note(_scope(number), f"{writer} {number}").passages[0].digests
            }
        )
        done = 0
        for number in range(commits):
            if done == commits:
                return
            apply(index, [note(_scope(number), f"{writer} {number}")])
            done += 1
            if number % 8 == 7 and done < commits:
                apply(index, [], [f"note:{writer} {number - 3}"])
                done += 1


def apply(index: Index, changed: Sequence[CutDocument], removed: Sequence[str] = ()) -> None:
    """Commit it, however long others keep the index: who waits for SQLite's file has no turn."""
    while True:
        try:
            index.tables.apply(changed, removed)
        except IndexWriteError as error:
            if "locked" not in str(error):
                raise
        else:
            return


def _scope(number: int) -> Scope:
    return Scope(9_000 + number % 20)


def follow(place: Place, done: Event, missed: "multiprocessing.Queue[tuple[int, int]]") -> None:
    """Ask until the writers have ended, and compare."""
    scopes = [_scope(number) for number in range(20)]
    asked = 0
    with opened(place) as index:
        while not done.is_set():
            index.postings(scopes)
            asked += 1
        found = 0
        for scope in scopes:
            [held] = index._seen([scope])
            postings = held.postings
            gone = set(postings.ids[postings.removed].tolist())
            own = set(postings.ids.tolist()) - gone
            rows = index.tables.db.rows("select id from passages where scope = ?", (scope,))
            found += len(own ^ {key for [key] in rows})
            found += abs(len(held.vectors) - len(own))
        missed.put((asked, found))


def told_by_followers(
    following: Sequence[BaseProcess],
    writing: Sequence[BaseProcess],
    done: Event,
    told: "Queue[tuple[int, int]]",
) -> tuple[float, int, int]:
    """Let processes write while others follow, who are told when these are done.

    Returns:
        How many seconds it took to write, how often was asked, and how much was missed.
    """
    started = time.perf_counter()
    for process in (*following, *writing):
        process.start()
    for process in writing:
        process.join()
    seconds = time.perf_counter() - started
    done.set()
    found = [told.get() for _ in following]
    for process in following:
        process.join()
    assert not any(process.exitcode for process in (*following, *writing))
    return seconds, sum(asked for asked, _ in found), sum(missed for _, missed in found)


def followers(place: Place, commits: int) -> str:
    context = multiprocessing.get_context("spawn")
    done, missed = context.Event(), context.Queue()
    opened(place).close()
    following = [
        context.Process(target=follow, args=(place, done, missed)) for _ in range(FOLLOWERS)
    ]
    writing = [
        context.Process(target=write, args=(place, number, commits // WRITERS))
        for number in range(WRITERS)
    ]
    seconds, asked, found = told_by_followers(following, writing, done, missed)
    with opened(place) as index:
        [[generations]] = index.tables.db.rows(
            "select sum(generation) from generations where scope >= 9000 and scope < 9020"
        )
    return (
        f"{generations:,} commits of {WRITERS} processes in {seconds:.0f} s; {FOLLOWERS} followers "
        f"asked {asked:,} times; passages missed: {found}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--passages", type=int, default=10_000)
    parser.add_argument("--guilds", type=int, default=3)
    parser.add_argument("--commits", type=int, default=10_000)
    parser.add_argument("--real-time", action="store_true")
    options = parser.parse_args()
    scopes = [Scope(1_000 + number) for number in range(options.guilds)]
    with tempfile.TemporaryDirectory() as folder, database() as url:
        places: dict[str, Place] = {
            "SQLite": Path(folder),
            "PostgreSQL": IndexSchema(url, "index"),
        }
        filled(places, scopes, options.passages)
        prepare = hurry if options.real_time else id
        first_questions(places, scopes, options.passages, prepare)
        later_questions(places, scopes[0], options.passages, prepare)
        if options.real_time:
            at_leisure()
        for name, place in places.items() if options.commits else ():
            print(f"{name}: {followers(place, options.commits)}")


if __name__ == "__main__":
    main()
