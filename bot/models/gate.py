"""Gate: another model is measured beside the one that serves, and must not be worse at anything.

Both are asked the same questions: the judged sets that come with the program, indexed for each in a
temporary folder, and the server's own accepted answers, asked of its own two indexes. What is
compared are the order of documents (nDCG@10), how many of the questions that have an answer get
one, and how many of those that have none are refused. Of the accepted answers not the order is
compared, but how many are found: most were accepted because the serving model had put them first,
so that no other order could do as well.
"""

import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bot.storage.data_folder import open_index
from indexer.embedding.model_records import RecordedModel
from indexer.evaluation.judged_sets import JudgedSet, harvested
from indexer.evaluation.metrics import K, mean, question_ndcgs, randomisation_p
from indexer.evaluation.runner import Evaluation, Evaluator
from indexer.index.index import Index
from indexer.index.tables import IndexTables
from indexer.ingest.pipeline import Progress
from indexer.retrieval.evidence import Calibration
from indexer.retrieval.reranker import Reranking
from knowledge.store.store import Store
from knowledge.values.documents import Document, Kind
from knowledge.values.questions import Evidence

# Below this p a difference is called more than chance: the customary one in twenty.
HARDLY_CHANCE: Final = 0.05
# What nobody should lose, though with few questions chance might explain it: so much of a figure.
LEAST_LOSS: Final = {"nDCG@10": 0.03, "found": 0.03, "answered": 0.05, "refused": 0.1}
# Of one of the sets that come with the program, only twice as much is too much: nobody asks that
# here, and the standard error of a share of its hundred questions is some 0.04.
ONE_SET: Final = 2.0
# Under these names stand the server's accepted answers, and what all sets say together.
OWN: Final = "own answers"
TOGETHER: Final = "all together"


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure of one set for both models: the means over its questions, and each question's.

    `p` is how often chance alone sets two equally good models as far apart.
    """

    judged: str
    name: str
    serving: Sequence[float]
    other: Sequence[float]

    @property
    def p(self) -> float:
        return randomisation_p(self.serving, self.other)

    @property
    def gain(self) -> float:
        return mean(self.other) - mean(self.serving)

    @property
    def worse(self) -> bool:
        """Whether something is lost: more than chance explains, or more than anybody should."""
        lost = -self.gain
        most = LEAST_LOSS[self.name] * (1.0 if self.judged in (OWN, TOGETHER) else ONE_SET)
        return lost > 1e-9 and (lost >= most or self.p < HARDLY_CHANCE)


@dataclass(frozen=True, slots=True)
class Side:
    """One of two models that are measured, with what evidence is judged by."""

    model: RecordedModel
    calibration: Calibration
    reranking: Reranking | None = None

    def evaluator(self, index: Index, judged: JudgedSet) -> Evaluator:
        return Evaluator(
            index,
            self.model.embedder,
            judged,
            self.calibration,
            self.reranking,
        )


def measured(side: Side, judged: JudgedSet) -> Iterator[Progress | Evaluation]:
    """Index a judged set in a temporary folder, and ask it; the evaluation comes last."""
    with (
        tempfile.TemporaryDirectory(prefix="commonplace-model-") as temporary,
        open_index(Path(temporary), side.model.embedder) as index,
    ):
        evaluator = side.evaluator(index, judged)
        yield from evaluator.index()
        yield evaluator.evaluate()


def accepted_answers(store: Store, tables: IndexTables) -> JudgedSet:
    """The server's own golden set: what members found helpful or picked, as far as it is there.

    Raises:
        JudgedSetError: if that is too little.
    """
    accepted = store.question_records.accepted()
    first = {question.hits[0].document_id for question in accepted if question.hits}
    found = {key: tables.document_passages(key) for key in first}
    # Of a document only is asked who may see it: both indexes have it.
    documents = [
        Document(key, passages[0].scope, Kind.NOTE, key, "")
        for key, passages in found.items()
        if passages
    ]
    return harvested(accepted, documents)


def figures(judged: str, serving: Evaluation, other: Evaluation) -> list[Figure]:
    """What is compared of two evaluations of one set; nothing of what it has no questions for."""
    both = (serving, other)
    if judged == OWN:
        ordered = "found", [_found(one) for one in both]
    else:
        ordered = (
            "nDCG@10",
            [list(question_ndcgs(one.run, one.judgements).values()) for one in both],
        )
    answered = [
        [float(one.evidence[key] is not Evidence.NONE) for key in one.judgements] for one in both
    ]
    refused = [
        [float(found is Evidence.NONE) for found in one.unanswerable.values()] for one in both
    ]
    named = [ordered, ("answered", answered), ("refused", refused)]
    return [Figure(judged, name, *pair) for name, pair in named if pair[0]]


def _found(one: Evaluation) -> list[float]:
    """For each question whether one of its accepted documents is among the first ten."""
    return [
        float(not graded.keys().isdisjoint(one.run[key][:K]))
        for key, graded in one.judgements.items()
    ]


def together(found: Sequence[Figure]) -> list[Figure]:
    """The same figures over the questions of all sets: small losses in each of them add up."""
    joined = []
    for name in LEAST_LOSS:
        own = [figure for figure in found if figure.name == name]
        if len(own) > 1:
            serving = [value for figure in own for value in figure.serving]
            other = [value for figure in own for value in figure.other]
            joined.append(Figure(TOGETHER, name, serving, other))
    return joined


def worse(found: Sequence[Figure]) -> list[Figure]:
    return [figure for figure in found if figure.worse]
