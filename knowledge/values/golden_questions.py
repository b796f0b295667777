"""Golden questions: recorded questions with a known right passage, asked again later."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class GoldenState(StrEnum):
    """The expected passage when a golden question was asked again, without confirmed answers.

    `HELD`: it comes first. `MOVED`: it is there, but doesn't come first. `EDITED`: its document is
    there without it. `GONE`: its document was withdrawn, deleted, or lost with its source.
    """

    HELD = "held"
    MOVED = "moved"
    EDITED = "edited"
    GONE = "gone"


@dataclass(frozen=True, slots=True)
class GoldenQuestion:
    """A golden question with the result of its last check, if there was one.

    Attributes:
        expected: the digest of the right passage, the question's first recorded hit.
        answered_at: the time of the confirmation, or of the last *Helpful*.
        channels: the channels searched for messages.
        checked: a digest of index, model and synonyms at the last check.
        first: a digest of the first passage then, or of no answer.
        changed_at: the time of a change without a decision so far.
    """

    question_id: int
    guild_id: int
    expected: str
    answered_at: datetime
    channels: tuple[int, ...] = ()
    checked: str = ""
    checked_at: datetime | None = None
    state: GoldenState | None = None
    first: str = ""
    changed_at: datetime | None = None
