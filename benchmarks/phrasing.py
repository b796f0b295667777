"""Phrasing: sentences that pass the strict check, and the quality of a model's choices.

    python -m benchmarks.phrasing check
    python -m benchmarks.phrasing choose FOLDER ANSWERS [--url URL --model NAME] [--questions 100]

`check` puts sentences through every check of a model's sentence, with the real model's vectors:
sentences of the articles as they are, with a wrong number, name or "not", and those of
tests/judged/phrasing.jsonl.

`choose` asks the endpoint about answers to questions of a judged set (FOLDER in BEIR's layout,
ANSWERS in SQuAD's, as for `benchmarks/quoting.py`). It counts how often the chosen sentences hold
the answer's words, and how often the sentence in bold does. Without a URL it starts llama.cpp's
server with the base model of the extra `llm-test`, which follows no instructions and only proves
the wire. PHRASING_KEY is sent if it is set.
"""

import argparse
import asyncio
import json
import os
import random
import re
import statistics
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.quoting import answers, holds
from bot.answers.ask import Ask
from bot.answers.outcome import Answer
from bot.answers.phrased import Mode, Outcome, Phrased
from bot.config.sections import DataSettings
from bot.config.settings import Settings
from bot.core.core import Core
from bot.core.index_updates import run_to_end
from bot.phrasing.endpoint import Endpoint, EndpointSettings
from bot.phrasing.phraser import Phraser
from bot.phrasing.prompts import Written
from bot.phrasing.sentences import Quoted, Task, number_sentences
from bot.phrasing.written_sentences import PASSED, Embed, check
from indexer.embedding.embedder import DEFAULT_MODEL, Embedder, open_embedder
from indexer.evaluation.judged_sets import judged_set
from indexer.ingest.pipeline import update
from indexer.text.passages import without_link_targets
from indexer.text.sentences import refers_back, sentences
from tests.bot.phrasing.llama_server import MODEL, llama_server, model_file

ROOT = Path(__file__).parents[1]
ALTERED = {
    "verbatim": (r"\Z", ""),
    "a number changed": (r"\d(?=\d*\b)", "97"),
    "a name changed": (r"(?<=[a-z,] )[A-Z]\w+", None),
    "'not' put in": (
        r"\b(?:is|are|was|were|can|may|must|will|has|had|did)\b(?! not)",
        r"\g<0> not",
    ),
}


def embedding(embedder: Embedder) -> Embed:
    async def embed(texts: Sequence[str]) -> NDArray[np.float32]:
        return embedder.embed_passages(list(texts))

    return embed


def article_sentences() -> list[str]:
    found = []
    for path in sorted((ROOT / "knowledge" / "articles").glob("*.md")):
        text = path.read_text(encoding="utf-8").split("---", 2)[2]
        for start, end in sentences(text):
            sentence = without_link_targets(text[start:end])
            if sentence[0].isupper() and len(sentence.split()) > 5 and "\n" not in sentence:
                found.append(sentence)
    return found


def altered(
    sentence: str, kind: str, names: Sequence[str], chance: random.Random
) -> tuple[str, str] | None:
    """A sentence with one thing changed, and the sentence; None if there is nothing to change."""
    pattern, other = ALTERED[kind]
    places = list(re.finditer(pattern, sentence))
    if not places:
        return None
    place = chance.choice(places)
    put = (
        place.expand(other)
        if other is not None
        else chance.choice([name for name in names if name not in sentence])
    )
    return sentence[: place.start()] + put + sentence[place.end() :], sentence


async def passes(text: str, sources: Sequence[str], embed: Embed) -> bool:
    """Whether a sentence is shown as the model wrote it, if it names these."""
    quotes = tuple(Quoted(source, "") for source in sources)
    offered = number_sentences(quotes)
    named = [Written.model_validate({"text": text, "from": [one.id for one in offered]})]
    found = await check(Task(text, quotes, Mode.PHRASE), offered, named, embed)
    return found.verdicts.get(PASSED, 0) == 1


async def share(pairs: Sequence[tuple[str, Sequence[str]]], embed: Embed) -> str:
    passed = [await passes(text, sources, embed) for text, sources in pairs]
    return f"{sum(passed) / len(passed):.3f} ({sum(passed)} of {len(passed)})"


