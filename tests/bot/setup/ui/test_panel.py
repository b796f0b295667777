"""The panel of `/setup`: its steps, restarts, forged input and two administrators at once."""

from typing import Any

import pytest
from simcord import Env, SetupError

from bot.setup import messages as setup_messages
from bot.setup import panel_messages, service
from bot.setup.panel_choices import Page, Setting
from bot.text import error_messages
from knowledge.values.documents import Scope
from knowledge.values.guilds import GuildSettings, Language
from tests.bot.steps import everything, opened, restarted, shown_message
from tests.bot.world import World, build_world, custom_ids, text_of


@pytest.fixture
def fresh(simcord_env: Env) -> World:
    """A server in which nobody has run `/setup`."""
    return build_world(simcord_env)


async def kept(world: World) -> GuildSettings:
    return await world.core(lambda core: core.store.guilds.settings(world.guild.id))


async def test_each_step_stores_its_choice_and_leads_to_the_next_even_after_restarts(
    fresh: World, new_bot: Any
) -> None:
    panel = await opened(fresh)
    await restarted(fresh, new_bot)
    await fresh.admin.select(panel, [fresh.review], custom_id="setting:review_channel")
    assert (await kept(fresh)).review_channel_id == fresh.review.id
    assert panel_messages._NOTHING_LACKING.english in text_of(panel)

    await fresh.admin.click(panel, custom_id="setup:moderators")
    await fresh.admin.select(panel, [fresh.moderator_role], custom_id="setting:moderator_role")
    assert (await kept(fresh)).complete
    for page in (Page.ANSWERS, Page.SOURCES, Page.TRIAL):
        await fresh.admin.click(panel, custom_id=f"setup:{page}")
    assert setup_messages._NO_SOURCES.english in text_of(panel)
    await fresh.admin.click(panel, label="Add documents")
    assert panel_messages.SOURCES.english in text_of(panel)
    guild = Scope(fresh.guild.id)
    await fresh.core(lambda core: core.store.add_source("https://kites.org/", guild))
    await fresh.admin.click(panel, custom_id="setup:trial")
    assert setup_messages._READY.english in text_of(panel)

    await restarted(fresh, new_bot)
    assert "step 5 of 5" in text_of(await opened(fresh))


async def test_a_trial_question_is_answered_in_private_with_next_steps(fresh: World) -> None:
    panel = await opened(fresh, Page.TRIAL)
    form = await fresh.admin.click(panel, label="Ask a question")

    tried = await fresh.admin.submit_modal(form, {"question": "What is open source AI?"})

    assert shown_message(tried).ephemeral
    assert "> " in everything(tried)
    assert "still to do: Review channel, Moderators" in everything(tried)
    assert fresh.general.history() == []


def another_value(world: World, panel: Any, setting: Setting) -> list[Any]:
    """A value for a list that it doesn't hold now."""
    if setting in (Setting.MODERATOR_ROLE, Setting.HELPER_ROLE):
        return [world.guild.roles["Admins"]]
    for row in panel.components:
        for part in [row, *(row.get("components") or [])]:
            for control in part.get("components") or []:
                if control.get("custom_id") == f"setting:{setting}" and control.get("options"):
                    options = control["options"]
                    return [one["value"] for one in options if not one.get("default")][-1:]
    return [world.general]


async def test_every_list_and_form_works_after_a_restart(world: World, new_bot: Any) -> None:
    # A language model is only offered where the operator has one.
    pages = {setting: setting.menu.page for setting in Setting if setting is not Setting.PHRASING}
    panels = {page: await opened(world, page) for page in dict.fromkeys(pages.values())}
    await restarted(world, new_bot)

    for setting, page in pages.items():
        before = await world.core(lambda core: service.state(core, world.guild.id))
        value = another_value(world, panels[page], setting)
        await world.admin.select(panels[page], value, custom_id=f"setting:{setting}")
        after = await world.core(lambda core: service.state(core, world.guild.id))
        assert after != before, setting

    world.submit(world.admin, "form:hosts:ab", {"hosts": "example.org"})
    tried = world.submit(world.admin, "form:trial:ab", {"question": "What is open source AI?"})
    await world.env.settle()
    assert (await kept(world)).allowed_hosts == ("example.org",)
    assert "> " in everything(tried)


async def test_a_former_administrator_changes_nothing(world: World) -> None:
    message = (await opened(world)).message
    before = await kept(world)

    tried = [
        world.press(world.moderator, message, custom_id, values)
        for custom_id, values in (
            ("setup:rules", None),
            ("setup:end", None),
            ("setting:quorum", ["2"]),
            ("setting:page", ["yes"]),
        )
    ]
    looks = {"accent": "#000000", "welcome": "x"}
    tried.append(world.submit(world.moderator, "form:hosts:ab", {"hosts": "example.org"}))
    tried.append(world.submit(world.moderator, "form:looks:ab", looks))
    await world.env.settle()

    for result in tried:
        assert error_messages.NOT_AN_ADMINISTRATOR.english in everything(result)
    assert await kept(world) == before
    assert await world.core(lambda core: core.store.guilds.rules(world.guild.id)) == []


async def test_a_forged_choice_changes_nothing(world: World) -> None:
    before = await kept(world)
    await world.admin.send(world.general, "hello")
    message = world.general.last_message
    assert message is not None

    for name, value in (
        ("quorum", "11"),
        ("undo_minutes", "9" * 30),
        ("language", "fr"),
        ("review_channel", "1"),
        ("moderator_role", "1"),
    ):
        world.press(world.admin, message, f"setting:{name}", [value])
        await world.env.settle()

    assert await kept(world) == before
    assert await world.core(lambda core: core.store.guilds.rules(world.guild.id)) == []


async def test_choices_of_two_administrators_at_once_are_both_stored(world: World) -> None:
    second = world.guild.add_member(
        world.env.create_user("adam"), roles=[world.guild.roles["Admins"]]
    )
    mine = await opened(world, Page.RULES)
    theirs = await opened(world, Page.RULES, by=second)
    world.press(world.admin, mine.message, "setting:undo_minutes", ["30"])
    world.press(second, theirs.message, "setting:reminder_hours", ["48"])
    await world.env.settle()

    assert ((await kept(world)).undo_minutes, (await kept(world)).reminder_hours) == (30, 48)
    await second.click(theirs, custom_id="setup:moderators")
    assert "for 30 minutes" in text_of(theirs)

    # Both panels still show no channel, so each administrator adds one.
    mine, theirs = await opened(world, Page.ANSWERS), await opened(world, Page.ANSWERS, by=second)
    await world.admin.select(mine, [world.help], custom_id="setting:listen")
    await second.select(theirs, [world.general], custom_id="setting:listen")
    assert set((await kept(world)).listen_channels) == {world.help.id, world.general.id}
    await second.select(theirs, [world.help], custom_id="setting:listen")
    assert (await kept(world)).listen_channels == (world.help.id,)


async def test_the_panel_has_buttons_for_all_steps_in_the_language_of_its_viewer(
    world: World,
) -> None:
    world.speaks(world.admin, "de")
    panel = await opened(world, Page.ANSWERS)

    assert "Schritt" in text_of(panel)
    assert (await kept(world)).language is Language.ENGLISH
    steps = [one for one in custom_ids(panel) if one.startswith("setup:")]
    assert steps[-5:] == [
        f"setup:{one}" for one in ("review", "moderators", "answers", "sources", "trial")
    ]
    with pytest.raises(SetupError, match="disabled"):
        await world.admin.click(panel, custom_id="setup:answers")
