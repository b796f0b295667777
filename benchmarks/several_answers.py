"""More than one answer: how often questions with several answers get all of them.

    python -m benchmarks.several_answers KEEP CHECKOUTS [--singles FILE] [--model FOLDER]

The questions are in tests/judged/several-answers, over working sets with pages from checkouts of
their repositories, CHECKOUTS/OWNER+NAME. Indexes and derived models stay in KEEP. A question is
right if the answer shows a passage of each answering section, or names the part without an answer.

`--singles` asks the single questions of the working sets as well. It prints how many are answered
in several parts or with a list, and writes each answer to FILE, to compare two versions.
"""

import argparse
import json
import os
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

os.environ.setdefault("HF_HUB_OFFLINE", "1")

from benchmarks.calibrating import FOR_REPORTING, PAGES, german_community, judged_articles, shown
from benchmarks.following import asked, followed
from benchmarks.page_sets import digest, page_set
from bot.answers.outcome import Answer, Citation, citation
from bot.answers.pipeline import AnswerPipeline, Reply
from bot.answers.quotations import shown_places
from bot.answers.search_tiers import BundledArticles
from bot.core.index_updates import run_to_end
from bot.models.calibrations import chosen_calibration
from bot.storage.data_folder import open_index
from indexer.embedding.embedder import DEFAULT_MODEL
from indexer.embedding.model_records import ModelRecord, RecordedModel, open_record
from indexer.evaluation.judged_sets import JudgedSet
from indexer.ingest.pipeline import update
from indexer.retrieval.retriever import Retriever
from indexer.text.analyzer import topic
from knowledge.store.store import Store

_JUDGED: Final = Path(__file__).parents[1] / "tests" / "judged"
QUESTIONS: Final = _JUDGED / "several-answers" / "queries.jsonl"
# A list is right if it has as many of the judged headings, since some pages have more.
_LISTED: Final = 2

_Row = dict[str, Any]


def working_sets(checkouts: Path) -> Iterator[tuple[str, JudgedSet]]:
    """The working sets."""
    for name in PAGES:
        if name not in FOR_REPORTING:
            yield name, page_set(_JUDGED / "communities" / name, checkouts)
    yield "articles", judged_articles()
    yield "german-community", german_community()["german-community"]


@contextmanager
def asking(
    model: RecordedModel, name: str, judged: JudgedSet, keep: Path
) -> Iterator[AnswerPipeline]:
    """A pipeline over the documents of a set."""
    judge = chosen_calibration(keep, model.record).calibration
    with open_index(keep, model.embedder, name) as index, Store(keep / f"{name}.db") as store:
        run_to_end(update(index, model.embedder, judged.documents))
        retriever = Retriever(index, model.embedder, judge)
        articles = BundledArticles(store, index, "never")
        yield AnswerPipeline(store, index, retriever, quotes=3, articles=articles)


def citations(answer: Answer) -> list[Citation]:
    """The citations of the shown quotations and listed sections."""
    quoted = [answer.quotes[place].citation for place in shown_places(answer)]
    return quoted + [citation(section.hit.passage) for section in answer.sections]


def has_section(cited: list[Citation], section: list[str]) -> bool:
    """Whether a section, a document's id and its heading's digest, is among the citations."""
    document, heading = section
    return any(
        citation.document_id == document
        and (
            not heading or heading in map(digest, (citation.title, *citation.heading.split(" › ")))
        )
        for citation in cited
    )


def is_right(row: _Row, reply: Reply) -> bool:
    """Whether an answer is complete."""
    if not isinstance(reply.outcome, Answer):
        return False
    cited = citations(reply.outcome)
    if row["kind"] == "follow-up":
        cited = cited[:1]
    if row["kind"] == "list":
        return sum(has_section(cited, section) for section in row["answers"]) >= _LISTED
    if any(has_section(cited, section) for section in row.get("together", ())):
        return True
    wanted = {form for forms in topic(row.get("missing", "")) for form in forms}
    named = {
        form
        for part in (*reply.outcome.open_parts, *reply.outcome.missing)
        for forms in topic(part)
        for form in forms
    }
    if wanted and not wanted & named:
        return False
    return all(has_section(cited, section) for section in row["answers"])


def section_of(reply: Reply) -> str:
    """The first quoted document and heading; empty for a refusal."""
    if not isinstance(reply.outcome, Answer):
        return ""
    cited = reply.outcome.quotes[0].citation
    return f"{cited.document_id} {cited.heading}"


def report_singles(pipeline: AnswerPipeline, name: str, judged: JudgedSet) -> Iterator[_Row]:
    """Ask the single questions of a set."""
    for kind, questions in (("answerable", judged.queries), ("not", judged.unanswerable)):
        for key, text in questions.items():
            reply = asked(pipeline, text)
            answer = reply.outcome if isinstance(reply.outcome, Answer) else None
            hits = [quote.hit.passage for quote in answer.quotes] if answer else []
            places = shown_places(answer) if answer else []
            yield {
                "set": name,
                "kind": kind,
                "text": text,
                "evidence": reply.evidence.value,
                "first": section_of(reply),
                "shown": len(places),
                "parts": answer.parts if answer else 0,
                "open": list(answer.open_parts) if answer else [],
                "sections": [section.heading for section in answer.sections] if answer else [],
                "right": kind == "answerable"
                and any(judged.is_answered_by(key, hits[place]) for place in places),
            }


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("keep", type=Path)
    parser.add_argument("checkouts", type=Path)
    parser.add_argument("--singles", type=Path, help="ask single questions too, and write answers")
    parser.add_argument("--model", default=DEFAULT_MODEL)
    parser.add_argument("--wrong", action="store_true", help="print the questions answered wrongly")
    options = parser.parse_args()
    keep = options.keep / Path(options.model).name
    keep.mkdir(parents=True, exist_ok=True)
    model = open_record(ModelRecord(options.model))
    rows = [json.loads(line) for line in QUESTIONS.read_text("utf-8").splitlines()]
    found: dict[str, Counter[str]] = {row["kind"]: Counter() for row in rows}
    singles: list[_Row] = []
    for name, judged in working_sets(options.checkouts):
        with asking(model, name, judged, keep) as pipeline:
            for row in rows:
                if row["set"] == name:
                    reply = (
                        followed(pipeline, row) if "after" in row else asked(pipeline, row["text"])
                    )
                    right = is_right(row, reply)
                    found[row["kind"]]["questions"] += 1
                    found[row["kind"]]["right"] += right
                    found[row["kind"]][reply.evidence.value] += 1
                    if options.wrong and not right:
                        print(row["_id"], name, row["text"], "|", reply.evidence.value)
                        if isinstance(reply.outcome, Answer):
                            print(
                                "   ",
                                [f"{c.document_id}#{c.heading}" for c in citations(reply.outcome)],
                            )
            if options.singles:
                singles += report_singles(pipeline, name, judged)
    shown("several answers", found)
    if options.singles:
        lines = (json.dumps(row, ensure_ascii=False) for row in singles)
        options.singles.write_text("\n".join(lines) + "\n", encoding="utf-8")
        print(f"{len(singles)} single questions, {sum(row['right'] for row in singles)} right")


if __name__ == "__main__":
    main()
