"""Share of quotations whose sentence in bold holds the answer, through the product itself.

    python benchmarks/quoting.py FOLDER ANSWERS

FOLDER is a judged set in BEIR's layout, ANSWERS a file in SQuAD's with the answers' words by the
same question ids, such as xquad-en and `xquad.en.json` from XQuAD's repository. A sentence is
relevant if it holds one of its question's answers to the letter, in the judged paragraph. Every
question is asked as by a member; the first passage and its marked sentence count.
"""

import argparse
import json
import os
import sys
import tempfile
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
os.environ.setdefault("HF_HUB_OFFLINE", "1")

from bot.answers.ask import Ask
from bot.answers.outcome import Answer, Quote
from bot.config.sections import DataSettings
from bot.config.settings import Settings
from bot.core.core import Core
from bot.core.index_updates import run_to_end
from indexer.evaluation.judged_sets import JudgedSet, judged_set
from indexer.ingest.pipeline import update
from indexer.text.sentences import sentences


def answers(path: Path) -> dict[str, list[str]]:
    """The answers' words of each question, by its id."""
    articles = json.loads(path.read_text(encoding="utf-8"))["data"]
    return {
        question["id"]: [answer["text"] for answer in question["answers"]]
        for article in articles
        for paragraph in article["paragraphs"]
        for question in paragraph["qas"]
    }


def holds(text: str, wanted: list[str]) -> bool:
    """Whether a text has one of the answers in it."""
    return any(answer in text for answer in wanted)


def counted(quote: Quote, wanted: list[str]) -> list[str]:
    """The counts of a passage with the answer."""
    spans = sentences(quote.text)
    found = ["passages with the answer"]
    if quote.deciding is None or not quote.deciding.is_bold:
        return [*found, "without a mark"]
    marked = quote.text[slice(*quote.deciding[:2])]
    found += ["marked"] + ["right"] * holds(marked, wanted)
    found += ["right by the first sentence"] * holds(quote.text[slice(*spans[0])], wanted)
    longest = max(spans, key=lambda span: span[1] - span[0])
    return found + ["right by the longest"] * holds(quote.text[slice(*longest)], wanted)


def measure(core: Core, judged: JudgedSet, wanted: dict[str, list[str]]) -> Counter[str]:
    """Ask every question, and count."""
    counts: Counter[str] = Counter()
    for key, text in judged.queries.items():
        if key not in wanted:
            continue
        counts["questions"] += 1
        [reply] = core.answer_pipeline.ask([Ask(text, asker_id=0)], record=False)
        if not isinstance(reply.outcome, Answer):
            continue
        counts["answered"] += 1
        quote = reply.outcome.quotes[0]
        relevant = quote.citation.document_id in judged.judgements[key]
        if relevant and holds(quote.text, wanted[key]):
            counts.update(counted(quote, wanted[key]))
    return counts


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("answers", type=Path)
    options = parser.parse_args()
    judged, wanted = judged_set(options.folder), answers(options.answers)
    with tempfile.TemporaryDirectory() as temporary:
        settings = Settings(data=DataSettings(folder=Path(temporary)))
        with Core(settings) as core:
            run_to_end(update(core.index, core.embedder, judged.documents))
            counts = measure(core, judged, wanted)
    for name, count in counts.items():
        print(f"{name}: {count:,}")
    marked = counts["marked"]
    for name in ("right", "right by the first sentence", "right by the longest"):
        print(f"{name}, of those marked: {counts[name] / marked:.3f}")
    print(f"the answer in bold, of all questions: {counts['right'] / counts['questions']:.3f}")


if __name__ == "__main__":
    main()
