"""Memory and disk of a data folder of a given size.

    python -m benchmarks.sizing [--passages 1000 20000 100000]

Makes the corpus of `benchmarks/answering.py` in temporary folders. Its vectors are pseudo-random,
because embedding takes long and their meaning doesn't matter here. A fresh process with the real
model then reports the time to the first answer, the median of the judged questions, and its memory.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
import zlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.answering import documents
from bot.config.settings import DataSettings, Settings
from bot.core.core import Core
from indexer.embedding.embedder import (
    DEFAULT_MODEL,
    Embedder,
    TokenVectors,
    open_embedder,
    tokens_of,
)
from indexer.embedding.onnx_model import ReadText
from indexer.ingest.pipeline import update

_ASKING = """
import json, sys, time
started = time.perf_counter()
import statistics
from pathlib import Path
import bot.process.client, bot.process.run
from benchmarks.answering import judged_questions
from bot.config.settings import Settings
from bot.config.settings import DataSettings
from bot.answers.lookup import Ask
from bot.core.core import Core
core = Core(Settings(data=DataSettings(folder=Path(sys.argv[1]))))
core.answer_pipeline.ask([Ask("who made PyTorch?", 1)])
first = time.perf_counter() - started
times = []
for text in judged_questions():
    before = time.perf_counter()
    core.answer_pipeline.ask([Ask(text, 1)])
    times.append((time.perf_counter() - before) * 1e3)
status = Path("/proc/self/status").read_text().splitlines()
memory = {line.split(":")[0]: int(line.split()[1]) / 1e3 for line in status if line[:3] == "VmR"
          or line[:5] == "VmHWM"}
print(json.dumps({"first": first, "median": statistics.median(times), **memory}))
"""


class PseudoRandom:
    """The real embedder's sizes, with vectors chosen by the text's checksum."""

    def __init__(self, real: Embedder) -> None:
        self.model, self.dimension, self.max_tokens = real.model, real.dimension, real.max_tokens
        self.count_tokens = real.count_tokens
        of_real = tokens_of(real)
        self.tokens = TokenVectors(self, of_real.codec) if of_real is not None else None

    def embed_queries(self, texts: Sequence[str]) -> NDArray[np.float32]:
        return self.embed_passages(texts)

    def embed_passages(self, texts: Sequence[str]) -> NDArray[np.float32]:
        rows = [self._rows(text, 1)[0] for text in texts]
        return np.array(rows, np.float32).reshape(-1, self.dimension)

    def read_queries(self, texts: Sequence[str]) -> list[ReadText]:
        return self.read_passages(texts)

    def read_passages(self, texts: Sequence[str]) -> list[ReadText]:
        """With one random token vector for each token."""
        read = [self._rows(text, 1 + self.count_tokens(text)) for text in texts]
        return [ReadText(rows[0], rows[1:], (), ()) for rows in read]

    def _rows(self, text: str, count: int) -> NDArray[np.float32]:
        chance = np.random.default_rng(zlib.crc32(text.encode()))
        rows = chance.standard_normal((count, self.dimension), np.float32)
        unit: NDArray[np.float32] = rows / np.linalg.norm(rows, axis=1, keepdims=True)
        return unit


def measure(passages: int) -> dict[str, float]:
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        real = open_embedder(DEFAULT_MODEL)
        settings = Settings(data=DataSettings(folder=folder))
        started = time.perf_counter()
        with Core(settings, PseudoRandom(real)) as core:
            for _ in update(core.index, core.embedder, documents(passages)):
                pass
            core.index.save_snapshots()
        built = time.perf_counter() - started
        asked = subprocess.run(  # noqa: S603 - this project's own program
            [sys.executable, "-c", _ASKING, temporary], capture_output=True, text=True, check=True
        )
        disk = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / 1e6
    return {"built": built, "disk": disk, **json.loads(asked.stdout)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--passages", type=int, nargs="+", default=[1_000, 20_000, 100_000])
    print("| passages | memory MB | at most MB | disk MB | first answer s | then ms |")
    print("|---|---|---|---|---|---|")
    for passages in parser.parse_args().passages:
        found = measure(passages)
        print(
            f"| {passages:,} | {found['VmRSS']:.0f} | {found['VmHWM']:.0f} | {found['disk']:.0f} "
            f"| {found['first']:.1f} | {found['median']:.1f} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
