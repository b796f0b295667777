"""Late interaction (MaxSim) against the fused order alone, on judged sets.

    python -m benchmarks.late_interaction KEEP SET…
    python -m benchmarks.late_interaction KEEP squad2 stackfaq xquad-en --questions others

A SET is the folder of a judged set in BEIR's layout, the name of one that comes with the program,
`articles` for the judged questions over the bundled articles, or `small-corpora` for those of
`tests/judged/small_corpora.jsonl`. Of a set that `benchmarks.calibrating` samples, `--questions`
takes the sample or the others. `--documents` takes the relevant documents of a large set first,
then as many others as make up that number.

Whether a difference may be chance is told by a paired randomisation test, for first answers and for
nDCG@10. Indexes stay in KEEP, which may be that of `benchmarks.calibrating`; passages of an older
index that lack token codes get them first.
"""

import argparse
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

os.environ.setdefault("HF_HUB_OFFLINE", "1")

from benchmarks.calibrating import EVERY, judged_articles, sampled
from bot.core.index_updates import run_to_end
from bot.storage.data_folder import open_index
from indexer.embedding.embedder import DEFAULT_MODEL
from indexer.embedding.model_records import ModelRecord, open_record
from indexer.evaluation.judged_sets import COMMITTED, JudgedSet, judged_set
from indexer.evaluation.metrics import K, mean, question_ndcgs, randomisation_p
from indexer.ingest.pipeline import update
from indexer.retrieval.hit import Hit
from indexer.retrieval.retriever import Retriever
from knowledge.values.documents import SHARED, Document, Kind, Scope


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


def measure(name: str, judged: JudgedSet, retriever: Retriever) -> None:
    """Print a line: the fused order, the order with late interaction, and what may be chance."""
    fused, late = {}, {}
    for key, asked in judged.queries.items():
        scopes = list(judged.scopes.get(key, (SHARED,)))
        query = retriever.read(asked, scopes)
        vector = retriever.embedded([query])
        [before] = retriever.fused_together([query], vector, scopes, K)
        [after] = retriever.ranked_together([query], vector, scopes, K)
        fused[key], late[key] = _documents(before), _documents(after)
    present, other = Figures.of(fused, judged), Figures.of(late, judged)
    chance = [
        randomisation_p(present.first, other.first),
        randomisation_p(present.ndcg, other.ndcg),
    ]
    print(
        f"| {name} | {len(fused)} | {present} | {other} | {chance[0]:.4f}, {chance[1]:.4f} |",
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
    options = parser.parse_args()
    embedder = open_record(ModelRecord(DEFAULT_MODEL), options.keep / "models").embedder
    print("| set | questions | fused: top 1, top 5, nDCG@10 | late | p of top 1, nDCG@10 |")
    print(f"|{'---|' * 5}", flush=True)
    for one in options.judged:
        name, judged = named(one, options.documents)
        with open_index(options.keep / Path(DEFAULT_MODEL).name, embedder, name) as index:
            run_to_end(update(index, embedder, judged.documents))
            part = chosen(judged, options.questions, EVERY.get(name, 1))
            measure(name, part, Retriever(index, embedder))


if __name__ == "__main__":
    main()
