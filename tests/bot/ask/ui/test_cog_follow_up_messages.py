"""Follow-ups: what is asked soon after an answer, in reply to it, or in its thread."""

from datetime import UTC, datetime, timedelta
from typing import Any

import discord
import pytest
from simcord import ChannelHandle
from simcord.backend.models.channel import Overwrite
from simcord.enums import OverwriteType

from bot.answers.recording_queue import FOLLOWED_UP_WITHIN
from bot.config.settings import Settings, SourceSettings
from bot.core.core import Core
from knowledge.values.questions import Question
from knowledge.values.settings import GuildSettings
from tests.bot.forum import QUESTION as FORUM_QUESTION
from tests.bot.forum import TITLE as FORUM_TITLE
from tests.bot.forum import make_forum, page_as_discord_does, read
from tests.bot.message_parts import text_of
from tests.bot.world import AFTER, QUESTION, SECTIONS, TEXT, TICKETS, TITLE, UNKNOWN, NewBot, World

_VIEW = discord.Permissions(view_channel=True).value


@pytest.fixture
def settings(settings: Settings, request: pytest.FixtureRequest) -> Settings:
    """With the intent for the content of messages, or without it."""
    sources = SourceSettings(channels=getattr(request, "param", True), web_hours=0)
    return Settings(data=settings.data, questions=settings.questions, sources=sources)


def mention(world: World) -> str:
    assert world.bot.user is not None
    return f"<@{world.bot.user.id}>"


async def answer(world: World) -> discord.Message:
    await world.add_note(text=SECTIONS)
    await world.member.send(world.help, f"{mention(world)} {QUESTION}")
    answered = world.help.last_message
    assert answered is not None
    return answered


async def thread_of(world: World, message: Any) -> ChannelHandle:
    """The thread that a member starts from a message in the help channel."""
    made = world.env.backend.create_thread(
        message.channel.id, "On that", world.member.id, message_id=message.id
    )
    await world.env.settle()
    return ChannelHandle(world.env, world.guild, made)


def said(world: World, thread: ChannelHandle) -> list[str]:
    assert world.bot.user is not None
    return [text_of(one) for one in thread.history() if one.author.id == world.bot.user.id]


def quoted(contents: list[str]) -> list[bool]:
    return [TITLE in content for content in contents]


async def questions(world: World) -> list[Question]:
    """What was asked, in order."""

    def look(core: Core) -> list[Question]:
        found = (core.store.question_records.question(number) for number in range(1, 10))
        return [one for one in found if one is not None]

    return await world.core(look)


def shown(world: World) -> str:
    """What the bot said last in the help channel."""
    return text_of(world.help.last_message)


async def test_a_follow_up_message_gets_another_section(world: World) -> None:
    first = await answer(world)

    await world.member.send(world.help, f"{mention(world)} {AFTER}")
    assert (await questions(world))[-1].earlier == QUESTION
    assert TICKETS in shown(world)
    assert TEXT not in shown(world)

    again = f"{mention(world)} and in Lisbon at Rua Augusta?"
    await world.member.send(world.help, again, reply_to=first)
    assert (await questions(world))[-1].earlier == QUESTION
    assert TEXT not in shown(world)


async def test_other_questions_are_no_follow_ups(world: World) -> None:
    first = await answer(world)
    theirs = await world.second_member.send(world.help, AFTER)
    after = f"{mention(world)} {AFTER}"

    await world.second_member.send(world.help, after)
    await world.member.send(world.general, after)
    await world.member.send(world.help, after, reply_to=theirs)
    await world.member.context_menu(world.help, "Ask about this", theirs)
    alone = f"{mention(world)} and how do I buy tickets at the door"
    await world.member.send(world.help, alone, reply_to=first)

    assert [one.earlier for one in await questions(world)] == [""] * 6


async def test_after_ten_minutes_only_a_reply_follows_up(world: World) -> None:
    first = await answer(world)
    before = (datetime.now(UTC) - FOLLOWED_UP_WITHIN - timedelta(seconds=1)).isoformat()
    await world.core(
        lambda core: core.store.database.run("update questions set asked_at = ?", [before])
    )

    await world.member.send(world.help, f"{mention(world)} {AFTER}")
    await world.second_member.send(world.help, f"{mention(world)} {AFTER}", reply_to=first)

    assert [one.earlier for one in await questions(world)] == ["", "", QUESTION]


async def test_a_direct_message_follows_up_the_one_before(world: World) -> None:
    await world.member.send_dm("What is open source AI?")
    await world.member.send_dm("and who pays for it?")

    assert (await questions(world))[-1].earlier == "What is open source AI?"


