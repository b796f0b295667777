"""Ids of buttons and forms that were forged or mangled: a clear sentence, and nothing is done."""

from typing import Any

import pytest
from simcord import InteractionResult

from bot.core.core import Core
from bot.interactions.kit.buttons import ID_CHARACTERS
from bot.text import error_messages
from tests.bot.components import BUTTONS, FORMS
from tests.bot.forged_ids import forgeries
from tests.bot.steps import elsewhere
from tests.bot.world import World, text_of

LARGEST = "8" + "9" * 18
# Not one of them is the id of anything.
NO_NUMBERS = ["9" * 19, "9" * 40, "-1", "\u0663", "1.5", "", "1 or 1=1"]
TABLES = ("notes", "revisions", "reviews", "reports", "questions", "feedback", "gap_notes", "log")


def answers(result: InteractionResult, before: int, world: World) -> str:
    """Everything that the bot said since then."""
    return str([request.json for request in world.env.http_requests[before:]])


async def contents(world: World) -> list[Any]:
    def rows(core: Core) -> list[Any]:
        return [core.store.database.rows(f"select * from {table}") for table in TABLES]  # noqa: S608

    return list(await world.core(rows))


# What changes nothing that is about a note or a question, whoever clicks it.
ONES_OWN = "privacy"


@pytest.mark.parametrize("number", ["0", "1", "2", "3", LARGEST])
async def test_the_number_of_another_servers_thing_is_as_good_as_none(
    world: World, number: str
) -> None:
    other = await elsewhere(world)
    before = await contents(world)

    for kind in BUTTONS:
        for custom_id in forgeries(kind.ids, number):
            if custom_id.startswith(ONES_OWN):
                continue
            # A forged click can make a layout of a message, which takes no content any more.
            message = await other.moderator.send(other.general, "hello")
            seen = len(world.env.http_requests)
            result = world.press(other.moderator, message, custom_id)
            await world.env.settle()
            assert result.acknowledged, custom_id
            said = answers(result, seen, world)
            assert "Something went wrong" not in said, (custom_id, said)
            assert "Lisbon" not in said, (custom_id, said)

    assert await contents(world) == before


@pytest.mark.parametrize("number", NO_NUMBERS)
async def test_what_is_no_number_is_answered_with_one_sentence(world: World, number: str) -> None:
    message = await world.member.send(world.general, "hello")

    for kind in BUTTONS:
        for custom_id in forgeries(kind.ids, number):
            if number not in custom_id or len(custom_id) > ID_CHARACTERS or not number:
                continue
            result = world.press(world.moderator, message, custom_id)
            await world.env.settle()
            assert result.response is not None, custom_id
            assert text_of(result.response) == error_messages.UNKNOWN_BUTTON.english, custom_id


@pytest.mark.parametrize("number", ["0", "1", "2", "3", LARGEST, *NO_NUMBERS])
async def test_a_forged_form_changes_nothing_and_says_so(world: World, number: str) -> None:
    other = await elsewhere(world)
    before = await contents(world)
    # A note's form of one's own server could be taken; so nothing is in it that could be.
    fields: dict[str, str | list[str]] = {"text": " ", "reason": "Typed.", "problem": ["wrong"]}

    for kind in FORMS:
        for custom_id in forgeries(kind.ids, number):
            seen = len(world.env.http_requests)
            result = other.submit(other.moderator, custom_id, fields)
            await world.env.settle()
            assert result.acknowledged, custom_id
            said = answers(result, seen, world)
            assert "Something went wrong" not in said, (custom_id, said)
            assert "Lisbon" not in said, (custom_id, said)

    assert await contents(world) == before


@pytest.mark.parametrize(
    "fields",
    [
        {"problem": ["none of them"], "reason": "Typed."},
        {"problem": [], "reason": "Typed."},
        {"problem": ["wrong"], "note": ["9" * 30], "reason": "Typed."},
        {"reason": "Typed."},
        {"problem": ["wrong", "unsafe"], "reason": "Typed.", "a": "", "b": "", "c": "", "d": ""},
    ],
)
async def test_choices_that_no_form_offers_are_given_back(
    world: World, fields: dict[str, str | list[str]]
) -> None:
    await world.publish()

    result = world.submit(world.member, "form:report:1:ab", fields)
    await world.env.settle()

    assert result.response is not None
    assert "Typed." in text_of(result.response) or "Thanks." in text_of(result.response)
