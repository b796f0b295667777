"""Administrators turn the public page on, and choose how it looks."""

import pytest

from bot.setup import panel_messages as said
from bot.setup.settings import Page
from bot.text import error_messages
from knowledge.values.guilds import GuildSettings, Language
from tests.bot.page.turned_on import on_page
from tests.bot.steps import everything, opened
from tests.bot.world import TITLE, World, text_of


async def kept(world: World) -> GuildSettings:
    return await world.core(lambda core: core.store.guilds.settings(world.guild.id))


async def test_the_page_is_off_and_not_indexed_until_an_administrator_says_so(
    world: World,
) -> None:
    assert not (await kept(world)).page
    panel = await opened(world, Page.PUBLIC)
    assert said._PUBLIC_PAGE.english in text_of(panel)

    await world.admin.select(panel, ["yes"], custom_id="setting:page")

    settings = await kept(world)
    assert (settings.page, settings.page_indexed) == (True, False)
    assert said._NO_FOLDER.english in text_of(panel)
    # The form of the next note says so.
    await world.propose()
    await world.moderator.click(world.card, custom_id="card:1:approve")
    assert await on_page(world) == {TITLE}
    await world.admin.select(panel, ["yes"], custom_id="setting:page_indexed")
    assert (await kept(world)).page_indexed
    await world.admin.select(panel, ["no"], custom_id="setting:page")
    assert await on_page(world) == set()


async def test_the_panel_says_how_many_notes_of_before_wait(world: World) -> None:
    await world.publish()
    panel = await opened(world, Page.PUBLIC)
    assert said._UNRELEASED(1, Language.ENGLISH) in text_of(panel)


async def test_colour_and_welcome_are_chosen_in_a_form(world: World) -> None:
    panel = await opened(world, Page.PUBLIC)
    form = await world.admin.click(panel, custom_id="setup:looks")
    await world.admin.submit_modal(form, {"accent": "AABB01", "welcome": " **Hello** "})
    settings = await kept(world)
    assert (settings.page_accent, settings.page_welcome) == ("#aabb01", "**Hello**")
    form = await world.admin.click(panel, custom_id="setup:looks")
    await world.admin.submit_modal(form, {"accent": "", "welcome": ""})
    settings = await kept(world)
    assert (settings.page_accent, settings.page_welcome) == ("", "")


@pytest.mark.parametrize("typed", ["red", "#12345", "#12345g", "#1234567", "};b{}"])
async def test_what_is_no_colour_is_given_back(world: World, typed: str) -> None:
    await opened(world, Page.PUBLIC)
    sent = world.submit(world.admin, "form:looks:ab", {"accent": typed, "welcome": "Hello there"})
    await world.env.settle()
    assert said.NO_COLOUR.english in everything(sent)
    assert "Hello there" in everything(sent)
    assert (await kept(world)).page_accent == ""


async def test_nobody_but_administrators_changes_it(world: World) -> None:
    panel = await opened(world, Page.PUBLIC)
    pressed = world.press(world.moderator, panel.message, "setting:page", ["yes"])
    form = world.submit(world.moderator, "form:looks:ab", {"accent": "#000000", "welcome": "x"})
    await world.env.settle()
    for result in (pressed, form):
        assert error_messages.NOT_AN_ADMINISTRATOR.english in everything(result)
    assert (await kept(world)).page is False
    assert (await kept(world)).page_accent == ""
