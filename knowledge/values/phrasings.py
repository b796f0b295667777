"""Recorded phrasings: a language model's sentences for an answer, and its limits."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

# The outcome of a phrasing in progress, and of one that never ended.
UNDER_WAY: Final = "under way"


@dataclass(frozen=True, slots=True)
class PhrasingCaps:
    """Limits of requests to a model, per member and hour and per guild and day; of tokens a day.

    0 is unlimited.
    """

    member_hourly: int = 0
    guild_daily: int = 0
    daily_tokens: int = 0


@dataclass(frozen=True, slots=True)
class UsedUp:
    """Reached limits of requests to a model: the end of each by member, by guild, and for all.

    Guild None is for direct messages. Members and guilds not listed have requests left.
    """

    members: Mapping[int, datetime] = field(default_factory=dict)
    guilds: Mapping[int | None, datetime] = field(default_factory=dict)
    everywhere: datetime | None = None

    def holds(self, member_id: int, guild_id: int | None, now: datetime) -> bool:
        """Whether a limit applies to a member in a guild at a moment."""
        until = (self.members.get(member_id), self.guilds.get(guild_id), self.everywhere)
        return any(one is not None and now < one for one in until)


@dataclass(frozen=True, slots=True)
class WrittenLine:
    """A sentence by a model, with the numbers of its quotations."""

    text: str
    numbers: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class RecordedPhrasing:
    """The outcome of a question's phrasing.

    Attributes:
        chosen: the ids of verbatim sentences; `2.3` is the second passage's third.
        places: the indices of the hits in the model's order; empty unless it was asked for one.
        lines: the model's own sentences; empty if a hit is from a channel or chat, or gone.
        verdicts: the number of its sentences by verdict of the check.
        repeated: whether an earlier question's phrasing was shown, without asking a model.
    """

    mode: str
    outcome: str
    asked_at: datetime
    model: str = ""
    prompt_version: int = 0
    chosen: tuple[str, ...] = ()
    places: tuple[int, ...] = ()
    lines: tuple[WrittenLine, ...] = ()
    verdicts: Mapping[str, int] = field(default_factory=dict)
    prompt_tokens: int = 0
    reply_tokens: int = 0
    milliseconds: int = 0
    repeated: bool = False
