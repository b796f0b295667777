"""What a member may propose follows from their roles, their tenure, and what they wrote."""

from datetime import UTC, datetime, timedelta

from bot.interactions.policy import quota_check
from bot.interactions.policy.quota_check import Sender, Wait
from knowledge.values.quotas import DAY, Limits, Newcomers, Quota

NOW = datetime(2026, 3, 4, 5, 6, tzinfo=UTC)
GUILD, TRUSTED = 10, 20
NEW = Sender(7, GUILD, (GUILD,), NOW - 400 * DAY, NOW - timedelta(hours=1))
OLD = Sender(8, GUILD, (GUILD,), NOW - 400 * DAY, NOW - 300 * DAY)
GIVEN = Sender(9, GUILD, (GUILD, TRUSTED), NOW - DAY, NOW - timedelta(hours=1))


def notes(sender: Sender, limits: Limits) -> Quota | Wait:
    return quota_check.notes_of(sender, limits, NOW)


def test_nobody_is_limited_unless_somebody_chose_it() -> None:
    assert notes(NEW, Limits()) == Quota()


def test_who_is_new_waits_or_writes_fewer() -> None:
    waiting = Limits(newcomers=Newcomers(member_days=3))
    fewer = Limits(notes={GUILD: Quota(2, 5)}, newcomers=Newcomers(7, 3, notes=1))

    assert notes(NEW, waiting) == Wait(NOW - timedelta(hours=1) + 3 * DAY, new=True)
    assert notes(OLD, waiting) == Quota()
    assert notes(NEW, fewer) == Quota(2, 1)
    assert notes(OLD, fewer) == Quota(2, 5)


def test_a_role_with_its_own_rule_is_not_new() -> None:
    limits = Limits(notes={TRUSTED: Quota(0, 9)}, newcomers=Newcomers(7, 3))

    assert notes(GIVEN, limits) == Quota(0, 9)
