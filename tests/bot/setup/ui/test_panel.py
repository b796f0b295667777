"""The panel of `/setup`: each choice is kept at once, and every page says what is wrong."""

from dataclasses import replace
from typing import Any

import discord
import pytest
from simcord import ChannelHandle, Env, MemberActor, SetupError

from bot.setup import messages as setup_messages
from bot.setup import service
from bot.setup.settings import PAGES, Page, Setting
from bot.text import permission_names
from knowledge.model.digests import Edition
from knowledge.model.guilds import GuildSettings, Language, Rule
from knowledge.model.notes import State
from tests.bot.steps import choose, everything, opened, restarted, shown_message
from tests.bot.world import World, build_world, custom_ids, text_of


@pytest.fixture
def fresh(simcord_env: Env) -> World:
    """A server in which nobody has run `/setup`."""
    return build_world(simcord_env)


async def kept(world: World) -> GuildSettings:
    return await world.core(lambda core: core.store.guilds.settings(world.guild.id))


def permit(world: World, channel: ChannelHandle, target_id: int, **permissions: bool) -> None:
    """Allow something in a channel, or deny it."""
    found = world.env.backend.get_channel(channel.id)
    mine = next(one for one in found.overwrites if one.target_id == target_id)
    for name, allowed in permissions.items():
        value = discord.Permissions(**{name: True}).value
        mine.allow = mine.allow | value if allowed else mine.allow & ~value
        mine.deny = mine.deny & ~value if allowed else mine.deny | value
    world.env.backend.set_overwrite(channel.id, mine)


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
    assert "every permission" in text_of(panel)

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
    assert "still to be done are Review channel, Moderators" in everything(tried)
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


@pytest.mark.parametrize("setting", [*PAGES])
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

    assert setup_messages.SETUP_NEEDS_ADMIN.english in everything(pressed)
    assert setup_messages.SETUP_NEEDS_ADMIN.english in everything(form)
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


# What it says of the review channel and the moderators.


@pytest.mark.parametrize("name", ["view_channel", "send_messages", "embed_links"])
async def test_each_permission_that_is_missing_in_the_review_channel_is_named(
    fresh: World, name: str
) -> None:
    permit(fresh, fresh.review, fresh.bot_role.id, **{name: False})

    told = await choose(fresh, review_channel=[fresh.review])

    assert f"In {fresh.review.mention} I lack" in told
    assert f"**{permission_names.PERMISSION_NAMES[name].english}**" in told


async def test_permissions_that_the_bots_role_lacks_are_given_by_a_link(fresh: World) -> None:
    for role in (fresh.bot_role, fresh.guild.default_role):
        fresh.env.backend.edit_role(fresh.guild.id, role.id, {"permissions": 3072})

    panel = await opened(fresh)

    [link] = [
        part["url"]
        for container in panel.components
        for row in container["components"]
        for part in row.get("components") or []
        if "url" in part
    ]
    assert f"guild_id={fresh.guild.id}" in link


async def test_a_review_channel_that_everybody_reads_is_warned_of(fresh: World) -> None:
    assert "Everybody can read" in await choose(fresh, review_channel=[fresh.general])
    assert "Everybody can read" not in await choose(fresh, review_channel=[fresh.review])


async def test_a_review_channel_that_is_gone_is_to_be_chosen_again(world: World) -> None:
    world.env.backend.delete_channel(world.review.id)
    await world.env.settle()

    told = text_of(await opened(world))

    assert "step 1 of 5" in told
    assert "is gone" in told


async def test_a_role_that_everybody_has_is_warned_of(world: World) -> None:
    everybody = await world.admin.slash(
        world.general, "setup", moderator_role=world.guild.default_role
    )
    panel = shown_message(everybody)
    await world.admin.click(panel, custom_id="setup:moderators")

    assert "each member could publish" in text_of(panel)


async def test_a_role_that_most_members_have_is_warned_of(world: World, new_bot: Any) -> None:
    role = world.guild.create_role("Members", permissions=discord.Permissions(manage_messages=True))
    told = await choose(world, moderator_role=[role])
    assert "members have" not in told
    for number in range(20):
        world.guild.add_member(world.env.create_user(f"guest-{number}"), roles=[role])
    # Discord tells how many members there are when the bot connects.
    await restarted(world, new_bot)

    told = await choose(world, moderator_role=[role])

    assert f"members have {role.mention}, and each of them can publish notes" in told


async def test_a_role_that_does_not_see_the_cards_or_the_commands_is_warned_of(
    world: World,
) -> None:
    role = world.guild.create_role("Helpers")

    told = await choose(world, moderator_role=[role])

    assert f"{role.mention} can't read {world.review.mention}" in told
    assert f"*Manage Messages*, and {role.mention} may not" in told
    assert "⚠" not in await choose(world, moderator_role=[world.moderator_role])


