"""Readers of a digest's channel follow from its present roles and overwrites."""

from typing import Any

import discord

from bot.statistics.ui.weekly import moderators_only as only_moderators_read
from bot.statistics.ui.weekly import open_channels
from knowledge.values.settings import GuildSettings
from tests.bot.world import Town, World

HIDDEN = discord.PermissionOverwrite(view_channel=False)
SEEN = discord.PermissionOverwrite(view_channel=True)


def moderators_only(world: World, channel_id: int) -> bool:
    channel = world.bot.get_channel(channel_id)
    assert isinstance(channel, discord.TextChannel)
    chosen = GuildSettings(world.guild.id, world.review.id, world.moderator_role.id)
    return only_moderators_read(channel, chosen)


async def test_private_channels_admit_moderators_only(world: World) -> None:
    def let_in(*others: Any) -> int:
        seen = dict.fromkeys((world.moderator_role, world.bot_role, *others), SEEN)
        overwrites = {world.guild.default_role: HIDDEN, **seen}
        return world.guild.create_text_channel("closed", overwrites=overwrites).id

    helpers = let_in(world.guild.create_role("Helpers"))
    somebody = let_in(world.second_member)
    await world.env.settle()

    assert moderators_only(world, world.review.id)
    assert not moderators_only(world, world.general.id)
    assert not moderators_only(world, helpers)
    assert not moderators_only(world, somebody)


async def test_open_channels_admit_every_member(world: World, town: Town) -> None:
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
