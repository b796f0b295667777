"""Forum posts and questions that nobody is asked are answered once, or not at all."""

import asyncio
import threading
from collections.abc import Callable
from dataclasses import replace

import discord
import pytest
from simcord import ChannelHandle
from simcord.backend.models.channel import Overwrite
from simcord.enums import OverwriteType

from bot.ask import unasked_messages as messages
from bot.ask.ui.unasked_cog import MOST_WAITING
from bot.config.settings import Settings
from bot.core.core import Core
from bot.core.job_queue import Priority
from bot.process.client import Bot
from knowledge.values.channel_settings import Mode
from knowledge.values.guilds import Language
from tests.bot.ask.helping import ASKED, POST_TITLE, UNKNOWN, Helped, labels
from tests.bot.faults import fail
from tests.bot.steps import restarted
from tests.bot.world import TEXT, text_of

# Longer than a test waits in earnest; each second of it costs the bot a look at everything.
WAIT_SECONDS = 120


async def ask(helped: Helped, text: str = ASKED) -> ChannelHandle:
    """A question of a member in the help channel, which it returns."""
    await helped.world.member.send(helped.world.help, text)
    return helped.world.help


async def test_a_post_is_answered_once_with_its_passage_and_four_things_to_press(
    helped: Helped,
) -> None:
    post = await helped.forum.post(POST_TITLE, ASKED)
    [answer] = helped.said_in(post)
    assert TEXT in text_of(answer).replace("**", "")
    assert messages.LEAD.english in text_of(answer)
    assert labels(answer) == ["helped::solved", "answer::unhelpful", "helped::dismiss", "passages:"]


@pytest.mark.parametrize("message_first", [False, True])
async def test_the_first_message_and_the_post_come_in_either_order(
    helped: Helped, message_first: bool
) -> None:
    backend = helped.world.env.backend
    thread = backend.create_thread(
        helped.forum.id, POST_TITLE, helped.world.member.id, broadcast=False
    )
    first = backend.prepare_message(thread.id, helped.world.member.id, ASKED)
    first.id = thread.id
    events: list[Callable[[], object]] = [
        lambda: backend.announce_thread_create(thread),
        lambda: backend.commit_message(first),
    ]
    for event in reversed(events) if message_first else events:
        event()
        await helped.world.env.settle()
    post = ChannelHandle(helped.world.env, helped.world.guild, thread)
    assert len(helped.said_in(post)) == 1


async def test_what_else_is_written_in_a_post_is_not_answered(helped: Helped) -> None:
    post = await helped.forum.post("Hello", "I am new here and like it.")
    await helped.world.member.send(post, ASKED)
    assert helped.said_in(post) == []


async def test_a_message_that_begins_a_question_is_answered_as_a_reply_that_pings_nobody(
    helped: Helped,
) -> None:
    channel = await ask(helped)
    [answer] = helped.said_in(channel)
    assert answer.reference is not None
    assert TEXT in text_of(answer).replace("**", "")
    assert answer.mentions == []


async def test_without_strong_evidence_nothing_is_posted_and_nothing_is_recorded(
    helped: Helped,
) -> None:
    channel = await ask(helped, UNKNOWN)
    post = await helped.forum.post("Ferry", UNKNOWN)
    assert helped.said_in(channel) + helped.said_in(post) == []
    assert await helped.world.gaps(helped.world.guild.id) == []
    assert "Zanzibar" not in await helped.words()


async def test_nothing_of_a_channels_words_is_kept_by_answering(
    helped: Helped, settings: Settings
) -> None:
    await ask(helped, f"Xaver: {ASKED}")
    await helped.forum.post(f"{POST_TITLE} for Xaver", ASKED)
    assert len(helped.said_in(helped.world.help)) == 1
    assert "Xaver" not in await helped.words()
    files = [one for one in settings.data.folder.rglob("*") if one.is_file()]
    assert [one.name for one in files if b"Xaver" in one.read_bytes()] == []
    assert any(b"Rua Augusta" in one.read_bytes() for one in files)


