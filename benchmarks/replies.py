"""Replies that would become notes: how many of the judged ones, and how many of these are rubbish.

    python -m benchmarks.replies [LOGS] [--show]

The replies of `tests/judged/plain_replies.tsv` tell or don't tell plain facts. LOGS is the folder
`data` of a checkout of jkkummerfeld/irc-disentanglement. The judged exchanges in
`tests/judged/replies.tsv` are lines of its logs; their words aren't in the project. `--show` prints
the proposals.
"""

import argparse
import csv
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

from bot.notes.answer_detection import Judgement, judge, title_of_question

JUDGED: Final = Path(__file__).parent.parent / "tests" / "judged" / "replies.tsv"
PLAIN: Final = JUDGED.with_name("plain_replies.tsv")
_SAID: Final = re.compile(r"^(?:\w+ [\d-]+ )?\[[\d:]+\] <[^>]+>\s*(.*)$")
_ADDRESS: Final = re.compile(r"^@?[\w\[\]{}|^`-]+[,:] +")


@dataclass(frozen=True, slots=True)
class Exchange:
    """A question and a reply to it, with the judge's label."""

    question: str
    reply: str
    half: str
    label: str

    @property
    def title(self) -> str:
        """The title of the note that would be proposed; empty if none would be."""
        title = title_of_question(self.question)
        answers = title and judge(self.question, title, self.reply) is Judgement.ANSWER
        return title if answers else ""


@cache
def _lines(log: Path) -> list[str]:
    return log.read_text(encoding="utf-8", errors="replace").split("\n")


def exchanges(logs: Path) -> Iterator[Exchange]:
    with JUDGED.open(encoding="utf-8") as file:
        for row in csv.DictReader(file, delimiter="\t"):
            lines = _lines(logs / row["log"])
            asked, said = (_SAID.match(lines[int(row[column])]) for column in ("question", "reply"))
            if asked is not None and said is not None:
                reply = _ADDRESS.sub("", said[1])
                yield Exchange(asked[1].strip(), reply.strip(), row["half"], row["label"])


def figures(judged: list[Exchange]) -> dict[str, float]:
    """The number of exchanges and proposals, the shares of proposals, and of answers proposed."""
    proposed = [exchange for exchange in judged if exchange.title]
    labels = Counter(exchange.label for exchange in proposed)
    answers = sum(exchange.label == "answer" for exchange in judged)
    return {
        "exchanges": len(judged),
        "proposed": len(proposed),
        "answers among them": labels["answer"] / max(1, len(proposed)),
        "rubbish among them": labels["rubbish"] / max(1, len(proposed)),
        "of all answers": labels["answer"] / max(1, answers),
    }


def plain_figures(half: str) -> dict[str, float]:
    """The shares of answers and of talk that are proposed, or offered, in the plain exchanges."""
    counted: Counter[tuple[str, Judgement]] = Counter()
    with PLAIN.open(encoding="utf-8") as file:
        for row in csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE):
            if row["half"] == half:
                question = row["question"]
                title = title_of_question(question, is_known=True)
                judgement = judge(question, title or question, row["reply"])
                if not title and judgement is Judgement.ANSWER:
                    judgement = Judgement.POSSIBLE
                counted[row["label"], judgement] += 1
    shares = {}
    for name, label in (("answers", "answer"), ("talk", "talk")):
        everything = sum(counted[label, judgement] for judgement in Judgement)
        proposed = counted[label, Judgement.ANSWER]
        shares[f"{name} proposed"] = proposed / everything
        offered = counted[label, Judgement.POSSIBLE]
        shares[f"{name} proposed or offered"] = (proposed + offered) / everything
    return shares


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("logs", type=Path, nargs="?")
    parser.add_argument("--show", action="store_true")
    chosen = parser.parse_args()
    for half in ("working", "held out"):
        print("plain", half, {name: round(share, 3) for name, share in plain_figures(half).items()})
    everything = [*exchanges(chosen.logs)] if chosen.logs else []
    for half in ("working", "held out"):
        judged = [exchange for exchange in everything if exchange.half == half]
        print(half, {name: round(value, 3) for name, value in figures(judged).items()})
        for exchange in judged if chosen.show else ():
            if exchange.title:
                print(f"  {exchange.label}: {exchange.title}\n    {exchange.reply}")


if __name__ == "__main__":
    main()
