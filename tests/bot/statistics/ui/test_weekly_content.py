"""Who reads a digest's channel is told by its roles and overwrites, as they are now."""

from typing import Any

import discord
import pytest

from bot.statistics.ui.weekly_content import open_channels, readers_of
from knowledge.values.guilds import GuildSettings
from tests.bot.town import Town
from tests.bot.world import World

HIDDEN = discord.PermissionOverwrite(view_channel=False)
SEEN = discord.PermissionOverwrite(view_channel=True)


def moderators_only(world: World, channel_id: int) -> bool:
    channel = world.bot.get_channel(channel_id)
    assert isinstance(channel, discord.TextChannel)
    chosen = GuildSettings(world.guild.id, world.review.id, world.moderator_role.id)
    return readers_of(channel, chosen).moderators_only


async def test_the_channel_of_moderators_is_read_by_them_and_administrators_alone(
    world: World,
) -> None:
    assert moderators_only(world, world.review.id)
    assert not moderators_only(world, world.general.id)


@pytest.mark.parametrize("who", ["helpers", "somebody"])
async def test_a_channel_that_others_were_let_into_is_not_of_moderators_alone(
    world: World, who: str
) -> None:
    let_in: Any = world.second_member if who == "somebody" else world.guild.create_role("Helpers")
    closed = world.guild.create_text_channel(
        "closed",
        overwrites={
            world.guild.default_role: HIDDEN,
            world.moderator_role: SEEN,
            world.bot_role: SEEN,
            let_in: SEEN,
        },
    )
    await world.env.settle()

    assert not moderators_only(world, closed.id)


async def test_a_channel_is_open_when_every_member_reads_it_and_its_public_threads_are_too(
    world: World, town: Town
) -> None:
    public = town.thread_in(world.general, 11)
    private = town.thread_in(world.general, 12)
    unread = world.guild.create_text_channel(
        "unread",
        overwrites={
            world.guild.default_role: discord.PermissionOverwrite(read_message_history=False)
        },
    )
    await world.env.settle()
    guild = world.bot.get_guild(world.guild.id)
    assert guild is not None

    found = open_channels(guild)

    assert {world.general.id, world.help.id, public.id} <= found
    closed = {world.review.id, town.staff.id, town.thread.id, private.id, unread.id}
    assert not closed & found
