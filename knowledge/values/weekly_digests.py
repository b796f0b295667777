"""Weekly digests of a guild: edition, channel, time and progress."""

from dataclasses import KW_ONLY, dataclass
from datetime import datetime
from enum import StrEnum


class Edition(StrEnum):
    """Audiences of a digest."""

    MODERATORS = "moderators"
    EVERYBODY = "everybody"


@dataclass(frozen=True, slots=True)
class WeeklyDigest:
    """A weekly digest with its settings and progress.

    It is posted at `hour` of `weekday` (0 is Monday) in time `zone`, from `chosen_at` on.
    `settled_at` is the last finished time, with or without a post; `covered_at` the end of the last
    reported period; `claimed_at` the time of the digest being posted. `warned` is whether
    administrators know that posting fails. Forum posts unanswered for `post_hours` are listed.
    """

    guild_id: int
    edition: Edition
    channel_id: int
    # The default is Mondays at nine.
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
