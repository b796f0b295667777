"""Data structures for vectors and words in memory: memory, speed, recall of each.

    python -m benchmarks.structure [--sizes 10000 100000 1000000]

Vectors are synthetic, with 384 dimensions, in clusters as wide as those of real passages (a mean
cosine of about 0.6 to the centre). For each size: the time of a search for the 100 nearest; recall
of the 10 nearest, reordered by the exact vectors as in the retriever, against comparing every
vector; the size in memory and on the disk; building, opening, adding and removing one.

Words are synthetic, too: 60 a passage out of 200,000, as frequent as in natural language. A
question has six, two of them common. Recall is of the ten best, against all words proposing
passages.
"""

import argparse
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from unittest.mock import patch

import numpy as np
from numpy.typing import NDArray

from indexer.index import bm25
from indexer.index.bm25 import BM25Lookup
from indexer.index.postings import Postings
from indexer.index.vectors import EXACT_PASSAGES, VectorIndex, quantize
from indexer.text.analyzer import QueryWord

DIMENSION = 384
QUESTIONS = 200


def clustered(count: int, seed: int, centres: NDArray[np.float32]) -> NDArray[np.float32]:
    chance = np.random.default_rng(seed)
    vectors = centres[chance.integers(0, len(centres), count)]
    noise = chance.normal(size=vectors.shape).astype(np.float32)
    vectors = vectors + 1.3 / np.sqrt(DIMENSION) * noise
    unit: NDArray[np.float32] = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return unit


def measure(size: int) -> str:
    chance = np.random.default_rng(0)
    centres = chance.normal(size=(max(size // 200, 50), DIMENSION)).astype(np.float32)
    centres /= np.linalg.norm(centres, axis=1, keepdims=True)
    vectors = clustered(size, 1, centres)
    questions = clustered(QUESTIONS, 2, centres)
    truth = [
        set(np.argpartition(-(vectors @ question), 10)[:10].tolist()) for question in questions
    ]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "vectors"
        nearest = VectorIndex(DIMENSION)
        started = time.perf_counter()
        for start in range(0, size, 10_000):
            ids = list(range(start, min(start + 10_000, size)))
            nearest.add(ids, vectors[start : start + 10_000])
        nearest.settle()
        nearest.save(path)
        built = time.perf_counter() - started
        exact = nearest.exact
        held = path.stat().st_size / 1e6
        started = time.perf_counter()
        opened = VectorIndex.load(path, DIMENSION)
        opening = time.perf_counter() - started
        times, shares = [], []
        for question, wanted in zip(questions, truth, strict=True):
            started = time.perf_counter()
            found = opened.search(quantize(question[np.newaxis]), 100)[0][0].tolist()
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


def words_of(size: int) -> Iterator[list[tuple[int, list[str]]]]:
    """Passages as lists of words, in batches."""
    chance = np.random.default_rng(3)
    vocabulary = np.array([f"word{n}" for n in range(200_000)])
    # The hundred most frequent ones carry grammar; no question is looked up by them.
    shares = 1 / np.arange(100, len(vocabulary) + 100)
    edges = np.cumsum(shares / shares.sum())
    for start in range(0, size, 10_000):
        count = min(10_000, size - start)
        drawn = vocabulary[np.searchsorted(edges, chance.random((count, 60)))].tolist()
        yield list(enumerate(drawn, start))


def asked_words() -> list[list[QueryWord]]:
    chance = np.random.default_rng(4)
    return [
        [
            QueryWord((f"word{n}",))
            for n in (*chance.integers(0, 30, 2), *chance.integers(30, 20_000, 4))
        ]
        for _ in range(QUESTIONS)
    ]


def measure_words(size: int) -> str:
    lexicon = Postings()
    started = time.perf_counter()
    for some in words_of(size):
        lexicon.add(some)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "words"
        lexicon.save(path)
        built = time.perf_counter() - started
        held = path.stat().st_size / 1e6
        started = time.perf_counter()
        opened = Postings.load(path)
        opening = time.perf_counter() - started
    times, shares = [], []
    for wanted in asked_words():
        started = time.perf_counter()
        found = BM25Lookup([opened], wanted, 100).found()
        times.append((time.perf_counter() - started) * 1e3)
        with patch.object(bm25, "LARGE", size + 1):
            best = {key for key, _ in BM25Lookup([opened], wanted, 10).found()}
        shares.append(len(best & {key for key, _ in found[:10]}) / len(best))
    p50, p95 = np.percentile(times, [50, 95])
    return (
        f"| {size:,} | {p50:.1f} | {p95:.1f} | {np.mean(shares):.3f} | {held:.0f} | {built:.0f} "
        f"| {opening:.2f} |"
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
    print("\n| passages | words p50 ms | p95 ms | recall@10 | MB | built s | opened s |")
    print("|---|---|---|---|---|---|---|")
    for size in options.sizes:
        print(measure_words(size), flush=True)


if __name__ == "__main__":
    main()
