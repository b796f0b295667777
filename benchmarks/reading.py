"""Answers to the questions of page sets, as members see them, for reading; and their figures.

    python -m benchmarks.reading KEEP CHECKOUTS SET… [--model NAME] [--out FOLDER]

Every question of each set is asked through the whole of answering, over the set's pages alone, and
recorded nowhere. `--out` gets a text file for each set: the message with its evidence, quotations,
places and citations, and the titles of the menu. Whoever reads it has no need of Discord. Indexes
stay in KEEP.
"""

import os
from collections import Counter
from pathlib import Path
from typing import Final

os.environ.setdefault("HF_HUB_OFFLINE", "1")

from benchmarks.calibrating import print_table
from benchmarks.following import ask, asking, open_model, page_options
from benchmarks.page_sets import page_set
from bot.answers.outcome import Answer, Reply, offers
from bot.ask import messages
from bot.text.languages import speaking
from indexer.evaluation.judged_sets import JudgedSet
from knowledge.values.guilds import Language
from knowledge.values.questions import Evidence

READ_ON: Final = "\n[Read on]"
_COMMUNITIES: Final = Path(__file__).parents[1] / "tests" / "judged" / "communities"


def message(reply: Reply) -> str:
    """The message below a question, and the titles of its menu."""
    with speaking(Language.ENGLISH):
        text = messages.answer(reply)
    quoted = (
        f"{quotation.text}\n{quotation.cited}{READ_ON * (not quotation.whole)}"
        for quotation in text.quotations
    )
    parts = [text.head, *quoted, *text.places]
    menu = messages.options([hit.passage for hit in offers(reply.hits)])
    return "\n\n".join([*parts, *([f"[Other passages: {' | '.join(menu)}]"] if menu else [])])


def counts(judged: JudgedSet, replies: dict[str, Reply]) -> dict[str, float]:
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


def main() -> None:
    parser = page_options(__doc__)
    parser.add_argument("sets", nargs="+")
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    model, keep = open_model(options)
    figures = {}
    for name in options.sets:
        judged = page_set(_COMMUNITIES / name, options.checkouts)
        texts = {**judged.queries, **judged.unanswerable}
        with asking(model, name, judged.documents, keep) as pipeline:
            replies = {key: ask(pipeline, text) for key, text in texts.items()}
        figures[name] = counts(judged, replies)
        if options.out is not None:
            options.out.mkdir(parents=True, exist_ok=True)
            written = (f"## {key}\n\n{message(reply)}" for key, reply in replies.items())
            path = options.out / f"{name}.md"
            path.write_text("\n\n\n".join(written) + "\n", encoding="utf-8")
    print_table(f"{options.model}, {Evidence.STRONG} and the rest", figures)


if __name__ == "__main__":
    main()
