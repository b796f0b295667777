"""The audit log's chains: how long an upgrade of a long log takes, its verification, and appends.

    python -m benchmarks.log_chains [--lines 100000]

The log is that of an earlier release, with one chain over 200 guilds.
"""

import argparse
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from knowledge.store.store import Store
from tests.knowledge.logs import in_one_chain

GUILDS: Final = 200
APPENDS: Final = 1_000


@contextmanager
def told(what: str) -> Iterator[None]:
    started = time.perf_counter()
    yield
    print(f"{what:40} {time.perf_counter() - started:8.2f} s")


def upgraded(path: Path, lines: int) -> None:
    in_one_chain(path, [number % GUILDS or None for number in range(lines)])
    with told(f"{lines:,} lines upgraded, with a copy"):
        store = Store(path)
    with store:
        with told("verified"):
            assert store.audit_log.breaks() == []
        with told(f"{APPENDS:,} appended, a transaction each"):
            for number in range(APPENDS):
                with store.database.writing():
                    store.audit_log.append(number % GUILDS + 1, 7, "left", "guild")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lines", type=int, default=100_000)
    with tempfile.TemporaryDirectory() as folder:
        upgraded(Path(folder) / "community.db", parser.parse_args().lines)
