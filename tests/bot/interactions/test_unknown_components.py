"""Ids of buttons and forms that were forged or mangled: a clear sentence, and nothing is done."""

import asyncio
import re
from collections.abc import Iterator
from itertools import product
from typing import Any

import discord
import pytest
from hypothesis import given
from hypothesis import strategies as st
from simcord import InteractionResult

from bot.client import BUTTONS, FORMS
from bot.engine.core import Core
from bot.text import custom_ids, error_messages
from bot.text.custom_ids import NUMBER
from tests.bot.world import UNKNOWN, World, build_world

LARGEST = "8" + "9" * 18
# Not one of them is the id of anything.
NO_NUMBERS = ["9" * 19, "9" * 40, "-1", "\u0663", "1.5", "", "1 or 1=1"]
TABLES = ("notes", "revisions", "reviews", "reports", "questions", "feedback", "gap_notes", "log")


def forgeries(template: str, number: str) -> Iterator[str]:
    """Every id of a template's form with this number in it."""
    pattern = template.replace(NUMBER, re.escape(number))
    parts = re.split(r"\(\?P<\w+>((?:[^()]|\([^()]*\))*)\)", pattern)
    choices = [
        [part] if index % 2 == 0 else _choices(part, number) for index, part in enumerate(parts)
    ]
    for chosen in product(*choices):
        yield "".join(chosen).replace("\\", "")


def _choices(part: str, number: str) -> list[str]:
    if part.startswith("["):
        return ["any"] if "a-z" in part else [number]
    return part.split("|")


def answers(result: InteractionResult, before: int, world: World) -> str:
    """Everything that the bot said since then."""
    return str([request.json for request in world.env.http_requests[before:]])


async def contents(world: World) -> list[Any]:
    def rows(core: Core) -> list[Any]:
        return [core.store.database.rows(f"select * from {table}") for table in TABLES]  # noqa: S608

    return list(await world.core(rows))


async def elsewhere(world: World) -> World:
    """Another server, whose moderator forges ids of what is in the first one."""
    await world.publish()
    await world.ask()
    await world.ask(UNKNOWN)
    await world.propose("Second", "Another text, on ferries.")
    other = build_world(world.env, "Another")
    await other.set_up()
    await other.moderator.send(other.general, "hello")
    return other


def button_templates() -> list[str]:
    return sorted(kind.__discord_ui_compiled_template__.pattern for kind in BUTTONS)


# What changes nothing that is about a note or a question, whoever clicks it.
ONES_OWN = "privacy"


@pytest.mark.parametrize("number", ["0", "1", "2", "3", LARGEST])
async def test_the_number_of_another_servers_thing_is_as_good_as_none(
    world: World, number: str
) -> None:
    other = await elsewhere(world)
    message = other.general.last_message
    assert message is not None
    before = await contents(world)

    for template in button_templates():
        for custom_id in forgeries(template, number):
            if custom_id.startswith(ONES_OWN):
                continue
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

    for template in button_templates():
        for custom_id in forgeries(template, number):
            if number not in custom_id or len(custom_id) > custom_ids.ID_CHARACTERS or not number:
                continue
            result = world.press(world.moderator, message, custom_id)
            await world.env.settle()
            assert result.response is not None, custom_id
            assert result.response.content == error_messages.UNKNOWN_BUTTON.english, custom_id


@pytest.mark.parametrize("number", ["0", "1", "2", "3", LARGEST, *NO_NUMBERS])
async def test_a_forged_form_changes_nothing_and_says_so(world: World, number: str) -> None:
    other = await elsewhere(world)
    before = await contents(world)
    # A note's form of one's own server could be taken; so nothing is in it that could be.
    fields: dict[str, str | list[str]] = {"text": " ", "reason": "Typed.", "problem": ["wrong"]}

    for kind in FORMS:
        for subject in forgeries(kind.template, number):
            seen = len(world.env.http_requests)
            result = other.submit(other.moderator, f"form:{subject}:ab", fields)
            await world.env.settle()
            assert result.acknowledged, subject
            said = answers(result, seen, world)
            assert "Something went wrong" not in said, (subject, said)
            assert "Lisbon" not in said, (subject, said)

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
    assert "Typed." in result.response.content or "Thank you" in result.response.content


async def test_nobody_gives_a_reason_for_an_answer_of_another_server(world: World) -> None:
    other = await elsewhere(world)
    message = other.general.last_message
    assert message is not None

    chosen = other.press(other.member, message, "reason:1", values=["wrong"])
    await world.env.settle()
    typed = other.submit(other.member, "form:reason:1:ab", {"reason": "Typed."})
    await world.env.settle()

    assert chosen.acknowledged
    assert typed.acknowledged
    assert await world.core(lambda core: core.store.feedback(1)) == []


async def test_a_reason_that_no_list_offers_is_answered_with_one_sentence(world: World) -> None:
    answered = await world.ask("What is open source AI?")
    assert answered.response is not None
    asked = await world.member.click(answered.response, label="Not helpful")
    assert asked.response is not None

    result = world.press(world.member, asked.response.message, "reason:1", values=["none of them"])
    await world.env.settle()

    assert result.response is not None
    assert result.response.content == error_messages.UNKNOWN_BUTTON.english


# None of the buttons looks at the interaction before it is clicked.
NOBODY: Any = None
NUMBERS = st.from_regex(NUMBER, fullmatch=True)


@given(NUMBERS)
def test_every_number_in_an_id_can_be_held_by_the_database(number: str) -> None:
    assert 0 <= int(number) < 2**63


@given(st.integers(0, 8 * 10**18))
def test_every_number_that_is_needed_can_be_in_an_id(number: int) -> None:
    assert re.fullmatch(NUMBER, str(number))


@given(st.data())
def test_every_id_that_a_template_takes_makes_its_button(data: st.DataObject) -> None:
    for kind in discord.ui.DynamicItem.__subclasses__():
        pattern = kind.__discord_ui_compiled_template__
        custom_id = data.draw(st.from_regex(pattern, fullmatch=True))
        match = pattern.fullmatch(custom_id)
        assert match is not None
        made: Any = asyncio.run(kind.from_custom_id(NOBODY, discord.ui.Button(), match))
        assert pattern.fullmatch(made.custom_id)


@given(st.text())
def test_any_text_is_a_forms_id_or_none(custom_id: str) -> None:
    for kind in FORMS:
        assert custom_ids.form_subject(kind.template, custom_id) is None or custom_id.startswith(
            "form:"
        )
