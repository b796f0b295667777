from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from knowledge.values.guilds import Language
from knowledge.values.settings import (
    EVERYTHING,
    SETTINGS,
    AnsweredFrom,
    Chosen,
    GuildChoices,
    GuildSettings,
    Level,
    Mode,
    Place,
    SolvedPosts,
    effective_settings,
)

GUILD, CATEGORY, CHANNEL, THREAD = 1, 2, 3, 4
PLACE = Place(CHANNEL, CATEGORY, THREAD)
RUST = AnsweredFrom(("rust",), first=True)
VALUES: dict[str, Any] = {
    "mode": Mode.HELP,
    "wait_seconds": 7,
    "private": True,
    "language": Language.GERMAN,
    "quotations": 1,
    "answered_from": RUST,
    "from_replies": True,
    "similar_posts": True,
    "ping_hours": 8,
    "solved_posts": SolvedPosts.LOCK,
}


def chosen(channels: Mapping[int, Chosen] = MappingProxyType({}), **server: Any) -> GuildChoices:
    return GuildChoices(GuildSettings(GUILD, **server), channels)


@pytest.mark.parametrize(
    ("channel_id", "level"),
    [(THREAD, Level.THREAD), (CHANNEL, Level.CHANNEL), (CATEGORY, Level.CATEGORY)],
)
def test_nearest_level_with_a_value_decides(channel_id: int, level: Level) -> None:
    values = (
        Mode.OFF,
        99,
        False,
        Language.ENGLISH,
        5,
        EVERYTHING,
        False,
        False,
        0,
        SolvedPosts.OFF,
    )
    far = {CATEGORY: dict(zip(SETTINGS, values, strict=True))}
    for name in SETTINGS:
        near = {channel_id: {name: VALUES[name]}}

        found = effective_settings(PLACE, chosen(far | near))

        assert getattr(found, name) == VALUES[name]
        assert found.origins[name] is level
        others = {found.origins[other] for other in SETTINGS if other != name}
        assert channel_id == CATEGORY or others == {Level.CATEGORY}


def test_without_any_choice_the_configuration_holds() -> None:
    found = effective_settings(PLACE, chosen(), private=True, quotations=2)

    assert (found.mode, found.private, found.quotations) == (Mode.MENTIONS, True, 2)
    assert found.answered_from == EVERYTHING
    assert found.origins["private"] is found.origins["mode"] is Level.CONFIGURATION
    assert (found.language, found.origins["language"]) == (Language.ENGLISH, Level.SERVER)


@pytest.mark.parametrize(("forum", "seconds"), [(True, 0), (False, 30)])
def test_helper_waits_in_text_channels(forum: bool, seconds: int) -> None:
    place = replace(PLACE, forum=forum)
    assert effective_settings(place, chosen()).wait_seconds == seconds
    waits = {CATEGORY: {"wait_seconds": 5}}
    assert effective_settings(place, chosen(waits)).wait_seconds == 5


@pytest.mark.parametrize("listened_to", [THREAD, CHANNEL, CATEGORY])
def test_the_server_listens_in_the_channels_that_it_chose(listened_to: int) -> None:
    here = effective_settings(PLACE, chosen(listen_channels=(listened_to,)))
    elsewhere = effective_settings(Place(9), chosen(listen_channels=(listened_to,)))

    assert (here.mode, here.origins["mode"]) == (Mode.MENTIONS, Level.SERVER)
    assert (elsewhere.mode, elsewhere.origins["mode"]) == (Mode.OFF, Level.SERVER)


def test_channels_mode_overrides_the_servers_channels() -> None:
    own = {CHANNEL: {"mode": Mode.MENTIONS}}
    assert effective_settings(PLACE, chosen(own, listen_channels=(9,))).mode is Mode.MENTIONS


def test_the_servers_choice_stands_between_category_and_configuration() -> None:
    server = {"private_answers": True, "language": Language.GERMAN}
    category = {CATEGORY: {"private": False}}

    found = effective_settings(PLACE, chosen(category, **server), private=False)
    assert (found.private, found.origins["private"]) == (False, Level.CATEGORY)
    assert found.language is Language.GERMAN
    names = ("from_replies", "similar_posts", "ping_hours", "solved_posts")
    server |= {name: VALUES[name] for name in names}
    found = effective_settings(Place(9), chosen(category, **server))
    for name in ("private", "language", *names):
        assert (getattr(found, name), found.origins[name]) == (VALUES[name], Level.SERVER)


def test_a_category_and_direct_messages_have_settings_too() -> None:
    own = {CATEGORY: {"quotations": 1}}

    found = effective_settings(Place(None, CATEGORY), chosen(own))

    assert (found.quotations, found.origins["quotations"]) == (1, Level.CATEGORY)
    assert (
        effective_settings(None, GuildChoices(GuildSettings(0, listen_channels=(1,)))).mode
        is Mode.MENTIONS
    )


texts = st.lists(st.text(), max_size=3).map(tuple)


@given(st.builds(AnsweredFrom, tags=texts, sources=texts, first=st.booleans()))
def test_what_is_answered_from_comes_back_as_it_was_written(of: AnsweredFrom) -> None:
    assert AnsweredFrom.parse(of.serialize()) == (EVERYTHING if of.everything else of)


@pytest.mark.parametrize("column", ["[]", "{", '{"tags": 1}', '{"tags": [1]}', '{"all": true}'])
def test_what_was_not_written_so_is_refused(column: str) -> None:
    with pytest.raises((ValueError, TypeError)):
        AnsweredFrom.parse(column)
