"""Speed and fidelity of the derived embedding runtime, beside its reference, in one run.

    python -m benchmarks.embedding [FOLDER ...] [--model MODEL_FOLDER]

Each FOLDER is a judged set in BEIR's layout. Other work on the machine slows both sides, so read
the ratios, and run it again if they surprise.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

from indexer.embedding.embedder import DEFAULT_MODEL
from indexer.embedding.installed_models import installed_models
from indexer.embedding.onnx_model import RuntimeModel
from indexer.evaluation.judged_sets import judged_set
from indexer.evaluation.metrics import K, ndcg
from models.derivation import derive
from models.ship import source

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

Vectors = NDArray[np.float32]

QUERIES: Final = [
    "How do I delete a branch that was already merged?",
    "What is the difference between open source and open weights?",
    "Which licence allows commercial use?",
    "Can I run a language model without a graphics card?",
    "Who decides what is published?",
    "Where are the logs of the bot kept?",
    "Why does training need more memory than inference?",
    "When was the first free software licence written?",
]
SENTENCES: Final = [
    "A community that shares its models also shares the work of keeping them safe.",
    "The licence says what others may do with the weights, the code and the data.",
    "Quantization stores each number in fewer bits, which saves memory and time.",
    "Most projects begin with one person who needed a tool that did not exist.",
    "An evaluation is only as good as the questions it asks.",
    "Servers without a graphics card can answer when the model is small enough.",
    "Reviewers look at the change, its tests, and at what the change does not say.",
    "Documentation that nobody checks is wrong before long.",
    "Retrieval finds the passage, and the passage answers the question.",
    "Funding comes from companies, foundations and the people who use the software.",
]
BATCHES: Final = (16, 32, 64, 128)


def main() -> None:
    """Measure and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("judged", nargs="*", type=Path, help="folders of judged sets")
    parser.add_argument("--model", type=Path, help="a sentence-transformers folder")
    parser.add_argument("--passages", type=int, default=192, help="how many texts to time")
    parser.add_argument("--probe", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.probe:
        print(json.dumps(probe(arguments.probe)))
        return
    with tempfile.TemporaryDirectory() as scratch:
        compare(arguments.model or packaged(), Path(scratch) / "derived", arguments)


def packaged() -> Path:
    """The default model in full precision."""
    return source(installed_models()[DEFAULT_MODEL], Path())


def probe(folder: Path) -> dict[str, float]:
    """The cost of opening in a fresh process: seconds, and MB of memory."""
    started = time.perf_counter()
    model = RuntimeModel.open(folder)
    opened = time.perf_counter() - started
    loaded = resident()
    model.embed_queries(QUERIES[:1])
    first = time.perf_counter() - started
    times = sorted(seconds(partial(model.embed_queries, [query])) for query in QUERIES * 30)
    model.embed_passages(passages(64, 600))
    return {
        "open": opened,
        "first": first,
        "rss": loaded,
        "rss_after": resident(),
        "p50": 1000 * statistics.median(times),
        "p95": 1000 * times[int(0.95 * len(times))],
    }


def resident(process: int | str = "self") -> float:
    """The memory a process holds, in MB."""
    status = Path(f"/proc/{process}/status").read_text(encoding="utf-8")
    return int(status.split("VmRSS:")[1].split()[0]) / 1024


def passages(count: int, words: int = 124) -> list[str]:
    """Texts of about `words` words, each different and always the same."""
    random = np.random.default_rng(7)
    texts = []
    for _ in range(count):
        text: list[str] = []
        limit = words * random.uniform(0.8, 1.2)
        while len(text) < limit:
            text += SENTENCES[random.integers(len(SENTENCES))].split()
        texts.append(" ".join(text[: int(limit)]))
    return texts


def compare(source: Path, derived: Path, arguments: argparse.Namespace) -> None:
    """Derive the model and print its costs and gains."""
    from sentence_transformers import SentenceTransformer

    started = time.perf_counter()
    derive(source, derived, [*QUERIES, *passages(24)])
    derive_seconds = time.perf_counter() - started
    reference = SentenceTransformer(str(source), device="cpu", local_files_only=True)
    model = RuntimeModel.open(derived)
    command = [sys.executable, "-m", "benchmarks.embedding", "--probe", str(derived)]
    probed = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)  # noqa: S603
    size = sum(file.stat().st_size for file in derived.iterdir()) / 1e6
    print("| What | Reference | Derived | |\n|---|---|---|---|")
    print_queries(reference, model, probed)
    print_passages(reference, model, passages(arguments.passages))
    print(f"| derive, s (libraries imported in it) | | {derive_seconds:.1f} | |")
    print(f"| size, MB | | {size:.1f} | |")
    print(f"| open, s; with the first query | | {probed['open']:.3f}; {probed['first']:.3f} | |")
    print(f"| memory opened; after 64 of the longest texts, MB | | {probed['rss']:.0f}; "
          f"{probed['rss_after']:.0f} | |")  # fmt: skip
    print_independence(model, passages(64) + QUERIES)
    if arguments.judged:
        print("\n| Judged set | nDCG@10 reference | derived | loss | least cosine | mean |")
        print("|---|---|---|---|---|---|")
        for folder in arguments.judged:
            print_quality(reference, model, folder)


