"""Members' messages with an answer by the bot itself, or with a note of a helper's choice."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class HelpState(StrEnum):
    """States of a helped question."""

    WAITING = "waiting"
    WATCHED = "watched"
    DONE = "done"


class PostState(StrEnum):
    """States of a forum post until it is solved.

    `OPEN`: its helpers may be pinged. `PINGED`: they were. `SOLVED`: its author said so, and the
    post has to be marked. `ENDED`: nothing more is due.
    """

    OPEN = "open"
    PINGED = "pinged"
    SOLVED = "solved"
    ENDED = "ended"


@dataclass(frozen=True, slots=True)
class HelpedQuestion:
    """A member's message with a question.

    Attributes:
        message_id: the message. The first message of a forum post has the id of the post.
        due_at: when the present state ends.
        question_id: the record of the answer or the gap, once there is one.
        reply_id: the message with the answer or the similar posts, once it is posted.
        similar_ids: the ids of the documents offered as similar posts.
        look_at: the time of the next look at a post; None for the first that its settings demand.
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
    similar_ids: tuple[str, ...] = ()
    post_state: PostState = PostState.OPEN
    look_at: datetime | None = None

    @property
    def place_id(self) -> int:
        """The message's channel or thread."""
        return self.message_id if self.is_post else self.channel_id


@dataclass(frozen=True, slots=True)
class DailyCaps:
    """Limits of answers to helped questions in a day; 0 means no limit.

    `member` limits the answers to each member of a guild, `channel` those in each channel.
    """

    member: int
    channel: int


@dataclass(frozen=True, slots=True)
class HelperAnswer:
    """A note, chosen by a helper as the answer to a message.

    Attributes:
        question_id: the record of the message as a question, with the note as confirmed answer.
        reply_id: the message with the note, once it is posted.
    """

    message_id: int
    note_id: int
    guild_id: int
    channel_id: int
    helper_id: int
    question_id: int
    chosen_at: datetime
    reply_id: int | None = None
