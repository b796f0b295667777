"""What is said where an interaction could not be acknowledged, or not in time."""

from typing import Any

import pytest
from simcord import InteractionResult

from bot.text import error_messages
from knowledge.values.notes import State
from tests.bot.faults import BROKEN, EXPIRED, UNKNOWN_INTERACTION, fail
from tests.bot.steps import COMMANDS, everything, longest_part
from tests.bot.strict_discord import StrictDiscord
from tests.bot.world import TITLE, World


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
    assert "is live" in everything(again)


async def test_who_clicked_is_told_though_discord_says_that_they_were_answered_already(
    world: World, strict_discord: StrictDiscord
) -> None:
    await world.propose()
    # The acknowledgement arrives, but not the word that it did.
    strict_discord.lost_answers.append(("POST", "/interactions/*/callback"))

    clicked = await world.moderator.click(world.card, label="Approve")

    assert "Something went wrong" in everything(clicked)
    strict_discord.problems.clear()  # a second response was tried, as it had to be
    assert (await world.note()).revision.state is State.PENDING


@pytest.mark.parametrize("command", COMMANDS)
async def test_a_command_whose_answer_does_not_arrive_says_so(world: World, command: str) -> None:
    await world.publish()
    fail(world, "PATCH", "/webhooks/*/messages/@original", (500, 0))
    actor = world.member if command == "note withdraw" else world.moderator

    result = await actor.slash(world.general, command, **COMMANDS[command])

    assert longest_part(error_messages.FAILED) in everything(result)
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
    monkeypatch.setattr("bot.interactions.kit.errors._PATIENCE_SECONDS", 0)

    result = await open_form(world)

    assert everything(result) == error_messages.BUSY.english
    # discord.py hands what stops a command to the bot, which explained it.
    assert all("busy" in str(error) for error in world.env.errors)


async def test_the_form_of_a_new_note_opens_in_time_without_the_tags_that_there_are(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.bot.autocomplete.forget()
    monkeypatch.setattr("bot.interactions.kit.errors._PATIENCE_SECONDS", 0)

    result = await world.member.slash(world.general, "note add")

    assert result.modal is not None
