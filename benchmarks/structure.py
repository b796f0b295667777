"""Which structure holds the vectors, and when: memory, speed, recall.

    python benchmarks/structure.py [--sizes 10000 100000 1000000]

Vectors are synthetic: clusters of the width that real passages have (a mean cosine of about 0.6 to
the cluster's centre), 384 dimensions. For each size: time of a search for the 100 nearest, recall
of the 10 nearest against comparing every vector, after the exact order is restored from the
vectors themselves as the retriever does; memory; saving and opening; adding and taking out one.
"""

import argparse
import tempfile
import time
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from indexer.nearest import EXACT_PASSAGES, Nearest

DIMENSION = 384
QUESTIONS = 200


def clustered(count: int, seed: int, centres: NDArray[np.float32]) -> NDArray[np.float32]:
    chance = np.random.default_rng(seed)
    vectors = centres[chance.integers(0, len(centres), count)]
    noise = chance.normal(size=vectors.shape).astype(np.float32)
    vectors = vectors + 1.3 / np.sqrt(DIMENSION) * noise
    unit: NDArray[np.float32] = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return unit


def resident_mb() -> float:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1]) / 1e3
    return 0.0


def measure(size: int) -> str:
    chance = np.random.default_rng(0)
    centres = chance.normal(size=(max(size // 200, 50), DIMENSION)).astype(np.float32)
    centres /= np.linalg.norm(centres, axis=1, keepdims=True)
    vectors = clustered(size, 1, centres)
    questions = clustered(QUESTIONS, 2, centres)
    truth = [set(np.argsort(-(vectors @ question))[:10].tolist()) for question in questions]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "vectors"
        nearest = Nearest(DIMENSION)
        started = time.perf_counter()
        for start in range(0, size, 10_000):
            ids = list(range(start, min(start + 10_000, size)))
            nearest.add(ids, vectors[start : start + 10_000])
        nearest.save(path)
        built = time.perf_counter() - started
        exact = nearest.exact
        del nearest
        before = resident_mb()
        started = time.perf_counter()
        opened = Nearest.load(path, DIMENSION)
        opening = time.perf_counter() - started
        held = resident_mb() - before
        times, shares = [], []
        for question, wanted in zip(questions, truth, strict=True):
            started = time.perf_counter()
            found = [key for key, _ in opened.search(question, 100)]
            times.append((time.perf_counter() - started) * 1e3)
            order = np.argsort(-(vectors[found] @ question))[:10]
            shares.append(len(wanted & {found[i] for i in order}) / 10)
        started = time.perf_counter()
        opened.add([size], questions[:1])
        added = (time.perf_counter() - started) * 1e3
        started = time.perf_counter()
        opened.remove([size])
        removed = (time.perf_counter() - started) * 1e3
    p50, p95 = np.percentile(times, [50, 95])
    kind = "exact" if exact else "cells"
    return (
        f"| {size:,} | {kind} | {p50:.1f} | {p95:.1f} | {np.mean(shares):.3f} | {held:.0f} | "
        f"{built:.0f} | {opening:.2f} | {added:.1f} | {removed:.1f} |"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=[10_000, 100_000, 1_000_000])
    options = parser.parse_args()
    print(f"exact up to {EXACT_PASSAGES:,} passages")
    print(
        "| passages | structure | p50 ms | p95 ms | recall@10 | MB | built s | opened s | add ms "
        "| take out ms |"
    )
    print("|---|---|---|---|---|---|---|---|---|---|")
    for size in options.sizes:
        print(measure(size), flush=True)


if __name__ == "__main__":
    main()
