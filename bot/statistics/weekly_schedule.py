"""Schedule of weekly digests in their time zones. Pure.

If summer time skips the hour of a digest, the next hour counts. If the hour comes twice, the first
one counts. A digest missed while the bot is off is posted up to three days late. After that, the
next digest covers both weeks.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta, tzinfo
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from knowledge.values.weekly_digests import WeeklyDigest

WEEK: Final = timedelta(days=7)
# Longest delay of a missed digest: its news is still fresh, and the next digest far away.
LATEST: Final = timedelta(days=3)


@dataclass(frozen=True, slots=True)
class Due:
    """A digest due at `at`, on the period from `since`; `missed` if it is too late to post it."""

    at: datetime
    since: datetime
    missed: bool = False


def due(digest: WeeklyDigest, now: datetime) -> Due | None:
    at = last_time(digest, now)
    # Times in the future come from a wrong clock.
    done = [one for one in (digest.chosen_at, digest.settled_at) if one and one <= now]
    if done and at <= max(done):
        return None
    return Due(at, since(digest, at), missed=now - at > LATEST)


def since(digest: WeeklyDigest, at: datetime) -> datetime:
    """Start of the period that a digest covers: the end of the previous period, or a week ago."""
    covered = digest.covered_at
    return covered if covered is not None and covered < at else at - WEEK


def last_time(digest: WeeklyDigest, now: datetime) -> datetime:
    """Last scheduled time up to now, in UTC."""
    return _last_time(digest.weekday, digest.hour, digest.zone, now)


def next_time(digest: WeeklyDigest, now: datetime) -> datetime:
    """Next scheduled time after now, in UTC."""
    return min(one for one in _times(digest.weekday, digest.hour, digest.zone, now) if one > now)


# A round checks thousands of digests, which share a few hundred times.
@lru_cache(maxsize=1_024)
def _last_time(weekday: int, hour: int, zone: str, now: datetime) -> datetime:
    return max(one for one in _times(weekday, hour, zone, now) if one <= now)


def _times(weekday: int, hour: int, zone_name: str, now: datetime) -> Iterable[datetime]:
    """Scheduled times from two weeks before to two weeks after now, in UTC."""
    zone = zone_of(zone_name)
    here = now.astimezone(zone).date()
    nearest = here + timedelta(days=weekday - here.weekday())
    for weeks in range(-2, 3):
        date = nearest + weeks * WEEK
        yield datetime.combine(date, time(hour), zone).astimezone(UTC)


def zone_of(name: str) -> tzinfo:
    """Time zone by name; UTC if this machine does not know it."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return UTC
