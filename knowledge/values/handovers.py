"""Hand-overs: questions that are put to helpers, and how each stands. Only values."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

# A member puts one question to the helpers in so much time.
HANDING_PAUSE: Final = timedelta(minutes=10)


class NotHandedOn(StrEnum):
    """Why a question is not put to the helpers."""

    ALREADY = "already"
    TOO_SOON = "too soon"
    NO_GAP = "no gap"
    PRIVATE = "private"


class HandoverState(StrEnum):
    """How a question stands that was put to the helpers."""

    OPEN = "open"
    CLAIMED = "claimed"
    ANSWERED = "answered"
    DECLINED = "declined"


@dataclass(frozen=True, slots=True)
class Handover:
    """A question in the hands of the helpers.

    `helper_id` is who claimed, answered or declined it, `helper` their name where they agreed that
    it goes with their `answer`. One that is `stale` has waited for the guild's hours since it
    changed. Its message is in the channel or thread `channel_id`; both ids are None where there is
    none. `tried` is whether posting it was begun, `noted` whether a note was written for it.
    `changes` counts what its message has to show.
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
        """Whether it is still to be answered or declined."""
        return self.state in {HandoverState.OPEN, HandoverState.CLAIMED}

    def free_for(self, member_id: int) -> bool:
        """Whether somebody may claim or answer it: it waits, and is nobody else's."""
        theirs = self.state is HandoverState.CLAIMED and self.helper_id != member_id
        return self.waits and (self.stale or not theirs)


@dataclass(frozen=True, slots=True)
class HandoverOutcome:
    """Whether a step was done, and how the hand-over stands now."""

    done: bool
    handover: Handover
