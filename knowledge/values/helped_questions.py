"""Questions that address nobody, in channels where the bot helps. Only values."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class HelpState(StrEnum):
    """What is due for a question that was asked of nobody."""

    WAITING = "waiting"
    WATCHED = "watched"
    DONE = "done"


@dataclass(frozen=True, slots=True)
class HelpedQuestion:
    """A message that asks; of a forum's post the first one, which has the post's id.

    `channel_id` is the forum or the text channel. `question_id` is the record of the answer, or of
    the gap; `reply_id` the message that answers.
    """

    message_id: int
    guild_id: int
    channel_id: int
    asker_id: int
    is_post: bool
    asked_at: datetime
    due_at: datetime
    state: HelpState = HelpState.WAITING
    question_id: int | None = None
    reply_id: int | None = None

    @property
    def place_id(self) -> int:
        """The channel or thread in which the message stands."""
        return self.message_id if self.is_post else self.channel_id


@dataclass(frozen=True, slots=True)
class DailyCaps:
    """How many answers unasked a member is given in a day in a guild, and a channel; 0: any."""

    member: int
    channel: int
