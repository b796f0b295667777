"""Values of a lookup: `Ask`, a question to look up, and `Lookup`, the hits for a question."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from indexer.index.selection import Selection
from indexer.retrieval.hit import Hit
from knowledge.text import storable
from knowledge.values.documents import SHARED, Scope, channel_scope
from knowledge.values.questions import Evidence
from knowledge.values.settings import EVERYTHING, AnsweredFrom

# Vectors of questions, (d,) each, by text.
Vectors: TypeAlias = Mapping[str, NDArray[np.float32]]

# Number of hits to judge and record a question with.
HITS: Final = 10

# Exclusive limit of Discord's ids, and of integers in SQLite.
_IDS_END: Final = 2**63


@dataclass(frozen=True, slots=True)
class Ask:
    """A question, with its asker and place.

    Attributes:
        earlier: the questions before a follow-up, one a line (`context_after`).
        private: whether the asker alone sees the answer.
        told_for: the id of the recorded question that this question repeats; None for a new one.
            The bot repeats a question to share a private answer, or to send the asker a new answer.
        channels: ids of followed channels that all readers of the answer may read
            (`bot.interactions.policy.channel_access`).
        quotations: the largest number of passages to quote, or None for the operator's setting.
        detail: the follow-up as typed, if `text` has it in full (`bot.answers.follow_ups`).
        may_repeat: whether the answer may quote the passage for the question before again.
    """

    text: str
    asker_id: int
    guild_id: int | None = None
    channel_id: int | None = None
    earlier: str = ""
    private: bool = False
    told_for: int | None = None
    channels: tuple[int, ...] = ()
    answered_from: AnsweredFrom = EVERYTHING
    quotations: int | None = None
    detail: str = ""
    may_repeat: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "text", storable(self.text))
        object.__setattr__(self, "earlier", storable(self.earlier))
        ids = (self.asker_id, self.guild_id or 0, self.channel_id or 0, *self.channels)
        if max(ids) >= _IDS_END:
            raise ValueError("An id of Discord's has 63 bits; this one has more.")

    @property
    def previous(self) -> "Ask":
        """The question before this follow-up, from the same asker in the same place."""
        *earlier, last = self.earlier.split("\n")
        return replace(self, text=last, earlier="\n".join(earlier), detail="", may_repeat=False)

    @property
    def scopes(self) -> tuple[Scope, ...]:
        """The scopes that all readers of the answer may see (`scopes_of`)."""
        return scopes_of(self.guild_id, self.channels)


def scopes_of(guild_id: int | None, channels: Sequence[int]) -> tuple[Scope, ...]:
    """The scopes to search besides the articles: shared, the guild's, and those of channels.

    `guild_id` is the guild of the question, or None in a direct message.
    """
    guild = (SHARED,) if guild_id is None else (SHARED, Scope(guild_id))
    return (*guild, *(channel_scope(channel_id) for channel_id in sorted(set(channels))))


@dataclass(frozen=True, slots=True)
class Lookup:
    """Hits for a question, best first, with their evidence.

    Attributes:
        signals: the measurements that the evidence was judged by.
        scopes: the scopes visible to the asker.
        selection: the documents searched in these scopes, or None for all documents.
        confirmed: whether the first hit is a confirmed passage (`bot.answers.confirmed_answers`).
        before: for a follow-up, the hit that answered the question before, if one did.
    """

    ask: Ask
    hits: Sequence[Hit]
    evidence: Evidence
    signals: Mapping[str, float]
    scopes: tuple[Scope, ...] = ()
    selection: Selection | None = None
    confirmed: bool = False
    before: Hit | None = None
