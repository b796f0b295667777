"""What the panel of `/setup` lets administrators choose, and what it says is wrong with it."""

from dataclasses import replace
from typing import Any

import discord
import pytest
from simcord import ChannelHandle, Env
from simcord.backend.models.channel import Overwrite
from simcord.enums import OverwriteType

from bot.setup import messages, panel_messages, service
from bot.setup.settings import Page
from bot.text import permission_names
from knowledge.values.guilds import GuildSettings, Language, Rule
from knowledge.values.notes import State
from knowledge.values.weekly_digests import Edition
from tests.bot.steps import (
    choose,
    everything,
    longest_part,
    only_reads,
    opened,
    restarted,
    shown_message,
)
from tests.bot.world import World, build_world, text_of


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

    assert longest_part(panel_messages.EVERYBODY) in text_of(panel)


async def test_a_role_that_most_members_have_is_warned_of(world: World, new_bot: Any) -> None:
    role = world.guild.create_role("Members", permissions=discord.Permissions(manage_messages=True))
    told = await choose(world, moderator_role=[role])
    assert longest_part(panel_messages.MOST) not in told
    for number in range(20):
        world.guild.add_member(world.env.create_user(f"guest-{number}"), roles=[role])
    # Discord tells how many members there are when the bot connects.
    await restarted(world, new_bot)

    told = await choose(world, moderator_role=[role])

    assert longest_part(panel_messages.MOST) in told


async def test_a_role_that_does_not_see_the_cards_or_the_commands_is_warned_of(
    world: World,
) -> None:
    role = world.guild.create_role("Helpers")

    told = await choose(world, moderator_role=[role])

    assert (
        panel_messages.BLIND(Language.ENGLISH, role=role.mention, channel=world.review.mention)
        in told
    )
    assert panel_messages.NOT_SHOWN(Language.ENGLISH, role=role.mention) in told
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
    assert "links to example.org example.net" in text_of(panel).replace("\\", "")

    form = await world.admin.click(panel, custom_id="setup:hosts")
    await world.admin.submit_modal(form, {"hosts": ""})
    assert (await kept(world)).allowed_hosts == ()


async def test_what_is_no_web_host_is_named_and_changes_nothing(world: World) -> None:
    panel = await opened(world, Page.RULES)
    form = await world.admin.click(panel, custom_id="setup:hosts")

    told = await world.admin.submit_modal(form, {"hosts": "example.org *"})

    assert "“\\*” isn't a web host." in everything(told)
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
    await choose(world, digest="4")
    before = await world.core(lambda core: core.store.digests.of_guild(world.guild.id))
    digest = before[Edition.MODERATORS]

    assert (digest.channel_id, digest.weekday, digest.hour) == (world.review.id, 4, 9)
    assert "every Friday" in text_of(await opened(world, Page.MODERATORS))
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

    assert panel_messages._NO_CONTENT.english in told
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


async def test_a_forum_is_named_where_the_bot_may_not_write_in_posts(world: World) -> None:
    # To begin posts itself it needs no right.
    denied = {"silent": "send_messages_in_threads", "open": "send_messages"}
    forums = {name: world.guild.create_forum_channel(name) for name in denied}
    for name, right in denied.items():
        deny = discord.Permissions(**{right: True}).value
        overwrite = Overwrite(world.bot_role.id, OverwriteType.ROLE, allow=0, deny=deny)
        world.env.backend.set_overwrite(forums[name].id, overwrite)

    told = await choose(world, listen=list(forums.values()))

    assert f"can't answer in {forums['silent'].mention}:" in told


async def test_the_bundled_articles_are_ended_and_brought_back(world: World) -> None:
    panel = await opened(world, Page.SOURCES)

    await world.admin.click(panel, label=panel_messages.ACTIONS["end"].english)
    assert not (await kept(world)).articles
    await world.admin.click(panel, label=panel_messages.ACTIONS["quote"].english)
    assert (await kept(world)).articles


@pytest.mark.parametrize("language", Language)
async def test_choosing_a_language_says_whether_the_model_reads_it_and_how_to_get_one_that_does(
    world: World, language: Language
) -> None:
    await only_reads(world, "en")

    said = await choose(world, language=language.value)

    assert messages.model_reads(language, ["en"], Language.ENGLISH) in said
    is_german = language is Language.GERMAN
    assert (messages._NOT_READ(Language.ENGLISH, name="German") in said) is is_german
    assert ("`commonplace model use multilingual`" in said) is is_german


async def test_of_a_model_whose_languages_are_unknown_nothing_is_said(world: World) -> None:
    await only_reads(world)
    said = await choose(world, language="de")
    assert longest_part(messages._READ) not in said
    assert longest_part(messages._NOT_READ) not in said
