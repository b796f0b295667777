"""The bot is removed from a server, or back in it: the data is kept for a while, then deleted."""

import asyncio
from datetime import UTC, datetime, timedelta

from simcord.backend import serializers

from bot.core.core import Core
from bot.privacy.ui.cog import GuildRemoval
from knowledge.values.documents import Scope
from tests.bot.components import part
from tests.bot.world import QUESTION, World


def tell(world: World, event: str, payload: object) -> None:
    """Let discord.py parse an event of Discord's gateway."""
    world.bot._connection.parsers[event](payload)


async def is_left(world: World) -> bool:
    return await world.core(lambda core: world.guild.id in core.store.guilds.departed())


async def until_left(world: World, expected: bool) -> None:
    for _ in range(500):
        if await is_left(world) is expected:
            return
        await asyncio.sleep(0.01)
    raise TimeoutError


async def passes(world: World, days: range) -> None:
    """Purge on each of these days from now."""
    now = datetime.now(UTC)
    for day in days:
        await part(world.bot, GuildRemoval).purge(now + timedelta(days=day))


async def found(world: World) -> int:
    """Number of the server's own passages that answer the question."""

    def search(core: Core) -> int:
        hits = core.search(QUESTION, world.guild.id, 10)
        return sum(hit.passage.scope == Scope(world.guild.id) for hit in hits)

    return await world.core(search)


async def test_returning_bots_keep_their_data(world: World) -> None:
    await world.publish()
    await world.ask()
    removal, removed = part(world.bot, GuildRemoval), {"id": str(world.guild.id)}
    await removal.compare()
    backend = world.env.backend
    guild = serializers.guild_create_payload(backend, backend.guilds[world.guild.id])

    tell(world, "GUILD_DELETE", {**removed, "unavailable": True})
    await asyncio.sleep(0.05)
    await removal.compare()
    assert not await is_left(world)
    await passes(world, range(1, 32))
    assert await found(world) == 1

    tell(world, "GUILD_CREATE", guild)
    tell(world, "GUILD_DELETE", removed)
    await until_left(world, True)
    tell(world, "GUILD_CREATE", guild)
    await until_left(world, False)
    await passes(world, range(32, 63))
    assert await found(world) == 1

    tell(world, "GUILD_DELETE", removed)
    await until_left(world, True)
    await passes(world, range(63, 96))
    assert await found(world) == 0
    assert not await is_left(world)
    assert await world.gaps(world.guild.id) == []


async def test_an_offline_removal_is_noticed_at_start(world: World) -> None:
    def was_elsewhere(core: Core) -> None:
        with core.store.database.writing():
            core.store.database.run("insert into guilds (id) values (99)")

    await world.core(was_elsewhere)
    await part(world.bot, GuildRemoval).compare()
    await passes(world, range(1, 32))

    assert await world.core(lambda core: core.store.guilds.known()) == {world.guild.id}