async def test_where_nobody_chose_help_nothing_is_said(helped: Helped) -> None:
    await helped.world.member.send(helped.world.general, ASKED)
    await helped.set(helped.forum.id, mode=Mode.MENTIONS)
    post = await helped.forum.post(POST_TITLE, ASKED)
    assert helped.said_in(helped.world.general) + helped.said_in(post) == []


async def test_what_goes_on_with_a_conversation_is_not_answered(helped: Helped) -> None:
    world = helped.world
    before = await world.second_member.send(world.help, "I was there.")
    await world.member.send(world.help, ASKED, reply_to=before)
    await ask(helped, f"{world.second_member.mention} {ASKED}")
    await ask(helped, f"And {ASKED}")
    await ask(helped, "Thanks!")
    assert helped.said_in(world.help) == []


async def test_bots_and_webhooks_are_not_answered(helped: Helped) -> None:
    world = helped.world
    robot = world.guild.add_member(world.env.create_user("robot", bot=True))
    await robot.send(world.help, ASKED)
    assert helped.said_in(world.help) == []


async def test_a_post_that_mentions_the_bot_is_answered_once(helped: Helped) -> None:
    assert helped.world.bot.user is not None
    post = await helped.forum.post(POST_TITLE, f"{helped.world.bot.user.mention} {ASKED}")
    assert len(helped.said_in(post)) == 1


# Waiting, and silence.


async def waiting(helped: Helped) -> ChannelHandle:
    """A post that is answered in two minutes, unless somebody helps."""
    await helped.set(helped.forum.id, wait_seconds=WAIT_SECONDS)
    return await helped.forum.post(POST_TITLE, ASKED)


async def answers_after(
    helped: Helped, post: ChannelHandle, seconds: float = WAIT_SECONDS + 1
) -> int:
    await helped.world.env.advance_time(seconds)
    return len(helped.said_in(post))


async def test_it_waits_for_as_long_as_was_chosen(helped: Helped) -> None:
    post = await waiting(helped)
    assert await answers_after(helped, post, WAIT_SECONDS - 10) == 0
    assert await answers_after(helped, post, 11) == 1
    assert await answers_after(helped, post, WAIT_SECONDS) == 1


async def test_it_is_silent_once_somebody_has_answered(helped: Helped) -> None:
    post = await waiting(helped)
    await helped.world.second_member.send(post, "It is in the old town, next to the river.")
    assert await answers_after(helped, post) == 0


async def test_it_is_silent_once_a_moderator_has_written_whatever_they_say(helped: Helped) -> None:
    post = await waiting(helped)
    await helped.world.moderator.send(post, "hello!")
    assert await answers_after(helped, post) == 0


async def test_a_helper_silences_it_as_a_moderator_does(helped: Helped) -> None:
    world, role = helped.world, helped.world.guild.create_role("Helpers")
    helper = world.guild.add_member(world.env.create_user("hal"), roles=[role])

    def choose(core: Core) -> None:
        settings = core.store.guilds.settings(world.guild.id)
        core.store.guilds.save_settings(replace(settings, helper_role_id=role.id), world.admin.id)

    await world.core(choose)
    world.bot.guild_settings.forget(world.guild.id)
    post = await waiting(helped)
    await helper.send(post, "hello!")
    assert await answers_after(helped, post) == 0


async def test_small_talk_of_others_and_what_the_asker_adds_do_not_silence_it(
    helped: Helped,
) -> None:
    post = await waiting(helped)
    await helped.world.second_member.send(post, "hello!")
    await helped.world.member.send(post, "I have never been there before.")
    assert await answers_after(helped, post) == 1


async def test_it_is_silent_once_the_asker_says_that_it_is_solved(helped: Helped) -> None:
    post = await waiting(helped)
    await helped.world.member.send(post, "nvm, found it")
    assert await answers_after(helped, post) == 0


