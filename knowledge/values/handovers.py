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

    `helper_id` claimed, answered or declined it; `helper` is their name if they agreed to show it
    with their `answer`. A `stale` one has waited for the guild's hours since the last change. Its
    message is in the channel or thread `channel_id`; both ids are None without a message. `tried`
    is whether posting was begun, `noted` whether a note was written for it. `changes` counts its
    changes, to find an outdated message.
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
        """Whether it is neither answered nor declined."""
        return self.state in {HandoverState.OPEN, HandoverState.CLAIMED}

    def free_for(self, member_id: int) -> bool:
        """Whether this member may claim or answer it."""
        theirs = self.state is HandoverState.CLAIMED and self.helper_id != member_id
        return self.waits and (self.stale or not theirs)


@dataclass(frozen=True, slots=True)
class HandoverOutcome:
    """Whether a step was done, and the hand-over's state after it."""

    done: bool
    handover: Handover
