"""Follow-ups: how often the second question of a judged pair gets the section with its answer.

    python -m benchmarks.following KEEP CHECKOUTS [--report] [--model FOLDER]

The pairs are in tests/judged/communities/*/follow-ups. Pairs of odd number were used for choosing;
pairs of even number count with `--report` only. The second question is asked as a follow-up unless
it stands alone. Both are asked of all pages of the set, read from checkouts of their repositories,
CHECKOUTS/OWNER+NAME. Indexes and derived models stay in KEEP.

*Right, asked alone* is the result without any follow-up. Below the table: the share of second
questions rightly taken for follow-ups, and of first questions wrongly.
"""

import argparse
import os
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

os.environ.setdefault("HF_HUB_OFFLINE", "1")

from benchmarks.calibrating import FOR_REPORTING, PAGES, print_table
from benchmarks.page_sets import page_set
from bot.answers.ask import Ask
from bot.answers.follow_ups import stands_alone
from bot.answers.outcome import Answer, Reply
from bot.answers.pipeline import AnswerPipeline
from bot.answers.search_tiers import BundledArticles
from bot.core.index_updates import run_to_end
from bot.models.calibrations import chosen_calibration
from bot.storage.data_folder import open_index
from indexer.embedding.embedder import DEFAULT_MODEL
from indexer.embedding.model_records import ModelRecord, RecordedModel, open_record
from indexer.evaluation.judged_sets import JudgedSet, read_rows
from indexer.ingest.pipeline import update
from indexer.retrieval.retriever import Retriever
from knowledge.store.store import Store
from knowledge.values.documents import Document

_JUDGED: Final = Path(__file__).parents[1] / "tests" / "judged"
FOLDERS: Final = sorted(_JUDGED.glob("communities/*/follow-ups"))


def page_options(description: str) -> argparse.ArgumentParser:
    """The options of a benchmark over page sets."""
    parser = argparse.ArgumentParser(description=description.partition("\n")[0])
    parser.add_argument("keep", type=Path)
    parser.add_argument("checkouts", type=Path)
    parser.add_argument("--model", default=DEFAULT_MODEL)
    return parser


def open_model(options: argparse.Namespace) -> tuple[RecordedModel, Path]:
    """The model, and its folder of indexes in KEEP."""
    keep: Path = options.keep / Path(options.model).name
    keep.mkdir(parents=True, exist_ok=True)
    return open_record(ModelRecord(options.model)), keep


@contextmanager
def asking(
    model: RecordedModel, name: str, documents: Sequence[Document], keep: Path
) -> Iterator[AnswerPipeline]:
    """A pipeline over the documents of a set; its index stays in `keep`."""
    judge = chosen_calibration(keep, model.record).calibration
    with open_index(keep, model.embedder, name) as index, Store(keep / f"{name}.db") as store:
        run_to_end(update(index, model.embedder, documents))
        articles = BundledArticles(store, index, "never")
        retriever = Retriever(index, model.embedder, judge)
        yield AnswerPipeline(store, index, retriever, quotes=3, articles=articles)


def ask(pipeline: AnswerPipeline, text: str, earlier: str = "") -> Reply:
    [reply] = pipeline.ask([Ask(text, 1, earlier=earlier)], record=False)
    return reply


def ask_next(pipeline: AnswerPipeline, row: Mapping[str, object]) -> Reply:
    """Ask the second question of a pair, as a follow-up unless it stands alone."""
    text = str(row["text"])
    return ask(pipeline, text, "" if stands_alone(text) else str(row["after"]))


def is_right(judged: JudgedSet, key: str, reply: Reply) -> bool:
    """Whether the first quoted passage is of the answering section."""
    if not isinstance(reply.outcome, Answer):
        return False
    return judged.is_answered_by(key, reply.outcome.quotes[0].hit.passage)


def count(pipeline: AnswerPipeline, folder: Path, judged: JudgedSet, half: int) -> Counter[str]:
    """The figures of one set, as numbers of pairs."""
    found: Counter[str] = Counter()
    pairs = read_rows(folder / "queries.jsonl")
    for key in [key for key in pairs if int(key[1:]) % 2 == half]:
        row = pairs[key]
        kind = "standing alone" if row.get("alone") else "follow-ups"
        first, reply = ask(pipeline, str(row["after"])), ask_next(pipeline, row)
        right = is_right(judged, key, reply)
        found["pairs"] += 1
        found["right"] += right
        found[kind] += 1
        found[f"{kind} right"] += right
        found["repeats what was shown"] += kind == "follow-ups" and (
            isinstance(reply.outcome, Answer)
            and isinstance(first.outcome, Answer)
            and reply.outcome.quotes[0].text == first.outcome.quotes[0].text
        )
        found[f"{reply.evidence.value}, {'right' if right else 'wrong'}"] += 1
        found["right, asked alone"] += is_right(judged, key, ask(pipeline, str(row["text"])))
    for row in read_rows(folder / "unanswerable.jsonl").values():
        found[f"near misses: {ask_next(pipeline, row).evidence.value}"] += 1
    return found


def shares(found: Counter[str]) -> dict[str, float]:
    """The figures of a set, with the right shares first."""
    kinds = [kind for kind in ("follow-ups", "standing alone") if found[kind]]
    right = {f"share of {kind} right": found[f"{kind} right"] / found[kind] for kind in kinds}
    return {"share right": found["right"] / found["pairs"], **right, **found}


def report_decisions(half: int) -> None:
    """Print the shares of follow-ups and of independent questions taken for follow-ups."""
    pairs = [
        row
        for folder in FOLDERS
        for key, row in read_rows(folder / "queries.jsonl").items()
        if int(key[1:]) % 2 == half
    ]
    told = [(stands_alone(str(row["text"])), bool(row.get("alone"))) for row in pairs]
    taken, wanted = told.count((False, False)), [alone for _, alone in told].count(False)
    said = [alone for alone, _ in told].count(False)
    print(f"\nfollow-ups: precision {taken}/{said}, recall {taken}/{wanted}")
    first = [
        str(row["text"])
        for name in PAGES
        if name not in FOR_REPORTING
        for file in ("queries", "unanswerable")
        for row in read_rows(_JUDGED / "communities" / name / f"{file}.jsonl").values()
        if "text" in row
    ]
    wrongly = [text for text in first if not stands_alone(text)]
    print(f"first questions taken for follow-ups: {len(wrongly)}/{len(first)}")


def main() -> None:
    parser = page_options(__doc__)
    parser.add_argument("--report", action="store_true", help="the pairs for reporting only")
    options = parser.parse_args()
    half = 0 if options.report else 1
    model, keep = open_model(options)
    counts = {}
    for folder in FOLDERS:
        name, judged = folder.parent.name, page_set(folder, options.checkouts)
        with asking(model, name, judged.documents, keep) as pipeline:
            counts[name] = count(pipeline, folder, judged, half)
    counts["all"] = sum(counts.values(), Counter[str]())
    print_table("follow-ups", {name: shares(found) for name, found in counts.items()})
    report_decisions(half)


if __name__ == "__main__":
    main()
