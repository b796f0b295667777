"""Answers to the questions of page sets, as members see them, for reading; and their figures.

    python -m benchmarks.reading KEEP CHECKOUTS SET… [--model NAME] [--out FOLDER]

Every question of each set is asked through the whole of answering, over the set's pages alone, and
recorded nowhere. `--out` gets a text file for each set: the message with its evidence, excerpts,
bold and citations, and the titles of the menu. Whoever reads it has no need of Discord. Indexes
stay in KEEP.
"""

import argparse
import os
from collections import Counter
from pathlib import Path
from typing import Final

os.environ.setdefault("HF_HUB_OFFLINE", "1")

from benchmarks.calibrating import shown
from benchmarks.following import asked
from benchmarks.page_sets import page_set
from bot.answers.outcome import Answer, offers
from bot.answers.pipeline import AnswerPipeline, Reply
from bot.answers.search_tiers import BundledArticles
from bot.ask import messages
from bot.core.index_updates import run_to_end
from bot.models.calibrations import chosen_calibration
from bot.storage.data_folder import open_index
from indexer.embedding.embedder import DEFAULT_MODEL
from indexer.embedding.model_records import ModelRecord, RecordedModel, open_record
from indexer.evaluation.judged_sets import JudgedSet
from indexer.ingest.pipeline import update
from indexer.retrieval.retriever import Retriever
from knowledge.store.store import Store
from knowledge.values.questions import Evidence

_COMMUNITIES: Final = Path(__file__).parents[1] / "tests" / "judged" / "communities"


def message(reply: Reply) -> str:
    """The message below a question, and the titles of its menu."""
    text = messages.answer(reply)
    parts = [text.head, *(f"{one.text}\n{one.cited}" for one in text.quotations)]
    menu = messages.options(offers(reply.hits))
    return "\n\n".join([*parts, *([f"[Other passages: {' | '.join(menu)}]"] if menu else [])])


def counted(judged: JudgedSet, replies: dict[str, Reply]) -> dict[str, float]:
    """Shares of right first sections, right *strong* answers, and quoted near misses."""
    right = {
        key: bool(reply.hits) and judged.is_answered_by(key, reply.hits[0].passage)
        for key, reply in replies.items()
        if key in judged.queries
    }
    found: Counter[str] = Counter()
    for key, reply in replies.items():
        kind = (
            ("right" if right[key] else "wrong")
            if key in judged.queries
            else "foreign"
            if key in judged.foreign
            else "near miss"
        )
        found[kind] += 1
        found[f"{kind}, {reply.evidence.value}"] += 1
        found[f"{kind}, quoted"] += isinstance(reply.outcome, Answer)
    strong = sum(found[f"{kind}, strong"] for kind in ("right", "wrong", "near miss", "foreign"))
    return {
        "right section first": found["right"] / max(1, found["right"] + found["wrong"]),
        "strong right": found["right, strong"] / max(1, strong),
        "strong said of right": found["right, strong"] / max(1, found["right"]),
        "right refused": 1 - found["right, quoted"] / max(1, found["right"]),
        "near misses quoted": found["near miss, quoted"] / max(1, found["near miss"]),
        **dict(sorted(found.items())),
    }


def read(
    model: RecordedModel, name: str, keep: Path, checkouts: Path
) -> tuple[JudgedSet, dict[str, Reply]]:
    """A set, and the replies to all its questions by their ids."""
    judge = chosen_calibration(keep, model.record).calibration
    judged = page_set(_COMMUNITIES / name, checkouts)
    with (
        open_index(keep, model.embedder, name) as index,
        Store(keep / f"{name}.db") as store,
    ):
        run_to_end(update(index, model.embedder, judged.documents))
        pipeline = AnswerPipeline(
            store,
            index,
            Retriever(index, model.embedder, judge),
            quotes=3,
            articles=BundledArticles(store, index, "never"),
        )
        texts = {**judged.queries, **judged.unanswerable}
        return judged, {key: asked(pipeline, text) for key, text in texts.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("keep", type=Path)
    parser.add_argument("checkouts", type=Path)
    parser.add_argument("sets", nargs="+")
    parser.add_argument("--model", default=DEFAULT_MODEL)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    keep = options.keep / Path(options.model).name
    keep.mkdir(parents=True, exist_ok=True)
    model = open_record(ModelRecord(options.model))
    figures = {}
    for name in options.sets:
        judged, replies = read(model, name, keep, options.checkouts)
        figures[name] = counted(judged, replies)
        if options.out is not None:
            options.out.mkdir(parents=True, exist_ok=True)
            texts = (f"## {key}\n\n{message(reply)}" for key, reply in replies.items())
            (options.out / f"{name}.md").write_text("\n\n\n".join(texts) + "\n", encoding="utf-8")
    shown(f"{options.model}, {Evidence.STRONG} and the rest", figures)


if __name__ == "__main__":
    main()
