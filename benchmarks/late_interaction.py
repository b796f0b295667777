"""Late interaction (MaxSim): the best hits reordered by the default model's own token vectors.

    python -m benchmarks.late_interaction KEEP SET… [--best 10 20] [--tokens floats signs]
    python -m benchmarks.late_interaction KEEP squad2 stackfaq xquad-en --questions others

A SET is the folder of a judged set in BEIR's layout, the name of one that comes with the program,
`articles` for the judged questions over the bundled articles, or `small-corpora` for those of
`tests/judged/small_corpora.jsonl`. Of a set that `benchmarks.calibrating` samples, `--questions`
takes the sample or the others. `--documents` takes the relevant documents of a large set first,
then as many others as make up that number.

Each word of a question has a cosine with the nearest token of a passage. The mean over all words
and the mean weighted by rarity, half each, are the passage's *late* score. The best are ordered by
g · fused + (1 - g) · (cosines + weight · late), where g rises from 0 to 1 as the best coverage
among them rises from one end of the gate to the other. Token vectors are those of the reference or,
with `--derived`, of the quantized graph that is derived from it: as floats, as the signs of their
numbers, or as the signs of what is left when the mean over the texts that models are derived with
is taken off.

Whether a difference may be chance is told by a paired randomisation test, for first answers and for
nDCG@10. Indexes and token vectors stay in KEEP, which may be that of `benchmarks.calibrating`.
"""

import argparse
import hashlib
import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

os.environ.setdefault("HF_HUB_OFFLINE", "1")

from benchmarks.calibrating import EVERY, judged_articles, sampled
from bot.engine.data_folder import open_index
from bot.engine.index_updates import run_to_end
from indexer.embedding.derivation import SAMPLE
from indexer.embedding.embedder import DEFAULT_MODEL, model_folder
from indexer.embedding.model_records import ModelRecord, open_record
from indexer.embedding.onnx_export import derive
from indexer.embedding.onnx_model import GRAPH, session_options
from indexer.evaluation.judged_sets import COMMITTED, JudgedSet, judged_set
from indexer.evaluation.metrics import K, mean, question_ndcgs, randomisation_p
from indexer.index.bm25 import Weight
from indexer.ingest.pipeline import update
from indexer.retrieval.fusion import WORDS_WEIGHT
from indexer.retrieval.hit import Hit
from indexer.retrieval.retriever import Retriever
from indexer.text.analyzer import words
from indexer.text.passages import with_titles, without_link_targets
from indexer.text.shorthand import spelt_out
from knowledge.model.documents import SHARED, Document, Kind, Scope

FLOATS: Final = "floats"
SIGNS: Final = "signs"
CENTRED: Final = "centred-signs"

Vectors = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Form:
    """A form of the reordering: of how many, by which numbers, and how it is weighed."""

    tokens: str
    best: int
    weight: float
    gate: tuple[float, float]

    def ordered(self, hits: Sequence[Hit], late: Sequence[float]) -> list[Hit]:
        """Hits in the order of this form, those behind the best as they were."""
        best = hits[: self.best]
        low, high = self.gate
        covered = max((hit.coverage for hit in best), default=1.0)
        share = 1 - min(max((covered - low) / (high - low), 0.0), 1.0)
        scores = [
            # What the cosines alone give is the fused score without its words.
            hit.score + share * (self.weight * one - WORDS_WEIGHT * hit.coverage)
            for hit, one in zip(best, late[: self.best], strict=True)
        ]
        order = sorted(range(len(best)), key=lambda place: -scores[place])
        return [*(best[place] for place in order), *hits[self.best :]]


