"""Comparison of a candidate model with the serving model.

Both models are asked the questions of the shipped judged sets, after indexing the documents of
these sets in a temporary folder. They are also asked earlier questions of this server, if members
accepted an answer. For these questions, each model searches its own index. Compared are the ranking
(nDCG@10), the share of answerable questions answered, and the share of unanswerable questions
refused. On this server's questions, it is recall instead of ranking: most answers were accepted
because the serving model ranked them first, which favours this model.
"""

import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bot.storage.data_folder import open_index
from indexer.embedding.model_records import RecordedModel
from indexer.evaluation.judged_sets import JudgedSet, harvest
from indexer.evaluation.metrics import K, mean, question_ndcgs, randomisation_p
from indexer.evaluation.runner import Evaluation, Evaluator, Order
from indexer.index.index import Index
from indexer.index.tables import IndexTables
from indexer.ingest.pipeline import Progress
from indexer.retrieval.evidence import Calibration
from indexer.retrieval.reranker import Reranking
from knowledge.store.store import Store
from knowledge.values.documents import Document, Kind
from knowledge.values.questions import Evidence

# Significance level of a difference.
HARDLY_CHANCE: Final = 0.05
# The metrics, in the order of a table.
METRICS: Final = ("nDCG@10", "found", "answered", "refused")
# Names of the server's accepted answers, and of all sets together.
OWN: Final = "own answers"
TOGETHER: Final = "all together"


@dataclass(frozen=True, slots=True)
class Figure:
    """The values of one metric for both models, one value for each question of a judged set."""

    judged: str
    name: str
    serving: Sequence[float]
    other: Sequence[float]

    @property
    def p(self) -> float:
        """The p-value of the difference, by a paired randomisation test."""
        return randomisation_p(self.serving, self.other)

    @property
    def gain(self) -> float:
        return mean(self.other) - mean(self.serving)


@dataclass(frozen=True, slots=True)
class Side:
    """A model to compare, with its calibration and its reranker, if any."""

    model: RecordedModel
    calibration: Calibration
    reranking: Reranking | None = None

    def evaluator(self, index: Index, judged: JudgedSet, order: Order | None = None) -> Evaluator:
        return Evaluator(
            index, self.model.embedder, judged, self.calibration, self.reranking, order=order
        )


@contextmanager
def evaluators(
    sides: Sequence[Side],
    judged: JudgedSet,
    run: Callable[[Iterator[Progress]], object],
    order: Order | None = None,
) -> Iterator[list[Evaluator]]:
    """Index a judged set in a temporary folder by `run`, and yield an evaluator for each side.

    All sides must have the same model, because they share the index. The sides of another model
    need another call.
    """
    with (
        tempfile.TemporaryDirectory(prefix="commonplace-eval-") as temporary,
        open_index(Path(temporary), sides[0].model.embedder) as index,
    ):
        made = [side.evaluator(index, judged, order) for side in sides]
        run(made[0].index())
        yield made


def accepted_answers(store: Store, tables: IndexTables) -> JudgedSet:
    """Return the server's own judged set: answers that members found helpful or picked.

    JudgedSetError if there are too few such answers.
    """
    accepted = store.question_records.judged_helpful()
    first = {question.hits[0].document_id for question in accepted if question.hits}
    found = {key: tables.document_passages(key) for key in first}
    # Only the scope of a document matters: both indexes have its text.
    documents = [
        Document(key, passages[0].scope, Kind.NOTE, key, "")
        for key, passages in found.items()
        if passages
    ]
    return harvest(accepted, documents)


def figures(judged: str, serving: Evaluation, other: Evaluation) -> list[Figure]:
    """Return the metrics of both models on one judged set.

    A metric is left out if the set lacks questions for it, such as unanswerable questions.
    """
    both = (serving, other)
    if judged == OWN:
        # 1 for each question with an accepted document among the first ten hits.
        recalls = [
            [
                float(not graded.keys().isdisjoint(model.run[key][:K]))
                for key, graded in model.judgements.items()
            ]
            for model in both
        ]
        ordered = "found", recalls
    else:
        ordered = (
            "nDCG@10",
            [list(question_ndcgs(model.run, model.judgements).values()) for model in both],
        )
    answered = [
        [float(model.evidence[key] is not Evidence.NONE) for key in model.judgements]
        for model in both
    ]
    refused = [
        [float(evidence is Evidence.NONE) for evidence in model.unanswerable.values()]
        for model in both
    ]
    named = [ordered, ("answered", answered), ("refused", refused)]
    return [Figure(judged, name, *pair) for name, pair in named if pair[0]]


def pool(found: Sequence[Figure]) -> list[Figure]:
    """Pool each metric over all sets, because small losses in each can be significant together."""
    joined = []
    for name in METRICS:
        own = [figure for figure in found if figure.name == name]
        if len(own) > 1:
            serving = [value for figure in own for value in figure.serving]
            other = [value for figure in own for value in figure.other]
            joined.append(Figure(TOGETHER, name, serving, other))
    return joined
