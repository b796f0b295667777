"""A digest's progress survives restarts, and is deleted with its guild."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from knowledge.store.store import Store
from knowledge.values.settings import Edition, WeeklyDigest
from tests.stores import Place

AT = datetime(2026, 3, 30, 7, tzinfo=UTC)
WEEK = timedelta(days=7)
CHOSEN = WeeklyDigest(
    10, Edition.MODERATORS, 2, 0, 9, "Europe/Berlin", chosen_at=AT - WEEK, post_hours=48
)


def test_a_claim_is_news_once(place: Place) -> None:
    with place.store() as store:
        store.digests.choose(CHOSEN, 1)
        assert store.digests.claim(CHOSEN, AT)
    with place.store() as store:
        [digest] = store.digests.all()
        assert not store.digests.claim(digest, AT)
        assert store.digests.claim(digest, AT + WEEK)


def test_what_was_told_is_covered_and_what_was_left_out_is_not(store: Store) -> None:
    store.digests.choose(CHOSEN, 1)
    store.digests.settle(CHOSEN, AT, covered=True)
    store.digests.settle(CHOSEN, AT + WEEK, covered=False)
    [digest] = store.digests.all()
    assert (digest.settled_at, digest.covered_at) == (AT + WEEK, AT)


def test_choosing_another_hour_keeps_what_was_told(store: Store) -> None:
    store.digests.choose(CHOSEN, 1)
    store.digests.settle(CHOSEN, AT, covered=True)
    store.digests.warn(CHOSEN, warned=True)
    store.digests.choose(replace(CHOSEN, hour=10, chosen_at=AT), 1)
    [digest] = store.digests.all()
    assert (digest.hour, digest.covered_at, digest.warned) == (10, AT, False)


def test_a_guild_that_was_left_is_told_nothing_and_a_purged_one_is_gone(store: Store) -> None:
    other = replace(CHOSEN, guild_id=11, edition=Edition.EVERYBODY)
    store.digests.choose(CHOSEN, 1)
    store.digests.choose(other, 1)
    store.guilds.leave(CHOSEN.guild_id, AT)
    assert store.digests.all() == [other]
    assert store.digests.of_guild(CHOSEN.guild_id) == {Edition.MODERATORS: CHOSEN}
    store.purge.guild(CHOSEN.guild_id)
    assert store.digests.of_guild(CHOSEN.guild_id) == {}
    assert not store.digests.end(CHOSEN.guild_id, Edition.MODERATORS, 1)


def test_a_change_keeps_all_else_and_what_was_told(store: Store) -> None:
    """Simultaneous changes by two administrators both hold."""
    store.digests.choose(CHOSEN, 1)
    store.digests.settle(CHOSEN, AT, covered=True)
    store.digests.change(10, Edition.MODERATORS, {"hour": 17}, 1, AT)
    store.digests.change(10, Edition.MODERATORS, {"weekday": 4}, 2, AT)
    [digest] = store.digests.all()
    assert (digest.hour, digest.weekday, digest.zone) == (17, 4, "Europe/Berlin")
    assert digest.covered_at == AT


def test_a_new_digest_comes_where_moderators_review_and_everybodys_needs_a_channel(
    store: Store,
) -> None:
    change = store.digests.change
    assert change(10, Edition.MODERATORS, {"weekday": 4}, 1, AT) is None
    store.guilds.change(10, {"review_channel_id": 7}, 1)
    assert change(10, Edition.EVERYBODY, {}, 1, AT) is None
    begun = change(10, Edition.MODERATORS, {"weekday": 4}, 1, AT)
    assert begun == WeeklyDigest(10, Edition.MODERATORS, 7, 4, 9, "UTC", chosen_at=AT)
    assert store.digests.all() == [begun]
