"""Rights are those of the moment: who may write, and who is a moderator no more."""

from typing import Any

import discord
import pytest
from simcord import InteractionResult, MemberActor

from bot.ask import button_messages
from bot.gaps import messages as gaps_messages
from bot.text import error_messages
from knowledge.values.notes import State
from tests.bot.faults import silent
from tests.bot.steps import COMMANDS, everything
from tests.bot.world import QUESTION, TEXT, World, buttons


async def test_a_command_is_answered_where_the_bot_may_not_write(world: World) -> None:
    await world.publish()
    async with silent(world, send_messages=False, embed_links=False) as channel:
        result = await world.member.slash(channel, "ask", question=QUESTION)
        assert "Rua Augusta" in everything(result)


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
    assert button_messages.CAN_NOT_SHARE.english in everything(shared)
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

    assert error_messages.NOT_A_MODERATOR.english in everything(clicked)
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
    await world.show_to_all(command.split()[0])
    demote(world)

    result = await world.moderator.slash(world.general, command, **COMMANDS[command])

    assert everything(result) in {
        error_messages.NOT_A_MODERATOR.english,
        gaps_messages.NOT_A_MODERATOR.english,
    }
    assert "Rua Augusta" not in everything(result)


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
