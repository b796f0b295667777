"""Phrasings as they are recorded: what a language model made of an answer, and how much it may.

Only values. What is asked of a model, and what of its reply is shown, is decided elsewhere.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

# What a phrasing is recorded as until its outcome is known, and for good where that never was.
UNDER_WAY: Final = "under way"


@dataclass(frozen=True, slots=True)
class PhrasingCaps:
    """How often a model is asked: for a member in an hour, in a guild in a day; tokens in a day.

    0 is any number.
    """

    member_hourly: int = 0
    guild_daily: int = 0
    daily_tokens: int = 0


@dataclass(frozen=True, slots=True)
class UsedUp:
    """Until when no model is asked for these members, in these guilds (None: directly), or at all.

    Whoever is not among them has some left.
    """

    members: Mapping[int, datetime] = field(default_factory=dict)
    guilds: Mapping[int | None, datetime] = field(default_factory=dict)
    everywhere: datetime | None = None

    def holds(self, member_id: int, guild_id: int | None, now: datetime) -> bool:
        """Whether one of them holds for a member in a guild at a moment."""
        until = (self.members.get(member_id), self.guilds.get(guild_id), self.everywhere)
        return any(one is not None and now < one for one in until)


@dataclass(frozen=True, slots=True)
class WrittenLine:
    """A sentence that a model wrote, with the numbers of the quotations that it stands on."""

    text: str
    numbers: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class RecordedPhrasing:
    """What became of a question's phrasing.

    Attributes:
        chosen: the ids of the sentences that were shown to the letter, `2.3` the third of the
            second passage.
        places: the hits in the order that the model gave them, from 0; none unless it was asked.
        lines: what it wrote itself. None where a hit is of a channel or chat, or is gone.
        verdicts: how many of its sentences there were by what was said of them.
        repeated: whether it was shown for an earlier question, and no model was asked.
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
