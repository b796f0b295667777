"""Questions are counted by member and guild for a day, across restarts."""

from datetime import UTC, datetime, timedelta

from knowledge.store.store import Store
from knowledge.values.quotas import DAY, HOUR, Quota
from tests.stores import Place

NOW = datetime(2026, 3, 4, 5, 6, tzinfo=UTC)
TWO = Quota(hour=2)
MIRA, ADA, GUILD = 7, 8, 10


def times(store: Store) -> list[datetime]:
    rows = store.database.rows("select asked_at from recent_questions order by asked_at")
    return [datetime.fromisoformat(row["asked_at"]) for row in rows]


def test_what_is_one_too_many_is_not_counted_and_a_restart_forgets_nothing(
    place: Place,
) -> None:
    with place.store() as store:
        assert store.recent_questions.count_question(GUILD, MIRA, TWO, NOW) is None
        assert (
            store.recent_questions.count_question(GUILD, MIRA, TWO, NOW + timedelta(minutes=5))
            is None
        )
    with place.store() as store:
        for minutes in (6, 30, 59):
            at = NOW + timedelta(minutes=minutes)
            assert store.recent_questions.count_question(GUILD, MIRA, TWO, at) == NOW + HOUR
        assert store.recent_questions.count_question(GUILD, MIRA, TWO, NOW + HOUR) is None


def test_members_and_guilds_are_counted_by_themselves(store: Store) -> None:
    one = Quota(hour=1)
    for guild_id, member_id in ((GUILD, MIRA), (GUILD, ADA), (0, MIRA)):
        assert store.recent_questions.count_question(guild_id, member_id, one, NOW) is None
    assert store.recent_questions.count_question(GUILD, MIRA, one, NOW) == NOW + HOUR


def test_questions_that_no_limit_counts_any_more_are_deleted(store: Store) -> None:
    store.recent_questions.count_question(GUILD, MIRA, TWO, NOW)
    store.recent_questions.count_question(GUILD, ADA, TWO, NOW + HOUR)
    store.recent_questions.count_question(GUILD, ADA, TWO, NOW + DAY)
    assert times(store) == [NOW + HOUR, NOW + DAY]


def test_a_members_times_are_exported_and_forgotten(store: Store) -> None:
    store.recent_questions.count_question(GUILD, MIRA, TWO, NOW)
    store.recent_questions.count_question(0, MIRA, TWO, NOW)
    kept = [{"guild": guild_id, "asked_at": NOW.isoformat()} for guild_id in (GUILD, None)]
    exported = store.personal_data.export(MIRA)["recent_questions"]
    assert sorted(exported, key=str) == sorted(kept, key=str)
    store.personal_data.forget(MIRA, withdraw=False)
    assert times(store) == []
