"""Channels that a guild is answered from, and the part of each that is read."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class SyncedContent(StrEnum):
    """The part of a channel that is read."""

    THREADS = "threads"
    POSTS = "posts"
    PINS = "pins"


@dataclass(frozen=True, slots=True)
class SyncedChannel:
    """A channel that is read, as an administrator added it."""

    id: int
    guild_id: int
    reads: SyncedContent
    added_at: datetime
