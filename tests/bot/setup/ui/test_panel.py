"""The panel of `/setup`: the way through it, after a restart and with two administrators."""

from typing import Any

import pytest
from simcord import Env, MemberActor, SetupError

from bot.setup import panel_messages, service
from bot.setup.settings import PAGES, Page, Setting
from bot.text import error_messages
from knowledge.values.guilds import GuildSettings, Language
from tests.bot.steps import everything, opened, restarted, shown_message
from tests.bot.world import World, build_world, custom_ids, text_of


@pytest.fixture
def fresh(simcord_env: Env) -> World:
    """A server in which nobody has run `/setup`."""
    return build_world(simcord_env)


async def kept(world: World) -> GuildSettings:
    return await world.core(lambda core: core.store.guilds.settings(world.guild.id))


def another_administrator(world: World) -> MemberActor:
    return world.guild.add_member(
        world.env.create_user("adam"), roles=[world.guild.roles["Admins"]]
    )


# The way through it.


async def test_the_panel_leads_from_one_step_to_the_next_and_keeps_each_choice(
    fresh: World,
) -> None:
    panel = await opened(fresh)
    await fresh.admin.select(panel, [fresh.review], custom_id="setting:review_channel")
    assert (await kept(fresh)).review_channel_id == fresh.review.id
    assert panel_messages._NOTHING_LACKING.english in text_of(panel)

    await fresh.admin.click(panel, custom_id="setup:moderators")
    await fresh.admin.select(panel, [fresh.moderator_role], custom_id="setting:moderator_role")
    assert (await kept(fresh)).complete
    for page in (Page.ANSWERS, Page.SOURCES, Page.TRIAL):
        await fresh.admin.click(panel, custom_id=f"setup:{page}")

    assert "Everything is set up" in text_of(panel)


async def test_an_answer_is_tried_privately_and_what_comes_next_is_offered(fresh: World) -> None:
    panel = await opened(fresh, Page.TRIAL)
    form = await fresh.admin.click(panel, label="Ask a question")

    tried = await fresh.admin.submit_modal(form, {"question": "What is open source AI?"})

    assert shown_message(tried).ephemeral
    assert "> " in everything(tried)
    assert "still to do: Review channel, Moderators" in everything(tried)
    assert fresh.general.history() == []


async def test_the_panel_is_taken_up_where_it_was_left_after_a_restart(
    fresh: World, new_bot: Any
) -> None:
    panel = await opened(fresh)
    await restarted(fresh, new_bot)

    await fresh.admin.select(panel, [fresh.review], custom_id="setting:review_channel")
    await fresh.admin.click(panel, custom_id="setup:moderators")
    await fresh.admin.select(panel, [fresh.moderator_role], custom_id="setting:moderator_role")
    await restarted(fresh, new_bot)

    assert (await kept(fresh)).complete
    assert "step 5 of 5" in text_of(await opened(fresh))


# A language model is only offered where the operator has one.
@pytest.mark.parametrize("setting", [one for one in PAGES if one is not Setting.PHRASING])
async def test_every_list_works_after_a_restart(
    world: World, new_bot: Any, setting: Setting
) -> None:
    panel = await opened(world, PAGES[setting])
    of_roles = setting in (Setting.MODERATOR_ROLE, Setting.HELPER_ROLE)
    values: list[Any] = [world.guild.roles["Admins"] if of_roles else world.general]
    for row in panel.components:
        for part in [row, *(row.get("components") or [])]:
            for control in part.get("components") or []:
                if control.get("custom_id") == f"setting:{setting}" and control.get("options"):
                    values = [one["value"] for one in control["options"] if not one.get("default")]
    before = await world.core(lambda core: service.state(core, world.guild.id))
    await restarted(world, new_bot)

    await world.admin.select(panel, values[-1:], custom_id=f"setting:{setting}")

    assert await world.core(lambda core: service.state(core, world.guild.id)) != before


