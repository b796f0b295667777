"""Permissions count at the moment of a click: muted members, former moderators."""

from typing import Any

import discord
from simcord import InteractionResult, MemberActor

from bot.ask import messages
from bot.gaps import messages as gaps_messages
from bot.review.actions import Action
from bot.text import error_messages
from knowledge.values.notes import State
from tests.bot.faults import silent
from tests.bot.message_parts import buttons, custom_ids, everything, shown_message
from tests.bot.world import COMMANDS, QUESTION, TEXT, World, in_menu


async def test_commands_are_answered_in_unwritable_places(world: World) -> None:
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


async def test_members_who_may_not_write_are_answered_alone(world: World) -> None:
    await world.publish()
    channel = muted(world)

    figures = shown_message(await world.member.slash(channel, "stats"))
    board = await world.member.select(figures, ["all"], custom_id="board_menu")
    result = await world.member.slash(channel, "ask", question=QUESTION)

    assert board.response is not None
    assert board.response.ephemeral
    assert "share_board:all" not in custom_ids(board.response)
    assert result.response is not None
    assert result.response.ephemeral
    shared = await in_menu(world.member, result.response, "Share with everyone here")
    assert messages.CAN_NOT_SHARE.english in everything(shared)
    assert channel.history() == []


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
    world.demote(world.moderator)
    for overwrite in list(world.env.backend.get_channel(world.review.id).overwrites):
        if overwrite.target_id == world.guild.default_role.id:
            overwrite.deny = 0
            world.env.backend.set_overwrite(world.review.id, overwrite)


PENDING = [
    "Approve",
    "Edit & approve",
    "Request changes",
    "Reject",
    "What would change?",
]


async def test_the_buttons_of_cards_refuse_a_former_moderator(world: World) -> None:
    await world.propose("Zanzibar", "The ferry sails at noon on Mondays.")
    await world.second_moderator.click(world.card, label="Approve")
    decided = world.card
    await world.propose()
    pending = world.card
    before = [await world.note(1), await world.note(2)]
    demote(world)

    for card, labels in ((pending, PENDING), (decided, ["Retire", "Undo"])):
        assert set(labels) <= set(buttons(card))
        for label in labels:
            clicked = await world.moderator.click(card, label=label)
            told = everything(await filled(world.moderator, clicked))
            assert error_messages.NOT_A_MODERATOR.english in told, label
    for action in (Action.DUPLICATE, Action.WORDINGS):
        chosen = await world.moderator.select(pending, [action], custom_id="card_menu:2")
        told = everything(await filled(world.moderator, chosen))
        assert error_messages.NOT_A_MODERATOR.english in told, action

    for note in before:
        after = await world.note(note.revision.id)
        assert (after.revision.state, after.live, after.reviews) == (
            note.revision.state,
            note.live,
            note.reviews,
        )


async def test_the_commands_of_moderators_refuse_a_former_moderator(world: World) -> None:
    await world.propose(text=TEXT)
    for name in ("review", "gaps"):
        await world.show_to_all(name)
    demote(world)

    for command in ("review", "gaps"):
        result = await world.moderator.slash(world.general, command, **COMMANDS[command])

        assert everything(result) in {
            error_messages.NOT_A_MODERATOR.english,
            gaps_messages.NOT_A_MODERATOR.english,
        }


async def test_the_queue_ends_for_a_former_moderator(world: World) -> None:
    await world.propose()
    await world.propose_as(world.second_member, "Zanzibar", "The ferry sails at noon on Mondays.")
    queues = [await world.moderator.slash(world.general, "review") for _ in range(2)]
    demote(world)

    for queue, label in zip(queues, ("Next", "Approve"), strict=True):
        assert queue.response is not None
        await world.moderator.click(queue.response, label=label)

    assert (await world.note()).revision.state is State.PENDING
    assert (await world.note(2)).revision.state is State.PENDING
