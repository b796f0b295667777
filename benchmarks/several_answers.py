"""More than one answer: how often questions with several answers get all of them.

    python -m benchmarks.several_answers KEEP CHECKOUTS [--report] [--model NAME]

The questions are in tests/judged/several-answers, over working sets with pages from checkouts of
their repositories, CHECKOUTS/OWNER+NAME. `--report` asks those for reporting instead: pairs.jsonl
and, over the bundled articles, headings.jsonl in tests/judged/communities. Indexes and derived
models stay in KEEP. An answer is right if it quotes a section of each part that has one, or names
it among the places. A list needs two of its sections, a follow-up the section of its own part
first, and a heading's question its section first.
"""

import json
import os
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

os.environ.setdefault("HF_HUB_OFFLINE", "1")

from benchmarks.calibrating import (
    FOR_REPORTING,
    PAGES,
    german_community,
    judged_articles,
    print_table,
)
from benchmarks.following import ask, ask_next, asking, open_model, page_options
from benchmarks.page_sets import digest, page_set
from bot.answers.outcome import Answer, Citation, Reply, citation
from bot.answers.pipeline import AnswerPipeline
from indexer.evaluation.judged_sets import JudgedSet

_JUDGED: Final = Path(__file__).parents[1] / "tests" / "judged"
_SETS: Final = _JUDGED / "communities"
# A list is right if it has as many of the judged headings, since some pages have more.
_LISTED: Final = 2

_Row = dict[str, Any]
# A document's id or its end, and the digest of a heading; empty for the whole document.
_Section = Sequence[str]


def read_rows(*, for_reporting: bool) -> Iterator[_Row]:
    """The questions, with `parts`: for each part its answering sections, none for an open part."""
    path = _SETS / "pairs.jsonl" if for_reporting else _JUDGED / "several-answers" / "queries.jsonl"
    for row in map(json.loads, path.read_text("utf-8").splitlines()):
        parts = [[section] for section in row.get("answers", ())]
        yield {"parts": parts + [[]] * ("missing" in row), **row}
    for line in (_SETS / "headings.jsonl").read_text("utf-8").splitlines() if for_reporting else ():
        row = json.loads(line)
        part = [(page, digest(heading)) for page, heading in row["answers"]]
        yield {**row, "kind": "heading", "set": "articles", "parts": [part]}


def working_sets(checkouts: Path) -> Iterator[tuple[str, JudgedSet]]:
    for name in PAGES:
        if name not in FOR_REPORTING:
            yield name, page_set(_SETS / name, checkouts)
    yield "articles", judged_articles()
    yield "german-community", german_community()["german-community"]


def citations(answer: Answer) -> list[Citation]:
    """The citations of the quoted sections, or of those among the places."""
    if answer.is_sure:
        return [answer.quotes[place].citation for place in answer.shown_quotes]
    return [citation(hit.passage) for place in answer.places for hit in place.hits]


def shows(cited: Sequence[Citation], sections: Sequence[_Section]) -> bool:
    """Whether one of these sections is cited."""
    return any(
        citation.document_id.endswith(page)
        and (
            not heading or heading in map(digest, (citation.title, *citation.heading.split(" › ")))
        )
        for page, heading in sections
        for citation in cited
    )


def is_right(row: _Row, reply: Reply) -> bool:
    if not isinstance(reply.outcome, Answer):
        return False
    cited, parts = citations(reply.outcome), row["parts"]
    if row["kind"] in {"follow-up", "heading"}:
        return shows(cited[:1], parts[-1])
    if row["kind"] == "list":
        return sum(shows(cited, part) for part in parts) >= _LISTED
    return shows(cited, row.get("together", ())) or all(
        shows(cited, part) for part in parts if part
    )


def ask_rows(
    pipeline: AnswerPipeline,
    rows: Sequence[_Row],
    counts: Mapping[str, Counter[str]],
    *,
    wrong: bool,
) -> None:
    """Count the right answers by kind; with `wrong`, print the others."""
    for row in rows:
        reply = ask_next(pipeline, row) if "after" in row else ask(pipeline, row["text"])
        right, evidence = is_right(row, reply), reply.evidence.value
        counts[row["kind"]].update(
            {"questions": 1, "right": right, evidence: 1, f"right, {evidence}": right}
        )
        if wrong and not right:
            print(row["_id"], row["set"], row["text"], "|", evidence)
            if isinstance(reply.outcome, Answer):
                print("   ", [f"{c.document_id}#{c.heading}" for c in citations(reply.outcome)])


def main() -> None:
    parser = page_options(__doc__)
    parser.add_argument("--report", action="store_true", help="the questions for reporting only")
    parser.add_argument("--wrong", action="store_true", help="print the questions answered wrongly")
    options = parser.parse_args()
    model, keep = open_model(options)
    rows = [*read_rows(for_reporting=options.report)]
    counts: dict[str, Counter[str]] = {row["kind"]: Counter() for row in rows}
    for name, judged in working_sets(options.checkouts):
        own = [row for row in rows if row["set"] == name]
        if own:
            with asking(model, name, judged.documents, keep) as pipeline:
                ask_rows(pipeline, own, counts, wrong=options.wrong)
    print_table("several answers", counts)


if __name__ == "__main__":
    main()
