"""Notices to contributors: within Discord's limits, with the reason and the text."""

from bot.review import notice_messages
from knowledge.values.notes import (
    NoticeEvent,
    State,
)
from tests.bot import values


def test_a_rejected_contributor_gets_the_reason_and_the_text_back() -> None:
    text = "\n".join(
        notice_messages.notice(
            values.note("My text.", State.REJECTED, "Old."), NoticeEvent.REJECTED
        )
    )
    assert "was not accepted" in text
    assert "Reason: Old." in text
    assert "> My text." in text
