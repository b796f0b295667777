"""The panel of `/setup`: its steps, restarts, forged input and two administrators at once."""

from textwrap import wrap
from typing import Any

import discord
import pytest
from simcord import Env

from bot.setup import messages as setup_messages
from bot.setup import panel_messages, service
from bot.setup.settings import SETTINGS, TITLES, Kind, Page, Setting, settings_on
from bot.text import error_messages
from knowledge.values.documents import Scope
from knowledge.values.guilds import Language
from knowledge.values.settings import GuildSettings
from tests.bot.message_parts import choices, everything, shown_message, text_of
from tests.bot.spoken import english
from tests.bot.world import World, build_world


@pytest.fixture
def fresh(simcord_env: Env) -> World:
    """A server in which nobody has run `/setup`."""
    return build_world(simcord_env)


async def kept(world: World) -> GuildSettings:
    return await world.core(lambda core: core.store.guilds.settings(world.guild.id))


async def test_each_step_leads_to_the_next(fresh: World, new_bot: Any) -> None:
    panel = await fresh.open_setup()
    await fresh.start_again(new_bot)
    await fresh.admin.select(panel, [fresh.review], custom_id="setting:review_channel")
    assert (await kept(fresh)).review_channel_id == fresh.review.id
    assert panel_messages._NOTHING_LACKING.english in text_of(panel)

    await fresh.admin.select(panel, [fresh.moderator_role], custom_id="setting:moderator_role")
    assert (await kept(fresh)).complete
    for page in (Page.ANSWERS, Page.SOURCES, Page.TRIAL):
        next_step = english(panel_messages.NEXT, page=TITLES[page].english)
        await fresh.admin.click(panel, label=next_step)
    assert setup_messages._NO_SOURCES.english in text_of(panel)
    await fresh.admin.click(panel, label="Add documents")
    assert panel_messages.SOURCES.english in text_of(panel)
    guild = Scope(fresh.guild.id)
    await fresh.core(lambda core: core.store.add_source("https://kites.org/", guild))
    await fresh.admin.select(panel, [Page.TRIAL], custom_id="setup_page")
    assert setup_messages._READY.english in text_of(panel)

    await fresh.start_again(new_bot)
    assert "step 4 of 4" in text_of(await fresh.open_setup())


async def test_a_trial_question_is_answered_privately(fresh: World) -> None:
    panel = await fresh.open_setup(Page.TRIAL)
    form = await fresh.admin.click(panel, label="Ask a question")

    tried = await fresh.admin.submit_modal(form, {"question": "What is open source AI?"})

    assert shown_message(tried).ephemeral
    assert "> " in everything(tried)
    assert "still to do: Review channel and moderators" in everything(tried)
    assert fresh.general.history() == []


def another_value(world: World, panel: Any, setting: Setting) -> list[Any]:
    """A value for a list that it doesn't hold now."""
    if setting.kind is Kind.ROLE:
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
    settings = [
        setting
        for setting in SETTINGS.values()
        if setting.kind is not Kind.FORM
        and setting.page is not Page.CHANNELS
        and setting.key != "phrasing"
    ]
    # A digest for everyone needs a channel first.
    settings.sort(key=lambda setting: setting.key == "news")
    panels = {setting.key: await world.open_setting(setting.key) for setting in settings}
    await world.start_again(new_bot)

    for setting in settings:
        before = await world.core(lambda core: service.state(core, world.guild.id))
        value = another_value(world, panels[setting.key], setting)
        await world.admin.select(panels[setting.key], value, custom_id=f"setting:{setting}")
        after = await world.core(lambda core: service.state(core, world.guild.id))
        assert after != before, setting

    world.submit(world.admin, "form:hosts:ab", {"hosts": "example.org"})
    tried = world.submit(world.admin, "form:trial:ab", {"question": "What is open source AI?"})
    await world.env.settle()
    assert (await kept(world)).allowed_hosts == ("example.org",)
    assert "> " in everything(tried)


async def test_a_former_administrator_changes_nothing(world: World) -> None:
    message = (await world.open_setup()).message
    before = await kept(world)

    tried = [
        world.press(world.moderator, message, custom_id, values)
        for custom_id, values in (
            ("setup:rules", None),
            ("setup:end", None),
            ("setting:quorum", ["2"]),
            ("setting:page", ["yes"]),
            ("setting:digest", ["1"]),
            ("setup:unlimited", None),
            ("setup_page", ["rules"]),
            ("change:rules:0", ["quorum"]),
            ("change:rules:0", ["hosts"]),
            ("setup_channel", [str(world.help.id)]),
            (f"setting_in:{world.help.id}:mode", ["off"]),
            (f"setup_in:{world.help.id}:reset", None),
            ("limits_of", [str(world.moderator_role.id)]),
        )
    ]
    for form, fields in (
        ("hosts", {"hosts": "example.org"}),
        ("looks", {"accent": "#000000", "welcome": "x"}),
        (f"limits:{world.guild.id}", {"questions_hour": "1"}),
        ("newcomers", {"member_days": "1"}),
        ("digest:moderators", {"hour": "1", "zone": "UTC", "post_hours": "1"}),
        (f"from:{world.help.id}", {"tags": "x"}),
    ):
        tried.append(world.submit(world.moderator, f"form:{form}:ab", fields))
    await world.env.settle()

    for result in tried:
        assert error_messages.NOT_AN_ADMINISTRATOR.english in everything(result)
    assert await kept(world) == before
    state = await world.core(lambda core: service.state(core, world.guild.id))
    assert (state.quorum, state.digests, state.channels) == (1, {}, {})


