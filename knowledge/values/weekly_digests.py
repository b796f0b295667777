"""Weekly digests of a guild: edition, channel, time and progress."""

from dataclasses import KW_ONLY, dataclass
from datetime import datetime
from enum import StrEnum

from knowledge.values.settings import setting


class Edition(StrEnum):
    """Audiences of a digest."""

    MODERATORS = "moderators"
    EVERYBODY = "everybody"


@dataclass(frozen=True, slots=True)
class WeeklyDigest:
    """A weekly digest with its settings and progress.

    Attributes:
        weekday: the day of posting; 0 is Monday.
        hour: the hour of posting, in the time zone `zone`.
        chosen_at: when the settings were chosen; digests are posted from then on.
        settled_at: the scheduled time of the last finished digest, posted or not.
        covered_at: the end of the last period reported in a digest.
        claimed_at: the scheduled time of the last digest claimed for posting.
        warned: whether administrators were warned that posting fails.
        post_hours: how many hours a forum post must be without an answer to be listed.
    """

    guild_id: int
    edition: Edition
    channel_id: int
    # The default is Mondays at nine.
    weekday: int = setting(0, most=6)
    hour: int = setting(9, most=23)
    zone: str = setting("UTC")
    _: KW_ONLY
    chosen_at: datetime
    settled_at: datetime | None = None
    covered_at: datetime | None = None
    claimed_at: datetime | None = None
    warned: bool = False
    post_hours: int = setting(24, most=336)
