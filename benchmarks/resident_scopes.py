"""The first question in a guild whose scope is not in memory, beside those that follow.

    python -m benchmarks.resident_scopes [--guilds 6] [--passages 10000] [--folder FOLDER]

Fills guilds with synthetic passages (as `large`), lets two of them stay in memory, and asks in all
of them in turn, so that each is read from its snapshot, or rebuilt from the database where the
snapshots are deleted; then again and again in one.
"""

import argparse
import statistics
import tempfile
import time
from pathlib import Path

import numpy as np

from benchmarks.large import NoModel, centres, fill, opened
from benchmarks.structure import clustered
from indexer.index.index import Index
from indexer.retrieval.retriever import Retriever
from knowledge.values.documents import Scope

ROUNDS = 3


def milliseconds(index: Index, scope: Scope, number: int, size: int) -> float:
    """One search in a guild, by both legs, with ten hits and their texts."""
    vector = clustered(1, number, centres(size))
    text = f"word{31 + number} word{97 + 7 * number} word2 word11"
    started = time.perf_counter()
    with index.steady():
        assert Retriever(index, NoModel()).fused_together([text], vector, [scope], 10)[0]
    return (time.perf_counter() - started) * 1e3


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--guilds", type=int, default=6)
    parser.add_argument("--passages", type=int, default=10_000)
    parser.add_argument("--folder", type=Path)
    arguments = parser.parse_args()
    scopes = [Scope(1_000 + number) for number in range(arguments.guilds)]
    with tempfile.TemporaryDirectory() as temporary:
        folder = arguments.folder or Path(temporary)
        if not (folder / "index.db").exists():
            for scope in scopes:
                fill(folder, arguments.passages, scope)
        for kind in ("snapshot", "database"):
            if kind == "database":
                for path in folder.glob("*.snapshot"):
                    path.unlink()
            with opened(folder) as index:
                milliseconds(index, scopes[0], 0, arguments.passages)
                index.hold_within(int(index._resident.bytes * 2.5))
                first = [
                    milliseconds(index, scope, number, arguments.passages)
                    for number in range(ROUNDS)
                    for scope in scopes
                ]
                later = [
                    milliseconds(index, scopes[-1], number, arguments.passages)
                    for number in range(200)
                ]
                held = index._resident.bytes / 1e6
            print(
                f"{arguments.passages:,} passages a guild, from the {kind}: first question "
                f"{statistics.median(first):.0f} ms (at most {max(first):.0f}), then "
                f"{statistics.median(later):.1f} ms (p95 {np.percentile(later, 95):.1f}); "
                f"{held:.0f} MB in memory"
            )


if __name__ == "__main__":
    main()
