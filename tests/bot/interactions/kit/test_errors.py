"""Interactions that can't be acknowledged or answered in time end in a sentence."""

import pytest

from bot.text import error_messages
from knowledge.values.notes import State
from tests.bot.faults import BROKEN, EXPIRED, UNKNOWN_INTERACTION, fail
from tests.bot.message_parts import everything, longest_part
from tests.bot.strict_discord import StrictDiscord
from tests.bot.world import COMMANDS, TITLE, UNKNOWN, World, in_menu, on_note


async def test_an_unacknowledged_click_can_be_repeated(world: World) -> None:
    await world.propose()
    card = world.card

    for status, code in (*EXPIRED, *BROKEN):
        # The bot says nothing more to an interaction that is over.
        times = 1 if code == UNKNOWN_INTERACTION else 2
        world.env.inject_error("POST", "/interactions/*", status=status, code=code, times=times)
        await world.moderator.click(card, label="Approve")
        assert (await world.note()).revision.state is State.PENDING, (status, code)

    again = await world.moderator.click(card, label="Approve")
    assert "is live" in everything(again)


async def test_a_doubled_response_is_told(world: World, strict_discord: StrictDiscord) -> None:
    await world.propose()
    # The acknowledgement arrives, but not the word that it did.
    strict_discord.lost_answers.append(("POST", "/interactions/*/callback"))

    clicked = await world.moderator.click(world.card, label="Approve")

    assert "Something went wrong" in everything(clicked)
    strict_discord.problems.clear()  # a second response was tried, as it had to be
    assert (await world.note()).revision.state is State.PENDING


async def test_a_lost_command_answer_is_told(world: World) -> None:
    await world.publish()

    for command, options in COMMANDS.items():
        fail(world, "PATCH", "/webhooks/*/messages/@original", (500, 0))
        result = await world.moderator.slash(world.general, command, **options)
        assert longest_part(error_messages.FAILED) in everything(result), command

    assert (await world.note()).live
    assert len(world.env.errors) == len(COMMANDS)


async def test_a_late_form_ends_in_a_sentence(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    await world.publish()
    world.bot.autocomplete.forget()
    patience = "bot.interactions.kit.errors._PATIENCE_SECONDS"
    answer, refused = await world.ask(), await world.ask(UNKNOWN)
    assert answer.response is not None
    assert refused.response is not None
    monkeypatch.setattr(patience, 0)

    late = [
        await on_note(world.member, world.general, "Edit", TITLE),
        await in_menu(world.member, answer.response, "Report"),
        await world.moderator.click(world.card, label="Retire"),
        await world.member.click(refused.response, label="Write this note"),
    ]
    # The form of a new note opens without the existing tags.
    new = await world.member.slash(world.general, "note add")

    assert {everything(one) for one in late} == {error_messages.BUSY.english}
    assert new.modal is not None
    # discord.py hands what stops a command to the bot, which explained it.
    assert all("busy" in str(error) for error in world.env.errors)
