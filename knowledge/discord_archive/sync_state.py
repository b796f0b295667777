"""States of a channel sync: stages, requests to Discord, and problems."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from knowledge.discord_archive.messages import ArchivedMessage
from knowledge.values.guilds import SyncedContent


class SyncStage(StrEnum):
    """Stages of a round."""

    DONE = ""
    ACTIVE = "active"
    ARCHIVED = "archived"
    READING = "reading"
    PINS = "pins"


@dataclass(frozen=True, slots=True)
class SyncStep:
    """The next request to Discord: a list of threads, a page of messages or the pinned messages.

    A page has the messages after `after`, of a thread or a channel, `thread_id`. `cursor` is the
    position in the list of archived threads.
    """

    channel_id: int
    stage: SyncStage
    thread_id: int = 0
    after: int = 0
    cursor: str = ""


@dataclass(frozen=True, slots=True)
class MessagePage:
    """A page of a thread's messages, as returned by Discord, without system messages.

    `end` is the id of the page's last message, possibly a system message, and `last` tells the
    thread's last page. On the first page, `opener` is the id of the text channel's message from
    which the thread was started; else 0.
    """

    messages: Sequence[ArchivedMessage]
    end: int
    last: bool
    opener: int = 0


@dataclass(frozen=True, slots=True)
class ProgressMessage:
    """The ids of the message that shows a sync's progress, and of its channel; 0 if none."""

    channel_id: int = 0
    message_id: int = 0


class ProblemCode(StrEnum):
    """Problems of reading a channel."""

    GONE = "gone"
    SWITCHED_OFF = "switched_off"
    # With `permissions`, by their names in Discord's API.
    LACKS_PERMISSIONS = "lacks_permissions"
    # Temporary; with the HTTP `status`.
    ANSWERED = "answered"
    UNREACHED = "unreached"
    # With an English `text`.
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class ChannelProblem:
    """A problem of reading a channel: a code, and values for the sentence to show."""

    code: ProblemCode
    values: Mapping[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        return json.dumps({"code": self.code, **self.values})


def stored_problem(text: str) -> ChannelProblem | None:
    """Parse the text of a `ChannelProblem`; returns None if the text is empty."""
    if not text:
        return None
    values = json.loads(text)
    return ChannelProblem(ProblemCode(values.pop("code")), values)


@dataclass(frozen=True, slots=True)
class ArchivedChannel:
    """A synced channel, its round, and its problem if any."""

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
    """A channel's numbers of threads, unfinished threads, messages and documents."""

    threads: int
    unread: int
    messages: int
    documents: int