async def measure_check(embed: Embed) -> None:
    chance = random.Random(1)  # noqa: S311 - the same every time
    # A sentence that announces something or refers back is never shown alone.
    plain = [one for one in article_sentences() if not (one.endswith(":") or refers_back(one))]
    named = re.compile(r"(?<=[a-z] )[A-Z][a-z]+\b")
    names = sorted({name for one in plain for name in named.findall(one)})
    for kind in ALTERED:
        made = [found for one in plain if (found := altered(one, kind, names, chance))]
        pairs = [(text, [source]) for text, source in made]
        print(f"{kind}: {await share(pairs, embed)} pass")
    text = (ROOT / "tests" / "judged" / "phrasing.jsonl").read_text(encoding="utf-8")
    rows = [json.loads(line) for line in text.splitlines()]
    for held_out in (False, True):
        for supported in (True, False):
            pairs = [
                (row["text"], row["from"])
                for row in rows
                if row["supported"] is supported and row.get("held_out", False) is held_out
            ]
            kind = "true" if supported else "wrong"
            which = "held out" if held_out else "looked at"
            print(f"written by hand, {which}, {kind}: {await share(pairs, embed)} pass")


@contextmanager
def served(url: str, folder: Path) -> Iterator[str]:
    if url:
        yield url
    else:
        with llama_server(model_file(folder)) as server:
            yield server.url


async def choose(core: Core, options: argparse.Namespace, url: str) -> None:
    judged, wanted = judged_set(options.folder), answers(options.answers)
    run_to_end(update(core.index, core.embedder, judged.documents))
    settings = EndpointSettings(url, options.model, options.seconds)
    phraser = Phraser(
        Endpoint(settings, os.environ.get("PHRASING_KEY", "")), embedding(core.embedder)
    )
    counts: Counter[str] = Counter()
    seconds: list[float] = []
    keys = [key for key in judged.queries if key in wanted]
    random.Random(1).shuffle(keys)  # noqa: S311 - the same every time
    for key in keys[: options.questions]:
        text = judged.queries[key]
        [reply] = core.answer_pipeline.ask([Ask(text, asker_id=0)], record=False)
        outcome = reply.outcome
        if not isinstance(outcome, Answer) or outcome.quotes[0].deciding is None:
            continue
        quotes = tuple(
            Quoted(one.text, one.citation.title, one.citation.heading) for one in outcome.quotes
        )
        found = await phraser.phrase(Task(text, quotes, Mode.CHOOSE))
        marked = outcome.quotes[0].text[slice(*outcome.quotes[0].deciding[:2])]
        count(counts, quotes, found, marked, wanted[key])
        seconds.append(found.seconds)
    await phraser.close()
    for name, number in sorted(counts.items()):
        print(f"{name}: {number:,}")
    print(f"seconds: median {statistics.median(seconds):.1f}, longest {max(seconds):.1f}")


def count(
    counts: Counter[str], quotes: Sequence[Quoted], found: Phrased, marked: str, wanted: list[str]
) -> None:
    counts["asked"] += 1
    counts[f"outcome {found.outcome.value}"] += 1
    counts["the sentence in bold holds the answer"] += holds(marked, wanted)
    shown = "\n".join(line.text for line in found.lines)
    counts["what was chosen holds the answer"] += holds(shown, wanted)
    counts["what is shown holds the answer"] += holds(
        shown if found.outcome is Outcome.SHOWN else marked, wanted
    )
    for line in found.lines:
        text = quotes[line.numbers[0] - 1].text
        pieces = [piece.strip() for piece in line.text.split("…")]
        counts["lines"] += 1
        counts["lines to the letter"] += all(piece in text for piece in pieces)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("check")
    chosen = commands.add_parser("choose")
    chosen.add_argument("folder", type=Path)
    chosen.add_argument("answers", type=Path)
    chosen.add_argument("--url", default="")
    chosen.add_argument("--model", default=MODEL)
    chosen.add_argument("--seconds", type=float, default=120.0)
    chosen.add_argument("--questions", type=int, default=100)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        if options.command == "choose":
            settings = Settings(data=DataSettings(folder=folder / "data"))
            with Core(settings) as core, served(options.url, folder) as url:
                asyncio.run(choose(core, options, url))
        else:
            embed = embedding(open_embedder(DEFAULT_MODEL))
            asyncio.run(measure_check(embed))


if __name__ == "__main__":
    main()