def print_queries(
    reference: "SentenceTransformer", model: RuntimeModel, probed: dict[str, float]
) -> None:
    """Time single queries on both sides in turns, so noise meets both.

    In turns each side finds the caches full of the other's weights; the line of a process of its
    own is nearer to serving.
    """
    slow, fast = [], []
    for turn in range(120):
        query = [QUERIES[turn % len(QUERIES)]]
        slow.append(seconds(partial(reference.encode_query, query, show_progress_bar=False)))
        fast.append(seconds(partial(model.embed_queries, query)))
    times = [1000 * statistics.median(side[16:]) for side in (slow, fast)]
    print(f"| one query in turns, ms p50 | {times[0]:.2f} | {times[1]:.2f} "
          f"| {times[0] / times[1]:.1f} x |")  # fmt: skip
    print(f"| one query alone, ms p50; p95 | | {probed['p50']:.2f}; {probed['p95']:.2f} | |")


def print_passages(
    reference: "SentenceTransformer", model: RuntimeModel, texts: Sequence[str]
) -> None:
    """Time many passages: the reference at each batch size, the derived between them."""
    tokens = sum(min(model.count_tokens(text) + 2, model.max_tokens) for text in texts)
    model.embed_passages(texts[:8])
    slow: dict[int, float] = {}
    fast = []
    for size in BATCHES:
        encode = partial(reference.encode, batch_size=size, show_progress_bar=False)
        encode(list(texts[:size]))
        slow[size] = seconds(partial(encode, list(texts)))
        fast.append(seconds(partial(model.embed_passages, texts)))
    best = min(slow, key=lambda size: slow[size])
    for name, a, b in (
        (f"best run ({best} a batch)", slow[best], min(fast)),
        ("median run", statistics.median(slow.values()), statistics.median(fast)),
    ):
        print(
            f"| tokens/s, {tokens // len(texts)} a text, {name} | {tokens / a:,.0f} "
            f"| {tokens / b:,.0f} | {a / b:.2f} x |"
        )


def print_independence(model: RuntimeModel, texts: Sequence[str]) -> None:
    """How far a vector moves when its text is embedded with others rather than alone."""
    together = model.embed_passages(texts)
    alone = np.concatenate([model.embed_passages([text]) for text in texts])
    print(f"| largest difference alone / together | | {np.abs(together - alone).max():.1e} | |")


def print_quality(reference: "SentenceTransformer", model: RuntimeModel, folder: Path) -> None:
    """Dense retrieval over whole documents, both sides searched exactly."""
    judged = judged_set(folder)
    texts = [f"{document.title}\n{document.text}" for document in judged.documents]
    queries = list(judged.queries.values())
    options: dict[str, Any] = {"normalize_embeddings": True, "show_progress_bar": False}
    slow = (reference.encode_document(texts, **options), reference.encode_query(queries, **options))
    fast = (model.embed_passages(texts), model.embed_queries(queries))
    cosines = np.concatenate([np.sum(a * b, axis=1) for a, b in zip(slow, fast, strict=True)])
    ids = [document.id for document in judged.documents]
    found = []
    for documents, asked in (slow, fast):
        best = np.argsort(-(asked @ documents.T), kind="stable")[:, :K]
        run = {
            key: [ids[row] for row in rows] for key, rows in zip(judged.queries, best, strict=True)
        }
        found.append(ndcg(run, judged.judgements))
    before, after = found
    print(
        f"| {folder.name} | {before:.4f} | {after:.4f} | {before - after:+.4f} "
        f"| {cosines.min():.4f} | {cosines.mean():.4f} |",
        flush=True,
    )


def seconds(action: Callable[[], object]) -> float:
    started = time.perf_counter()
    action()
    return time.perf_counter() - started


if __name__ == "__main__":
    main()
