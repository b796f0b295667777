"""Channels that are read: what is asked of Discord, what is quoted, and what is not any more."""

import pytest

from bot.config import Settings, SourceSettings
from tests.bot.forum import (
    ANSWER,
    QUESTION,
    SOLVED,
    TITLE,
    Forum,
    found,
    make_forum,
    page_as_discord_does,
    read,
    report,
    texts,
)
from tests.bot.world import World


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return Settings(data=settings.data, sources=SourceSettings(channels=True))


@pytest.fixture
def forum(world: World) -> Forum:
    return make_forum(world)


async def add(world: World, forum: Forum) -> str:
    result = await world.admin.slash(world.general, "source add", channel=forum.channel)
    assert result.response is not None
    return result.response.content


async def test_a_solved_thread_of_a_forum_is_found_with_question_and_answer(
    world: World, forum: Forum
) -> None:
    await forum.solved()
    await forum.post("Weather", "Nice weather today!")

    await add(world, forum)
    await read(world)

    [hit] = await found(world, forum.id)
    assert hit.passage.title == TITLE
    assert QUESTION in hit.passage.text
    assert ANSWER in hit.passage.text
    assert (await report(world, forum.id)).counts.documents == 1


async def test_where_it_was_started_it_is_said_what_came_of_it(world: World, forum: Forum) -> None:
    await forum.solved()

    begun = await add(world, forum)
    await read(world)

    assert begun.startswith(f"I begin to read <#{forum.id}>")
    told = world.general.last_message
    assert told is not None
    assert told.content == (
        f"<#{forum.id}> is read: 1 documents from 3 messages. I follow what is written, edited and "
        "deleted there."
    )


async def test_archived_threads_are_read_however_many_pages_there_are(
    world: World, forum: Forum, monkeypatch: pytest.MonkeyPatch
) -> None:
    page_as_discord_does(monkeypatch)
    archived, _ = await forum.solved()
    await forum.archive(archived)
    for number in range(205):
        forum.archive_at_once(f"Post {number}", "Small talk, nothing else.")
    await world.env.settle()

    await add(world, forum)
    await read(world)

    assert (await report(world, forum.id)).counts.threads == 206
    assert len(await found(world, forum.id)) == 1


async def test_a_long_thread_is_read_a_page_at_a_time(
    world: World, forum: Forum, monkeypatch: pytest.MonkeyPatch
) -> None:
    page_as_discord_does(monkeypatch)
    thread, _ = await forum.solved()
    for number in range(250):
        world.env.backend.create_message(thread.id, world.member.id, f"More of it: {number}")
    await world.env.settle()

    await add(world, forum)
    await read(world)

    assert (await report(world, forum.id)).counts.messages == 253
    asked = [one for one in world.env.http_requests if one.path.endswith(f"{thread.id}/messages")]
    assert len(asked) == 3


async def test_what_is_deleted_is_found_no_more_when_discord_has_said_so(
    world: World, forum: Forum
) -> None:
    thread, answer = await forum.solved()
    await world.second_member.send(thread, "Take long snow pegs along, too: short ones slip out.")
    await add(world, forum)
    await read(world)
    assert ANSWER in await texts(world, forum.id)

    await world.second_member.delete(answer)

    assert ANSWER not in await texts(world, forum.id)
    await read(world)
    left = await texts(world, forum.id)
    assert ANSWER not in left
    assert "long snow pegs" in left


async def test_messages_deleted_together_are_found_no_more(world: World, forum: Forum) -> None:
    thread, answer = await forum.solved()
    await add(world, forum)
    await read(world)

    world.env.backend.bulk_delete_messages(thread.id, [answer.id, thread.id])
    await world.env.settle()

    assert await texts(world, forum.id) == ""


async def test_a_thread_without_its_first_post_answers_nothing(world: World, forum: Forum) -> None:
    thread, _ = await forum.solved()
    await add(world, forum)
    await read(world)

    await world.member.delete(forum.first_message(thread))
    await read(world)

    assert await texts(world, forum.id) == ""


async def test_a_deleted_thread_is_found_no_more_when_discord_has_said_so(
    world: World, forum: Forum
) -> None:
    thread, _ = await forum.solved()
    await add(world, forum)
    await read(world)

    world.env.backend.delete_channel(thread.id)
    await world.env.settle()

    assert await texts(world, forum.id) == ""


async def test_an_edited_message_is_quoted_as_it_is_now(world: World, forum: Forum) -> None:
    _, answer = await forum.solved()
    await add(world, forum)
    await read(world)

    world.env.backend.clock.advance(60)
    await world.second_member.edit(answer, "An igloo of firm snow is warmer than any tent.")
    await read(world)

    text = await texts(world, forum.id)
    assert "igloo" in text
    assert "geodesic" not in text


async def test_a_thread_that_is_begun_later_is_followed(world: World, forum: Forum) -> None:
    await add(world, forum)
    await read(world)

    await forum.solved()
    await read(world)

    assert len(await found(world, forum.id)) == 1


async def test_a_tag_that_says_solved_counts_from_the_moment_it_is_given(
    world: World, forum: Forum
) -> None:
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
