"""Unsolicited questions: messages that the bot may answer without being asked."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class HelpState(StrEnum):
    """States of an unsolicited question."""

    WAITING = "waiting"
    WATCHED = "watched"
    DONE = "done"


@dataclass(frozen=True, slots=True)
class HelpedQuestion:
    """A message with a question; for a forum post, its first message, which has the post's id.

    `channel_id` is the forum or text channel. `question_id` is the record of the answer or the gap,
    `reply_id` the message with the answer.
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
        """The message's channel or thread."""
        return self.message_id if self.is_post else self.channel_id


@dataclass(frozen=True, slots=True)
class DailyCaps:
    """The most unsolicited answers per day to a member in a guild, and in a channel; 0: no cap."""

    member: int
    channel: int