async def test_a_card_that_waits_is_posted_where_notes_are_reviewed_now(world: World) -> None:
    await world.propose()
    new = world.guild.create_text_channel("review-2")

    await choose(world, review_channel=[new])

    assert len(new.history()) == 1
    assert world.review.history() == []


# How notes are decided.


async def test_the_quorum_holds_for_every_note_and_keeps_the_rest_of_the_rule(
    world: World,
) -> None:
    rule = Rule("", review_after_days=90)
    await world.core(lambda core: core.store.guilds.save_rule(world.guild.id, rule, world.admin.id))

    await choose(world, quorum="2")
    await world.propose()
    await world.moderator.click(world.card, label="Approve")

    assert await world.core(lambda core: core.store.guilds.rules(world.guild.id)) == [
        replace(rule, quorum=2)
    ]
    assert (await world.note()).revision.state is State.PENDING
    await world.second_moderator.click(world.card, label="Approve")
    assert (await world.note()).live


async def test_hosts_are_typed_kept_and_taken_back(world: World) -> None:
    panel = await opened(world, Page.RULES)
    form = await world.admin.click(panel, custom_id="setup:hosts")
    await world.admin.submit_modal(form, {"hosts": "https://example.org/docs, example.net"})

    assert (await kept(world)).allowed_hosts == ("example.org", "example.net")
    assert "Links to example.org example.net" in text_of(panel).replace("\\", "")

    form = await world.admin.click(panel, custom_id="setup:hosts")
    await world.admin.submit_modal(form, {"hosts": ""})
    assert (await kept(world)).allowed_hosts == ()


async def test_what_is_no_web_host_is_named_and_changes_nothing(world: World) -> None:
    panel = await opened(world, Page.RULES)
    form = await world.admin.click(panel, custom_id="setup:hosts")

    told = await world.admin.submit_modal(form, {"hosts": "example.org *"})

    assert "“\\*” is no web host." in everything(told)
    assert (await kept(world)).allowed_hosts == ()


async def test_a_value_that_the_list_does_not_have_is_shown_and_kept(world: World) -> None:
    await world.core(
        lambda core: core.store.guilds.change(world.guild.id, {"undo_minutes": 7}, None, 1)
    )

    told = text_of(await opened(world, Page.MODERATORS))
    await choose(world, reminder_hours="0")

    assert "for 7 minutes" in told
    assert (await kept(world)).undo_minutes == 7
    assert (await kept(world)).reminder_hours == 0


async def test_the_digest_for_moderators_is_on_the_day_that_was_chosen(world: World) -> None:
    told = await choose(world, digest="4")
    before = await world.core(lambda core: core.store.digests.of_guild(world.guild.id))
    digest = before[Edition.MODERATORS]

    assert (digest.channel_id, digest.weekday, digest.hour) == (world.review.id, 4, 9)
    assert "get a digest every Friday" in told
    await choose(world, digest="no")
    assert not await world.core(lambda core: core.store.digests.of_guild(world.guild.id))


# Where to answer, and from what.


async def test_helpers_and_where_they_are_asked_are_chosen_and_taken_back(world: World) -> None:
    helpers = world.guild.create_role("Helpers")

    told = await choose(
        world,
        ask_moderators="yes",
        helper_role=[helpers],
        handover_hours="48",
        handover_channel=[world.help],
    )

    assert f"Not only helpers and moderators can read {world.help.mention}" in told
    settings = await kept(world)
    assert (settings.hand_on, settings.helper_role_id) == (True, helpers.id)
    assert (settings.handover_channel_id, settings.handover_hours) == (world.help.id, 48)
    told = await choose(world, helper_role=[], handover_channel=[])
    assert (await kept(world)).handover_channel_id is None
    assert "Not only helpers" not in told


async def test_where_it_helps_by_itself_is_chosen_and_taken_back(world: World) -> None:
    forum = world.guild.create_forum_channel("questions")

    await choose(world, help=[forum, world.help])
    told = await choose(world, help=[forum])

    assert "Discord must give me *Message Content*" in told
    assert (await world.core(lambda core: service.state(core, world.guild.id))).helped == (
        forum.id,
    )


async def test_channels_in_which_the_bot_may_not_write_are_named(world: World) -> None:
    silent = world.guild.create_text_channel(
        "silent",
        overwrites={world.bot_role: discord.PermissionOverwrite(send_messages=False)},
    )

    told = await choose(world, listen=[world.help, silent])

    assert f"can't answer in {silent.mention}:" in told


async def test_the_bundled_articles_are_ended_and_brought_back(world: World) -> None:
    panel = await opened(world, Page.SOURCES)

    await world.admin.click(panel, label="Don't quote the bundled articles")
    assert not (await kept(world)).articles
    await world.admin.click(panel, label="Quote the bundled articles")
    assert (await kept(world)).articles


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