class TokenVectors:
    """Token vectors of texts by one model, kept in a folder, a file a text."""

    def __init__(self, folder: Path, tokenizer: Any, model: Callable[[list[int]], Vectors]) -> None:
        """The model makes vectors, (n, d), of the ids of n tokens."""
        folder.mkdir(parents=True, exist_ok=True)
        self._folder, self._tokenizer, self._model = folder, tokenizer, model
        self.prepare(SAMPLE)
        self.centre: Vectors = np.concatenate([self.of(text) for text in SAMPLE]).mean(axis=0)

    def prepare(self, texts: Sequence[str]) -> None:
        """Compute and keep what is not there yet."""
        for text in texts:
            if self._path(text).exists():
                continue
            # Without the tokens that stand before and after every text.
            vectors = self._model(self._read(text)["input_ids"])[1:-1]
            vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
            partial = self._path(text).with_suffix(f".{os.getpid()}.npy")
            np.save(partial, vectors.astype(np.float16))
            partial.replace(self._path(text))

    def of(self, text: str) -> Vectors:
        """(n, d) float32, rows of unit length, in the order of the tokens."""
        return np.load(self._path(text)).astype(np.float32)  # type: ignore[no-any-return]

    def words(self, text: str) -> list[tuple[str, list[int]]]:
        """Each word of a text, with the places of its tokens."""
        read = self._read(text)
        places: dict[int, list[int]] = {}
        for place, word in enumerate(read.word_ids()[1:-1]):
            places.setdefault(word, []).append(place)
        spans = [read.word_to_chars(word) for word in places]
        return [
            (text[span.start : span.end], own)
            for span, own in zip(spans, places.values(), strict=True)
        ]

    def _read(self, text: str) -> Any:
        return self._tokenizer(text, truncation=True)

    def _path(self, text: str) -> Path:
        return self._folder / f"{hashlib.sha256(text.encode()).hexdigest()}.npy"


def token_vectors(keep: Path, *, derived: bool) -> TokenVectors:
    """Those of the default model, or of the graph that is derived from it."""
    import torch
    from sentence_transformers import SentenceTransformer

    # Threads that wait for one another are slow beside other work.
    torch.set_num_threads(1)
    reference: Any = SentenceTransformer(str(model_folder(DEFAULT_MODEL)), device="cpu")
    if derived:
        graph = quantized(keep / "derived")
        return TokenVectors(keep / "derived-tokens", reference.tokenizer, graph)

    def encoded(ids: list[int]) -> Vectors:
        with torch.no_grad():
            read = {"input_ids": torch.tensor([ids]), "attention_mask": torch.ones(1, len(ids))}
            return reference[0](read)["token_embeddings"][0].numpy()  # type: ignore[no-any-return]

    return TokenVectors(keep / "tokens", reference.tokenizer, encoded)


def quantized(folder: Path) -> Callable[[list[int]], Vectors]:
    """The derived graph, with what it pools as its output."""
    import onnx
    import onnxruntime

    source = model_folder(DEFAULT_MODEL)
    assert source is not None
    derive(source, folder, sample=SAMPLE)
    model = onnx.load(folder / GRAPH)
    norms = [node for node in model.graph.node if node.op_type == "LayerNormalization"]
    pooled = norms[-1].output[0]
    output = onnx.helper.make_tensor_value_info(pooled, onnx.TensorProto.FLOAT, None)
    model.graph.output.append(output)
    options = session_options()
    # The file was optimized when it was derived.
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )

    def encoded(ids: list[int]) -> Vectors:
        (vectors,) = session.run([pooled], {"input_ids": np.array([ids], np.int64)})
        return vectors[0]  # type: ignore[no-any-return]

    return encoded


@dataclass(frozen=True, slots=True)
class Found:
    """What one question found: hits in the fused order, and the rarity of its words."""

    key: str
    text: str
    hits: list[Hit]
    weights: list[Weight]

    @property
    def passages(self) -> list[str]:
        """The hits as they are embedded."""
        return [
            with_titles(one.title, one.heading, without_link_targets(one.text))
            for one in (hit.passage for hit in self.hits)
        ]


