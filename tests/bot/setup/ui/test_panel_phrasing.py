"""Phrasing in the `/setup` panel: allowed for the named host only."""

from typing import Any

import pytest

from bot.config.settings import Settings
from bot.privacy import messages as privacy_messages
from bot.setup import panel_messages
from bot.setup.settings import Page
from bot.statistics import messages as statistics_messages
from knowledge.values.guilds import Phrasing
from knowledge.values.settings import GuildSettings
from tests.bot.message_parts import choices, content, longest_part, said, text_of
from tests.bot.phrased import turn_on, with_phrasing
from tests.bot.spoken import english
from tests.bot.world import World

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


async def test_phrasing_is_allowed_for_a_host(world: World, new_bot: Any) -> None:
    panel = await world.open_setting("phrasing")
    assert english(panel_messages._SENT, host=f"**{HOST}**") in text_of(panel)
    assert panel_messages._NO_MESSAGES.english in text_of(panel)
    assert offered(panel) == ["off", "choose", "phrase"]
    assert (await kept(world)).phrasing is Phrasing.OFF
    await world.start_again(new_bot)

    for choice, host in (("phrase", HOST), ("off", "")):
        await world.choose(phrasing=choice)
        settings = await kept(world)
        assert (settings.phrasing, settings.phrasing_host) == (Phrasing(choice), host)


@pytest.mark.parametrize(
    "settings",
    [{"mode": "choose", "reorder": True, "may_send_messages": True}],
    indirect=True,
)
async def test_allowed_modes_and_sent_data_are_named(world: World) -> None:
    panel = await world.open_setting("phrasing")

    assert offered(panel) == ["off", "choose"]
    assert longest_part(panel_messages._SENT_TEN) in text_of(panel)
    assert panel_messages._MESSAGES.english in text_of(panel)


async def test_members_read_which_host_gets_what(world: World) -> None:
    await turn_on(world, Phrasing.PHRASE, "other.example.com")
    assert panel_messages._OTHER_HOST.english in text_of(await world.open_setting("phrasing"))
    assert "language model" not in said(await world.member.slash(world.general, "stats"))

    for choice in (Phrasing.CHOOSE, Phrasing.PHRASE):
        await turn_on(world, choice)
        stats = said(await world.member.slash(world.general, "stats"))
        assert english(statistics_messages._PHRASED[choice], host=HOST) in stats
    privacy = content(await world.member.slash(world.general, "privacy"))
    assert english(privacy_messages._TO_A_MODEL, host=HOST) in privacy
    assert privacy_messages._NOBODY_ELSE.english not in privacy


@pytest.mark.parametrize("settings", [{"mode": "off"}], indirect=True)
async def test_without_a_model_phrasing_is_hidden(world: World) -> None:
    await turn_on(world, Phrasing.PHRASE)
    panel = await world.open_setup(Page.ANSWERS)

    assert "phrasing" not in choices(panel)
    forged = world.press(world.admin, panel.message, "setup:answers")
    await world.env.settle()
    assert "language model" not in content(forged)
    world.press(world.admin, panel.message, "setting:phrasing", ["phrase"])
    await world.env.settle()
    for command in ("stats", "privacy"):
        told = content(await world.member.slash(world.general, command))
        assert "language model" not in told
    assert privacy_messages._NOBODY_ELSE.english in told