async def test_public_commands_follow_no_private_one(world: World) -> None:
    await world.add_note(text=SECTIONS)
    cases = [(False, False), (True, True), (False, True), (True, False)]

    found = []
    for actor, (first, then) in zip(world.people, cases, strict=False):
        await world.ask(by=actor, private=first)
        await world.ask(AFTER, by=actor, private=then)
        found.append((await questions(world))[-1].earlier)

    assert found == [QUESTION, QUESTION, QUESTION, ""]


# In the thread of an answer.


async def test_an_answers_thread_takes_follow_ups(world: World) -> None:
    thread = await thread_of(world, await answer(world))

    await world.second_member.send(thread, AFTER)
    assert quoted(said(world, thread)) == [True]
    assert (await questions(world))[-1].earlier == QUESTION

    await world.second_member.send(thread, QUESTION, reply_to=thread.last_message)
    await world.member.send(thread, f"{mention(world)} {AFTER}")
    assert quoted(said(world, thread)) == [True] * 3
    # The thread's starter message is fetched once.
    path = f"/channels/{world.help.id}/messages/{thread.id}"
    assert len([one for one in world.env.http_requests if one.path.endswith(path)]) == 1


async def test_other_threads_take_no_follow_ups(world: World) -> None:
    await answer(world)
    backend = world.env.backend
    theirs = await world.second_member.send(world.help, QUESTION)
    robot = world.guild.add_member(world.env.create_user("robot", bot=True))
    same = {"type": 2, "style": 2, "label": "Helpful", "custom_id": "answer:1:helpful"}
    robots = backend.create_message(
        world.help.id, robot.id, QUESTION, components=[{"type": 1, "components": [same]}]
    )
    made = [
        backend.create_thread(world.help.id, "On that", world.member.id, message_id=message_id)
        for message_id in (theirs.id, robots.id, None)
    ]
    await world.env.settle()

    for each in made:
        thread = ChannelHandle(world.env, world.guild, each)
        await world.member.send(thread, AFTER)
        await world.member.send(thread, QUESTION)
        assert said(world, thread) == []
    assert len(await questions(world)) == 1


async def test_the_last_public_question_in_the_thread_is_followed(world: World) -> None:
    thread = await thread_of(world, await answer(world))

    await world.member.send(thread, f"{mention(world)} {UNKNOWN}")
    await world.member.slash(thread, "ask", question="Who wears a xylophone?", private=True)
    await world.second_member.send(thread, f"{mention(world)} {AFTER}")

    assert [one.earlier for one in await questions(world)] == ["", "", "", UNKNOWN]


async def test_unanswered_messages_in_a_thread_are_not_recorded(world: World) -> None:
    thread = await thread_of(world, await answer(world))

    await world.member.send(thread, f"Do you know the {UNKNOWN}?")
    assert said(world, thread) == []
    assert len(await questions(world)) == 1

    await world.member.send(thread, f"{mention(world)} {UNKNOWN}")
    refused = thread.last_message
    await world.member.send(thread, "Is it in Zanzibar at all?", reply_to=refused)
    assert len(said(world, thread)) == 2


async def test_a_reply_follows_the_answer_that_it_names(world: World) -> None:
    thread = await thread_of(world, await answer(world))

    await world.member.send(thread, AFTER)
    first = thread.last_message
    await world.second_member.send(thread, "And why?")
    await world.member.send(thread, "And how?", reply_to=first)

    assert quoted(said(world, thread))[:2] == [True, True]
    chain = f"{QUESTION}\n{AFTER}"
    assert [one.earlier for one in await questions(world)] == ["", QUESTION, chain, chain]


async def test_a_refusals_thread_is_followed_too(world: World) -> None:
    await world.member.send(world.help, f"{mention(world)} {UNKNOWN}")
    thread = await thread_of(world, world.help.last_message)
    await world.add_note()

    await world.member.send(thread, QUESTION)

    assert quoted(said(world, thread)) == [True]


async def test_a_wrong_claim_is_looked_up_anew(world: World) -> None:
    thread = await thread_of(world, await answer(world))

    wrong = "No, the community meetup is in Porto."
    await world.second_member.send(thread, wrong)

    [content] = said(world, thread)
    quotations = [line for line in content.split("\n") if line.startswith("> ")]
    assert any("Lisbon" in line for line in quotations)
    assert not any("Porto" in line for line in quotations)
    last = (await questions(world))[-1]
    assert (last.text, last.hits[0].passage) == (wrong, TEXT)


