"""Unanswered posts ping the helpers once, answered ones ask their author; *Yes* closes them."""

from datetime import UTC, datetime, timedelta
from typing import Any

import discord
import pytest
from simcord import ChannelHandle

from bot.ask import open_posts
from bot.ask.ui.open_posts import OpenPosts
from bot.core.core import Core
from knowledge.values.guilds import Language
from knowledge.values.questions import PostState
from knowledge.values.settings import Mode, SolvedPosts
from tests.bot.ask.ui.test_unasked_buttons import let_manage_threads
from tests.bot.components import part
from tests.bot.faults import fail
from tests.bot.forum import ASKED, POST_TITLE, SOLVED, UNKNOWN, Helped
from tests.bot.message_parts import custom_ids, everything
from tests.bot.spoken import english
from tests.bot.strict_discord import StrictDiscord
from tests.bot.world import NewBot

ENGLISH = Language.ENGLISH
YES, NO = (open_posts.LABELS[action].english for action in ("yes", "no"))
HOURS = 8


@pytest.fixture
async def followed(helped: Helped, strict_discord: StrictDiscord) -> Helped:
    """A forum with pings, and with the question to authors."""
    del strict_discord
    let_manage_threads(helped.world)
    await helped.set(helped.forum.id, ping_hours=HOURS, solved_posts=SolvedPosts.ASK)
    return helped


def ping(helped: Helped) -> str:
    return str(english(open_posts.PING, HOURS, role=f"<@&{helped.world.moderator_role.id}>"))


def question(helped: Helped) -> str:
    return str(english(open_posts.ASK, author=f"<@{helped.world.member.id}>"))


async def hours_later(helped: Helped, hours: int = HOURS, **values: Any) -> None:
    """Let a round run some hours after the posts began; `values` are of their rows."""
    values = {"look_at": None, **values}
    values["asked_at"] = (datetime.now(UTC) - timedelta(hours=hours)).isoformat()

    def change(core: Core) -> None:
        assigned = ", ".join(f"{name} = ?" for name in values)
        with core.store.database.writing():
            core.store.database.run(
                f"update helped_questions set {assigned}",  # noqa: S608 - of the test
                [*values.values()],
            )

    await helped.world.core(change)
    await part(helped.world.bot, OpenPosts).round()
    await helped.world.env.settle()


def texts(helped: Helped, post: ChannelHandle) -> list[str]:
    return [message.content for message in helped.said_in(post)]


async def asked(helped: Helped) -> tuple[ChannelHandle, discord.Message]:
    """An answered post, and the question to its author."""
    post = await helped.forum.post("Ferry", UNKNOWN)
    await helped.world.second_member.send(post, "It leaves at nine from the third pier.")
    await hours_later(helped)
    [message] = helped.said_in(post)
    return post, message


def closed(helped: Helped, post: ChannelHandle) -> tuple[bool, bool, list[int]]:
    """Whether a post is locked and archived, and its tags."""
    channel = helped.world.env.backend.get_channel(post.id)
    state = channel.thread_metadata
    assert state is not None
    return state.locked, state.archived, [int(tag) for tag in channel.applied_tags]


async def test_helpers_are_pinged_once(followed: Helped, new_bot: NewBot) -> None:
    post = await followed.forum.post("Ferry", UNKNOWN)
    await hours_later(followed, HOURS - 1)
    assert texts(followed, post) == []
    await hours_later(followed)
    assert texts(followed, post) == [ping(followed)]
    [message] = followed.said_in(post)
    assert message.raw_role_mentions == [followed.world.moderator_role.id]
    # Killed between the message and its record.
    await followed.world.start_again(new_bot)
    await hours_later(followed, post_state="open")
    await hours_later(followed, HOURS + 9)
    assert texts(followed, post) == [ping(followed)]


async def test_a_lost_response_pings_once(followed: Helped, strict_discord: StrictDiscord) -> None:
    post = await followed.forum.post("Ferry", UNKNOWN)
    strict_discord.lost_answers.append(("POST", f"/channels/{post.id}/messages"))
    await hours_later(followed)
    assert texts(followed, post) == [ping(followed)]