async def test_the_forms_of_the_panel_are_taken_after_a_restart(world: World, new_bot: Any) -> None:
    await restarted(world, new_bot)

    world.submit(world.admin, "form:hosts:ab", {"hosts": "example.org"})
    tried = world.submit(world.admin, "form:trial:ab", {"question": "What is open source AI?"})
    await world.env.settle()

    assert (await kept(world)).allowed_hosts == ("example.org",)
    assert "> " in everything(tried)


@pytest.mark.parametrize("custom_id", ["setup:rules", "setup:end", "setting:quorum"])
async def test_an_administrator_who_is_none_any_more_changes_nothing(
    world: World, custom_id: str
) -> None:
    panel = await opened(world)
    before = await kept(world)
    message = panel.message

    values = ["2"] if custom_id.startswith("setting") else None
    pressed = world.press(world.moderator, message, custom_id, values)
    form = world.submit(world.moderator, "form:hosts:ab", {"hosts": "example.org"})
    await world.env.settle()

    assert error_messages.NOT_AN_ADMINISTRATOR.english in everything(pressed)
    assert error_messages.NOT_AN_ADMINISTRATOR.english in everything(form)
    assert await kept(world) == before


@pytest.mark.parametrize(
    ("custom_id", "value"),
    [
        ("setting:quorum", "11"),
        ("setting:undo_minutes", "9" * 30),
        ("setting:language", "fr"),
        ("setting:review_channel", "1"),
        ("setting:moderator_role", "1"),
    ],
)
async def test_a_forged_choice_changes_nothing(world: World, custom_id: str, value: str) -> None:
    before = await kept(world)
    await world.admin.send(world.general, "hello")
    message = world.general.last_message
    assert message is not None

    world.press(world.admin, message, custom_id, [value])
    await world.env.settle()

    assert await kept(world) == before
    assert await world.core(lambda core: core.store.guilds.rules(world.guild.id)) == []


# Two administrators.


async def test_what_two_administrators_choose_at_once_both_holds(world: World) -> None:
    second = another_administrator(world)
    mine = await opened(world, Page.RULES)
    theirs = await opened(world, Page.RULES, by=second)

    world.press(world.admin, mine.message, "setting:undo_minutes", ["30"])
    world.press(second, theirs.message, "setting:reminder_hours", ["48"])
    await world.env.settle()

    assert ((await kept(world)).undo_minutes, (await kept(world)).reminder_hours) == (30, 48)
    # Whoever goes on sees what the other one chose.
    await second.click(theirs, custom_id="setup:moderators")
    assert "for 30 minutes" in text_of(theirs)


async def test_a_channel_that_another_administrator_added_meanwhile_stays(world: World) -> None:
    second = world.guild.add_member(
        world.env.create_user("adam"), roles=[world.guild.roles["Admins"]]
    )
    mine = await opened(world, Page.ANSWERS)
    theirs = await opened(world, Page.ANSWERS, by=second)

    await world.admin.select(mine, [world.help], custom_id="setting:listen")
    await second.select(theirs, [world.general], custom_id="setting:listen")

    assert set((await kept(world)).listen_channels) == {world.help.id, world.general.id}

    await second.select(theirs, [world.help], custom_id="setting:listen")
    assert (await kept(world)).listen_channels == (world.help.id,)


# How it looks.


async def test_the_panel_speaks_the_language_of_whoever_opened_it(world: World) -> None:
    world.speaks(world.admin, "de")

    panel = await opened(world, by=world.admin)

    assert "Schritt" in text_of(panel)
    assert (await kept(world)).language is Language.ENGLISH


async def test_each_page_has_the_steps_and_only_the_shown_one_can_not_be_pressed(
    world: World,
) -> None:
    panel = await opened(world, Page.ANSWERS)

    steps = [one for one in custom_ids(panel) if one.startswith("setup:")]
    assert steps[-5:] == [
        f"setup:{one}" for one in ("review", "moderators", "answers", "sources", "trial")
    ]
    with pytest.raises(SetupError, match="disabled"):
        await world.admin.click(panel, custom_id="setup:answers")
