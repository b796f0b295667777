import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from knowledge.store.database import row_counts
from knowledge.store.store import Store
from knowledge.values.guilds import Language, SourceCard
from knowledge.values.settings import (
    AnsweredFrom,
    Chosen,
    Edition,
    GuildSettings,
    Mode,
    SolvedPosts,
    WeeklyDigest,
)
from knowledge.values.synonyms import Synonym
from tests.stores import Place

GUILD = 10


def test_the_log_has_choices_but_no_words(store: Store) -> None:
    words = GuildSettings(
        GUILD, undo_minutes=7, page_welcome="Hi there", synonyms=(Synonym("faq", "guide"),)
    )
    store.guilds.save_settings(words, 3)

    [entry] = store.audit_log.entries()
    logged = json.loads(entry.detail)
    assert logged["undo_minutes"] == 7
    assert not {"page_welcome", "synonyms"} & logged.keys()


def test_guild_settings_are_the_last_choice(store: Store) -> None:
    assert store.guilds.settings(GUILD) == GuildSettings(GUILD)
    store.guilds.save_settings(GuildSettings(GUILD, 1, 2), 3)
    store.guilds.save_settings(GuildSettings(GUILD, 4, 5), 3)
    assert store.guilds.settings(GUILD) == GuildSettings(GUILD, 4, 5)


def test_guilds_without_articles_are_known_at_once(store: Store) -> None:
    for guild_id, articles in ((10, False), (11, True), (12, False)):
        store.guilds.save_settings(GuildSettings(guild_id, articles=articles), 1)
    found = store.guilds.sources_turned_off()
    assert sorted(guild_id for guild_id in found if not found[guild_id].articles) == [10, 12]
    assert store.guilds.saves == {10: 1, 11: 1, 12: 1}


def test_the_last_card_of_a_failing_source_is_kept(store: Store) -> None:
    began_at = datetime(2026, 3, 4, tzinfo=UTC)
    posted = SourceCard(GUILD, "/a", began_at, channel_id=1, message_id=2, shown="words")
    for card in (SourceCard(GUILD, "/a", began_at), posted):
        store.source_cards.keep(card)
    assert store.source_cards.all() == [posted]


CHANNEL, ADMIN = 20, 30
WHOLE: Chosen = {
    "mode": Mode.HELP,
    "wait_seconds": 0,
    "private": False,
    "language": Language.GERMAN,
    "quotations": 2,
    "answered_from": AnsweredFrom(("rust",), ("notes",)),
    "from_replies": True,
    "similar_posts": True,
    "ping_hours": 8,
    "solved_posts": SolvedPosts.LOCK,
}


def change(store: Store, channel_id: int = CHANNEL, **changes: Any) -> Chosen:
    return store.channel_settings.change(channel_id, GUILD, changes, ADMIN)


def without(chosen: Chosen, name: str) -> Chosen:
    return {key: value for key, value in chosen.items() if key != name}


def test_chosen_settings_come_back_after_a_change(store: Store) -> None:
    assert change(store, **WHOLE) == WHOLE
    change(store, private=None, wait_seconds=5)

    [found] = store.channel_settings.of_guild(GUILD).values()
    assert found == {**without(WHOLE, "private"), "wait_seconds": 5}
    assert store.channel_settings.of_guild(GUILD + 1) == {}


def test_a_channel_without_any_setting_has_no_row(store: Store) -> None:
    change(store, mode=Mode.HELP)
    change(store, mode=None)
    assert "channel_settings" not in row_counts(store.database)


def test_only_real_changes_are_logged(store: Store) -> None:
    change(store, mode=Mode.HELP)
    change(store, mode=Mode.HELP)

    [entry] = [line for line in store.audit_log.entries() if line.event == "channel_settings"]
    assert (entry.guild_id, entry.subject) == (GUILD, f"channel:{CHANNEL}")
    assert entry.detail == '{"mode": "help"}'


def test_guilds_that_chose_are_known_at_the_start(store: Store) -> None:
    store.guilds.save_settings(GuildSettings(GUILD + 1, 1, 2), ADMIN)
    change(store, quotations=1)

    every = store.channel_settings.every()

    assert every[GUILD + 1].server == GuildSettings(GUILD + 1, 1, 2)
    assert every[GUILD].channels[CHANNEL] == {"quotations": 1}
    assert store.guilds.known() == {GUILD, GUILD + 1}


def test_the_settings_of_a_channel_that_is_gone_are_forgotten(store: Store) -> None:
    change(store, mode=Mode.HELP)
    change(store, 21, mode=Mode.HELP)

    assert not store.channel_settings.forget(CHANNEL, GUILD + 1)
    assert store.channel_settings.forget(CHANNEL, GUILD)

    assert [*store.channel_settings.of_guild(GUILD)] == [21]


def test_a_purged_guild_leaves_no_channel_settings(store: Store) -> None:
    change(store, mode=Mode.HELP)
    store.purge.guild(GUILD)
    assert store.channel_settings.of_guild(GUILD) == {}


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


def test_only_told_weeks_are_covered(store: Store) -> None:
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


def test_left_guild_is_told_nothing(store: Store) -> None:
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


def test_new_digest_needs_its_channel(store: Store) -> None:
    change = store.digests.change
    assert change(10, Edition.MODERATORS, {"weekday": 4}, 1, AT) is None
    store.guilds.change(10, {"review_channel_id": 7}, 1)
    assert change(10, Edition.EVERYBODY, {}, 1, AT) is None
    begun = change(10, Edition.MODERATORS, {"weekday": 4}, 1, AT)
    assert begun == WeeklyDigest(10, Edition.MODERATORS, 7, 4, 9, "UTC", chosen_at=AT)
    assert store.digests.all() == [begun]