async def test_follow_ups_survive_a_restart(world: World, new_bot: NewBot) -> None:
    thread = await thread_of(world, await answer(world))
    await world.member.send(thread, QUESTION)
    await world.restart(new_bot())

    await world.member.send(world.help, f"{mention(world)} {AFTER}")
    assert (await questions(world))[-1].earlier == QUESTION
    await world.second_member.send(thread, AFTER)
    assert quoted(said(world, thread)) == [True, True]


async def test_small_talk_in_the_thread_is_ignored(world: World) -> None:
    thread = await thread_of(world, await answer(world))

    for content in ("", "👍", "…", "lol", "Thanks!", "ok thanks, that helped"):
        await world.member.send(thread, content, attachments=[("a.png", b"not a picture")])
    theirs = await world.member.send(thread, f"<@{world.second_member.id}> {QUESTION}")
    await world.second_member.send(thread, QUESTION, reply_to=theirs)

    assert said(world, thread) == []


async def test_channel_settings_hold_in_answers_threads(world: World) -> None:
    thread = await thread_of(world, await answer(world))

    await _choose(world, listen_channels=(world.general.id,))
    await world.member.send(thread, QUESTION)
    assert said(world, thread) == []

    await _choose(world, private_answers=True)
    await world.member.send(thread, QUESTION)
    assert said(world, thread) == []
    await world.member.send(thread, f"{mention(world)} {AFTER}")
    assert quoted(said(world, thread)) == [True]


async def test_unwritable_threads_tell_only_those_who_mention(world: World) -> None:
    thread = await thread_of(world, await answer(world))
    only_reading = {"permissions": discord.Permissions(view_channel=True).value}
    for role_id in (world.bot_role.id, world.guild.id):
        world.env.backend.edit_role(world.guild.id, role_id, only_reading)
    before = len(world.env.http_requests)

    world.env.backend.create_message(thread.id, world.member.id, QUESTION)
    await world.env.settle()

    assert world.env.http_requests[before:] == []


async def test_threads_quote_what_all_may_read(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    page_as_discord_does(monkeypatch)
    forum = make_forum(world)
    await forum.solved()
    await world.admin.slash(world.general, "source add", channel=forum.channel)
    await read(world)
    thread = await thread_of(world, await answer(world))

    await world.member.send(thread, FORUM_QUESTION)
    hidden = Overwrite(world.guild.id, OverwriteType.ROLE, deny=_VIEW)
    world.env.backend.set_overwrite(forum.id, hidden)
    shown_to_bot = Overwrite(world.bot_role.id, OverwriteType.ROLE, allow=_VIEW)
    world.env.backend.set_overwrite(forum.id, shown_to_bot)
    await world.member.send(thread, FORUM_QUESTION)

    assert [FORUM_TITLE in content for content in said(world, thread)] == [True]


@pytest.mark.parametrize("settings", [False], indirect=True)
async def test_without_the_intent_threads_need_mentions(world: World) -> None:
    thread = await thread_of(world, await answer(world))

    await world.member.send(thread, QUESTION)
    assert said(world, thread) == []
    assert len(await questions(world)) == 1

    await world.second_member.send(thread, f"{mention(world)} {AFTER}")
    assert quoted(said(world, thread)) == [True]
    assert (await questions(world))[-1].earlier == QUESTION


async def test_a_mention_stands_alone_without_its_threads_message(world: World) -> None:
    thread = await thread_of(world, await answer(world))
    await world.admin_deletes(_starter(world, thread))

    await world.member.send(thread, f"{mention(world)} {AFTER}")

    assert (await questions(world))[-1].earlier == ""


async def test_a_mention_stands_alone_without_readable_history(world: World) -> None:
    thread = await thread_of(world, await answer(world))
    denied = discord.Permissions(read_message_history=True).value
    history = Overwrite(world.bot_role.id, OverwriteType.ROLE, deny=denied)
    everybody = Overwrite(world.guild.id, OverwriteType.ROLE, deny=denied)
    for overwrite in (history, everybody):
        world.env.backend.set_overwrite(world.help.id, overwrite)

    await world.member.send(thread, QUESTION)
    await world.member.send(thread, f"{mention(world)} {AFTER}")

    assert (await questions(world))[-1].earlier == ""
    assert not [one for one in world.env.http_requests if one.path.endswith(f"/{thread.id}")]


def _starter(world: World, thread: ChannelHandle) -> discord.Message:
    return next(one for one in world.help.history() if one.id == thread.id)


async def _choose(world: World, **chosen: Any) -> None:
    """Choose something else in `/setup`."""
    made = GuildSettings(world.guild.id, world.review.id, world.moderator_role.id, **chosen)
    await world.core(lambda core: core.store.guilds.save_settings(made, world.admin.id))
    world.bot.guild_settings.forget(world.guild.id)
