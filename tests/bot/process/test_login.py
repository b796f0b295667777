"""Login: intents, permissions of the invitation, and facts of the application."""

import asyncio

import discord
import discord.http
import pytest
from simcord import ChannelHandle, Env

from bot.process.client import Bot
from bot.process.login import Application, application, invite_permissions
from tests.bot.message_parts import text_of
from tests.bot.wire.server import wire_server
from tests.bot.wire.state import TOKEN
from tests.bot.world import World, build_world


async def mention(world: World, channel: ChannelHandle) -> bool:
    """Whether the bot answers when it is mentioned there."""
    bot_user = world.bot.user
    assert bot_user is not None
    await world.member.send(channel, f"<@{bot_user.id}> What is open source AI?")
    last = channel.last_message
    assert last is not None
    return last.author.id == bot_user.id


@pytest.mark.simcord(approved_intents=discord.Intents.none())
async def test_bot_starts_without_privileged_intents(simcord_env: Env) -> None:
    world = build_world(simcord_env)

    result = await world.ask("What is open source AI?")

    assert result.response is not None
    assert "> " in text_of(result.response)


async def test_bot_requests_no_privileged_intent(simcord_bot: Bot) -> None:
    wanted = simcord_bot.intents
    assert (wanted.members, wanted.presences, wanted.message_content) == (False, False, False)


async def test_invitation_has_no_power_over_members(simcord_bot: Bot) -> None:
    asked = [name for name, granted in invite_permissions() if granted]
    powers = ("admin", "manage", "kick", "ban", "moderate", "mute", "mention")
    assert not [name for name in asked if name.startswith(powers)]


@pytest.mark.parametrize("public", [True, False])
async def test_application_tells_who_adds_it(monkeypatch: pytest.MonkeyPatch, public: bool) -> None:
    async with wire_server() as server:
        server.state.guilds.clear()
        server.rest.public = public
        monkeypatch.setattr(discord.http.Route, "BASE", f"{server.address}/api")
        assert await asyncio.to_thread(application, TOKEN) == Application(public, {})
