"""Quality of gap groups: precision and recall of grouping, and of notices to askers.

    python -m benchmarks.gaps

Needs the default model. The judged groups are in tests/judged/repeated.jsonl. The notes of
tests/judged/notes.jsonl go live one after the other, each for one group; counted are the notices to
askers of that group and of others, by evidence.
"""

import json
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from numpy.typing import NDArray

from bot.answers.ask import Ask
from bot.config.settings import DataSettings, Settings
from bot.core import index_updates
from bot.core.core import Core
from bot.core.index_updates import run_to_end
from bot.gaps import service as gaps_service
from indexer.embedding.embedder import DEFAULT_MODEL, Embedder, open_embedder
from indexer.retrieval.clusters import cluster
from indexer.text.query_normalization import spelt_out
from knowledge.store.notes.decisions import Ruling
from knowledge.values.notes import Decision, Member
from knowledge.values.questions import Evidence
from knowledge.values.submissions import Submission

JUDGED = Path(__file__).parents[1] / "tests" / "judged"
GUILD = 10


def pairs(groups: list[list[int]]) -> set[tuple[int, int]]:
    return {(a, b) for group in groups for a in group for b in group if a < b}


def quality(cosines: NDArray[np.float32], truth: list[list[int]], threshold: float) -> str:
    found, wanted = pairs(cluster(cosines, threshold)), pairs(truth)
    precision = len(found & wanted) / max(len(found), 1)
    recall = len(found & wanted) / len(wanted)
    both = 2 * precision * recall / max(precision + recall, 1e-9)
    return f"{threshold:.2f}       {precision:.3f}      {recall:.3f}   {both:.3f}"


def lines(name: str) -> list[dict[str, str]]:
    text = (JUDGED / name).read_text(encoding="utf-8")
    return [json.loads(line) for line in text.splitlines()]


def telling(embedder: Embedder, rows: list[dict[str, str]]) -> None:
    """Publish notes while all judged questions are gaps, and count the notices."""
    told = {evidence: [0, 0] for evidence in (Evidence.STRONG, Evidence.PARTIAL)}
    slowest = 0.0
    with (
        TemporaryDirectory() as folder,
        Core(Settings(data=DataSettings(folder=Path(folder))), embedder) as core,
    ):
        run_to_end(index_updates.update_quickly(core))
        core.answer_pipeline.ask(
            [Ask(row["text"], place, GUILD) for place, row in enumerate(rows, 1)]
        )
        number = core.store.gaps.number_open(GUILD)
        for row in lines("notes.jsonl"):
            note = core.store.contributions.propose(
                GUILD, Member(1_000, "Mira"), 1, Submission(row["title"], row["text"])
            ).note
            core.store.decisions.decide(
                GUILD, note.revision.id, Member(1_001, "Ada"), Ruling(Decision.APPROVE)
            )
            core.index_note(note.id)
            open_questions = core.store.gaps.open(GUILD)
            asks = [Ask(question.text, question.asker_id, GUILD) for question in open_questions]
            replies = core.answer_pipeline.ask(asks, record=False)
            for question, reply in zip(open_questions, replies, strict=True):
                if gaps_service.quotes_note(note.id, reply, wanted=True):
                    counts = told[reply.evidence]
                    counts[0] += rows[question.id - 1]["group"] == row["group"]
                    counts[1] += 1
            started = time.perf_counter()
            for _ in gaps_service.check_publications(core):
                pass
            slowest = max(slowest, time.perf_counter() - started)
    print(f"{number} questions are gaps; a publication is checked in at most {slowest:.2f} s")
    for evidence, (good, all_told) in told.items():
        print(f"{evidence.value:8} {good} of {all_told} right")


def main() -> None:
    rows = lines("repeated.jsonl")
    truth: dict[str, list[int]] = {}
    for place, row in enumerate(rows):
        truth.setdefault(row["group"], []).append(place)
    embedder = open_embedder(DEFAULT_MODEL)
    vectors = embedder.embed_queries([spelt_out(row["text"]) for row in rows])
    print(f"{len(rows)} questions in {len(truth)} groups")
    print("threshold  precision  recall  F1")
    for threshold in np.arange(0.30, 0.76, 0.05):
        print(quality(vectors @ vectors.T, list(truth.values()), float(threshold)))
    chance = np.random.default_rng(1)
    many = chance.normal(size=(2_000, vectors.shape[1])).astype(np.float32)
    many += vectors[chance.integers(len(vectors), size=2_000)] * 15
    many /= np.linalg.norm(many, axis=1, keepdims=True)
    telling(embedder, rows)
    started = time.perf_counter()
    number = len(cluster(many @ many.T))
    print(f"2,000 questions: {number} groups in {time.perf_counter() - started:.2f} s")


if __name__ == "__main__":
    main()
