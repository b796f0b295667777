"""Fidelity and speed of a derived reranker, beside its reference, with weights that were trained.

`python benchmarks/reranking.py --train FOLDER ... --test FOLDER ... [--steps N]`, where each FOLDER
is a judged set in the layout of BEIR. No package has a trained cross-encoder, so one is made of the
packaged model: in some minutes it learns to tell the relevant document of a question from those
that the packaged model finds nearest, which is enough to see what quantization does to a trained
one. It says nothing of how good a reranker can be.
"""

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))
os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

from benchmarks.embedding import judged, packaged, ratio
from indexer.embedding.derivation import SAMPLE
from indexer.embedding.onnx_export import derive
from indexer.embedding.onnx_model import RuntimeModel
from indexer.embedding.onnx_reranker import RerankerManifest, RuntimeReranker
from indexer.embedding.reranker_export import compared, derive_reranker

CANDIDATES = 16
TOKENS = 128


def main() -> None:
    """Train, derive and print the table."""
    import torch

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--train", nargs="+", type=Path, required=True)
    parser.add_argument("--test", nargs="+", type=Path, required=True)
    parser.add_argument("--steps", type=int, default=240)
    parser.add_argument("--keep", type=Path, help="a folder to keep the reranker in")
    arguments = parser.parse_args()
    torch.manual_seed(3)
    # Threads that wait for one another are slow beside other work.
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as scratch:
        derive(packaged(), Path(scratch) / "embedder", sample=SAMPLE)
        embedder = RuntimeModel.open(Path(scratch) / "embedder")
        folder = arguments.keep or Path(scratch) / "reranker"
        if not (folder / "config.json").exists():
            train([candidates(one, embedder) for one in arguments.train], arguments.steps, folder)
        derive_reranker(folder, Path(scratch) / "derived", sample=SAMPLE)
        manifest = RerankerManifest.load(Path(scratch) / "derived")
        print(f"at opening: {manifest.correlation:.4f} {manifest.agreement:.4f}")
        measure(folder, RuntimeReranker.open(Path(scratch) / "derived"), embedder, arguments.test)


def candidates(folder: Path, embedder: RuntimeModel) -> list[tuple[str, list[str], list[bool]]]:
    """Each question with the documents nearest to it, and which of them are relevant."""
    corpus, queries, judgements = judged(folder)
    keys = list(corpus)
    near = (
        embedder.embed_queries(list(queries.values()))
        @ embedder.embed_passages(list(corpus.values())).T
    )
    found = []
    for (key, query), row in zip(queries.items(), near, strict=True):
        grades = judgements.get(key, {})
        best = [keys[place] for place in np.argsort(-row, kind="stable")[:CANDIDATES]]
        if grades:
            relevant = [grades.get(one, 0) > 0 for one in best]
            found.append((query, [corpus[one] for one in best], relevant))
    return found


def train(
    sets: Sequence[list[tuple[str, list[str], list[bool]]]], steps: int, folder: Path
) -> None:
    """Teach the packaged model to give the relevant document of a question the larger logit."""
    import torch
    from sentence_transformers import CrossEncoder

    encoder = CrossEncoder(str(packaged()), num_labels=1, device="cpu", max_length=TOKENS)
    model, tokenizer = encoder.model, encoder.tokenizer
    if model is None:
        raise RuntimeError("The packaged model is no transformer.")
    optimizer = torch.optim.AdamW(model.parameters(), lr=4e-5)
    model.train()
    started, losses = time.perf_counter(), []
    for step, (query, texts, place) in enumerate(_lessons(sets, steps), 1):
        read: Any = tokenizer(
            [query] * len(texts),
            texts,
            padding=True,
            truncation="longest_first",
            max_length=TOKENS,
            return_tensors="pt",
        )
        logits = model(**read).logits.view(1, -1)
        loss = torch.nn.functional.cross_entropy(logits, torch.tensor([place]))
        torch.autograd.backward(loss)
        losses.append(loss.item())
        if step % 4 == 0:
            optimizer.step()
            optimizer.zero_grad()
        if step % 40 == 0:
            taken = time.perf_counter() - started
            print(f"{step} lessons, loss {np.mean(losses[-40:]):.3f}, {taken:.0f} s", flush=True)
    encoder.eval().save_pretrained(str(folder))


def _lessons(
    sets: Sequence[list[tuple[str, list[str], list[bool]]]], steps: int
) -> Iterator[tuple[str, list[str], int]]:
    """A question, four documents, and the place of the relevant one, drawn anew each time."""
    random = np.random.default_rng(5)
    usable = [one for each in sets for one in each if any(one[2]) and not all(one[2])]
    for _ in range(steps):
        query, texts, relevant = usable[random.integers(len(usable))]
        right = random.choice([text for text, is_so in zip(texts, relevant, strict=True) if is_so])
        wrong = [text for text, is_so in zip(texts, relevant, strict=True) if not is_so]
        drawn = [*random.choice(wrong, size=min(3, len(wrong)), replace=False), right]
        order = random.permutation(len(drawn))
        yield query, [drawn[place] for place in order], int(np.argmax(order == len(drawn) - 1))


def measure(
    folder: Path, model: RuntimeReranker, embedder: RuntimeModel, sets: Sequence[Path]
) -> None:
    """Compare scores, orders and speed with the reference, on questions that it has not learnt."""
    import torch
    from sentence_transformers import CrossEncoder

    reference = CrossEncoder(str(folder), device="cpu", local_files_only=True)
    torch.set_num_threads(1)
    print("| Judged set | correlation | clear orders | first right before | reference | derived |")
    print("|---|---|---|---|---|---|")
    for one in sets:
        asked = [found for found in candidates(one, embedder) if len(found[1]) == CANDIDATES]
        expected = np.array(
            [
                reference.predict(
                    [(query, text) for text in texts],
                    activation_fn=torch.nn.Identity(),
                    show_progress_bar=False,
                )
                for query, texts, _ in asked
            ],
            dtype=np.float64,
        )
        found = np.array([model.scores(query, texts) for query, texts, _ in asked])
        relevant = np.array([is_so for _, _, is_so in asked])
        rows = np.arange(len(asked))
        right = [relevant[rows, scores.argmax(axis=1)].mean() for scores in (expected, found)]
        correlation, agreement = compared(expected, found)
        print(
            f"| {one.name} | {correlation:.4f} | {agreement:.4f} | {relevant[:, 0].mean():.3f} "
            f"| {right[0]:.3f} | {right[1]:.3f} |",
            flush=True,
        )
    query, texts, _ = asked[0]
    pairs = [(query, text) for text in texts]
    faster = ratio(lambda: reference.predict(pairs), lambda: model.scores(query, texts), 5)
    print(f"{len(pairs)} pairs: {faster:.1f} x as fast, by the processor's time")


if __name__ == "__main__":
    main()
