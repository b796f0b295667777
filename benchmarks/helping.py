"""Help where nobody asked: how often the bot would give it, and how often rightly.

    python -m benchmarks.helping DATA MESSAGES [--out FILE]

Each line of MESSAGES is JSON with a `text`; a post also has a `title`. `right` may list the names
of answering documents. `--out` keeps the answers for reading by hand. Public chat logs and forum
archives are not in the project; docs/benchmarks.md names the ones used.
"""

import argparse
import json
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from bot.answers.ask import Ask
from bot.answers.outcome import Answer, Reply
from bot.ask import unasked as service
from bot.ask.question_rules import begins_question, questions_of_post
from bot.config.settings import DataSettings, Settings
from bot.core.core import Core

_ASK = Ask("", 1, 1, 1)


def read(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def questions_of(row: dict[str, Any]) -> list[str]:
    """The questions of a message or post; empty if it begins none."""
    if "title" in row:
        return questions_of_post(row["title"], row["text"])
    return [row["text"]] if begins_question(row["text"]) else []


def answers(core: Core, rows: Sequence[dict[str, Any]]) -> Iterator[tuple[dict[str, Any], Reply]]:
    for row in rows:
        asks = [replace(_ASK, text=text) for text in questions_of(row)]
        reply = service.look_up(core, asks) if asks else None
        if reply is not None:
            yield row, reply


def is_right(row: dict[str, Any], reply: Reply) -> bool:
    return Path(reply.hits[0].passage.document_id).stem in row["right"]


def answer_row(row: dict[str, Any], reply: Reply) -> dict[str, Any]:
    """The parts of an answer for judging by hand."""
    assert isinstance(reply.outcome, Answer)
    best = reply.hits[0].passage
    return {
        "asked": questions_of(row)[-1],
        "document": best.document_id,
        "heading": best.heading,
        "quoted": reply.outcome.quotes[0].text,
        **{name: round(reply.signals[name], 3) for name in ("probability", "cosine")},
    }


def replay(data: Path, rows: Sequence[dict[str, Any]], out: Path | None) -> None:
    started = time.process_time()
    with Core(Settings(data=DataSettings(folder=data))) as core:
        said = list(answers(core, rows))
    asking = sum(bool(questions_of(row)) for row in rows)
    print(f"{len(rows):,} messages or posts, {asking:,} of which ask; {len(said):,} answered:")
    print(f"one in {len(rows) / max(len(said), 1):,.0f}, {len(said) / len(rows):.3f} of them")
    judged = [is_right(row, reply) for row, reply in said if "right" in row]
    if judged:
        print(f"{sum(judged) / len(judged):.3f} of the answers rightly")
    print(f"{(time.process_time() - started) / len(rows) * 1_000:.1f} ms of a processor each")
    if out is not None:
        lines = (json.dumps(answer_row(row, reply), ensure_ascii=False) for row, reply in said)
        out.write_text("\n".join(lines) + "\n", encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("data", type=Path, help="a data folder whose sources are indexed")
    parser.add_argument("messages", type=Path, help="messages or posts as JSON lines")
    parser.add_argument("--out", type=Path, help="write each answer to this file")
    options = parser.parse_args()
    replay(options.data, read(options.messages), options.out)


if __name__ == "__main__":
    main()
