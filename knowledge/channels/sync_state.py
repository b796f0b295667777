"""How far reading a channel is, what to ask Discord for next, and what came: as values."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from knowledge.channels.messages import ArchivedMessage
from knowledge.store.synced_channels import SyncedContent


class SyncStage(StrEnum):
    """Where a round is."""

    DONE = ""
    ACTIVE = "active"
    ARCHIVED = "archived"
    READING = "reading"
    PINS = "pins"


@dataclass(frozen=True, slots=True)
class SyncStep:
    """What to ask Discord for: a list of threads, a page of messages, or the pinned ones.

    `cursor` is where the list of archived threads goes on; `after` the message that the page comes
    after, in the thread or channel `thread_id`.
    """

    channel_id: int
    stage: SyncStage
    thread_id: int = 0
    after: int = 0
    cursor: str = ""


@dataclass(frozen=True, slots=True)
class MessagePage:
    """What Discord has of a thread after a message.

    `end` is the id of its last message, whether or not somebody said it; `last` whether nothing
    comes after that.
    """

    messages: Sequence[ArchivedMessage]
    end: int
    last: bool


@dataclass(frozen=True, slots=True)
class ProgressMessage:
    """The message in which it is said how far reading is."""

    channel_id: int = 0
    message_id: int = 0


@dataclass(frozen=True, slots=True)
class ArchivedChannel:
    """A channel that is read, and where its round is.

    `reason` says why nothing can be read of it, and continues a sentence about the channel.
    """

    id: int
    guild_id: int
    name: str
    reads: SyncedContent
    stage: SyncStage
    round: int
    cursor: str
    synced_at: datetime | None
    reason: str
    place: ProgressMessage

    @property
    def is_busy(self) -> bool:
        """Whether a round is under way."""
        return self.stage is not SyncStage.DONE


@dataclass(frozen=True, slots=True)
class Counts:
    """How much was read of a channel: threads, those with something unread, and what came of it."""

    threads: int
    unread: int
    messages: int
    documents: int
