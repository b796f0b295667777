"""Synced channels of a guild, and the part of each to sync."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class SyncedContent(StrEnum):
    """The part of a channel to sync."""

    THREADS = "threads"
    POSTS = "posts"
    PINS = "pins"


@dataclass(frozen=True, slots=True)
class SyncedChannel:
    """A synced channel, as an administrator added it."""

    id: int
    guild_id: int
    reads: SyncedContent
    added_at: datetime