def found(retriever: Retriever, judged: JudgedSet, k: int) -> Iterator[Found]:
    """Ask the questions of a set, as members' questions are asked."""
    for key, asked in judged.queries.items():
        scopes = judged.scopes.get(key, (SHARED,))
        query = retriever.read(asked, scopes)
        hits = retriever.ranked(query, retriever.embedded([query])[0], scopes, k)
        weights = retriever.index.idfs(query, scopes)
        yield Found(key, spelt_out(query), hits, weights)


def rarities(names: Sequence[str], weights: Sequence[Weight]) -> NDArray[np.float64]:
    """The IDF of each word of a question, 0 for grammar; all 1 where none has any."""
    known = {form: weight for forms, weight in weights for form in forms}
    own = [max((known.get(word, 0.0) for word in words(name, "en")), default=0) for name in names]
    return np.array(own) if any(own) else np.ones(len(names))


def late_scores(one: Found, tokens: TokenVectors) -> dict[str, list[float]]:
    """The late score of each hit, by each kind of numbers."""
    read = tokens.words(one.text)
    rare = rarities([name for name, _ in read], one.weights)
    query = tokens.of(one.text)
    scores: dict[str, list[float]] = {FLOATS: [], SIGNS: [], CENTRED: []}
    for passage in map(tokens.of, one.passages):
        cosines = {
            FLOATS: query @ passage.T,
            SIGNS: query @ signs(passage).T,
            CENTRED: (query - tokens.centre) @ signs(passage - tokens.centre).T,
        }
        for kind, table in cosines.items():
            nearest = table.max(axis=1)
            own = np.array([nearest[places].mean() for _, places in read])
            scores[kind].append(float((own.mean() + (own @ rare) / rare.sum()) / 2))
    return scores


def signs(vectors: Vectors) -> Vectors:
    """(n, d) of unit length again, each number plus or minus one and the same."""
    return np.where(vectors > 0, 1, -1).astype(np.float32) / np.float32(vectors.shape[1] ** 0.5)


def small_corpora() -> JudgedSet:
    """The answerable questions of the small corpora, each asked in the scope of its own."""
    path = Path(__file__).parents[1] / "tests" / "judged" / "small_corpora.jsonl"
    documents: list[Document] = []
    queries: dict[str, str] = {}
    judgements: dict[str, dict[str, int]] = {}
    scopes: dict[str, Sequence[Scope]] = {}
    for place, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        corpus = json.loads(line)
        documents += [
            Document(f"note:{place} {number}", Scope(place), Kind.NOTE, note["title"], note["text"])
            for number, note in enumerate(corpus["notes"])
        ]
        for number, question in enumerate(corpus["questions"]):
            if question["kind"] == "answerable":
                key = f"{place} {number}"
                queries[key] = question["text"]
                judgements[key] = {f"note:{place} {question['note']}": 1}
                scopes[key] = [Scope(place)]
    return JudgedSet(documents, queries, judgements, scopes=scopes)


def named(name: str, documents: int) -> tuple[str, JudgedSet]:
    """A judged set, and the name that its index has."""
    if name in ("articles", "small-corpora"):
        return name, judged_articles() if name == "articles" else small_corpora()
    judged = judged_set(COMMITTED.get(name, Path(name)))
    name = Path(name).name
    if not 0 < documents < len(judged.documents):
        return name, judged
    relevant = {document for grades in judged.judgements.values() for document in grades}
    first = sorted(judged.documents, key=lambda document: document.id not in relevant)
    kept = first[: max(documents, len(relevant))]
    return f"{name}-{documents}", replace(judged, documents=kept)


def chosen(judged: JudgedSet, which: str, every: int) -> JudgedSet:
    """A set with all its questions, with every n-th of them, or with the others."""
    sample = sampled(judged, every)
    if which == "all":
        return judged
    if which == "sample":
        return sample
    kept = {key: text for key, text in judged.queries.items() if key not in sample.queries}
    judgements = {key: judged.judgements[key] for key in kept}
    return replace(judged, queries=kept, judgements=judgements)