async def test_it_is_silent_in_a_post_that_is_marked_as_solved_or_closed(helped: Helped) -> None:
    backend = helped.world.env.backend
    for changes, metadata in (
        ({"applied_tags": [901]}, {}),
        ({"name": "[gelöst] Treffen"}, {}),
        ({}, {"locked": True}),
        ({}, {"archived": True}),
    ):
        post = await waiting(helped)
        backend.edit_channel(post.id, changes, thread_metadata=metadata)
        await helped.world.env.settle()
        assert await answers_after(helped, post) == 0


async def test_it_is_silent_where_the_question_is_gone_or_no_longer_asks_that(
    helped: Helped,
) -> None:
    await helped.set(helped.world.help.id, wait_seconds=WAIT_SECONDS)
    world = helped.world
    await world.member.delete(await world.member.send(world.help, ASKED))
    edited = await world.member.send(world.help, ASKED)
    await world.member.edit(edited, UNKNOWN)
    assert await answers_after(helped, world.help) == 0


async def test_it_is_silent_where_helping_was_switched_off_meanwhile(helped: Helped) -> None:
    post = await waiting(helped)
    await helped.set(helped.forum.id, mode=Mode.MENTIONS)
    assert await answers_after(helped, post) == 0


async def test_it_answers_in_the_language_of_the_channel(helped: Helped) -> None:
    await helped.set(helped.forum.id, language=Language.GERMAN)
    post = await helped.forum.post(POST_TITLE, ASKED)
    [answer] = helped.said_in(post)
    assert messages.LEAD(Language.GERMAN) in text_of(answer)


# Once.


async def test_what_waits_is_answered_after_a_restart_and_what_was_answered_is_not(
    helped: Helped, new_bot: Callable[[], Bot]
) -> None:
    answered = await helped.forum.post(POST_TITLE, ASKED)
    waits = await waiting(helped)
    await restarted(helped.world, new_bot)
    assert await answers_after(helped, waits) == 1
    assert await answers_after(helped, answered, WAIT_SECONDS) == 1


async def test_an_event_that_comes_twice_is_answered_once(helped: Helped) -> None:
    post = await helped.forum.post(POST_TITLE, ASKED)
    helped.world.bot.dispatch("message", helped.forum.first_message(post))
    await helped.world.env.settle()
    assert len(helped.said_in(post)) == 1


# What lacks.


async def test_where_it_may_not_write_it_is_silent_and_the_log_says_so_once(
    helped: Helped, caplog: pytest.LogCaptureFixture
) -> None:
    denied = discord.Permissions(send_messages_in_threads=True).value
    overwrite = Overwrite(helped.world.bot_role.id, OverwriteType.ROLE, deny=denied)
    helped.world.env.backend.set_overwrite(helped.forum.id, overwrite)
    await helped.world.env.settle()
    for _ in range(2):
        post = await helped.forum.post(POST_TITLE, ASKED)
        assert helped.said_in(post) == []
    said = [one.getMessage() for one in caplog.records if "Nobody is helped" in one.getMessage()]
    assert len(said) == 1
    assert "send_messages_in_threads" in said[0]


async def test_a_flood_is_left_to_people(helped: Helped, monkeypatch: pytest.MonkeyPatch) -> None:
    await helped.set(helped.world.help.id, wait_seconds=WAIT_SECONDS)
    assert MOST_WAITING > 1
    monkeypatch.setattr("bot.ask.ui.unasked_cog.MOST_WAITING", 1)
    await ask(helped)
    await helped.world.second_member.send(helped.world.help, ASKED)
    assert len(await helped.states()) == 1


async def test_two_posts_of_one_member_in_one_moment_are_both_answered(helped: Helped) -> None:
    posts = [helped.forum.begin(POST_TITLE, ASKED) for _ in range(2)]
    await helped.world.env.settle()
    assert [len(helped.said_in(post)) for post in posts] == [1, 1]


