"""Guild settings where they decide: which answers are private, and where mentions are answered."""

import functools
from dataclasses import replace
from typing import Any

import discord
import pytest

from bot.config.settings import Settings
from bot.core.core import Core
from bot.core.worker import Worker
from bot.interactions.policy import guild_settings_cache
from bot.process.login import invite_permissions
from knowledge.values.guilds import Language
from tests.bot.world import World, build_world


async def answered_privately(world: World, **options: Any) -> bool:
    result = await world.ask(**options)
    assert result.response is not None
    return result.response.ephemeral


@pytest.mark.parametrize("private", [True, False])
async def test_answers_keep_the_chosen_privacy(world: World, private: bool) -> None:
    await world.choose(private_answers="yes" if private else "no")

    assert await answered_privately(world) is private
    assert await answered_privately(world, private=not private) is not private


async def test_unset_servers_follow_the_operator(world: World, settings: Settings) -> None:
    assert await answered_privately(world) is settings.answers.private


async def test_a_choice_holds_for_its_server(world: World) -> None:
    other = build_world(world.env, "Another")

    await world.choose(private_answers="yes")

    assert await answered_privately(world)
    assert not await answered_privately(other)


async def test_a_busy_worker_answers_privately(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody knows yet what was chosen: what was private can still be shared."""
    monkeypatch.setattr("bot.interactions.policy.guild_settings_cache._PATIENCE_SECONDS", 0)

    assert await answered_privately(world)


async def test_mentions_are_answered_in_chosen_channels(world: World) -> None:
    assert await world.answers_mention(world.general)

    await world.choose(listen=[world.help, world.review])

    assert await world.answers_mention(world.help)
    assert not await world.answers_mention(world.general)
    assert (await world.ask()).response is not None


async def test_a_chosen_category_and_threads_answer_mentions(world: World) -> None:
    category = world.guild.create_category("Support")
    inside = world.guild.create_text_channel("inside", category=category)
    more = invite_permissions() | discord.Permissions(create_public_threads=True)
    world.env.backend.edit_role(world.guild.id, world.bot_role.id, {"permissions": more.value})
    channel = world.bot.get_channel(world.help.id)
    assert isinstance(channel, discord.TextChannel)
    await channel.create_thread(name="A question", type=discord.ChannelType.public_thread)
    await world.env.settle()
    [thread] = world.help.threads

    await world.choose(listen=[category, world.help])

    assert await world.answers_mention(inside)
    assert await world.answers_mention(thread)
    assert not await world.answers_mention(world.general)


async def test_all_channels_can_be_chosen_again(world: World) -> None:
    await world.choose(listen=[world.help])

    await world.choose(listen=[])

    assert await world.answers_mention(world.general)


async def test_a_categorys_thread_takes_its_nearest_choice(world: World) -> None:
    category = world.guild.create_category("Support")
    forum = world.guild.create_forum_channel("questions")
    world.env.backend.edit_channel(forum.id, {"parent_id": str(category.id)})
    await world.env.settle()
    channel = world.bot.get_channel(forum.id)
    assert isinstance(channel, discord.ForumChannel)
    post = await channel.create_thread(name="A question", content="How?")
    await world.env.settle()
    for channel_id, changes in (
        (category.id, {"private": True, "quotations": 1}),
        (forum.id, {"quotations": 2}),
        (post.thread.id, {"language": Language.GERMAN}),
    ):
        await world.core(
            functools.partial(_changed, channel_id, world.guild.id, changes, world.admin.id)
        )
    world.bot.guild_settings.forget(world.guild.id)

    found = await world.bot.guild_settings.in_channel(post.thread)

    assert (found.private, found.quotations, found.wait_seconds) == (True, 2, 0)
    assert await world.bot.guild_settings.language_in(post.thread) is Language.GERMAN
    general = await world.bot.guild_settings.in_channel(world.bot.get_channel(world.general.id))
    assert (general.private, general.quotations, general.wait_seconds) == (False, 3, 30)


def _changed(
    channel_id: int, guild_id: int, changes: dict[str, Any], actor_id: int, core: Core
) -> None:
    core.store.channel_settings.change(channel_id, guild_id, changes, actor_id)


async def test_ten_thousand_messages_ask_the_worker_once(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    channel = world.bot.get_channel(world.general.id)
    cache = guild_settings_cache.GuildSettingsCache(world.bot)
    await cache.in_channel(channel)
    monkeypatch.delattr(Worker, "call")

    for _ in range(10_000):
        await cache.in_channel(channel)


async def test_direct_messages_are_answered_whatever_channels_were_chosen(world: World) -> None:
    await world.choose(listen=[world.help])

    await world.member.user.send_dm("What is open source AI?")

    answer = world.member.user.dm_channel.last_message
    assert answer is not None
    assert answer.author == world.bot.user


async def test_few_guilds_settings_are_kept(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guild_settings_cache, "_GUILDS", 3)
    cache = guild_settings_cache.GuildSettingsCache(world.bot)

    for guild_id in range(1, 11):
        await cache.settings(guild_id)

    assert sorted(cache._fresh) == sorted(cache._last) == [8, 9, 10]


@pytest.mark.parametrize(("seconds", "noticed"), [(0, True), (3_600, False)])
async def test_what_another_process_chose_is_noticed_once_the_entry_has_expired(
    world: World, monkeypatch: pytest.MonkeyPatch, seconds: int, noticed: bool
) -> None:
    monkeypatch.setattr(guild_settings_cache, "_TTL_SECONDS", seconds)
    cache = guild_settings_cache.GuildSettingsCache(world.bot)
    before = await cache.settings(world.guild.id)
    chosen = replace(before, private_answers=True)
    await world.core(lambda core: core.store.guilds.save_settings(chosen, world.admin.id))

    assert (await cache.settings(world.guild.id) == chosen) is noticed
