"""Live events of synced channels: new, edited and deleted messages, reactions, permissions."""

from collections.abc import Callable
from typing import Any

import discord
import pytest
from simcord.backend.models import Overwrite
from simcord.enums import OverwriteType

from bot.core.core import Core
from bot.sources.ui import channel_events
from knowledge.discord_archive.archive import ChannelProblem, ProblemCode
from tests.bot.forum import (
    ANSWER,
    SOLVED,
    Forum,
    add,
    found,
    read,
    report,
    texts,
)
from tests.bot.world import World


def set_access(world: World, forum: Forum, *, allowed: bool) -> None:
    """Let the bot see the forum, or not."""
    bit = discord.Permissions(view_channel=True).value
    overwrite = Overwrite(
        world.bot_role.id, OverwriteType.ROLE, allow=bit * allowed, deny=bit * (not allowed)
    )
    world.env.backend.set_overwrite(forum.id, overwrite)


async def test_deleted_messages_and_threads_are_forgotten_at_once(
    world: World, forum: Forum
) -> None:
    thread, answer = await forum.solved()
    await world.second_member.send(thread, "Take long snow pegs along, too: short ones slip out.")
    together, reply = await forum.solved("Stove", "Which stove burns at minus thirty?")
    gone, _ = await forum.solved("Boots", "Which boots are warm enough for Lapland in winter?")
    await add(world, forum)
    await read(world)
    before = await texts(world, forum.id)
    assert all(word in before for word in (ANSWER, "Which stove", "Which boots"))

    await world.second_member.delete(answer)
    world.env.backend.bulk_delete_messages(together.id, [reply.id, together.id])
    world.env.backend.delete_channel(gone.id)
    await world.env.settle()
    at_once = await texts(world, forum.id)
    await read(world)
    left = await texts(world, forum.id)

    for text in (at_once, left):
        assert not any(word in text for word in (ANSWER, "Which stove", "Which boots"))
    assert "long snow pegs" in left


async def test_an_edited_message_is_quoted_anew(world: World, forum: Forum) -> None:
    _, answer = await forum.solved()
    await add(world, forum)
    await read(world)

    world.env.backend.clock.advance(60)
    await world.second_member.edit(answer, "An igloo of firm snow is warmer than any tent.")
    await read(world)

    text = await texts(world, forum.id)
    assert "igloo" in text
    assert "geodesic" not in text


async def test_a_new_thread_is_indexed(world: World, forum: Forum) -> None:
    await add(world, forum)
    await read(world)

    await forum.solved()
    await read(world)

    assert len(await found(world, forum.id)) == 1


async def test_a_new_tag_solved_takes_effect(world: World, forum: Forum) -> None:
    thread = await forum.post()
    await world.second_member.send(thread, "Have you looked at the list of tents in the wiki yet?")
    await add(world, forum)
    await read(world)
    assert (await report(world, forum.id)).counts.documents == 0
    answer = "Take a geodesic tunnel tent with snow valances."
    await world.second_member.send(thread, answer)

    world.env.backend.edit_channel(thread.id, {"applied_tags": [SOLVED], "name": "Winter tent"})
    await world.env.settle()
    await read(world)

    assert "Winter tent" in await texts(world, forum.id)
    assert answer in await texts(world, forum.id)


async def test_deleted_announcements_are_forgotten_at_once(world: World) -> None:
    news = world.guild.create_news_channel("news")
    message = await world.admin.send(news, "The tundra branch is merged and tagged.")
    await world.admin.slash(world.general, "source add", channel=news)
    await read(world)
    assert "tundra" in await texts(world, news.id)

    await world.admin.delete(message)

    assert await texts(world, news.id) == ""


async def test_an_edited_pin_is_quoted_until_unpinned(world: World) -> None:
    pinned = await world.admin.send(world.help, "The password of the wifi is on the fridge.")
    await world.admin.set_pinned(pinned, True)
    await world.admin.slash(world.general, "source add", channel=world.help)
    await read(world)
    world.env.backend.clock.advance(60)
    await world.admin.edit(pinned, "The password of the wifi is below the fridge now.")
    await read(world)
    assert "below the fridge" in await texts(world, world.help.id)

    await world.admin.set_pinned(pinned, False)
    await read(world)
    assert await texts(world, world.help.id) == ""


async def test_a_marked_reply_is_the_answer(world: World, forum: Forum) -> None:
    thread = await forum.post()
    await world.second_member.send(thread, "Perhaps a dome tent, which is what most people have.")
    right = await world.second_member.send(thread, ANSWER)
    await world.second_member.send(thread, "Or a bivouac bag, if there is only one of you going.")
    await add(world, forum)
    await read(world)

    await world.member.react(right, "✅")
    await read(world)

    text = await texts(world, forum.id)
    assert text.index(ANSWER) < text.index("dome tent")


async def test_only_readable_channels_are_quoted(world: World, forum: Forum) -> None:
    await forum.solved()
    await add(world, forum)
    await read(world)

    set_access(world, forum, allowed=False)
    await world.env.settle()
    assert await texts(world, forum.id) == ""
    problem = (await report(world, forum.id)).channel.problem
    assert problem is not None
    assert problem.code is ProblemCode.LACKS_PERMISSIONS
    assert problem.values["permissions"][0] == "view_channel"

    set_access(world, forum, allowed=True)
    await world.env.settle()
    await read(world)
    assert len(await found(world, forum.id)) == 1
    assert (await report(world, forum.id)).channel.problem is None


async def test_a_channel_is_quoted_no_more_when_the_role_is_deleted_that_let_the_bot_in(
    world: World, forum: Forum
) -> None:
    await forum.solved()
    backend, role = world.env.backend, world.bot_role
    seen = discord.Permissions(view_channel=True).value
    backend.set_overwrite(forum.id, Overwrite(role.id, OverwriteType.ROLE, allow=seen))
    backend.set_overwrite(forum.id, Overwrite(world.guild.id, OverwriteType.ROLE, deny=seen))
    await add(world, forum)
    await read(world)
    assert await texts(world, forum.id)

    backend.delete_role(world.guild.id, role.id)
    await world.env.settle()

    assert await texts(world, forum.id) == ""


async def test_a_deleted_channel_is_not_quoted(world: World, forum: Forum) -> None:
    await forum.solved()
    await add(world, forum)
    await read(world)

    world.env.backend.delete_channel(forum.id)
    await world.env.settle()

    assert await texts(world, forum.id) == ""
    assert (await report(world, forum.id)).channel.problem == ChannelProblem(ProblemCode.GONE)


async def test_events_of_other_channels_cause_no_query(
    world: World, forum: Forum, monkeypatch: pytest.MonkeyPatch
) -> None:
    await add(world, forum)
    await read(world)
    asked: set[str] = set()
    call = world.bot.worker.call

    async def recorded(function: Callable[[Core], Any], **options: Any) -> Any:
        asked.add(function.__module__)
        return await call(function, **options)

    monkeypatch.setattr(world.bot.worker, "call", recorded)

    message = await world.second_member.send(world.general, "Hello.")
    await world.second_member.edit(message, "Hello there.")
    await world.member.react(message, "👍")
    await world.second_member.delete(message)

    assert channel_events.__name__ not in asked
