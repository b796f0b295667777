"""A guild's settings in the community database."""

from knowledge.model.guilds import GuildSettings
from knowledge.store.store import Store

GUILD = 10


def test_guild_settings_are_none_until_chosen_and_then_the_last_choice(store: Store) -> None:
    assert store.guilds.settings(GUILD) == GuildSettings(GUILD)
    store.guilds.save_settings(GuildSettings(GUILD, 1, 2), 3)
    store.guilds.save_settings(GuildSettings(GUILD, 4, 5), 3)
    assert store.guilds.settings(GUILD) == GuildSettings(GUILD, 4, 5)
