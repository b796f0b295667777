"""Weekly schedule of digests: when one is due, by the clock of a time zone. Pure.

An hour that the clock skips when summer time begins is the one after it; of one that it has twice
when summer time ends, the first counts. A digest whose time was missed is caught up with for three
days. After that its week is left to the next one, which tells of everything since the last.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta, tzinfo
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from knowledge.values.weekly_digests import WeeklyDigest

WEEK: Final = timedelta(days=7)
# How late a digest is still posted: what waits is news for as long, and the next is far away.
LATEST: Final = timedelta(days=3)


@dataclass(frozen=True, slots=True)
class Due:
    """A time `at` which a digest was to be posted that tells of everything `since` then.

    `missed` is whether that is too long ago: it is not to be posted any more.
    """

    at: datetime
    since: datetime
    missed: bool = False


def due(digest: WeeklyDigest, now: datetime) -> Due | None:
    """What is due of a digest now; None while there is nothing to do."""
    at = last_time(digest, now)
    # What lies ahead was written by a clock that went wrong.
    done = [one for one in (digest.chosen_at, digest.settled_at) if one and one <= now]
    if done and at <= max(done):
        return None
    return Due(at, since(digest, at), missed=now - at > LATEST)


def since(digest: WeeklyDigest, at: datetime) -> datetime:
    """From when on a digest tells that is posted then: since the last one, or of a week."""
    covered = digest.covered_at
    return covered if covered is not None and covered < at else at - WEEK


def last_time(digest: WeeklyDigest, now: datetime) -> datetime:
    """The last time up to now that a digest was to be posted, in UTC."""
    return _last_time(digest.weekday, digest.hour, digest.zone, now)


def next_time(digest: WeeklyDigest, now: datetime) -> datetime:
    """The next time after now that a digest is to be posted, in UTC."""
    return min(one for one in _times(digest.weekday, digest.hour, digest.zone, now) if one > now)


# Thousands of digests have the same few hundred times, and all are looked at in one round.
@lru_cache(maxsize=1_024)
def _last_time(weekday: int, hour: int, zone: str, now: datetime) -> datetime:
    return max(one for one in _times(weekday, hour, zone, now) if one <= now)


def _times(weekday: int, hour: int, zone_name: str, now: datetime) -> Iterable[datetime]:
    """The times around now, in UTC: of two weeks before and after, in case a date is skipped."""
    zone = zone_of(zone_name)
    here = now.astimezone(zone).date()
    nearest = here + timedelta(days=weekday - here.weekday())
    for weeks in range(-2, 3):
        date = nearest + weeks * WEEK
        yield datetime.combine(date, time(hour), zone).astimezone(UTC)


def zone_of(name: str) -> tzinfo:
    """A time zone; UTC where this computer does not know it."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return UTC
