"""Administrators turn phrasing on, for the host that they are told of."""

from typing import Any

import pytest

from bot.config.settings import Settings
from bot.privacy import messages as privacy_messages
from bot.setup import phrasing_messages
from bot.setup.settings import Page
from knowledge.values.guilds import GuildSettings, Language, Phrasing
from tests.bot.phrased import turn_on, with_phrasing
from tests.bot.steps import choose, content, longest_part, opened, restarted, said
from tests.bot.world import World, buttons, custom_ids, text_of

HOST = "model.example.com"


@pytest.fixture(params=[{}])
def settings(settings: Settings, request: pytest.FixtureRequest) -> Settings:
    return with_phrasing(settings, f"https://{HOST}/v1", **request.param)


async def kept(world: World) -> GuildSettings:
    return await world.core(lambda core: core.store.guilds.settings(world.guild.id))


def offered(panel: Any) -> list[str]:
    """The values of the list of phrasing."""
    return [
        one["value"]
        for row in panel.components
        for part in [row, *(row.get("components") or [])]
        for control in part.get("components") or []
        if control.get("custom_id") == "setting:phrasing"
        for one in control["options"]
    ]


async def test_who_turns_it_on_is_told_which_host_gets_what(world: World) -> None:
    panel = await opened(world, Page.PHRASING)

    assert phrasing_messages._SENT(Language.ENGLISH, host=f"**{HOST}**") in text_of(panel)
    assert phrasing_messages._NO_MESSAGES.english in text_of(panel)
    assert offered(panel) == ["off", "choose", "phrase"]
    assert (await kept(world)).phrasing is Phrasing.OFF


@pytest.mark.parametrize(
    "settings",
    [{"mode": "choose", "reorder": True, "may_send_messages": True}],
    indirect=True,
)
async def test_no_more_is_offered_than_the_operator_lets_and_all_that_is_sent_is_named(
    world: World,
) -> None:
    panel = await opened(world, Page.PHRASING)

    assert offered(panel) == ["off", "choose"]
    assert longest_part(phrasing_messages._SENT_TEN) in text_of(panel)
    assert phrasing_messages._MESSAGES.english in text_of(panel)


async def test_what_is_chosen_is_kept_with_the_host_also_after_a_restart(
    world: World, new_bot: Any
) -> None:
    panel = await opened(world, Page.PHRASING)
    await restarted(world, new_bot)

    await world.admin.select(panel, ["phrase"], custom_id="setting:phrasing")
    settings = await kept(world)
    assert (settings.phrasing, settings.phrasing_host) == (Phrasing.PHRASE, HOST)

    await choose(world, phrasing="off")
    settings = await kept(world)
    assert (settings.phrasing, settings.phrasing_host) == (Phrasing.OFF, "")


async def test_what_was_turned_on_for_another_host_is_off_and_said_to_be(world: World) -> None:
    await turn_on(world, Phrasing.PHRASE, "other.example.com")

    panel = await opened(world, Page.PHRASING)

    assert phrasing_messages._OTHER_HOST.english in text_of(panel)
    about = said(await world.member.slash(world.general, "about"))
    assert "language model" not in about


async def test_members_are_told_which_host_gets_what(world: World) -> None:
    await turn_on(world, Phrasing.CHOOSE)
    assert phrasing_messages._ABOUT[Phrasing.CHOOSE](Language.ENGLISH, host=HOST) in said(
        await world.member.slash(world.general, "about")
    )
    await turn_on(world, Phrasing.PHRASE)
    assert phrasing_messages._ABOUT[Phrasing.PHRASE](Language.ENGLISH, host=HOST) in said(
        await world.member.slash(world.general, "about")
    )
    privacy = content(await world.member.slash(world.general, "privacy"))
    assert privacy_messages._TO_A_MODEL(Language.ENGLISH, host=HOST) in privacy
    assert privacy_messages._NOBODY_ELSE.english not in privacy


@pytest.mark.parametrize("settings", [{"mode": "off"}], indirect=True)
async def test_where_the_operator_has_no_model_nothing_of_it_is_there(world: World) -> None:
    await turn_on(world, Phrasing.PHRASE)
    panel = await opened(world, Page.ANSWERS)

    assert "setup:phrasing" not in custom_ids(panel)
    assert "Phrasing" not in buttons(panel)
    forged = world.press(world.admin, panel.message, "setup:phrasing")
    await world.env.settle()
    assert "language model" not in content(forged)
    world.press(world.admin, panel.message, "setting:phrasing", ["phrase"])
    await world.env.settle()
    for command in ("about", "privacy"):
        told = content(await world.member.slash(world.general, command))
        assert "language model" not in told
    assert privacy_messages._NOBODY_ELSE.english in told
