"""How well questions that ask the same are grouped, and how often their askers are told rightly.

Needs the default model. The judged groups are in tests/judged/repeated.jsonl. Who asked is told
once something answers; here the judged questions are asked against the articles, and counted is
how often what would be told is right, by evidence. Half of them can't be answered at all.

    python benchmarks/gaps.py
"""

import json
import time
from pathlib import Path
from tempfile import TemporaryDirectory, gettempdir

import numpy as np
from numpy.typing import NDArray

from bot.config import DataSettings, Settings
from bot.conversation import Answer, Ask
from bot.core import Core, run_to_end
from indexer.embedder import DEFAULT_MODEL, Embedder, open_embedder
from indexer.grouping import grouped
from knowledge.model import Evidence

JUDGED = Path(__file__).parents[1] / "tests" / "judged"


def pairs(groups: list[list[int]]) -> set[tuple[int, int]]:
    return {(a, b) for group in groups for a in group for b in group if a < b}


def quality(cosines: NDArray[np.float32], truth: list[list[int]], threshold: float) -> str:
    found, wanted = pairs(grouped(cosines, threshold)), pairs(truth)
    precision = len(found & wanted) / max(len(found), 1)
    recall = len(found & wanted) / len(wanted)
    both = 2 * precision * recall / max(precision + recall, 1e-9)
    return f"{threshold:.2f}       {precision:.3f}      {recall:.3f}   {both:.3f}"


def lines(name: str) -> list[dict[str, str]]:
    text = (JUDGED / name).read_text(encoding="utf-8")
    return [json.loads(line) for line in text.splitlines()]


def telling(embedder: Embedder) -> None:
    right: dict[str, set[str]] = {}
    for judged in (JUDGED / "qrels.tsv").read_text(encoding="utf-8").splitlines()[1:]:
        question, document, _ = judged.split("\t")
        right.setdefault(question, set()).add(f"article:{document}")
    asked = [*lines("queries.jsonl"), *lines("unanswerable.jsonl")]
    told = {evidence: [0, 0] for evidence in Evidence}
    with (
        TemporaryDirectory() as folder,
        Core(Settings(data=DataSettings(folder=Path(folder))), embedder) as core,
    ):
        run_to_end(core.update_quickly())
        replies = core.conversation.ask([Ask(row["text"], 1) for row in asked], record=False)
    for row, reply in zip(asked, replies, strict=True):
        counts = told[reply.evidence]
        counts[1] += 1
        if isinstance(reply.outcome, Answer):
            cited = reply.outcome.quotes[0].citation.document_id
            counts[0] += cited in right.get(row["_id"], ())
    for evidence, (good, number) in told.items():
        print(f"{evidence.value:8} {good} of {number} right")


def main() -> None:
    rows = lines("repeated.jsonl")
    truth: dict[str, list[int]] = {}
    for place, row in enumerate(rows):
        truth.setdefault(row["group"], []).append(place)
    embedder = open_embedder(DEFAULT_MODEL, Path(gettempdir()) / "commonplace-models")
    vectors = embedder.embed_queries([row["text"] for row in rows])
    print(f"{len(rows)} questions in {len(truth)} groups")
    print("threshold  precision  recall  F1")
    for threshold in np.arange(0.30, 0.76, 0.05):
        print(quality(vectors @ vectors.T, list(truth.values()), float(threshold)))
    chance = np.random.default_rng(1)
    many = chance.normal(size=(2_000, vectors.shape[1])).astype(np.float32)
    many += vectors[chance.integers(len(vectors), size=2_000)] * 15
    many /= np.linalg.norm(many, axis=1, keepdims=True)
    telling(embedder)
    started = time.perf_counter()
    number = len(grouped(many @ many.T))
    print(f"2,000 questions: {number} groups in {time.perf_counter() - started:.2f} s")


if __name__ == "__main__":
    main()
