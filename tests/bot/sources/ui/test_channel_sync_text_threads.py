"""Threads of text channels: with and without an opening message, never private ones."""

from typing import Any

import pytest
from simcord import ChannelHandle
from simcord.enums import ChannelType, MessageType

from bot.sources import messages
from bot.sources.ui.channel_sync import ChannelSync
from knowledge.values.guilds import SyncedContent
from tests.bot.components import part
from tests.bot.forum import ANSWER, QUESTION, TITLE, found, page_as_discord_does, read, texts
from tests.bot.message_parts import content
from tests.bot.spoken import english
from tests.bot.world import World


@pytest.fixture(autouse=True)
def _pages(monkeypatch: pytest.MonkeyPatch) -> None:
    page_as_discord_does(monkeypatch)


async def follow(world: World) -> str:
    result = await world.admin.slash(world.general, "source add", channel=world.help, threads=True)
    return content(result)


async def answered(world: World, thread: ChannelHandle) -> None:
    await world.second_member.send(thread, ANSWER)
    await world.member.send(thread, "Thanks, that worked!")


def begun(world: World, **more: Any) -> ChannelHandle:
    """Start a thread in the text channel."""
    thread = world.env.backend.create_thread(world.help.id, TITLE, world.member.id, **more)
    return ChannelHandle(world.env, world.guild, thread)


async def begun_from(world: World, text: str = QUESTION) -> tuple[ChannelHandle, Any]:
    """Start a thread from a message, with Discord's system message at its beginning."""
    message = await world.member.send(world.help, text)
    thread = begun(world, message_id=message.id)
    backend: Any = world.env.backend
    head = backend.prepare_message(thread.id, world.member.id, ".")
    head.type = MessageType.THREAD_STARTER_MESSAGE
    head.reference = {
        "channel_id": str(world.help.id),
        "message_id": str(message.id),
        "guild_id": str(world.guild.id),
    }
    backend.commit_message(head)
    await world.env.settle()
    await answered(world, thread)
    return thread, message


async def test_a_threads_first_message_is_its_beginning(world: World) -> None:
    thread, message = await begun_from(world)
    assert await follow(world) == english(
        messages.channel_added, world.help.id, SyncedContent.THREADS
    )
    await read(world)
    [hit] = await found(world, world.help.id)
    assert hit.passage.title == TITLE
    assert QUESTION in hit.passage.text
    assert ANSWER in hit.passage.text
    assert f"/{thread.id}/" in hit.passage.link

    await world.member.edit(message, "Which stove burns in the wind of Svalbard, and for how long?")
    await read(world)
    assert "Svalbard" in await texts(world, world.help.id)
    assert QUESTION not in await texts(world, world.help.id)

    await world.member.delete(message)
    assert await texts(world, world.help.id) == ""
    await world.admin.slash(world.general, "source sync")
    await read(world)
    assert await texts(world, world.help.id) == ""


async def test_threads_without_a_message_start_with_their_first(world: World) -> None:
    await follow(world)
    thread = begun(world)
    first = await world.member.send(thread, QUESTION)
    await answered(world, thread)
    await read(world)
    [hit] = await found(world, world.help.id)
    assert QUESTION in hit.passage.text

    # The next message doesn't take its place.
    await world.member.delete(first)
    await world.admin.slash(world.general, "source sync")
    await read(world)
    assert await texts(world, world.help.id) == ""


async def test_private_threads_and_other_messages_stay_unread(world: World) -> None:
    await follow(world)
    await world.member.send(world.help, "The cat is asleep in the harbour office, as always.")
    thread = begun(world, type=ChannelType.PRIVATE_THREAD)
    world.env.backend.add_thread_member(thread.id, world.bot.user.id)  # type: ignore[union-attr]
    for member in (world.member, world.second_member):
        world.env.backend.add_thread_member(thread.id, member.id)
    await world.member.send(thread, QUESTION)
    await answered(world, thread)
    await world.admin.slash(world.general, "source sync")
    await read(world)

    assert await texts(world, world.help.id) == ""
    sync: ChannelSync = part(world.bot, ChannelSync)
    assert not sync.unread
