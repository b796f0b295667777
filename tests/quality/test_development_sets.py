"""Quality of the retriever on the development sets: questions worded as in chat.

Each floor is the least measured value, with and without VNNI, less a question or two
(docs/benchmarks.md). Raise the floor with every improvement.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

from bot.core.index_updates import run_to_end
from bot.storage.data_folder import open_index
from indexer.embedding.embedder import Embedder
from indexer.evaluation.judged_sets import COMMITTED, JudgedSet, judged_set
from indexer.evaluation.metrics import mean, ndcg
from indexer.evaluation.runner import Evaluation, Evaluator
from knowledge.values.questions import Evidence
from tests.quality.conftest import indexed

pytestmark = pytest.mark.slow

JUDGED = Path(__file__).parents[1] / "judged"

# The grade of a document with the answer; 1 is the grade of one that only helps.
ANSWERS: Final = 2


@dataclass(frozen=True)
class Bar:
    """Floors and bounds for a set, as shares of 1 unless they are counts.

    Attributes:
        strong_said: least share of *strong* if the first document is relevant.
        strong_wrong: most wrong *strong* answers, a count.
        strong_unanswerable: most *strong* of the 40 unanswerable questions, a count.
        first_refused: most *none* if the first document is relevant.
    """

    top_1: float
    top_5: float
    ndcg_at_10: float
    strong_said: float
    strong_wrong: int
    strong_unanswerable: int
    foreign_refused: float
    first_refused: float


# Measured on 29 November 2026 with all-MiniLM-L6-v2 (onnx-int8). Comments give top-1, top-5 and
# nDCG@10: of whole documents embedded by the same model, then of the retriever.
BARS: Final = {
    # 0.571, 0.857, 0.763; 0.714, 0.905, 0.825
    "backup-faq": Bar(0.69, 0.88, 0.81, 0.20, 1, 3, 0.80, 0.25),
    # 0.720, 0.958, 0.852; 0.734, 0.979, 0.882
    "desktop-how-tos": Bar(0.72, 0.95, 0.87, 0.34, 3, 3, 0.85, 0.10),
    # 0.613, 0.831, 0.748; 0.685, 0.927, 0.821
    "survival-game": Bar(0.67, 0.90, 0.79, 0.16, 1, 1, 0.85, 0.30),
}


@dataclass(frozen=True)
class Measured:
    judged: JudgedSet
    kinds: Mapping[str, str]
    found: Evaluation

    def top(self, k: int) -> float:
        """The share of questions with an answering document among the first `k`."""
        grades = self.judged.judgements
        return mean(
            [
                any(grades[question].get(key, 0) >= ANSWERS for key in run[:k])
                for question, run in self.found.run.items()
            ]
        )

    def right_first(self) -> list[str]:
        """The questions whose first document is relevant."""
        grades = self.judged.judgements
        return [key for key, run in self.found.run.items() if run and run[0] in grades[key]]

    def strong(self) -> set[str]:
        return {key for key, said in self.found.evidence.items() if said is Evidence.STRONG}

    def refused(self, kind: str) -> float:
        """The share of the unanswerable questions of a kind that have no evidence."""
        verdicts = self.found.unanswerable
        return mean(
            [verdicts[key] is Evidence.NONE for key, of in self.kinds.items() if of == kind]
        )


def _lines(path: Path) -> list[dict[str, str]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def measured(name: str, factory: pytest.TempPathFactory, model: Embedder) -> Measured:
    """Index a set and ask its questions with today's code."""
    judged = judged_set(COMMITTED[name])

    def index_judged(folder: Path) -> None:
        with open_index(folder, model) as index:
            run_to_end(Evaluator(index, model, judged).index())

    with open_index(indexed(factory, name, model, index_judged), model) as index:
        found = Evaluator(index, model, judged).evaluate()
    kinds = {row["_id"]: row["kind"] for row in _lines(COMMITTED[name] / "unanswerable.jsonl")}
    return Measured(judged, kinds, found)


@pytest.mark.parametrize("name", BARS)
def test_small_corpora_seldom_answer_unanswerable_questions(name: str) -> None:
    judged = judged_set(COMMITTED[name])
    kinds = [row["kind"] for row in _lines(COMMITTED[name] / "unanswerable.jsonl")]
    assert 60 <= len(judged.documents) <= 200
    assert len(judged.queries) >= 60
    assert all(max(grades.values()) == ANSWERS for grades in judged.judgements.values())
    assert {kind: kinds.count(kind) for kind in kinds} == {"on-topic": 20, "foreign": 20}
    assert "licence" in (COMMITTED[name] / "README.md").read_text(encoding="utf-8").casefold()


def test_small_talk_has_counterexamples_in_both_languages() -> None:
    rows = _lines(JUDGED / "small_talk.jsonl")
    for label in ("small talk", "asks"):
        texts = [row["text"] for row in rows if row["label"] == label]
        assert len(texts) >= 250
        assert {row["language"] for row in rows if row["label"] == label} == {"en", "de"}
    assert len({row["text"].casefold() for row in rows}) == len(rows)


@pytest.mark.parametrize("name", BARS)
def test_the_figures_of_a_development_set_reach_their_floors(
    tmp_path_factory: pytest.TempPathFactory, model: Embedder, name: str
) -> None:
    set_, bar = measured(name, tmp_path_factory, model), BARS[name]
    verdicts, unanswerable = set_.found.evidence, set_.found.unanswerable
    right, strong = set(set_.right_first()), set_.strong()
    wrong = sorted(strong - right)
    unfounded = sorted(key for key, said in unanswerable.items() if said is Evidence.STRONG)
    refused = sorted(key for key in right if verdicts[key] is Evidence.NONE)
    failures = {
        "top-1": set_.top(1) < bar.top_1,
        "top-5": set_.top(5) < bar.top_5,
        "nDCG@10": ndcg(set_.found.run, set_.judged.judgements) < bar.ndcg_at_10,
        "strong if right": len(strong & right) < bar.strong_said * len(right),
        f"wrong strong {wrong}": len(wrong) > bar.strong_wrong,
        f"unanswerable strong {unfounded}": len(unfounded) > bar.strong_unanswerable,
        "foreign refused": set_.refused("foreign") < bar.foreign_refused,
        f"right refused {refused}": len(refused) > bar.first_refused * len(right),
    }
    assert not [name for name, failed in failures.items() if failed]
