"""The greeting in a server: its channel, its readers, and that it comes once."""

from typing import Any

import discord
from simcord import Env
from simcord.backend import serializers

from bot.config.settings import GuildsSettings
from bot.setup import messages as setup_messages
from bot.text import error_messages
from knowledge.values.guilds import Language
from tests.bot.message_parts import said, text_of
from tests.bot.spoken import english, said_in
from tests.bot.world import NewBot, World, build_world


async def added(env: Env, **guild: Any) -> World:
    """A server with a system channel that the bot has joined."""
    world = build_world(env)
    env.backend.edit_guild(world.guild.id, {"system_channel_id": world.general.id, **guild})
    join(world)
    await env.settle()
    return world


def join(world: World) -> None:
    """Send the event of a joined server, which has no field about an outage."""
    backend = world.env.backend
    payload: Any = serializers.guild_create_payload(backend, backend.get_guild(world.guild.id))
    backend.emit("GUILD_CREATE", {name: payload[name] for name in payload if name != "unavailable"})


def greetings(world: World) -> list[str]:
    return [text_of(message) for message in world.general.history()]


def direct_messages(world: World) -> list[str]:
    """Direct messages to the owner."""
    return [text_of(message) for message in world.guild.owner.dm_channel.history()]


async def test_a_server_is_greeted_once(simcord_env: Env, new_bot: NewBot) -> None:
    world = await added(simcord_env)
    assert greetings(world) == [setup_messages.ARRIVED.english]
    await world.start_again(new_bot)
    hello = world.general.last_message
    assert hello is not None

    opened = await world.admin.click(hello, label="Set up")
    refused = await world.moderator.click(hello, label="Set up")

    assert "step 1 of 4" in said(opened)
    assert said(refused) == error_messages.NOT_AN_ADMINISTRATOR.english
    assert greetings(world) == [setup_messages.ARRIVED.english]
    assert direct_messages(world) == []


async def test_only_a_returning_bot_greets_again(simcord_env: Env) -> None:
    world = await added(simcord_env)
    await world.set_up()
    world.bot.guild_settings.forget(world.guild.id)
    backend = world.env.backend
    guild = backend.get_guild(world.guild.id)

    backend.emit("GUILD_DELETE", {"id": str(guild.id), "unavailable": True})
    backend.emit("GUILD_CREATE", serializers.guild_create_payload(backend, guild))
    await world.env.settle()
    assert greetings(world) == [setup_messages.ARRIVED.english]

    backend.emit("GUILD_DELETE", {"id": str(guild.id)})
    join(world)
    await world.env.settle()
    assert greetings(world) == [setup_messages.ARRIVED.english, setup_messages.RETURNED.english]


async def test_without_a_system_channel_the_owner_is_greeted(simcord_env: Env) -> None:
    world = await added(simcord_env, system_channel_id=None)

    assert direct_messages(world) == [english(setup_messages.direct_arrival, "Open Source Corner")]


async def join_with_a_log(env: Env, *, adder: bool) -> World:
    """A server whose audit log has the bot's addition, with or without the adder."""
    world, backend = build_world(env), env.backend
    seen = discord.Permissions(view_audit_log=True, view_channel=True)
    backend.edit_role(world.guild.id, world.bot_role.id, {"permissions": seen.value})
    backend.record_audit_log(
        world.guild.id,
        discord.AuditLogAction.bot_add.value,
        # An id without an account: Discord sends no user with the entry then.
        user_id=world.admin.id if adder else 1,
        target_id=backend.bot_user.id,
    )
    join(world)
    await env.settle()
    return world


async def test_the_adder_in_the_audit_log_is_greeted(simcord_env: Env) -> None:
    world = await join_with_a_log(simcord_env, adder=True)

    [message] = world.admin.user.dm_channel.history()
    assert "type `/setup` there" in message.content
    assert direct_messages(world) == []


async def test_without_a_known_adder_the_owner_is_greeted(simcord_env: Env) -> None:
    world = await join_with_a_log(simcord_env, adder=False)

    [message] = direct_messages(world)
    assert "type `/setup` there" in message


async def test_the_greeting_is_in_the_servers_language(simcord_env: Env) -> None:
    world = await added(simcord_env, preferred_locale="de")

    assert greetings(world) == [said_in(Language.GERMAN, setup_messages.ARRIVED)]


async def test_a_greeting_that_nobody_can_receive_raises_nothing(simcord_env: Env) -> None:
    simcord_env.inject_error("POST", "/users/@me/channels", status=403, code=50007, times=None)

    world = await added(simcord_env, system_channel_id=None)

    assert direct_messages(world) == []


async def test_a_disallowed_server_is_not_greeted(simcord_env: Env, world: World) -> None:
    guilds = GuildsSettings(allowed=[world.guild.id])  # type: ignore[arg-type]
    world.bot.settings = world.bot.settings.model_copy(update={"guilds": guilds})
    world.bot.allowed_guilds.__init__(world.bot)  # type: ignore[misc]

    other = await added(simcord_env)

    assert setup_messages.ARRIVED.english not in greetings(other)
