"""States of a channel sync: its stage, its next request to Discord, and what came of one."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from knowledge.channels.messages import ArchivedMessage
from knowledge.values.synced_channels import SyncedContent


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
    comes after that. `opener` is the message that a text channel's thread opens with, if this is
    its first page.
    """

    messages: Sequence[ArchivedMessage]
    end: int
    last: bool
    opener: int = 0


@dataclass(frozen=True, slots=True)
class ProgressMessage:
    """The message in which it is said how far reading is."""

    channel_id: int = 0
    message_id: int = 0


class ProblemCode(StrEnum):
    """What keeps a channel from being read."""

    GONE = "gone"
    SWITCHED_OFF = "switched_off"
    # With `permissions`: as Discord's API calls them.
    LACKS_PERMISSIONS = "lacks_permissions"
    # For now; with `status`: of the HTTP response.
    ANSWERED = "answered"
    UNREACHED = "unreached"
    # With `text`: in English.
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class ChannelProblem:
    """Why a channel can't be read: a code, and what is filled into the sentence about it."""

    code: ProblemCode
    values: Mapping[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        return json.dumps({"code": self.code, **self.values})


def stored_problem(text: str) -> ChannelProblem | None:
    """The reason of which `str` made this."""
    if not text:
        return None
    values = json.loads(text)
    return ChannelProblem(ProblemCode(values.pop("code")), values)


@dataclass(frozen=True, slots=True)
class ArchivedChannel:
    """A channel that is read, and where its round is; with why nothing can be read of it."""

    id: int
    guild_id: int
    name: str
    reads: SyncedContent
    stage: SyncStage
    round: int
    cursor: str
    synced_at: datetime | None
    problem: ChannelProblem | None
    place: ProgressMessage

    @property
    def is_busy(self) -> bool:
        return self.stage is not SyncStage.DONE


@dataclass(frozen=True, slots=True)
class Counts:
    """How much was read of a channel: threads, those with something unread, and what came of it."""

    threads: int
    unread: int
    messages: int
    documents: int
