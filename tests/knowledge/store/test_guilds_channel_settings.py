"""Channel settings in the community database."""

from typing import Any

from knowledge.store.database import row_counts
from knowledge.store.store import Store
from knowledge.values.guilds import Language
from knowledge.values.settings import AnsweredFrom, Chosen, GuildSettings, Mode, SolvedPosts

GUILD, CHANNEL, ADMIN = 10, 20, 30
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


def test_all_that_was_chosen_comes_back_and_a_change_leaves_the_rest(store: Store) -> None:
    assert change(store, **WHOLE) == WHOLE
    change(store, private=None, wait_seconds=5)

    [found] = store.channel_settings.of_guild(GUILD).values()
    assert found == {**without(WHOLE, "private"), "wait_seconds": 5}
    assert store.channel_settings.of_guild(GUILD + 1) == {}


def test_a_channel_without_any_setting_has_no_row(store: Store) -> None:
    change(store, mode=Mode.HELP)
    change(store, mode=None)
    assert "channel_settings" not in row_counts(store.database)


def test_a_change_is_in_the_log_and_what_changes_nothing_is_not(store: Store) -> None:
    change(store, mode=Mode.HELP)
    change(store, mode=Mode.HELP)

    [entry] = [one for one in store.audit_log.entries() if one.event == "channel_settings"]
    assert (entry.guild_id, entry.subject) == (GUILD, f"channel:{CHANNEL}")
    assert entry.detail == '{"mode": "help"}'


def test_every_guild_that_chose_anything_is_known_before_the_worker_is_open(store: Store) -> None:
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