@dataclass(frozen=True, slots=True)
class Figures:
    """The figures of one order, a number a question."""

    first: list[float]
    five: list[float]
    ndcg: list[float]

    @classmethod
    def of(cls, run: Mapping[str, Sequence[str]], judged: JudgedSet) -> "Figures":
        """Measured on the documents of an order; what answers has the question's best grade."""
        first, five = [], []
        for key, grades in judged.judgements.items():
            answers = {one for one, grade in grades.items() if grade == max(grades.values())}
            first.append(float(not answers.isdisjoint(run[key][:1])))
            five.append(float(not answers.isdisjoint(run[key][:5])))
        return cls(first, five, list(question_ndcgs(run, judged.judgements).values()))

    def __str__(self) -> str:
        return f"{mean(self.first):.3f}, {mean(self.five):.3f}, {mean(self.ndcg):.3f}"


def measure(
    name: str, judged: JudgedSet, retriever: Retriever, tokens: TokenVectors, forms: Sequence[Form]
) -> None:
    """Print a line for each form, beside the present order."""
    asked = list(found(retriever, judged, max(K, *(form.best for form in forms))))
    tokens.prepare([one.text for one in asked])
    tokens.prepare([text for one in asked for text in one.passages])
    late = [late_scores(one, tokens) for one in asked]
    present = Figures.of({one.key: _documents(one.hits) for one in asked}, judged)
    for form in forms:
        run = {
            one.key: _documents(form.ordered(one.hits, scores[form.tokens]))
            for one, scores in zip(asked, late, strict=True)
        }
        other = Figures.of(run, judged)
        chance = [
            randomisation_p(present.first, other.first),
            randomisation_p(present.ndcg, other.ndcg),
        ]
        print(
            f"| {name} | {len(asked)} | {form.tokens}, {form.best} | {present} | {other} "
            f"| {chance[0]:.4f}, {chance[1]:.4f} |",
            flush=True,
        )


def _documents(hits: Sequence[Hit]) -> list[str]:
    return [hit.passage.document_id for hit in hits[:K]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("keep", type=Path)
    parser.add_argument("judged", nargs="+", metavar="SET")
    parser.add_argument("--questions", choices=("all", "sample", "others"), default="all")
    parser.add_argument("--documents", type=int, default=0, help="of a larger set; 0 means all")
    parser.add_argument("--tokens", nargs="+", choices=(FLOATS, SIGNS, CENTRED), default=[FLOATS])
    parser.add_argument("--derived", action="store_true", help="by the quantized graph")
    parser.add_argument("--best", type=int, nargs="+", default=[10], help="how many are reordered")
    parser.add_argument("--weight", type=float, default=2.0)
    parser.add_argument("--gate", type=float, nargs=2, default=(0.4, 0.8), metavar=("LOW", "HIGH"))
    options = parser.parse_args()
    forms = [
        Form(tokens, best, options.weight, tuple(options.gate))
        for tokens, best in product(options.tokens, options.best)
    ]
    embedder = open_record(ModelRecord(DEFAULT_MODEL), options.keep / "models").embedder
    tokens = token_vectors(options.keep, derived=options.derived)
    print("| set | questions | tokens, best | top 1, top 5, nDCG@10 | late | p of top 1, nDCG@10 |")
    print(f"|{'---|' * 6}", flush=True)
    for one in options.judged:
        name, judged = named(one, options.documents)
        with open_index(options.keep / Path(DEFAULT_MODEL).name, embedder, name) as index:
            run_to_end(update(index, embedder, judged.documents))
            part = chosen(judged, options.questions, EVERY.get(name, 1))
            measure(name, part, Retriever(index, embedder), tokens, forms)


if __name__ == "__main__":
    main()
