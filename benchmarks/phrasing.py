"""Phrasing: sentences that pass the strict check, and the quality of a model's choices.

    python -m benchmarks.phrasing check
    python -m benchmarks.phrasing choose FOLDER ANSWERS [--url URL --model NAME] [--questions 100]

`check` puts sentences through every check of a model's sentence, with the real model's vectors:
sentences of the articles as they are, with a wrong number, name or "not", and those of
tests/judged/phrasing.jsonl.

`choose` asks the endpoint about answers. It counts how often the chosen sentences hold the answer's
words, and how often the first passage does. FOLDER is a judged set in BEIR's layout. ANSWERS is a
file in SQuAD's with the answers' words by the same question ids, such as xquad-en and
`xquad.en.json` from XQuAD's repository. A sentence is right if it holds one of its question's
answers to the letter, in the judged paragraph. Without a URL it starts
llama.cpp's server with the base model of the extra `llm-test`, which follows no instructions and
only proves the wire. PHRASING_KEY is sent if it is set.
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

from bot.answers.ask import Ask
from bot.answers.outcome import Answer
from bot.answers.phrased import Mode, Outcome
from bot.config.settings import DataSettings, Settings
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


def alter(
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
    named = [Written.model_validate({"text": text, "from": [sentence.id for sentence in offered]})]
    found = await check(Task(text, quotes, Mode.PHRASE), offered, named, embed)
    return found.verdicts.get(PASSED, 0) == 1


async def share(pairs: Sequence[tuple[str, Sequence[str]]], embed: Embed) -> str:
    passed = [await passes(text, sources, embed) for text, sources in pairs]
    return f"{sum(passed) / len(passed):.3f} ({sum(passed)} of {len(passed)})"


async def measure_check(embed: Embed) -> None:
    chance = random.Random(1)  # noqa: S311 - the same every time
    # A sentence that announces something or refers back is never shown alone.
    plain = [text for text in article_sentences() if not (text.endswith(":") or refers_back(text))]
    named = re.compile(r"(?<=[a-z] )[A-Z][a-z]+\b")
    names = sorted({name for text in plain for name in named.findall(text)})
    for kind in ALTERED:
        made = [found for text in plain if (found := alter(text, kind, names, chance))]
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


@contextmanager
def serve(url: str, folder: Path) -> Iterator[str]:
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
        if not isinstance(outcome, Answer):
            continue
        quotes = tuple(
            Quoted(quotation.text, quotation.citation.title, quotation.citation.heading)
            for quotation in outcome.quotes
        )
        found = await phraser.phrase(Task(text, quotes, Mode.CHOOSE))
        quoted = outcome.quotes[0].text
        counts["asked"] += 1
        counts[f"outcome {found.outcome.value}"] += 1
        counts["the first passage holds the answer"] += holds(quoted, wanted[key])
        shown = "\n".join(line.text for line in found.lines)
        counts["what was chosen holds the answer"] += holds(shown, wanted[key])
        counts["what is shown holds the answer"] += holds(
            shown if found.outcome is Outcome.SHOWN else quoted, wanted[key]
        )
        for line in found.lines:
            pieces = [piece.strip() for piece in line.text.split("…")]
            quoted = quotes[line.numbers[0] - 1].text
            counts["lines"] += 1
            counts["lines to the letter"] += all(piece in quoted for piece in pieces)
        seconds.append(found.seconds)
    await phraser.endpoint.close()
    for name, number in sorted(counts.items()):
        print(f"{name}: {number:,}")
    print(f"seconds: median {statistics.median(seconds):.1f}, longest {max(seconds):.1f}")


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
        if options.command == "check":
            asyncio.run(measure_check(embedding(open_embedder(DEFAULT_MODEL))))
            return
        settings = Settings(data=DataSettings(folder=folder / "data"))
        with Core(settings) as core, serve(options.url, folder) as url:
            asyncio.run(choose(core, options, url))


if __name__ == "__main__":
    main()
