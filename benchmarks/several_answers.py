"""More than one answer: how often questions with several answers get all of them.

    python -m benchmarks.several_answers KEEP CHECKOUTS [--report] [--singles FILE] [--model NAME]

The questions are in tests/judged/several-answers, over working sets with pages from checkouts of
their repositories, CHECKOUTS/OWNER+NAME. `--report` asks those for reporting instead: pairs.jsonl
and, over the bundled articles, headings.jsonl in tests/judged/communities. Indexes and derived
models stay in KEEP. An answer is right if it shows a section of each part, or names the part
without one. A list needs two of its sections, a follow-up the section of its own part first, and a
heading's question its section first.

`--singles` asks the single questions of the working sets as well. It prints how many are answered
in several parts or with a list, and writes each answer to FILE, to compare two versions.
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
from bot.answers.outcome import Answer, Citation, citation
from bot.answers.pipeline import AnswerPipeline, Reply
from bot.answers.quotations import shown_places
from indexer.evaluation.judged_sets import JudgedSet
from indexer.text.analyzer import topic

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
    """The citations of the shown quotations and listed sections."""
    quoted = [answer.quotes[place].citation for place in shown_places(answer)]
    return quoted + [citation(section.hit.passage) for section in answer.sections]


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


def names_open_part(row: _Row, answer: Answer) -> bool:
    """Whether an answer names its open part, with a word of the row's `missing`."""
    named = {
        form
        for part in (*answer.open_parts, *answer.missing)
        for forms in topic(part)
        for form in forms
    }
    wanted = {form for forms in topic(row.get("missing", "")) for form in forms}
    return bool(named & wanted if wanted else answer.open_parts or answer.missing)


def is_right(row: _Row, reply: Reply) -> bool:
    if not isinstance(reply.outcome, Answer):
        return False
    cited, parts = citations(reply.outcome), row["parts"]
    if row["kind"] in {"follow-up", "heading"}:
        return shows(cited[:1], parts[-1])
    if row["kind"] == "list":
        return sum(shows(cited, part) for part in parts) >= _LISTED
    return shows(cited, row.get("together", ())) or all(
        shows(cited, part) if part else names_open_part(row, reply.outcome) for part in parts
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


def ask_singles(pipeline: AnswerPipeline, name: str, judged: JudgedSet) -> Iterator[_Row]:
    """Ask the single questions of a set."""
    for kind, questions in (("answerable", judged.queries), ("not", judged.unanswerable)):
        for key, text in questions.items():
            reply = ask(pipeline, text)
            answer = reply.outcome if isinstance(reply.outcome, Answer) else None
            hits = [quote.hit.passage for quote in answer.quotes] if answer else []
            places = shown_places(answer) if answer else []
            yield {
                "set": name,
                "kind": kind,
                "text": text,
                "evidence": reply.evidence.value,
                "first": f"{hits[0].document_id} {hits[0].heading}" if hits else "",
                "shown": len(places),
                "parts": answer.parts if answer else 0,
                "open": list(answer.open_parts) if answer else [],
                "sections": [section.heading for section in answer.sections] if answer else [],
                "right": kind == "answerable"
                and any(judged.is_answered_by(key, hits[place]) for place in places),
            }


def main() -> None:
    parser = page_options(__doc__)
    parser.add_argument("--report", action="store_true", help="the questions for reporting only")
    parser.add_argument("--singles", type=Path, help="ask single questions too, and write answers")
    parser.add_argument("--wrong", action="store_true", help="print the questions answered wrongly")
    options = parser.parse_args()
    model, keep = open_model(options)
    rows = [*read_rows(for_reporting=options.report)]
    counts: dict[str, Counter[str]] = {row["kind"]: Counter() for row in rows}
    singles: list[_Row] = []
    for name, judged in working_sets(options.checkouts):
        own = [row for row in rows if row["set"] == name]
        if own or options.singles:
            with asking(model, name, judged.documents, keep) as pipeline:
                ask_rows(pipeline, own, counts, wrong=options.wrong)
                if options.singles:
                    singles += ask_singles(pipeline, name, judged)
    print_table("several answers", counts)
    if options.singles:
        lines = (json.dumps(row, ensure_ascii=False) for row in singles)
        options.singles.write_text("\n".join(lines) + "\n", encoding="utf-8")
        print(f"{len(singles)} single questions, {sum(row['right'] for row in singles)} right")


if __name__ == "__main__":
    main()
