"""Refused, broken and unconfirmed requests to Discord, and lost permissions.

Nothing confirmed is lost, nothing is doubled, and the clicking member gets a sentence if Discord
accepts one.
"""

import asyncio

import discord
import pytest
from simcord.backend.models import Overwrite
from simcord.enums import OverwriteType

from bot.ask import messages
from bot.interactions.features import Round
from bot.process.login import invite_permissions
from tests.bot.faults import fail, silent
from tests.bot.message_parts import text_of
from tests.bot.spoken import english
from tests.bot.world import QUESTION, World


def mention(world: World) -> str:
    assert world.bot.user is not None
    return world.bot.user.mention


# Where the bot may not write.

MAKING_THREADS = discord.Permissions(create_public_threads=True)


async def test_mentions_in_closed_channels_are_answered_directly(world: World) -> None:
    async with silent(world, send_messages=False) as channel:
        await world.member.send(channel, f"{mention(world)} {QUESTION}")

        assert len(channel.history()) == 1
        [told] = world.member.user.dm_channel.history()
        assert text_of(told) == english(messages.CAN_NOT_WRITE, channel=channel.mention)
        assert await world.gaps(world.guild.id) == []


async def test_a_mention_is_answered_without_readable_history(world: World) -> None:
    await world.publish()
    fail(world, "POST", f"/channels/{world.general.id}/messages", (400, 160002))

    await world.member.send(world.general, f"{mention(world)} {QUESTION}")

    answers = [one for one in world.general.history() if "Rua Augusta" in text_of(one)]
    assert len([one for one in answers if one.author.bot]) == 1


@pytest.mark.parametrize("why", ["locked", "not in threads"])
async def test_a_mention_in_a_closed_thread_is_answered_directly(world: World, why: str) -> None:
    backend = world.env.backend
    backend.edit_role(
        world.guild.id,
        world.bot_role.id,
        {"permissions": (invite_permissions() | MAKING_THREADS).value},
    )
    channel = world.bot.get_channel(world.general.id)
    assert isinstance(channel, discord.TextChannel)
    await channel.create_thread(name="Travels", type=discord.ChannelType.public_thread)
    [thread] = world.general.threads
    if why == "locked":
        backend.edit_channel(thread.id, {}, thread_metadata={"locked": True})
    else:
        denied = discord.Permissions(send_messages_in_threads=True).value
        backend.set_overwrite(
            world.general.id, Overwrite(world.bot_role.id, OverwriteType.ROLE, deny=denied)
        )
    asker = world.admin

    await asker.send(thread, f"{mention(world)} {QUESTION}")

    [told] = asker.user.dm_channel.history()
    assert text_of(told) == english(messages.CAN_NOT_WRITE, channel=thread.mention)


# What goes on by itself.


async def test_a_failed_minute_step_ends_no_other(world: World) -> None:
    steps: list[int] = []
    went_on = asyncio.Event()

    async def step() -> None:
        steps.append(1)
        if len(steps) > 2:
            went_on.set()
        raise KeyError(len(steps))

    world.bot.background.repeat(Round(0.001, step))

    await went_on.wait()
