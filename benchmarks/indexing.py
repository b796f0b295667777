"""Indexing speed of the pipeline, beside `SentenceTransformer.encode` over the same passages.

    python benchmarks/indexing.py [JUDGED_SET ...] [--passages 600]

For the synthetic corpus of `answering.py` and for each judged set (BEIR's layout): passages a
second of the whole pipeline - cut, embed every passage *and all its windows*, analyse, write -
against passages a second of `SentenceTransformer.encode` over the passages alone, at its best batch
size; and tokens embedded a second on both sides. Both sides take turns in one run.
"""

import argparse
import itertools
import json
import tempfile
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Final

from benchmarks.answering import documents
from indexer.embedding.embedder import SMALL_MODEL, RuntimeEmbedder, open_embedder
from indexer.embedding.shipped_models import shipped_models
from indexer.index.index import Index
from indexer.ingest.pipeline import update
from indexer.text.passages import Passage, passages
from knowledge.values.documents import SHARED, Document, Kind

BATCHES: Final = (16, 32, 64, 128)


def judged(folder: Path, count: int) -> list[Document]:
    """The first documents of a judged set."""
    with (folder / "corpus.jsonl").open(encoding="utf-8") as file:
        rows = [json.loads(line) for line in itertools.islice(file, count)]
    return [
        Document(f"file:{row['_id']}", SHARED, Kind.FILE, row.get("title", ""), row["text"])
        for row in rows
    ]


def seconds(function: Callable[[], object]) -> float:
    started = time.perf_counter()
    function()
    return time.perf_counter() - started


def indexed(embedder: RuntimeEmbedder, made: Sequence[Document]) -> float:
    """Seconds to bring a fresh index up to date with some documents."""
    with (
        tempfile.TemporaryDirectory() as folder,
        Index(
            Path(folder),
            model=embedder.model,
            dimension=embedder.dimension,
            max_tokens=embedder.max_tokens,
        ) as index,
    ):
        return seconds(lambda: list(update(index, embedder, made)))


def measure(name: str, made: Sequence[Document], embedder: RuntimeEmbedder, reference: Any) -> str:
    cut: list[Passage] = [
        passage
        for document in made
        for passage in passages(document, embedder.count_tokens, embedder.max_tokens)
    ]
    texts = [passage.embedded for passage in cut]
    everything = dict.fromkeys(text for one in cut for text in (one.embedded, *one.windows))
    limit = embedder.max_tokens
    tokens, all_tokens = (
        sum(min(embedder.count_tokens(text) + 2, limit) for text in some)
        for some in (texts, everything)
    )
    slow, fast = [], []
    for size in BATCHES:
        slow.append(seconds(partial(reference.encode, texts, batch_size=size)))
        fast.append(indexed(embedder, made))
    alone, whole = min(slow), min(fast)
    return (
        f"| {name} | {len(cut):,} | {all_tokens / tokens:.2f} | {len(cut) / alone:.0f} "
        f"| {len(cut) / whole:.0f} | {alone / whole:.2f} | {tokens / alone:,.0f} "
        f"| {all_tokens / whole:,.0f} | {all_tokens / whole * alone / tokens:.2f} |"
    )


def main() -> None:
    from sentence_transformers import SentenceTransformer

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("judged", nargs="*", type=Path)
    parser.add_argument("--passages", type=int, default=600)
    options = parser.parse_args()
    reference = SentenceTransformer(
        str(shipped_models()[SMALL_MODEL].source(Path())), device="cpu", local_files_only=True
    )
    print(
        "| corpus | passages | tokens with windows | encode, passages/s | pipeline, passages/s "
        "| ratio | encode, tokens/s | pipeline, tokens/s | ratio |"
    )
    print("|---|---|---|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as cache:
        embedder = open_embedder(SMALL_MODEL, Path(cache))
        assert isinstance(embedder, RuntimeEmbedder), "no runtime model could be derived"
        corpora = {"synthetic": list(documents(options.passages))}
        corpora.update({folder.name: judged(folder, options.passages) for folder in options.judged})
        for name, made in corpora.items():
            print(measure(name, made, embedder, reference), flush=True)


if __name__ == "__main__":
    main()
