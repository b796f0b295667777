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

from bot.ask.ui import unasked_buttons
from bot.ask.ui.unasked_cog import MOST_WAITING
from bot.config.settings import Settings
from bot.core.core import Core
from bot.core.job_queue import Priority
from knowledge.values.guilds import Language
from knowledge.values.settings import Mode
from tests.bot.faults import fail
from tests.bot.forum import ASKED, POST_TITLE, UNKNOWN, Helped, labels
from tests.bot.message_parts import text_of
from tests.bot.spoken import said_in
from tests.bot.world import TEXT, NewBot

# Longer than the 60 s by which the harness advances the clock by itself; each costs CPU time.
WAIT_SECONDS = 75


async def ask(helped: Helped, text: str = ASKED) -> ChannelHandle:
    """Ask as a member in the help channel, and return it."""
    await helped.world.member.send(helped.world.help, text)
    return helped.world.help


def silences(helped: Helped, *places: ChannelHandle) -> bool:
    """Whether the bot has said nothing in any of these places."""
    return not [one for place in places for one in helped.said_in(place)]


async def test_a_post_is_answered_once_in_its_language(helped: Helped) -> None:
    post = await helped.forum.post(POST_TITLE, ASKED)
    helped.world.bot.dispatch("message", helped.forum.first_message(post))
    await helped.world.env.settle()
    [answer] = helped.said_in(post)
    assert TEXT in text_of(answer).replace("**", "")
    assert unasked_buttons.LEAD.english in text_of(answer)
    assert labels(answer) == ["helped::solved", "answer::unhelpful", "helped::dismiss", "passages:"]
    await helped.set(helped.forum.id, language=Language.GERMAN)
    [german] = helped.said_in(await helped.forum.post(POST_TITLE, ASKED))
    assert said_in(Language.GERMAN, unasked_buttons.LEAD) in text_of(german)


