"""Hostile texts at the limit of each entrance: the CPU of their dearest job.

    python -m benchmarks.hostile_texts --texts 100

Each entrance of `tests/entrances.py` reads texts of one repeated piece, as long as it takes them.
Files and pages go through the sandbox, and on until they are indexed with a word embedder, which
costs next to nothing. The bar is one second of CPU for any job. A hundred texts of 10 MB take some
minutes for each entrance.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from tests.entrances import entrances
from tests.fakes import WordEmbedder
from tests.pumped_texts import FRAGMENTS
from tests.pumping import JOB_SECONDS, dearest_job


def main(texts: int, characters: int, only: Sequence[str]) -> int:
    """Print a line for each entrance; 1 if any job was too dear."""
    too_dear = 0
    embedder = WordEmbedder(64)
    fragments = FRAGMENTS[:: max(1, len(FRAGMENTS) // texts)][:texts]
    print("| entrance | characters | texts | dearest job, s CPU | by | all, s |")
    print("|---|---|---|---|---|---|")
    with (
        tempfile.TemporaryDirectory() as folder,
        entrances(Path(folder), embedder) as all_entrances,
    ):
        for entrance in all_entrances:
            if only and entrance.name not in only:
                continue
            size = min(entrance.limit, characters)
            begun = time.perf_counter()
            found = []
            for fragment in fragments:
                found.append((dearest_job(entrance, fragment, size), fragment))
                embedder.calls.clear()
            seconds, fragment = max(found)
            too_dear += sum(cost > JOB_SECONDS for cost, _ in found)
            print(
                f"| {entrance.name} | {size:,} | {len(found)} | {seconds:.2f} | {fragment!r} | "
                f"{time.perf_counter() - begun:.0f} |",
                flush=True,
            )
    print(f"\n{too_dear} texts with a job above {JOB_SECONDS} s.")
    return min(too_dear, 1)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--texts", type=int, default=100, help="for each entrance")
    parser.add_argument("--characters", type=int, default=10_000_000, help="at most")
    parser.add_argument("only", nargs="*", help="names of entrances")
    arguments = parser.parse_args()
    sys.exit(main(arguments.texts, arguments.characters, arguments.only))
