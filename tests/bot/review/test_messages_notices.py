"""Notices to contributors: the reason, and the rejected text."""

import pytest

from bot.review.messages import notice_parts
from knowledge.values.notes import NoticeEvent, State
from knowledge.values.submissions import REASON_CHARACTERS
from tests.bot import values


@pytest.mark.parametrize("reason", ["", "Old.", "_" * REASON_CHARACTERS])
def test_a_rejection_returns_reason_and_text(reason: str) -> None:
    sentences = [f"Sentence number {number} of a long note." for number in range(100)]
    note = values.note(" ".join(sentences), State.REJECTED, reason)

    first, *rest = notice_parts(note, NoticeEvent.REJECTED)

    assert "“GPU hours” wasn't accepted" in first
    assert ("Reason: " in first) == bool(reason)
    text = "\n".join(rest).replace("\n> ", " ")
    assert [sentence for sentence in sentences if sentence not in text] == []


def test_a_retirement_without_a_reason_mentions_none() -> None:
    note = values.note("Text.", State.APPROVED)
    assert "Reason:" not in notice_parts(note, NoticeEvent.RETIRED)[0]
    assert "Reason: Old." in notice_parts(note, NoticeEvent.RETIRED, reason="Old.")[0]
