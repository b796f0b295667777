"""Limits hold in every hour and day, and tell correctly when the next one is allowed."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from knowledge.values.quotas import DAY, HOUR, Limits, Newcomers, Quota, quota_of

START = datetime(2026, 3, 4, 5, 6, tzinfo=UTC)
ANY = Quota()
EVERYBODY, TRUSTED, HELPER = 1, 2, 3

quotas = st.builds(Quota, st.integers(0, 4), st.integers(0, 6))
minutes = st.lists(st.integers(0, 60 * 60), max_size=40)


@given(quotas, minutes)
def test_no_hour_or_day_exceeds_its_limit(quota: Quota, pauses: list[int]) -> None:
    """Compared with the content of every window that ends at an attempt."""
    now, taken = START, list[datetime]()
    for pause in pauses:
        now += timedelta(seconds=pause)
        full = [
            number
            for number, window in ((quota.hour, HOUR), (quota.day, DAY))
            if number and sum(now - window < one <= now for one in taken) >= number
        ]
        wait = quota.wait(taken, now)
        assert (wait is not None) == bool(full)
        if wait is None:
            taken.append(now)
            continue
        assert wait > now
        # Allowed then, and not a moment earlier.
        assert quota.wait(taken, wait) is None
        assert quota.wait(taken, wait - timedelta(microseconds=1)) == wait


def test_time_ahead_does_not_count() -> None:
    assert Quota(hour=1).wait([START + DAY], START) is None


def test_the_most_generous_of_somebodys_roles_counts_for_each_window() -> None:
    chosen = {EVERYBODY: Quota(2, 5), TRUSTED: Quota(1, 9), HELPER: Quota(4, 0)}

    assert quota_of(chosen, [EVERYBODY]) == Quota(2, 5)
    assert quota_of(chosen, [EVERYBODY, TRUSTED]) == Quota(2, 9)
    assert quota_of(chosen, [EVERYBODY, TRUSTED, HELPER]) == Quota(4, 0)
    assert quota_of(chosen, [99]).is_unlimited
    assert quota_of({}, [EVERYBODY]).is_unlimited


def test_newcomer_needs_an_old_account_and_stay() -> None:
    newcomers = Newcomers(account_days=7, member_days=3)

    assert newcomers.until(START, START + DAY) == START + 7 * DAY
    assert newcomers.until(START, START + 6 * DAY) == START + 9 * DAY
    assert newcomers.until(START, None) == START + 7 * DAY
    assert Newcomers().until(START, START + DAY) == START + DAY


@given(
    st.dictionaries(st.integers(1, 2**62), quotas, max_size=3),
    st.dictionaries(st.integers(1, 2**62), quotas, max_size=3),
    st.none() | st.builds(Newcomers, *[st.integers(0, 99)] * 3),
)
def test_written_times_are_read_again(
    questions: dict[int, Quota], notes: dict[int, Quota], newcomers: Newcomers | None
) -> None:
    limits = Limits(questions, notes, newcomers)

    assert Limits.parse(limits.serialize()) == limits


@pytest.mark.parametrize(
    "text",
    [
        "[]",
        '"x"',
        '{"questions": []}',
        '{"questions": {"x": [1, 2]}}',
        '{"notes": {"1": [1, -2]}}',
        '{"notes": {"1": [1, 2, 3]}}',
        '{"newcomers": [1e9, 0, 0]}',
        '{"newcomers": "abc"}',
    ],
)
def test_what_nobody_wrote_is_not_read(text: str) -> None:
    with pytest.raises((ValueError, TypeError)):
        Limits.parse(text)


def test_a_role_is_taken_out_with_all_of_its_quotas() -> None:
    limits = Limits().with_role(TRUSTED, ANY, Quota(1)).with_role(HELPER, Quota(2), None)

    assert limits.without_role(TRUSTED) == Limits({HELPER: Quota(2)}, {})
