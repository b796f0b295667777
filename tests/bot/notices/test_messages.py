"""Notices to contributors: within Discord's limits, with the reason and the text."""

from dataclasses import replace
from datetime import UTC, datetime

from bot.notices import messages as notices_messages
from knowledge.model.notes import (
    Decision,
    Note,
    NoticeEvent,
    Review,
    Revision,
    State,
)
from knowledge.model.submissions import Submission

WHEN = datetime(2026, 3, 4, tzinfo=UTC)


def _note(text: str, state: State = State.PENDING, reason: str = "", **changed: object) -> Note:
    reviews: tuple[Review, ...] = ()
    decision = {
        State.APPROVED: Decision.APPROVE,
        State.REJECTED: Decision.REJECT,
        State.CHANGES_REQUESTED: Decision.REQUEST_CHANGES,
    }.get(state)
    if decision is not None:
        reviews = (Review(7, 2, "Ada", decision, reason, WHEN),)
    submission = replace(Submission("GPU hours", text), **changed)  # type: ignore[arg-type]
    revision = Revision(7, 1, 1, submission, state, WHEN, writer_id=1, writer="Mira")
    live = 7 if state is State.APPROVED else None
    return Note(
        1,
        10,
        1,
        "Mira",
        5,
        revision,
        reviews,
        live_revision_id=live,
        verified_at=WHEN if live else None,
        latest_revision_id=7,
    )


def test_a_rejected_contributor_gets_the_reason_and_the_text_back() -> None:
    text = "\n".join(
        notices_messages.notice(_note("My text.", State.REJECTED, "Old."), NoticeEvent.REJECTED)
    )
    assert "was not accepted" in text
    assert "The reason: Old." in text
    assert "> My text." in text
