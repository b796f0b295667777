"""The audit log's chains: a long log, its verification, and writers at once.

    python -m benchmarks.log_chains [--lines 100000] [--seconds 10]

The long log has the lines of 200 guilds. Writers are processes
that append a line a transaction to a PostgreSQL server of their own, which waits for its disk: all
to one chain, under the lock of all guilds, and each to the chain of a guild, under its lock.
"""

import argparse
import multiprocessing
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.synchronize import Barrier
from pathlib import Path
from typing import Final

from knowledge.store.postgres.database import PostgresDatabase
from knowledge.store.store import Store
from tests.postgres import running_cluster

GUILDS: Final = 200
APPENDS: Final = 1_000
WRITERS: Final = 8
DURABLE: Final = ("fsync", "synchronous_commit", "full_page_writes")


@contextmanager
def told(what: str) -> Iterator[None]:
    started = time.perf_counter()
    yield
    print(f"{what:40} {time.perf_counter() - started:8.2f} s")


def verified(path: Path, lines: int) -> None:
    with Store(path) as store:
        with store.database.writing():
            for number in range(lines):
                store.audit_log.append(number % GUILDS or None, 7, "left", "guild")
        with told(f"{lines:,} lines verified"):
            assert store.audit_log.breaks() == []
        with told(f"{APPENDS:,} appended, a transaction each"):
            for number in range(APPENDS):
                with store.database.writing():
                    store.audit_log.append(number % GUILDS + 1, 7, "left", "guild")


def write(url: str, guild_id: int | None, together: Barrier, until_seconds: float) -> None:
    with Store(PostgresDatabase(url, Path())) as store:
        together.wait()
        end = time.monotonic() + until_seconds
        while time.monotonic() < end:
            with store.database.writing(guild_id):
                store.audit_log.append(guild_id, None, "left", "guild")


def written(url: str, *, by_guild: bool, seconds: float) -> None:
    processes = multiprocessing.get_context("spawn")
    together = processes.Barrier(WRITERS)
    writers = [
        processes.Process(target=write, args=(url, number if by_guild else None, together, seconds))
        for number in range(1, WRITERS + 1)
    ]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    with Store(PostgresDatabase(url, Path())) as store:
        assert store.audit_log.breaks() == []
        lines = len(store.audit_log.entries())
    chains = "a chain a guild" if by_guild else "one chain"
    print(f"{WRITERS} writers, {chains:25} {lines / seconds:8.0f} lines a second")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lines", type=int, default=100_000)
    parser.add_argument("--seconds", type=float, default=10)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        verified(Path(folder) / "community.db", arguments.lines)
    with running_cluster() as cluster:
        for setting in DURABLE:
            cluster.execute(f"alter system set {setting} = on")
        cluster.execute("select pg_reload_conf()")
        for by_guild in (False, True):
            written(cluster.empty(), by_guild=by_guild, seconds=arguments.seconds)


if __name__ == "__main__":
    main()
