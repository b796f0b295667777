"""Guilds that are not allowed are left at once, and only members of others are answered."""

from collections.abc import AsyncIterator

import pytest
from simcord import Env

from bot.client import Bot, start_worker
from bot.config import GuildsSettings, Settings
from bot.text import error_messages
from tests.bot.world import World, build_world
from tests.fakes import WordEmbedder


@pytest.fixture
async def choosy(world: World, settings: Settings) -> AsyncIterator[World]:
    """The world's guild is the only one that is allowed, and the bot has been started anew."""
    guilds = GuildsSettings(allowed=[world.guild.id])  # type: ignore[arg-type]
    chosen = settings.model_copy(update={"guilds": guilds})
    await world.bot.close()
    bot = Bot(chosen, start_worker(chosen, WordEmbedder()))
    await world.restart(bot)
    yield world
    await bot.close()


async def test_a_guild_that_is_not_allowed_is_left_with_a_sentence_to_its_owner(
    choosy: World, simcord_env: Env
) -> None:
    build_world(simcord_env, "Another")
    await simcord_env.settle()

    assert [guild.id for guild in choosy.bot.guilds] == [choosy.guild.id]
    told = [one.json for one in simcord_env.http_requests if isinstance(one.json, dict)]
    assert error_messages.LEAVES.english in [one.get("content") for one in told]


async def test_members_of_the_allowed_guild_are_answered_directly(choosy: World) -> None:
    await choosy.member.send_dm("What is open source AI?")

    answer = choosy.member.user.dm_channel.last_message
    assert answer is not None
    assert "> " in answer.content


async def test_who_is_a_member_of_no_allowed_guild_is_told_and_not_answered(
    choosy: World, simcord_env: Env
) -> None:
    stranger = choosy.second_member.user
    simcord_env.backend.remove_member(choosy.guild.id, stranger.id)
    await stranger.send_dm("What is open source AI?")

    answer = stranger.dm_channel.last_message
    assert answer is not None
    assert answer.content == error_messages.NOT_SERVED.english


async def test_where_all_guilds_are_allowed_none_is_left(world: World, simcord_env: Env) -> None:
    other = build_world(simcord_env, "Another")
    await simcord_env.settle()

    assert {guild.id for guild in world.bot.guilds} == {world.guild.id, other.guild.id}
