"""The bot is removed from a guild, is back, or Discord is down: what is kept, and for how long."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from simcord.backend import serializers

from bot.cluster.processes import Shards
from bot.core.core import Core
from bot.privacy import guild_removal
from bot.privacy.ui.guild_removal import GuildRemoval
from knowledge.values.documents import Scope
from tests.bot.components import part
from tests.bot.world import QUESTION, World


@pytest.fixture
async def published(world: World) -> World:
    await world.publish()
    await world.ask()
    await part(world.bot, GuildRemoval).compare()
    return world


def tell(world: World, event: str, payload: object) -> None:
    """Let discord.py parse what Discord's gateway would say."""
    world.bot._connection.parsers[event](payload)


async def removed(world: World, **more: object) -> None:
    tell(world, "GUILD_DELETE", {"id": str(world.guild.id), **more})
    for _ in range(50):
        await asyncio.sleep(0.01)
        if await left_at(world) or more:
            return


async def passes(world: World, days: int) -> None:
    """Let so many days pass from now, with a look at each of them."""
    now = datetime.now(UTC)
    for day in range(1, days + 1):
        await part(world.bot, GuildRemoval).purge(now + timedelta(days=day))


async def left_at(world: World) -> str | None:
    def look(core: Core) -> str | None:
        rows = core.store.database.rows("select left_at from guilds where id = ?", [world.guild.id])
        left: str | None = rows[0]["left_at"] if rows else None
        return left

    return await world.core(look)


async def found(world: World) -> int:
    """How many passages of the guild's own answer the question."""

    def search(core: Core) -> int:
        hits = core.search(QUESTION, world.guild.id, 10)
        return sum(hit.passage.scope == Scope(world.guild.id) for hit in hits)

    return await world.core(search)


async def test_an_outage_touches_nothing(published: World) -> None:
    await removed(published, unavailable=True)
    await part(published.bot, GuildRemoval).compare()
    await passes(published, 31)
    assert await left_at(published) is None
    assert await found(published) == 1


async def test_everything_is_kept_until_the_time_has_passed(published: World) -> None:
    await removed(published)
    assert await left_at(published) is not None
    await passes(published, 29)
    assert await found(published) == 1
    await passes(published, 31)
    assert await found(published) == 0
    assert await left_at(published) is None
    assert await published.gaps(published.guild.id) == []


async def test_a_bot_that_is_back_in_time_finds_everything_as_it_was(published: World) -> None:
    await removed(published)
    backend = published.env.backend
    guild = backend.guilds[published.guild.id]
    tell(published, "GUILD_CREATE", serializers.guild_create_payload(backend, guild))
    for _ in range(50):
        await asyncio.sleep(0.01)
        if not await left_at(published):
            break
    await passes(published, 31)
    assert await left_at(published) is None
    assert await found(published) == 1


async def test_a_removal_that_no_bot_saw_is_noticed_at_the_start(published: World) -> None:
    def was_elsewhere(core: Core) -> None:
        with core.store.database.writing():
            core.store.database.run("insert into guilds (id) values (99)")

    await published.core(was_elsewhere)
    await part(published.bot, GuildRemoval).compare()
    await passes(published, 31)

    def known(core: Core) -> set[int]:
        return core.store.guilds.known()

    assert await published.core(known) == {published.guild.id}


async def test_servers_of_other_shards_are_neither_marked_as_left_nor_deleted(
    published: World,
) -> None:
    """Another process may be in them, or this one soon."""
    now, guild_id = datetime.now(UTC), published.guild.id
    mine = (guild_id >> 22) % 2

    def compared(core: Core) -> tuple[list[int], list[int]]:
        return guild_removal.compare(core, [], Shards(2, frozenset({1 - mine})).have, now)

    assert await published.core(compared) == ([], [])
    assert await left_at(published) is None
    await removed(published)

    def purged(core: Core) -> list[list[int]]:
        return [
            guild_removal.purge(
                core, [], Shards(2, frozenset({shard})).have, now, timedelta(days=-1)
            )
            for shard in (1 - mine, mine)
        ]

    assert await published.core(purged) == [[], [guild_id]]


async def test_before_any_shard_has_named_its_servers_none_is_taken_for_left(
    published: World,
) -> None:
    shards = Shards(1, frozenset()).have

    def compared(core: Core) -> tuple[list[int], list[int]]:
        return guild_removal.compare(core, [], shards, datetime.now(UTC))

    assert await published.core(compared) == ([], [])


async def test_a_clock_that_jumps_ahead_deletes_nothing(published: World) -> None:
    await removed(published)
    await part(published.bot, GuildRemoval).purge(datetime.now(UTC) + timedelta(days=400))
    await part(published.bot, GuildRemoval).purge(datetime.now(UTC) + timedelta(days=400, hours=1))
    assert await found(published) == 1
    # It is put right, and from then on a day is a day.
    await part(published.bot, GuildRemoval).purge(datetime.now(UTC))
    await passes(published, 29)
    assert await found(published) == 1
    await passes(published, 31)
    assert await found(published) == 0


async def test_a_bot_that_was_off_for_long_waits_for_days_that_it_sees(published: World) -> None:
    await removed(published)
    for years in range(1, 30):
        await part(published.bot, GuildRemoval).purge(
            datetime.now(UTC) + timedelta(days=365 * years)
        )
    assert await found(published) == 1
