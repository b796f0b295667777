"""Guilds that are not allowed are left at once, and only members of others are answered."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from simcord import Env

from bot.config.settings import GuildsSettings, Settings
from bot.interactions.policy.allowed_guilds import AllowedGuilds
from bot.process.client import Bot, start_worker
from bot.text import error_messages
from tests.bot.message_parts import custom_ids, said, shown_message, text_of
from tests.bot.values import WHEN
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
    assert "> " in text_of(answer)


async def test_who_is_a_member_of_no_allowed_guild_is_told_and_not_answered(
    choosy: World, simcord_env: Env
) -> None:
    stranger = choosy.second_member.user
    simcord_env.backend.remove_member(choosy.guild.id, stranger.id)
    await stranger.send_dm("What is open source AI?")

    answer = stranger.dm_channel.last_message
    assert answer is not None
    assert text_of(answer) == error_messages.NOT_SERVED.english


@pytest.mark.parametrize("where", [{"context": 2}, {"guild_id": "1"}])
async def test_who_alone_has_the_bot_is_told_where_it_answers(
    world: World, monkeypatch: pytest.MonkeyPatch, where: dict[str, Any]
) -> None:
    """In a conversation between others, and in a server that it is no member of."""
    emit = world.env.backend.emit
    monkeypatch.setattr(world.env.backend, "emit", lambda event, sent: emit(event, sent | where))

    if "guild_id" in where:
        result = await world.ask("What is open source AI?")
    else:
        result = await world.member.user.slash("ask", question="What is open source AI?")

    assert said(result) == error_messages.NOT_A_MEMBER.english


async def test_no_button_list_form_or_completion_of_a_server_that_is_not_allowed_is_answered(
    world: World, settings: Settings
) -> None:
    await world.publish()
    answer = shown_message(await world.ask()).message
    card = world.card
    typed = {"title": "Ferry", "text": "The ferry leaves at nine."}
    guilds = GuildsSettings(allowed=[1])  # type: ignore[arg-type]
    # The server is not left: what is clicked there may be on its way.
    world.bot.settings = settings.model_copy(update={"guilds": guilds})
    world.bot.allowed_guilds = AllowedGuilds(world.bot)

    button = world.press(world.member, answer, custom_ids(answer)[0])
    retired = world.press(world.moderator, card, "card:1:retire")
    chosen_reason = world.press(world.member, answer, "reason:1", ["outdated"])
    form = world.submit(world.member, "form:note:0:0:0:0:0:note:u:ab", typed)
    completed = await world.member.autocomplete(world.general, "note show", "note", "Comm")
    await world.env.settle()

    for result in (button, retired, chosen_reason):
        assert said(result) == error_messages.NOT_SERVED.english
    assert said(form).startswith(error_messages.NOT_SERVED.english)
    assert typed["text"] in said(form)
    assert completed == []
    assert (await world.note()).live
    assert await world.core(lambda core: core.store.notes.queue(world.guild.id, WHEN)) == []


async def test_where_all_guilds_are_allowed_none_is_left(world: World, simcord_env: Env) -> None:
    other = build_world(simcord_env, "Another")
    await simcord_env.settle()

    assert {guild.id for guild in world.bot.guilds} == {world.guild.id, other.guild.id}
