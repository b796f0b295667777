"""Delay from approval to answerability of a note, by the size of the guild's corpus.

    python -m benchmarks.publishing [--sizes 1000 10000 100000]

For each size, a guild's index is filled with synthetic passages and random vectors, because only
their number matters here. Then notes are proposed, approved and asked for, with the real model, one
after another. The time runs from the decision to the answer that quotes the note.
"""

import argparse
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import numpy as np

from bot.answers.ask import Ask
from bot.answers.outcome import Answer
from bot.config.settings import DataSettings, Settings
from bot.core.core import Core
from bot.review import service as review_service
from indexer.index.written_documents import CutDocument
from indexer.text.passages import Passage, digest
from knowledge.store.notes.decisions import Ruling
from knowledge.values.documents import Document, Kind, Scope
from knowledge.values.notes import Decision, Member
from knowledge.values.submissions import Submission

GUILD: Final = 7
NOTES: Final = 20
BATCH: Final = 2_000


def fill(core: Core, size: int) -> None:
    """Put passages with vectors of chance into the guild's index."""
    chance = np.random.default_rng(0)
    words = np.array([f"word{n}" for n in range(50_000)])
    # As often as words are in any language: the second half as often as the first, and so on.
    shares = 1 / np.arange(1, len(words) + 1)
    shares /= shares.sum()
    for start in range(0, size, BATCH):
        cut = []
        for number in range(start, min(start + BATCH, size)):
            text = " ".join(chance.choice(words, 60, p=shares))
            document = Document(f"file:{number}", Scope(GUILD), Kind.FILE, f"Text {number}", text)
            cut.append(CutDocument(document, (Passage(document.id, 0, document.title, "", text),)))
        vectors = chance.normal(size=(len(cut), core.embedder.dimension)).astype(np.float32)
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        texts = [passage.embedded for document in cut for passage in document.passages]
        core.index.tables.store_vectors(dict(zip(map(digest, texts), vectors, strict=True)))
        core.index.tables.apply(cut)


def notes() -> Iterator[tuple[Submission, str]]:
    """Notes and their questions."""
    for number in range(NOTES):
        yield (
            Submission(
                f"The lantern of hall {number}",
                f"The lantern of hall {number} is lit by keeper number {number} at dusk. Ask in "
                "the workshop for oil when it runs dry.",
            ),
            f"who lights the lantern of hall {number}?",
        )


def measure(folder: Path, size: int) -> str:
    settings = Settings(data=DataSettings(folder=folder))
    with Core(settings) as core:
        fill(core, size)
        core.index.save_snapshots()
        core.answer_pipeline.ask([Ask("is anybody here?", 1, GUILD)])
        decided, answered = [], []
        for submission, question in notes():
            note = review_service.update_index(
                core, core.store.contributions.propose(GUILD, Member(1, "Mira"), 5, submission)
            ).note
            started = time.perf_counter()
            review_service.decide(
                core, GUILD, note.revision.id, Member(2, "Ada"), Ruling(Decision.APPROVE)
            )
            decided.append((time.perf_counter() - started) * 1e3)
            [reply] = core.answer_pipeline.ask([Ask(question, 1, GUILD)])
            answered.append((time.perf_counter() - started) * 1e3)
            assert isinstance(reply.outcome, Answer), reply
            assert reply.outcome.quotes[0].citation.title == submission.title
        size_found = core.index.size([Scope(GUILD)])
    return (
        f"| {size_found - NOTES:,} | {np.median(decided):.0f} | {np.median(answered):.0f} "
        f"| {max(answered):.0f} |"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=[1_000, 10_000, 100_000])
    options = parser.parse_args()
    print("| passages in the guild | approved, ms | answered, ms | the slowest of 20, ms |")
    print("|---|---|---|---|")
    for size in options.sizes:
        with tempfile.TemporaryDirectory() as folder:
            print(measure(Path(folder), size), flush=True)


if __name__ == "__main__":
    main()