async def test_author_of_an_answered_post_is_asked_once(followed: Helped, new_bot: NewBot) -> None:
    post, message = await asked(followed)
    assert message.content == question(followed)
    await followed.world.start_again(new_bot)
    await hours_later(followed, post_state="open")
    assert texts(followed, post) == [question(followed)]


async def test_answer_of_the_bot_counts(followed: Helped) -> None:
    post = await followed.forum.post(POST_TITLE, ASKED)
    await hours_later(followed)
    assert texts(followed, post)[1:] == [question(followed)]


@pytest.mark.parametrize(
    ("choice", "locked", "archived"),
    [
        (SolvedPosts.ASK, False, False),
        (SolvedPosts.LOCK, True, False),
        (SolvedPosts.ARCHIVE, False, True),
    ],
)
async def test_yes_marks_and_closes_the_post_as_chosen(
    followed: Helped,
    new_bot: NewBot,
    choice: SolvedPosts,
    locked: bool,
    archived: bool,
) -> None:
    post, message = await asked(followed)
    await followed.set(followed.forum.id, solved_posts=choice)
    await followed.world.start_again(new_bot)
    await followed.world.member.click(message, label=YES)
    await followed.world.env.settle()
    assert texts(followed, post) == [open_posts.SOLVED.english]
    assert closed(followed, post) == (locked, archived, [SOLVED])


async def test_yes_survives_a_kill(followed: Helped, new_bot: NewBot) -> None:
    post, _ = await asked(followed)
    await followed.set(followed.forum.id, solved_posts=SolvedPosts.LOCK)
    await followed.world.start_again(new_bot)
    await hours_later(followed, post_state=PostState.SOLVED.value)
    assert not custom_ids(followed.said_in(post)[0])
    assert closed(followed, post) == (True, False, [SOLVED])
    # Once more changes nothing.
    await hours_later(followed, post_state=PostState.SOLVED.value)
    assert texts(followed, post) == [open_posts.SOLVED.english]


async def test_no_leaves_the_post_open(followed: Helped) -> None:
    post, message = await asked(followed)
    await followed.world.member.click(message, label=NO)
    await hours_later(followed, 30)
    assert texts(followed, post) == [open_posts.NOT_SOLVED.english]
    assert closed(followed, post) == (False, False, [])


async def test_only_the_author_and_moderators_answer(followed: Helped) -> None:
    post, message = await asked(followed)
    refused = await followed.world.second_member.click(message, label=YES)
    assert open_posts.NOT_YOURS.english in everything(refused)
    assert texts(followed, post) == [question(followed)]
    await followed.world.moderator.click(message, label=YES)
    assert texts(followed, post) == [open_posts.SOLVED.english]


async def test_without_manage_threads_the_post_stays_open(helped: Helped) -> None:
    await helped.set(helped.forum.id, ping_hours=HOURS, solved_posts=SolvedPosts.LOCK)
    post, message = await asked(helped)
    await helped.world.member.click(message, label=YES)
    assert texts(helped, post) == [open_posts.SOLVED.english]
    assert closed(helped, post) == (False, False, [])


@pytest.mark.parametrize("case", ["off", "not helped", "solved", "archived by its author", "old"])
async def test_posts_are_left_alone(followed: Helped, case: str) -> None:
    post = await followed.forum.post("Ferry", UNKNOWN, tags=[SOLVED] if case == "solved" else [])
    if case == "off":
        await followed.set(followed.forum.id, ping_hours=0, solved_posts=SolvedPosts.OFF)
    elif case == "not helped":
        await followed.set(followed.forum.id, mode=Mode.MENTIONS)
    elif case.startswith("archived"):
        await followed.forum.archive(post)
    await hours_later(followed, 15 * 24 if case == "old" else HOURS)
    assert texts(followed, post) == []


async def test_a_refused_message_is_retried_after_an_hour(followed: Helped) -> None:
    post = await followed.forum.post("Ferry", UNKNOWN)
    fail(followed.world, "POST", f"/channels/{post.id}/messages", (403, 50013))
    await hours_later(followed)
    await part(followed.world.bot, OpenPosts).round()
    assert texts(followed, post) == []
    await hours_later(followed)
    assert texts(followed, post) == [ping(followed)]