async def test_what_is_asked_of_nobody_waits_behind_everybody_who_asks(helped: Helped) -> None:
    world, worker, gate = helped.world, helped.world.bot.worker, threading.Event()
    # What was chosen for the channel is known before.
    await world.bot.guild_settings.in_channel(world.bot.get_channel(world.help.id))
    started = asyncio.Event()
    loop = asyncio.get_running_loop()

    def block(_: Core) -> None:
        loop.call_soon_threadsafe(started.set)
        gate.wait()

    busy = asyncio.create_task(worker.call(block))
    await started.wait()
    before = worker.waiting()
    world.env.backend.create_message(world.help.id, world.member.id, ASKED)
    while worker.waiting() == before:  # noqa: ASYNC110 - a queue sets no event
        await asyncio.sleep(0)
    after = worker.waiting()
    assert after[Priority.INDEXING] == before[Priority.INDEXING] + 1
    assert after[Priority.ASKING] == before[Priority.ASKING]
    gate.set()
    await busy
    await world.env.settle()
    assert len(helped.said_in(world.help)) == 1


# After a day.


async def test_what_nobody_has_answered_within_a_day_is_a_gap_with_its_words(
    helped: Helped,
) -> None:
    await ask(helped, UNKNOWN)
    await helped.forum.post("Ferry", UNKNOWN)
    await helped.a_day_later()
    gaps = await helped.world.gaps(helped.world.guild.id)
    assert {gap.text for gap in gaps} == {UNKNOWN, f"Ferry\n{UNKNOWN}"}
    assert {gap.asker_id for gap in gaps} == {helped.world.member.id}
    await helped.a_day_later()
    assert len(await helped.world.gaps(helped.world.guild.id)) == 2


async def test_what_was_answered_by_somebody_within_a_day_is_no_gap(helped: Helped) -> None:
    post = await helped.forum.post("Ferry", UNKNOWN)
    await helped.world.second_member.send(post, "It leaves at nine and at four.")
    await helped.a_day_later()
    assert await helped.world.gaps(helped.world.guild.id) == []
    assert await helped.states() == ["done"]


async def test_what_the_bot_answered_is_a_gap_only_where_nobody_found_that_helpful(
    helped: Helped,
) -> None:
    good = await helped.forum.post(POST_TITLE, ASKED)
    bad = await helped.forum.post(POST_TITLE, ASKED)
    [answer] = helped.said_in(bad)
    await helped.world.member.click(answer, label="Not helpful")
    await helped.a_day_later()
    [gap] = await helped.world.gaps(helped.world.guild.id)
    assert gap.channel_id == bad.id
    assert len(helped.said_in(good)) == 1


async def test_an_answer_that_discord_refused_is_not_tried_again_and_leaves_a_gap(
    helped: Helped,
) -> None:
    post = await waiting(helped)
    fail(helped.world, "POST", f"/channels/{post.id}/messages", (403, 200000))
    assert await answers_after(helped, post) == 0
    assert await answers_after(helped, post) == 0
    await helped.a_day_later()
    [gap] = await helped.world.gaps(helped.world.guild.id)
    assert gap.channel_id == post.id


async def test_who_does_not_want_to_be_quoted_leaves_no_gap(helped: Helped) -> None:
    await ask(helped, UNKNOWN)
    member_id = helped.world.member.id
    await helped.world.core(lambda core: core.store.quote_opt_outs.withhold(member_id))
    await helped.a_day_later()
    assert "Zanzibar" not in await helped.words()


async def test_with_the_message_its_gap_goes_also_where_it_helps_no_more(
    helped: Helped, new_bot: Callable[[], Bot]
) -> None:
    asked = await helped.world.member.send(helped.world.help, UNKNOWN)
    post = await helped.forum.post("Ferry", UNKNOWN)
    await helped.a_day_later()
    assert "Zanzibar" in await helped.words()
    for channel_id in (helped.forum.id, helped.world.help.id):
        await helped.set(channel_id, mode=Mode.OFF)
    await restarted(helped.world, new_bot)
    await helped.world.member.delete(asked)
    helped.world.env.backend.delete_channel(post.id)
    await helped.world.env.settle()
    assert "Zanzibar" not in await helped.words()
