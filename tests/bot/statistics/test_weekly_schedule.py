"""A digest is due once a week in its time zone, also when the clocks change."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.statistics import weekly as schedule
from bot.statistics.weekly import LATEST, WEEK
from knowledge.values.settings import Edition, WeeklyDigest

CHOSEN = datetime(2026, 1, 1, tzinfo=UTC)
BERLIN = WeeklyDigest(1, Edition.MODERATORS, 2, 0, 9, "Europe/Berlin", chosen_at=CHOSEN)

# Half an hour of summer time, midnights that are skipped, a date that never was, and none of it.
ZONES = [
    "Europe/Berlin",
    "America/New_York",
    "Australia/Lord_Howe",
    "America/Santiago",
    "Africa/Cairo",
    "Asia/Kathmandu",
    "Pacific/Apia",
    "UTC",
    "No/Where",
]
digests = st.builds(
    replace,
    st.just(BERLIN),
    weekday=st.integers(0, 6),
    hour=st.integers(0, 23),
    zone=st.sampled_from(ZONES),
)
moments = st.integers(1_293_840_000, 1_893_456_000).map(
    lambda seconds: datetime.fromtimestamp(seconds, UTC)
)


def _clock(digest: WeeklyDigest, at: datetime) -> datetime:
    return at.astimezone(schedule.zone_of(digest.zone))


@given(digests, moments)
def test_last_and_next_are_a_week_apart(digest: WeeklyDigest, now: datetime) -> None:
    last, following = schedule.last_time(digest, now), schedule.next_time(digest, now)

    assert last <= now < following
    # An hour and a half more or less, where the clock is changed; a day, where a date is left out.
    assert abs(following - last - WEEK) <= timedelta(hours=26)
    assert schedule.last_time(digest, following) == following
    assert schedule.next_time(digest, last) == following


@given(digests, moments)
def test_the_chosen_hour_is_kept(digest: WeeklyDigest, now: datetime) -> None:
    shown = _clock(digest, schedule.last_time(digest, now))
    if (shown.weekday(), shown.hour) != (digest.weekday, digest.hour):
        # What was chosen is no time of that week: reading it off again gives another one.
        skipped = shown - timedelta(days=1) * ((shown.weekday() - digest.weekday) % 7)
        never = skipped.replace(hour=digest.hour, minute=0, fold=0)
        assert _clock(digest, never.astimezone(UTC)).replace(tzinfo=None) != never.replace(
            tzinfo=None
        )


@given(digests, moments, st.lists(st.integers(1, 60 * 24 * 20), max_size=40))
def test_digests_cover_every_moment_exactly_once(
    digest: WeeklyDigest, start: datetime, pauses: list[int]
) -> None:
    digest, now = replace(digest, chosen_at=start), start
    covered: list[tuple[datetime, datetime]] = []
    for minutes in pauses:
        now += timedelta(minutes=minutes)
        due = schedule.due(digest, now)
        if due is None:
            continue
        assert due.at <= now
        assert due.missed == (now - due.at > LATEST)
        digest = replace(digest, settled_at=due.at)
        if not due.missed:
            covered.append((due.since, due.at))
            digest = replace(digest, covered_at=due.at)
        assert schedule.due(digest, now) is None

    assert all(earlier[1] == later[0] for earlier, later in pairwise(covered))
    assert all(since < until for since, until in covered)


@pytest.mark.parametrize(
    ("weekday", "hour", "now", "expected"),
    [
        # Summer time begins on 29 March at two, which is three then.
        (6, 2, "2026-03-29T12:00", "2026-03-29T03:00+02:00"),
        # It ends on 25 October at three, which is two then: the first two o'clock counts.
        (6, 2, "2026-10-25T12:00", "2026-10-25T02:00+02:00"),
        (0, 9, "2026-03-30T09:00", "2026-03-30T09:00+02:00"),
        (0, 9, "2026-03-30T08:59", "2026-03-23T09:00+01:00"),
    ],
)
def test_digests_follow_summer_time(weekday: int, hour: int, now: str, expected: str) -> None:
    digest = replace(BERLIN, weekday=weekday, hour=hour)
    at = datetime.fromisoformat(now).replace(tzinfo=ZoneInfo("Europe/Berlin")).astimezone(UTC)

    assert schedule.last_time(digest, at) == datetime.fromisoformat(expected)


def test_a_new_digest_has_no_past() -> None:
    now = datetime(2026, 3, 31, 12, tzinfo=UTC)

    assert schedule.due(replace(BERLIN, chosen_at=now), now) is None
    assert schedule.due(BERLIN, now) is not None


def test_a_digest_is_late_three_days_at_most() -> None:
    monday = datetime(2026, 3, 30, 7, tzinfo=UTC)
    told = replace(BERLIN, settled_at=monday - 2 * WEEK, covered_at=monday - 2 * WEEK)

    late = schedule.due(told, monday + timedelta(days=2))
    missed = schedule.due(told, monday + timedelta(days=4))

    assert late is not None
    assert (late.at, late.since, late.missed) == (monday, monday - 2 * WEEK, False)
    assert missed is not None
    assert missed.missed
    after = replace(told, settled_at=missed.at)
    following = schedule.due(after, monday + WEEK)
    assert following is not None
    assert following.since == monday - 2 * WEEK


def test_a_future_time_is_ignored() -> None:
    now = datetime(2026, 3, 31, 12, tzinfo=UTC)
    ahead = now + timedelta(days=4_000)

    due = schedule.due(replace(BERLIN, settled_at=ahead, covered_at=ahead), now)

    assert due is not None
    assert due.since == due.at - WEEK
