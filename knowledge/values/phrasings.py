"""Recorded phrasings: a language model's sentences for an answer, and limits of its use."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

# The outcome of a phrasing in progress, and of one that never ended.
UNDER_WAY: Final = "under way"


@dataclass(frozen=True, slots=True)
class PhrasingCaps:
    """Limits of requests to a model; 0 is unlimited.

    Attributes:
        member_hourly: requests for one member in an hour.
        guild_daily: requests for one guild in a day.
        daily_tokens: tokens of all requests in a day.
    """

    member_hourly: int = 0
    guild_daily: int = 0
    daily_tokens: int = 0


@dataclass(frozen=True, slots=True)
class UsedUp:
    """Reached limits of requests to a model, each with the time of the next allowed request.

    Attributes:
        members: the times by member; members not listed have requests left.
        guilds: the times by guild, with None for direct messages; guilds not listed have requests
            left.
        everywhere: the time for everybody; None unless the limit of tokens is reached.
    """

    members: Mapping[int, datetime] = field(default_factory=dict)
    guilds: Mapping[int | None, datetime] = field(default_factory=dict)
    everywhere: datetime | None = None

    def stops(self, member_id: int, guild_id: int | None, now: datetime) -> bool:
        """Whether a limit stops a request for a member in a guild at the time `now`."""
        until = (self.members.get(member_id), self.guilds.get(guild_id), self.everywhere)
        return any(end is not None and now < end for end in until)


@dataclass(frozen=True, slots=True)
class WrittenLine:
    """A sentence by a model, with the numbers of its quotations."""

    text: str
    numbers: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class RecordedPhrasing:
    """The outcome of a question's phrasing.

    Attributes:
        chosen: the ids of verbatim sentences; `2.3` is the third sentence of the second passage.
        places: the hits in the order given by the model, by their index; empty if the model gave
            no order, or left the order unchanged.
        lines: the model's own sentences; empty if a hit is from a channel or chat, or was deleted.
        verdicts: the number of the model's sentences, by verdict of the check.
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
