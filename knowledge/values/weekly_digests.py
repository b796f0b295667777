"""Digests of a guild: which edition is posted where, when in the week, and how far that has come.

Values: nothing here reads a clock or a database.
"""

from dataclasses import KW_ONLY, dataclass
from datetime import datetime
from enum import StrEnum


class Edition(StrEnum):
    """Whom a digest is for."""

    MODERATORS = "moderators"
    EVERYBODY = "everybody"


@dataclass(frozen=True, slots=True)
class WeeklyDigest:
    """A weekly digest as administrators chose it, and how far it has come.

    It is posted at an `hour` of a `weekday` (0 is Monday) on the clock of a time `zone`, from
    `chosen_at` on. `settled_at` is the last such time that is done with, whether or not anything
    was posted, `covered_at` the end of what was last told, `claimed_at` the time that one is being
    posted for. `warned` is whether administrators know that it can't be posted. Forum posts are
    named that nobody has answered for `post_hours`.
    """

    guild_id: int
    edition: Edition
    channel_id: int
    # Where nothing else was chosen: Mondays at nine.
    weekday: int = 0
    hour: int = 9
    zone: str = "UTC"
    _: KW_ONLY
    chosen_at: datetime
    settled_at: datetime | None = None
    covered_at: datetime | None = None
    claimed_at: datetime | None = None
    warned: bool = False
    post_hours: int = 24
