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
    """A message with a question.

    Attributes:
        message_id: the message. In a forum, it is the first message of a post, and has the post's
            id.
        channel_id: the forum or text channel.
        is_post: whether the message is a forum post.
        due_at: when the present state ends.
        question_id: the record of the answer or the gap, once there is one.
        reply_id: the message with the answer, once it is posted.
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
    """Caps of unsolicited answers in a day: to a member in a guild, and in a channel; 0: no cap."""

    member: int
    channel: int
