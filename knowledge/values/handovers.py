"""Hand-overs: questions for helpers, and their states."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

# A member can hand over one question in this time.
HANDING_PAUSE: Final = timedelta(minutes=10)


class NotHandedOn(StrEnum):
    """Reasons for refusing a hand-over."""

    ALREADY = "already"
    TOO_SOON = "too soon"
    NO_GAP = "no gap"
    PRIVATE = "private"


class HandoverState(StrEnum):
    """States of a hand-over."""

    OPEN = "open"
    CLAIMED = "claimed"
    ANSWERED = "answered"
    DECLINED = "declined"


@dataclass(frozen=True, slots=True)
class Handover:
    """A question for the helpers.

    Attributes:
        stale: whether the hand-over has waited for the guild's `handover_hours` without a change.
        helper_id: the helper who claimed, answered or declined the question; 0 for none.
        helper: the name of the helper; empty if the helper hides it.
        answer: the helper's answer.
        posted: whether the question was posted to the helpers.
        tried: whether posting was begun.
        channel_id: the channel or thread of the posted message; None without a message.
        message_id: the posted message, or None.
        noted: whether a note was written for the question.
        changes: the number of changes, to recognize a message that shows an earlier state.
    """

    question_id: int
    guild_id: int
    state: HandoverState
    stale: bool
    changed_at: datetime
    helper_id: int = 0
    helper: str = ""
    answer: str = ""
    posted: bool = False
    tried: bool = False
    channel_id: int | None = None
    message_id: int | None = None
    noted: bool = False
    changes: int = 0

    @property
    def waits(self) -> bool:
        """Whether the question is neither answered nor declined."""
        return self.state in {HandoverState.OPEN, HandoverState.CLAIMED}

    def free_for(self, member_id: int) -> bool:
        """Whether this member may claim or answer the question."""
        theirs = self.state is HandoverState.CLAIMED and self.helper_id != member_id
        return self.waits and (self.stale or not theirs)


@dataclass(frozen=True, slots=True)
class HandoverOutcome:
    """Whether a step was done, and the hand-over's state after it."""

    done: bool
    handover: Handover
