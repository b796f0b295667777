"""A guild's settings in the community database."""

import json
from datetime import UTC, datetime

from knowledge.store.store import Store
from knowledge.values.guilds import SourceCard
from knowledge.values.settings import GuildSettings
from knowledge.values.synonyms import Synonym

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


def test_guild_settings_are_none_until_chosen_and_then_the_last_choice(store: Store) -> None:
    assert store.guilds.settings(GUILD) == GuildSettings(GUILD)
    store.guilds.save_settings(GuildSettings(GUILD, 1, 2), 3)
    store.guilds.save_settings(GuildSettings(GUILD, 4, 5), 3)
    assert store.guilds.settings(GUILD) == GuildSettings(GUILD, 4, 5)


def test_the_guilds_that_ended_the_articles_are_known_all_at_once(store: Store) -> None:
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