async def test_a_forged_choice_changes_nothing(world: World) -> None:
    before = await kept(world)
    await world.admin.send(world.general, "hello")
    message = world.general.last_message
    assert message is not None

    for name, value in (
        ("quorum", "11"),
        ("undo_minutes", "9" * 30),
        ("language", "ja"),
        ("review_channel", "1"),
        ("moderator_role", "1"),
        ("hosts", "1"),
        ("mode", "off"),
    ):
        world.press(world.admin, message, f"setting:{name}", [value])
        await world.env.settle()
    for custom_id, value in (
        ("setting_in:1:mode", "off"),
        (f"setting_in:{world.help.id}:mode", "loud"),
        ("change:rules:0", "magic"),
        ("setup_channel", "1"),
        ("setup_page", "nowhere"),
    ):
        world.press(world.admin, message, custom_id, [value])
        await world.env.settle()

    assert await kept(world) == before
    assert await world.core(lambda core: core.store.guilds.rules(world.guild.id)) == []


async def test_two_administrators_choices_are_both_stored(world: World) -> None:
    second = world.guild.add_member(
        world.env.create_user("adam"), roles=[world.guild.roles["Admins"]]
    )
    mine = await world.open_setting("undo_minutes")
    theirs = await world.open_setting("sample_every", second)
    world.press(world.admin, mine.message, "setting:undo_minutes", ["30"])
    world.press(second, theirs.message, "setting:sample_every", ["2"])
    await world.env.settle()

    assert ((await kept(world)).undo_minutes, (await kept(world)).sample_every) == (30, 2)
    assert "for 30 minutes" in text_of(await world.open_setup(Page.RULES, by=second))

    # Both panels still show no channel, so each administrator adds one.
    mine, theirs = await world.open_setting("listen"), await world.open_setting("listen", second)
    await world.admin.select(mine, [world.help], custom_id="setting:listen")
    await second.select(theirs, [world.general], custom_id="setting:listen")
    assert set((await kept(world)).listen_channels) == {world.help.id, world.general.id}
    theirs = await world.open_setting("listen", second)
    await second.select(theirs, [world.help], custom_id="setting:listen")
    assert (await kept(world)).listen_channels == (world.help.id,)


async def test_the_panel_speaks_its_viewers_language(world: World) -> None:
    world.speaks(world.admin, "de")

    panel = await world.open_setup(Page.ANSWERS)

    assert "Schritt" in text_of(panel)
    assert (await kept(world)).language is Language.ENGLISH


def rows(panel: Any) -> list[Any]:
    """The panel's rows of components, those within its frame included."""
    outer = [row if isinstance(row, dict) else row.to_dict() for row in panel.components]
    inner = [part for frame in outer for part in frame.get("components", ())]
    return [
        row for row in (*outer, *inner) if row["type"] == discord.ComponentType.action_row.value
    ]


@pytest.mark.parametrize("page", Page)
async def test_each_page_fits_a_phone(world: World, page: Page) -> None:
    panel = await world.open_setup(page)

    assert len(rows(panel)) <= 5
    assert len(text_of(panel)) < 1_200


async def test_each_setting_has_its_value_origin_and_default(world: World) -> None:
    await world.choose(undo_minutes="30")

    shown = text_of(await world.open_setup(Page.RULES))

    assert "Decisions can be undone: **for 30 minutes** · *changed*" in shown
    assert "Approvals to publish a note: **1** · *default*" in shown
    panel = await world.open_setting("undo_minutes")
    assert "for 15 minutes (default)" in choices(panel).values()


async def test_lists_are_new_in_each_view(world: World) -> None:
    """A client keeps the choice in a list with the same id, and wouldn't send it again."""

    def lists(panel: Any) -> set[int]:
        parts = [part for row in rows(panel) for part in row["components"]]
        return {part["id"] for part in parts if "options" in part}

    panel = await world.open_setup(Page.RULES)
    before = lists(panel)
    await world.open_setting("undo_minutes")
    again = lists(await world.open_setup(Page.RULES))

    assert len(before) == 2
    assert not before & again


# Of a phone that is 390 points wide, at the default size of its text.
PHONE_COLUMNS = 42
PHONE_LINES = 20


@pytest.mark.parametrize("page", [Page.HANDOVER, Page.HELPERS])
async def test_a_page_about_helpers_fits_a_phones_screen(world: World, page: Page) -> None:
    shown = [line for line in text_of(await world.open_setup(page)).splitlines() if line]
    lines = sum(len(wrap(line.replace("*", ""), PHONE_COLUMNS)) for line in shown)
    assert len(settings_on(page)) >= 4
    assert lines <= PHONE_LINES, shown
