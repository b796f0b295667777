"""Discord refuses, breaks, or does what it was asked and never says so; and rights that are gone.

Whatever happens: nothing that was confirmed is lost, nothing is there twice, and whoever clicked
gets a sentence where Discord lets one through.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import discord
import pytest
from simcord import InteractionResult, MemberActor
from simcord.backend.models import Overwrite
from simcord.enums import OverwriteType

from bot.ask import messages as ask_messages
from bot.gaps import messages as gaps_messages
from bot.process.connection import invite_permissions
from bot.review import cards as review_cards
from bot.text import error_messages
from knowledge.model.notes import State
from tests.bot.strict_discord import StrictDiscord
from tests.bot.world import QUESTION, TEXT, TITLE, World, buttons

# What Discord answers: HTTP status and code.
REFUSED = [
    pytest.param(403, 50001, id="missing access"),
    pytest.param(403, 50013, id="missing permissions"),
    pytest.param(404, 10003, id="unknown channel"),
]
BROKEN = [
    pytest.param(500, 0, id="broken"),
    pytest.param(503, 0, id="not there"),
    pytest.param(429, 0, id="busy"),
]
UNKNOWN_INTERACTION = 10062
EXPIRED = [
    pytest.param(404, UNKNOWN_INTERACTION, id="unknown interaction"),
    pytest.param(404, 10015, id="unknown webhook"),
    pytest.param(401, 50027, id="token expired"),
]


def said(result: InteractionResult) -> str:
    """Everything that was said in response to an interaction."""
    parts = [result.response, *result.followups]
    return "\n".join(part.content for part in parts if part is not None)


def fail(world: World, method: str, path: str, error: tuple[int, int]) -> None:
    """Let the next such request fail."""
    world.env.inject_error(method, path, status=error[0], code=error[1])


def cards_shown(world: World) -> list[str]:
    return [message.content for message in world.review.history()]


def mention(world: World) -> str:
    assert world.bot.user is not None
    return world.bot.user.mention


# Cards.


@pytest.mark.parametrize(("status", "code"), [*REFUSED, *BROKEN])
async def test_a_card_that_was_refused_is_posted_later_and_once(
    world: World, status: int, code: int
) -> None:
    fail(world, "POST", f"/channels/{world.review.id}/messages", (status, code))
    proposed = await world.propose()
    assert review_cards.CARD_NOT_POSTED.english in said(proposed)

    await world.bot.outbox.round()
    await world.bot.outbox.round()

    assert len(cards_shown(world)) == 1


async def test_a_card_of_which_discord_never_said_that_it_is_there_is_there_once(
    world: World, strict_discord: StrictDiscord
) -> None:
    strict_discord.lost_answers.append(("POST", f"/channels/{world.review.id}/messages"))
    await world.propose()

    await world.bot.outbox.round()

    assert len(cards_shown(world)) == 1
    await world.moderator.click(world.card, label="Approve")
    assert (await world.note()).live


async def test_a_card_that_discord_does_not_take_keeps_no_other_from_being_posted(
    world: World,
) -> None:
    path = f"/channels/{world.review.id}/messages"
    world.env.inject_error("POST", path, status=400, code=50035, times=1)
    await world.propose()
    world.env.inject_error("POST", path, status=400, code=50035, times=1)

    await world.propose_as(world.second_member, "Zanzibar", "The ferry sails at noon on Mondays.")

    assert "Zanzibar" in "".join(cards_shown(world))


@pytest.mark.parametrize(
    ("status", "code"), [*REFUSED, *BROKEN, pytest.param(404, 10008, id="deleted")]
)
async def test_a_decision_counts_once_though_its_card_could_not_be_edited(
    world: World, status: int, code: int
) -> None:
    await world.propose()
    card = world.card
    fail(world, "PATCH", f"/channels/{world.review.id}/messages/*", (status, code))

    clicked = await world.moderator.click(card, label="Approve")
    await world.bot.outbox.round()

    assert "is live" in said(clicked)
    note = await world.note()
    assert [review.moderator_id for review in note.reviews] == [world.moderator.id]
    assert len(cards_shown(world)) == 1
    if status != 404:
        assert "**Approved**" in cards_shown(world)[0]


async def test_a_card_in_a_channel_that_is_closed_now_is_posted_in_the_new_one(
    world: World,
) -> None:
    await world.propose()
    other = world.guild.create_text_channel("review-2")
    overwrites = world.env.backend.get_channel(world.review.id).overwrites
    mine = next(overwrite for overwrite in overwrites if overwrite.target_id == world.bot_role.id)
    mine.allow, mine.deny = 0, discord.Permissions(view_channel=True).value
    world.env.backend.set_overwrite(world.review.id, mine)

    await world.admin.slash(
        world.general, "setup", review_channel=other, moderator_role=world.moderator_role
    )
    await world.core(lambda core: core.store.notes.card_changed(1))
    await world.bot.outbox.round()

    assert [TITLE in message.content for message in other.history()] == [True]


# Telling.


@pytest.mark.parametrize(("status", "code"), [*EXPIRED, *REFUSED, *BROKEN])
async def test_a_decision_is_shown_to_everybody_though_its_moderator_can_not_be_told(
    world: World, status: int, code: int
) -> None:
    await world.propose()
    world.env.inject_error("PATCH", "/webhooks/*", status=status, code=code, times=None)
    world.env.inject_error("POST", "/webhooks/*", status=status, code=code, times=None)

    await world.moderator.click(world.card, label="Approve")

    assert "**Approved**" in world.card.content
    assert len((await world.note()).reviews) == 1
    assert len(world.member.user.dm_channel.history()) == 1


@pytest.mark.parametrize(("status", "code"), BROKEN)
async def test_a_contributor_who_could_not_be_reached_is_told_later_and_once(
    world: World, status: int, code: int
) -> None:
    await world.propose()
    general = len(world.general.history())
    dm = world.member.user.dm_channel
    fail(world, "POST", f"/channels/{dm.id}/messages", (status, code))
    await world.moderator.click(world.card, label="Approve")
    assert dm.history() == []

    await world.bot.outbox.round()
    await world.bot.outbox.round()

    assert len(dm.history()) == 1
    assert len(world.general.history()) == general


async def test_a_contributor_of_whom_discord_never_said_that_they_were_told_is_told_once(
    world: World, strict_discord: StrictDiscord
) -> None:
    await world.propose()
    dm = world.member.user.dm_channel
    strict_discord.lost_answers.append(("POST", f"/channels/{dm.id}/messages"))
    await world.moderator.click(world.card, label="Approve")

    await world.bot.outbox.round()

    assert len(dm.history()) == 1


async def test_who_takes_no_direct_messages_is_told_where_they_proposed_the_note(
    world: World,
) -> None:
    await world.propose()
    dm = world.member.user.dm_channel
    fail(world, "POST", f"/channels/{dm.id}/messages", (403, 50007))

    await world.moderator.click(world.card, label="Approve")

    assert dm.history() == []
    assert world.general.last_message is not None
    assert "was approved" in world.general.last_message.content


# Acknowledging.


@pytest.mark.parametrize(("status", "code"), [*EXPIRED, *BROKEN])
async def test_a_click_that_could_not_be_acknowledged_does_nothing_and_can_be_made_again(
    world: World, status: int, code: int
) -> None:
    await world.propose()
    card = world.card
    # Of an interaction that is over nothing more is said.
    times = 1 if code == UNKNOWN_INTERACTION else 2
    world.env.inject_error("POST", "/interactions/*", status=status, code=code, times=times)

    await world.moderator.click(card, label="Approve")
    assert (await world.note()).revision.state is State.PENDING

    again = await world.moderator.click(card, label="Approve")
    assert "is live" in said(again)


async def test_who_clicked_is_told_though_discord_says_that_they_were_answered_already(
    world: World, strict_discord: StrictDiscord
) -> None:
    await world.propose()
    # The acknowledgement arrives, but not the word that it did.
    strict_discord.lost_answers.append(("POST", "/interactions/*/callback"))

    clicked = await world.moderator.click(world.card, label="Approve")

    assert "Something went wrong" in said(clicked)
    strict_discord.problems.clear()  # a second response was tried, as it had to be
    assert (await world.note()).revision.state is State.PENDING


COMMANDS: dict[str, dict[str, Any]] = {
    "ask": {"question": QUESTION},
    "note mine": {},
    "note show": {"note": TITLE},
    "note history": {"note": TITLE},
    "note withdraw": {"note": TITLE},
    "review queue": {},
    "review note": {"note": 1},
    "review log": {},
    "review rules": {},
    "gaps": {},
    "leaderboard": {},
    "stats": {},
    "privacy": {},
    "about": {},
}


@pytest.mark.parametrize("command", COMMANDS)
async def test_a_command_whose_answer_does_not_arrive_says_so(world: World, command: str) -> None:
    await world.publish()
    fail(world, "PATCH", "/webhooks/*/messages/@original", (500, 0))
    actor = world.member if command == "note withdraw" else world.moderator

    result = await actor.slash(world.general, command, **COMMANDS[command])

    assert "Something went wrong on my side" in said(result)
    assert (await world.note()).live
    # That the command failed is what this is about.
    assert world.env.errors


async def _to_edit(world: World) -> InteractionResult:
    return await world.member.slash(world.general, "note edit", note=TITLE)


async def _to_report(world: World) -> InteractionResult:
    answer = await world.ask()
    assert answer.response is not None
    return await world.member.click(answer.response, label="Report")


async def _to_reject(world: World) -> InteractionResult:
    return await world.moderator.context_menu(world.review, "Reject note", world.card)


async def _to_write_for_a_gap(world: World) -> InteractionResult:
    refused = await world.ask("Zanzibar ferry timetable")
    assert refused.response is not None
    return await world.member.click(refused.response, label="Write this note")


@pytest.mark.parametrize("open_form", [_to_edit, _to_report, _to_reject, _to_write_for_a_gap])
async def test_where_a_form_can_not_be_opened_in_time_that_is_said_in_time(
    world: World, monkeypatch: pytest.MonkeyPatch, open_form: Any
) -> None:
    await world.publish()
    monkeypatch.setattr("bot.interactions.errors._PATIENCE_SECONDS", 0)

    result = await open_form(world)

    assert said(result) == error_messages.BUSY.english
    # discord.py hands what stops a command to the bot, which explained it.
    assert all("busy" in str(error) for error in world.env.errors)


async def test_the_form_of_a_new_note_opens_in_time_without_the_tags_that_there_are(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.bot.autocomplete.forget()
    monkeypatch.setattr("bot.interactions.errors._PATIENCE_SECONDS", 0)

    result = await world.member.slash(world.general, "note add")

    assert result.modal is not None


# Where the bot may not write.

MAKING_THREADS = discord.Permissions(create_public_threads=True)


@asynccontextmanager
async def silent(world: World, **denied: bool) -> AsyncIterator[Any]:
    """A channel in which the bot may not do everything."""
    yield world.guild.create_text_channel(
        "silent", overwrites={world.bot_role: discord.PermissionOverwrite(**denied)}
    )


async def test_who_mentions_the_bot_where_it_may_not_write_is_told_directly(world: World) -> None:
    async with silent(world, send_messages=False) as channel:
        await world.member.send(channel, f"{mention(world)} {QUESTION}")

        assert len(channel.history()) == 1
        [told] = world.member.user.dm_channel.history()
        assert told.content == ask_messages.can_not_write(channel.mention)
        assert await world.gaps(world.guild.id) == []


async def test_a_mention_is_answered_where_the_bot_may_not_read_what_was_before(
    world: World,
) -> None:
    await world.publish()
    fail(world, "POST", f"/channels/{world.general.id}/messages", (400, 160002))

    await world.member.send(world.general, f"{mention(world)} {QUESTION}")

    answers = [one for one in world.general.history() if "Rua Augusta" in one.content]
    assert len([one for one in answers if one.author.bot]) == 1


async def test_a_command_is_answered_where_the_bot_may_not_write(world: World) -> None:
    await world.publish()
    async with silent(world, send_messages=False, embed_links=False) as channel:
        result = await world.member.slash(channel, "ask", question=QUESTION)
        assert "Rua Augusta" in said(result)


@pytest.mark.parametrize("why", ["locked", "not in threads"])
async def test_who_mentions_the_bot_in_a_thread_that_is_closed_to_it_is_told_directly(
    world: World, why: str
) -> None:
    backend = world.env.backend
    backend.edit_role(
        world.guild.id,
        world.bot_role.id,
        {"permissions": (invite_permissions() | MAKING_THREADS).value},
    )
    channel = world.bot.get_channel(world.general.id)
    assert isinstance(channel, discord.TextChannel)
    await channel.create_thread(name="Travels", type=discord.ChannelType.public_thread)
    [thread] = world.general.threads
    if why == "locked":
        backend.edit_channel(thread.id, {}, thread_metadata={"locked": True})
    else:
        denied = discord.Permissions(send_messages_in_threads=True).value
        backend.set_overwrite(
            world.general.id, Overwrite(world.bot_role.id, OverwriteType.ROLE, deny=denied)
        )
    asker = world.admin

    await asker.send(thread, f"{mention(world)} {QUESTION}")

    [told] = asker.user.dm_channel.history()
    assert told.content == ask_messages.can_not_write(thread.mention)


# Rights.


def muted(world: World) -> Any:
    """A channel in which members may not write."""
    return world.guild.create_text_channel(
        "announcements",
        overwrites={world.guild.default_role: discord.PermissionOverwrite(send_messages=False)},
    )


async def test_who_may_not_write_in_a_channel_is_answered_alone_there(world: World) -> None:
    await world.publish()
    channel = muted(world)

    result = await world.member.slash(channel, "ask", question=QUESTION)

    assert result.response is not None
    assert result.response.ephemeral
    shared = await world.member.click(result.response, label="Share")
    assert ask_messages.CAN_NOT_SHARE.english in said(shared)
    assert channel.history() == []


async def test_who_may_not_write_in_a_channel_sees_the_leaderboard_alone_there(
    world: World,
) -> None:
    channel = muted(world)

    result = await world.member.slash(channel, "leaderboard")

    assert result.response is not None
    assert result.response.ephemeral


async def filled(actor: MemberActor, result: InteractionResult) -> InteractionResult:
    """Submit the form that came of a click, if one did."""
    if result.modal is None:
        return result
    fields = {
        row["component"]["custom_id"]: row["component"].get("value") or "Something else entirely"
        for row in result.modal["components"]
    }
    return await actor.submit_modal(result, fields)


def demote(world: World) -> None:
    """Take the role away, in a server in which everybody sees the review channel."""
    world.env.backend.remove_member_role(
        world.guild.id, world.moderator.id, world.moderator_role.id
    )
    for overwrite in list(world.env.backend.get_channel(world.review.id).overwrites):
        if overwrite.target_id == world.guild.default_role.id:
            overwrite.deny = 0
            world.env.backend.set_overwrite(world.review.id, overwrite)


PENDING = [
    "Approve",
    "Edit & approve",
    "Request changes",
    "Reject",
    "Duplicate of…",
    "What would change?",
]


@pytest.mark.parametrize("label", [*PENDING, "Retire", "Undo"])
async def test_a_moderator_who_is_none_any_more_does_nothing_with_a_button(
    world: World, label: str
) -> None:
    await world.propose()
    if label not in PENDING:
        await world.second_moderator.click(world.card, label="Approve")
    before = await world.note()
    assert label in buttons(world.card)
    demote(world)

    clicked = await filled(world.moderator, await world.moderator.click(world.card, label=label))

    assert error_messages.NOT_A_MODERATOR.english in said(clicked)
    after = await world.note()
    assert (after.revision.state, after.live, after.reviews) == (
        before.revision.state,
        before.live,
        before.reviews,
    )


@pytest.mark.parametrize("command", ["review queue", "review log", "review note", "gaps"])
async def test_a_moderator_who_is_none_any_more_sees_nothing_by_a_command(
    world: World, command: str
) -> None:
    await world.propose(text=TEXT)
    demote(world)

    result = await world.moderator.slash(world.general, command, **COMMANDS[command])

    assert said(result) in {
        error_messages.NOT_A_MODERATOR.english,
        gaps_messages.NOT_A_MODERATOR.english,
    }
    assert "Rua Augusta" not in said(result)


@pytest.mark.parametrize("label", ["Next", "Approve"])
async def test_the_queue_ends_for_a_moderator_who_is_none_any_more(
    world: World, label: str
) -> None:
    await world.propose()
    await world.propose_as(world.second_member, "Zanzibar", "The ferry sails at noon on Mondays.")
    queue = await world.moderator.slash(world.general, "review queue")
    assert queue.response is not None
    demote(world)

    await world.moderator.click(queue.response, label=label)

    assert (await world.note()).revision.state is State.PENDING
    assert (await world.note(2)).revision.state is State.PENDING


# What goes on by itself.


async def test_a_step_that_fails_does_not_end_what_is_done_every_minute(world: World) -> None:
    steps: list[int] = []
    went_on = asyncio.Event()

    async def step() -> None:
        steps.append(1)
        if len(steps) > 2:
            went_on.set()
        raise KeyError(len(steps))

    world.bot.background.go_on(0.001, step)

    await went_on.wait()