@pytest.mark.parametrize("message_first", [False, True])
async def test_first_message_and_post_come_in_any_order(
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


async def test_a_channel_question_gets_a_silent_reply(helped: Helped) -> None:
    [answer] = helped.said_in(await ask(helped))
    assert answer.reference is not None
    assert TEXT in text_of(answer).replace("**", "")
    assert answer.mentions == []


async def test_messages_that_ask_nothing_get_no_answer(helped: Helped) -> None:
    world = helped.world
    before = await world.second_member.send(world.help, "I was there.")
    await world.member.send(world.help, ASKED, reply_to=before)
    for text in (f"{world.second_member.mention} {ASKED}", f"And {ASKED}", "Thanks!"):
        await ask(helped, text)
    robot = world.guild.add_member(world.env.create_user("robot", bot=True))
    await robot.send(world.help, ASKED)
    await world.member.send(world.general, ASKED)
    greeting = await helped.forum.post("Hello", "I am new here and like it.")
    await world.member.send(greeting, ASKED)
    await helped.set(helped.forum.id, mode=Mode.MENTIONS)
    unhelped = await helped.forum.post(POST_TITLE, ASKED)
    assert silences(helped, world.help, world.general, greeting, unhelped)


async def test_without_strong_evidence_nothing_is_posted_or_recorded(helped: Helped) -> None:
    channel = await ask(helped, UNKNOWN)
    post = await helped.forum.post("Ferry", UNKNOWN)
    assert silences(helped, channel, post)
    assert await helped.world.gaps(helped.world.guild.id) == []
    assert "Zanzibar" not in await helped.words()


async def test_answering_stores_no_words_of_a_channel(helped: Helped, settings: Settings) -> None:
    await ask(helped, f"Xaver: {ASKED}")
    await helped.forum.post(f"{POST_TITLE} for Xaver", ASKED)
    assert len(helped.said_in(helped.world.help)) == 1
    assert "Xaver" not in await helped.words()
    files = [one for one in settings.data.folder.rglob("*") if one.is_file()]
    assert [one.name for one in files if b"Xaver" in one.read_bytes()] == []
    assert any(b"Rua Augusta" in one.read_bytes() for one in files)


async def test_a_post_with_a_mention_is_answered_once(helped: Helped) -> None:
    assert helped.world.bot.user is not None
    post = await helped.forum.post(POST_TITLE, f"{helped.world.bot.user.mention} {ASKED}")
    assert len(helped.said_in(post)) == 1


# Waiting, and silence.


async def waiting(helped: Helped) -> ChannelHandle:
    """A post that is answered after `WAIT_SECONDS`, unless somebody helps."""
    await helped.set(helped.forum.id, wait_seconds=WAIT_SECONDS)
    return await helped.forum.post(POST_TITLE, ASKED)


async def answers_after(
    helped: Helped, *posts: ChannelHandle, seconds: float = WAIT_SECONDS + 1
) -> list[int]:
    await helped.world.env.advance_time(seconds)
    return [len(helped.said_in(post)) for post in posts]


async def test_open_posts_are_answered_after_their_wait(helped: Helped) -> None:
    world, backend = helped.world, helped.world.env.backend
    role = world.guild.create_role("Helpers")
    helper = world.guild.add_member(world.env.create_user("hal"), roles=[role])

    def choose(core: Core) -> None:
        settings = core.store.guilds.settings(world.guild.id)
        core.store.guilds.save_settings(replace(settings, helper_role_id=role.id), world.admin.id)

    await world.core(choose)
    world.bot.guild_settings.forget(world.guild.id)
    still_open, answered, greeted, helped_by_role, solved, tagged, locked = [
        await waiting(helped) for _ in range(7)
    ]
    await world.second_member.send(still_open, "hello!")
    await world.member.send(still_open, "I have never been there before.")
    await world.second_member.send(answered, "It is in the old town, next to the river.")
    # Whatever a moderator or helper writes counts as help.
    await world.moderator.send(greeted, "hello!")
    await helper.send(helped_by_role, "hello!")
    await world.member.send(solved, "nvm, found it")
    backend.edit_channel(tagged.id, {"applied_tags": [901]})
    backend.edit_channel(locked.id, {}, thread_metadata={"locked": True})
    settled = (answered, greeted, helped_by_role, solved, tagged, locked)

    assert await answers_after(helped, still_open, seconds=WAIT_SECONDS - 10) == [0]
    assert await answers_after(helped, still_open, *settled, seconds=11) == [1, *[0] * 6]
    assert await answers_after(helped, still_open, *settled) == [1, *[0] * 6]


async def test_a_deleted_edited_or_disallowed_question_gets_nothing(helped: Helped) -> None:
    world = helped.world
    await helped.set(world.help.id, wait_seconds=WAIT_SECONDS)
    await world.member.delete(await world.member.send(world.help, ASKED))
    edited = await world.member.send(world.help, ASKED)
    await world.member.edit(edited, UNKNOWN)
    post = await waiting(helped)
    await helped.set(helped.forum.id, mode=Mode.MENTIONS)
    assert await answers_after(helped, world.help, post) == [0, 0]


# Once.


async def test_waiting_questions_survive_a_restart(helped: Helped, new_bot: NewBot) -> None:
    answered = await helped.forum.post(POST_TITLE, ASKED)
    waits = await waiting(helped)
    await helped.world.start_again(new_bot)
    assert await answers_after(helped, waits, answered) == [1, 1]


# What lacks.


async def test_unwritable_places_are_logged_once(
    helped: Helped, caplog: pytest.LogCaptureFixture
) -> None:
    denied = discord.Permissions(send_messages_in_threads=True).value
    overwrite = Overwrite(helped.world.bot_role.id, OverwriteType.ROLE, deny=denied)
    helped.world.env.backend.set_overwrite(helped.forum.id, overwrite)
    await helped.world.env.settle()
    for _ in range(2):
        post = await helped.forum.post(POST_TITLE, ASKED)
        assert silences(helped, post)
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


async def test_simultaneous_posts_of_a_member_are_both_answered(helped: Helped) -> None:
    posts = [helped.forum.begin(POST_TITLE, ASKED) for _ in range(2)]
    await helped.world.env.settle()
    assert [len(helped.said_in(post)) for post in posts] == [1, 1]


async def test_unasked_questions_wait_behind_asked_ones(helped: Helped) -> None:
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


async def test_unhelped_questions_become_gaps_after_a_day(helped: Helped) -> None:
    world = helped.world
    await ask(helped, UNKNOWN)
    ferry = await helped.forum.post("Ferry", UNKNOWN)
    answered = await helped.forum.post("Ship", UNKNOWN)
    await world.second_member.send(answered, "It leaves at nine and at four.")
    good, bad = [await helped.forum.post(POST_TITLE, ASKED) for _ in range(2)]
    [answer] = helped.said_in(bad)
    await world.member.click(answer, label="Not helpful")
    unquoted = await helped.forum.post("Kept secret", UNKNOWN, by=world.second_member)
    unquoted_id = world.second_member.id
    await world.core(lambda core: core.store.quote_opt_outs.withhold(unquoted_id))
    for _ in range(2):
        await helped.a_day_later()
        gaps = await world.gaps(world.guild.id)
        assert {(gap.channel_id, gap.text) for gap in gaps} == {
            (world.help.id, UNKNOWN),
            (ferry.id, f"Ferry\n{UNKNOWN}"),
            (bad.id, f"{POST_TITLE}\n{ASKED}"),
        }
        assert {gap.asker_id for gap in gaps} == {world.member.id}
    assert len(gaps) == 3
    assert "Kept secret" not in await helped.words()
    assert await helped.states() == ["done"] * 6
    assert len(helped.said_in(good)) == 1
    assert silences(helped, unquoted)


async def test_a_question_that_a_note_answers_is_no_gap(helped: Helped) -> None:
    post = await helped.forum.post(UNKNOWN, UNKNOWN)
    await helped.world.add_note(UNKNOWN, UNKNOWN)
    await helped.a_day_later()
    assert await helped.states() == ["done"]
    assert await helped.world.gaps(helped.world.guild.id) == []
    assert silences(helped, post)


async def test_a_refused_answer_is_not_retried_and_leaves_a_gap(helped: Helped) -> None:
    post = await waiting(helped)
    fail(helped.world, "POST", f"/channels/{post.id}/messages", (403, 200000))
    assert await answers_after(helped, post) == [0]
    await helped.a_day_later()
    assert silences(helped, post)
    await helped.a_day_later()
    [gap] = await helped.world.gaps(helped.world.guild.id)
    assert gap.channel_id == post.id


async def test_a_deleted_messages_gap_goes_too(helped: Helped, new_bot: NewBot) -> None:
    asked = await helped.world.member.send(helped.world.help, UNKNOWN)
    post = await helped.forum.post("Ferry", UNKNOWN)
    await helped.a_day_later()
    assert "Zanzibar" in await helped.words()
    for channel_id in (helped.forum.id, helped.world.help.id):
        await helped.set(channel_id, mode=Mode.OFF)
    await helped.world.start_again(new_bot)
    await helped.world.member.delete(asked)
    helped.world.env.backend.delete_channel(post.id)
    await helped.world.env.settle()
    assert "Zanzibar" not in await helped.words()
