"""Cost of asking golden questions again, and the wait of members' questions meanwhile.

    python -m benchmarks.golden FOLDER [--passages 10000] [--questions 10000]

Fills a data folder with made-up documents and as many questions found helpful, unless it has them.
All golden questions are asked again twice, the second time with their vectors in memory. Then
somebody asks a question, waits a tenth of a second and asks the next: for a minute alone, and for a
minute while golden questions are asked again.
"""

import argparse
import asyncio
import time
from pathlib import Path

from benchmarks.answering import documents, percentiles, questions_about, timed
from bot.answers.ask import Ask
from bot.config.settings import DataSettings, Settings
from bot.core.core import Core
from bot.process.client import answer_together, start_worker
from bot.review import golden_questions
from indexer.ingest.pipeline import index_document, update
from knowledge.values.documents import SHARED, Document, Kind
from knowledge.values.questions import Feedback, Verdict

GUILD = 10
PAUSE_SECONDS = 0.1
ALONE_SECONDS = 60.0
_BATCH = 32


def fill(core: Core, passages: int, questions: int) -> None:
    made = [*documents(passages)]
    began = time.perf_counter()
    for _ in update(core.index, core.embedder, made, kinds={Kind.FILE}):
        pass
    print(f"{passages:,} passages indexed in {time.perf_counter() - began:.0f} s", flush=True)
    asked = questions_about(made, questions)
    core.store.guilds.change(GUILD, {"golden_questions": True}, 1)
    for start in range(0, len(asked), _BATCH):
        asks = [Ask(text, 7, GUILD) for text in asked[start : start + _BATCH]]
        for reply in core.answer_pipeline.ask(asks):
            core.store.feedback_records.record(Feedback(reply.question_id or 0, 8, Verdict.HELPFUL))


def ask_all_again(core: Core) -> None:
    """Print the cost of two checks, the second one after a change of the index."""
    for number in range(2):
        document = Document(f"file:new {number}", SHARED, Kind.FILE, "New", f"New {number}.")
        index_document(core.index, core.embedder, document)
        wall, cpu = timed(lambda: [*golden_questions.check(core, GUILD, float("inf"))])
        count = len(core.store.golden_questions.of_guild(GUILD))
        changed = sum(golden_questions.number_changed(core, GUILD))
        print(
            f"{count:,} golden questions: {wall / 1e3:.1f} s, {cpu / 1e3:.1f} s of CPU, {changed}"
        )


async def measure(settings: Settings, asked: list[str]) -> None:
    worker = start_worker(settings, None)
    milliseconds: list[float] = []

    async def ask(until: float) -> None:
        while time.perf_counter() < until:
            text = asked[len(milliseconds) % len(asked)] + f" {len(milliseconds)}"
            began = time.perf_counter()
            await worker.call_batched(answer_together, Ask(text, 7, GUILD))
            milliseconds.append((time.perf_counter() - began) * 1e3)
            await asyncio.sleep(PAUSE_SECONDS)

    await worker.run_slices(Core.warm_up)
    await ask(time.perf_counter() + ALONE_SECONDS)
    print(f"alone: {len(milliseconds)} questions: {percentiles(milliseconds)}", flush=True)
    alone = len(milliseconds)
    milliseconds.clear()
    await worker.call(
        lambda core: index_document(
            core.index, core.embedder, Document("file:last", SHARED, Kind.FILE, "Last", "Last.")
        )
    )
    checking = asyncio.create_task(
        worker.run_slices(lambda core: golden_questions.check(core, GUILD, float("inf")))
    )
    await ask(time.perf_counter() + ALONE_SECONDS)
    print(f"meanwhile: {len(milliseconds)} questions, {alone} alone: {percentiles(milliseconds)}")
    checking.cancel()
    await worker.stop()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--passages", type=int, default=10_000)
    parser.add_argument("--questions", type=int, default=10_000)
    given = parser.parse_args()
    settings = Settings(data=DataSettings(folder=given.folder))
    with Core(settings) as core:
        if not core.store.golden_questions.guilds():
            fill(core, given.passages, given.questions)
        ask_all_again(core)
    asked = questions_about([*documents(given.passages)], 100)
    asyncio.run(measure(settings, asked))


if __name__ == "__main__":
    main()
