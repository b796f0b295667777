"""Answers that members accepted, in a data folder: one short of a judged set, and more."""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from bot.storage.data_folder import COMMUNITY, restrict_to_owner
from indexer.evaluation.judged_sets import LEAST_HARVEST
from knowledge.store.store import Store
from knowledge.values.questions import Evidence, Feedback, Question, RecordedHit, Verdict


def accept(
    folder: Path,
    number: int,
    verdicts: Sequence[Verdict] = (Verdict.HELPFUL,),
    evidence: Evidence = Evidence.STRONG,
    *,
    picked: str = "",
) -> None:
    """Record an answer with a verdict of each member; they may have `picked` a document."""
    with Store(folder / COMMUNITY) as store:
        found = ["article:milestones", *filter(None, [picked])]
        hits = [RecordedHit(document, "", "", "", 1.0, ("words",)) for document in found]
        asked_at = datetime(2026, 3, 4, tzinfo=UTC)
        question = Question(
            0, None, None, 1, f"milestones number {number}", evidence, asked_at, 1, hits
        )
        [question_id] = store.question_records.record([question])
        for member, verdict in enumerate(verdicts):
            store.feedback_records.record(
                Feedback(question_id, member, verdict, document_id=picked)
            )


def nearly_enough(folder: Path) -> Path:
    """One accepted answer short of a set, and one of each kind that is not accepted."""
    folder.mkdir()
    for number in range(LEAST_HARVEST - 1):
        accept(folder, number, evidence=Evidence.PARTIAL)
    accept(folder, 101, [])
    accept(folder, 102, [Verdict.HELPFUL, Verdict.UNHELPFUL])
    accept(folder, 103, evidence=Evidence.NONE)
    restrict_to_owner(folder)
    return folder
