"""Questions with several answers: pairs, differences, lists and follow-ups.

    python -m benchmarks.reported_pairs KEEP CHECKOUTS [--model NAME] [--wrong]

The questions are in tests/judged/communities/pairs.jsonl, over page sets with checkouts of their
repositories, CHECKOUTS/OWNER+NAME, and in headings.jsonl, over the bundled articles. A question is
right if the answer shows a section of each part, or names the part without one. A list needs two of
its sections, a follow-up the section of its own part first. A heading's question needs its section
first.
"""

import argparse
import json
import os
from collections import Counter
from pathlib import Path
from typing import Any, Final

os.environ.setdefault("HF_HUB_OFFLINE", "1")

from benchmarks.calibrating import judged_articles, shown
from benchmarks.following import asked, followed
from benchmarks.page_sets import digest, page_set
from benchmarks.several_answers import asking, citations, has_section
from bot.answers.outcome import Answer, Citation
from bot.answers.pipeline import Reply
from indexer.embedding.embedder import DEFAULT_MODEL
from indexer.embedding.model_records import ModelRecord, open_record

_SETS: Final = Path(__file__).parents[1] / "tests" / "judged" / "communities"
_LISTED: Final = 2


def shows(cited: list[Citation], sections: list[list[str]]) -> bool:
    """Whether one of these sections, a page's path and its heading's digest, is cited."""
    return any(
        citation.document_id.endswith(page) and has_section([citation], [citation.document_id, key])
        for page, key in sections
        for citation in cited
    )


def is_right(row: dict[str, Any], reply: Reply) -> bool:
    """Whether an answer has the parts of a row of `pairs.jsonl`."""
    if not isinstance(reply.outcome, Answer):
        return False
    cited, parts = citations(reply.outcome), row["parts"]
    if row["kind"] == "follow-up":
        return shows(cited[:1], parts[-1])
    if row["kind"] == "list":
        return sum(shows(cited, part) for part in parts) >= _LISTED
    says_open = bool(reply.outcome.open_parts or reply.outcome.missing)
    return all(shows(cited, part) if part else says_open for part in parts)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("keep", type=Path)
    parser.add_argument("checkouts", type=Path)
    parser.add_argument("--model", default=DEFAULT_MODEL)
    parser.add_argument("--wrong", action="store_true", help="print the questions answered wrongly")
    options = parser.parse_args()
    options.keep.mkdir(parents=True, exist_ok=True)
    model = open_record(ModelRecord(options.model))
    rows = [json.loads(line) for line in (_SETS / "pairs.jsonl").read_text("utf-8").splitlines()]
    headings = (_SETS / "headings.jsonl").read_text("utf-8").splitlines()
    rows += [{**json.loads(line), "kind": "heading", "set": "articles"} for line in headings]
    found: dict[str, Counter[str]] = {row["kind"]: Counter() for row in rows}
    for name in sorted({row["set"] for row in rows}):
        is_articles = name == "articles"
        judged = judged_articles() if is_articles else page_set(_SETS / name, options.checkouts)
        with asking(model, name, judged, options.keep) as pipeline:
            for row in (row for row in rows if row["set"] == name):
                reply = followed(pipeline, row) if "after" in row else asked(pipeline, row["text"])
                if is_articles:
                    answers = [[[page, digest(heading)] for page, heading in row["answers"]]]
                    right = is_right({"kind": "follow-up", "parts": answers}, reply)
                else:
                    right = is_right(row, reply)
                found[row["kind"]]["questions"] += 1
                found[row["kind"]]["right"] += right
                found[row["kind"]][reply.evidence.value] += 1
                found[row["kind"]][f"right, {reply.evidence.value}"] += right
                if options.wrong and not right:
                    print(row["_id"], name, row["text"], "|", reply.evidence.value)
                    if isinstance(reply.outcome, Answer):
                        print("   ", [(c.document_id, c.heading) for c in citations(reply.outcome)])
    shown("several answers", found)


if __name__ == "__main__":
    main()
