"""A whole search in a corpus of a million passages: time, recall, memory and opening.

    python -m benchmarks.large [--passages 1000000] [--folder FOLDER]

Fills an index with synthetic passages of 60 words (vectors and words as in `structure`), which
takes minutes and about four kilobytes of disk a passage, then opens it in a fresh process and
searches as a question does: both legs, the passages' own vectors read from the file, scores fused,
ten hits with their texts. A question is near a passage's vector and has six of its words, two of
which are common. Recall is that of the ten hits against the same search with every vector compared
and every word putting passages forward.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from unittest.mock import patch

import numpy as np
from numpy.typing import NDArray

from benchmarks.structure import DIMENSION, clustered, words_of
from indexer.index import bm25
from indexer.index import vectors as index_vectors
from indexer.index.database import Place
from indexer.index.index import Index
from indexer.index.written_documents import CutDocument
from indexer.retrieval.hit import Hit
from indexer.retrieval.retriever import Retriever
from indexer.text.passages import Passage, digest
from knowledge.values.documents import SHARED, Document, Kind, Scope

BATCH = 10_000
QUESTIONS = 200


class NoModel:
    """An embedder whose vectors were made beforehand; it is asked only for everyday questions."""

    model = "synthetic"
    dimension = DIMENSION
    max_tokens = 256

    def count_tokens(self, text: str) -> int:
        return len(text.split())

    def embed_queries(self, texts: Sequence[str]) -> NDArray[np.float32]:
        return clustered(len(texts), 5, np.eye(len(texts), DIMENSION, dtype=np.float32))

    embed_passages = embed_queries


def opened(place: Place) -> Index:
    return Index(place, model="synthetic", dimension=DIMENSION, max_tokens=256)


def centres(size: int) -> NDArray[np.float32]:
    found = np.random.default_rng(0).normal(size=(max(size // 200, 50), DIMENSION))
    unit: NDArray[np.float32] = found / np.linalg.norm(found, axis=1, keepdims=True)
    return unit.astype(np.float32)


def fill(place: Place, size: int, scope: Scope = SHARED) -> None:
    """Put passages in a scope, and save what is in memory."""
    around = centres(size)
    with opened(place) as index:
        if isinstance(place, Path):
            index.tables.db.rows("pragma cache_size = -500000")
        for number, some in enumerate(words_of(size)):
            vectors = clustered(len(some), 100 + number, around)
            cut = []
            for key, words in some:
                text = " ".join(words)
                document = Document(f"file:{scope}/{key}", scope, Kind.FILE, f"Text {key}", text)
                passage = Passage(document.id, 0, document.title, "", text)
                cut.append(CutDocument(document, (passage,)))
            texts = [one.passages[0].embedded for one in cut]
            index.tables.store_vectors(dict(zip(map(digest, texts), vectors, strict=True)))
            index.tables.apply(cut)
            assert index.generation
        index.save_snapshots()
        for held in index._resident.of([scope]):
            held.vectors.settle()
        index.save_snapshots()


def questions(index: Index, size: int) -> list[tuple[str, NDArray[np.float32]]]:
    """Words and a vector of each."""
    chance = np.random.default_rng(4)
    vectors = clustered(QUESTIONS, 2, centres(size))
    asked = []
    for vector in vectors:
        [(key, _)] = islice(index.nearest(vector, 1, [SHARED]), 1)
        words = index.passages([key])[key].text.split()
        rare = [word for word in words if int(word.removeprefix("word")) >= 30]
        common = [f"word{n}" for n in chance.integers(0, 30, 2)]
        asked.append((" ".join([*common, *chance.choice(rare, 4)]), vector))
    return asked


def resident_mb() -> int:
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    return round(
        next(int(line.split()[1]) for line in status.splitlines() if "VmRSS" in line) / 1e3
    )


def measure(folder: Path, size: int) -> dict[str, float]:
    """What a fresh process finds."""
    started = time.perf_counter()
    index = opened(folder)
    index.postings([SHARED])
    opening = time.perf_counter() - started
    retriever = Retriever(index, NoModel())
    asked = questions(index, size)
    times = []
    found: list[list[Hit]] = []
    for text, vector in asked:
        started = time.perf_counter()
        found.append(retriever.fused_together([text], vector[np.newaxis], [SHARED], 10)[0])
        times.append((time.perf_counter() - started) * 1e3)
    memory = resident_mb()
    shares = []
    for held in index._resident.of([SHARED]):
        if not held.vectors.exact:
            held.vectors._held.nprobe = held.vectors._held.nlist
    with patch.object(bm25, "LARGE", size + 1):
        for (text, vector), hits in islice(zip(asked, found, strict=True), 50):
            [exact] = retriever.fused_together([text], vector[np.newaxis], [SHARED], 10)
            best = {hit.passage.id for hit in exact}
            shares.append(len(best & {hit.passage.id for hit in hits}) / len(best))
    index.close()
    p50, p95 = np.percentile(times, [50, 95])
    return {
        "passages": size,
        "opened s": round(opening, 2),
        "p50 ms": round(p50, 1),
        "p95 ms": round(p95, 1),
        "recall@10": round(float(np.mean(shares)), 3),
        "resident MB": memory,
        "exact up to": index_vectors.EXACT_PASSAGES,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--passages", type=int, default=1_000_000)
    parser.add_argument("--folder", type=Path, help="keep the index here, to measure again")
    parser.add_argument("--measure", action="store_true", help="only measure what is there")
    options = parser.parse_args()
    if options.measure:
        print(json.dumps(measure(options.folder, options.passages)))
        return
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.folder or Path(temporary)
        started = time.perf_counter()
        fill(folder, options.passages)
        print(f"filled in {time.perf_counter() - started:.0f} s")
        command = [sys.executable, "-m", "benchmarks.large", "--measure", "--folder", str(folder)]
        subprocess.run(  # noqa: S603 - our own code, in a fresh process
            [*command, "--passages", str(options.passages)], check=True
        )


if __name__ == "__main__":
    main()
