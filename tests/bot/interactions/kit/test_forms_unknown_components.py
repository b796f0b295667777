"""Forged or mangled ids of buttons and forms get a clear sentence, and change nothing."""

from collections.abc import Iterator, Sequence
from typing import Any

from simcord import InteractionResult

from bot.core.core import Core
from bot.interactions.kit.buttons import ID_CHARACTERS
from bot.text import error_messages
from tests.bot.components import BUTTONS, FORMS
from tests.bot.forged_ids import forgeries, settled
from tests.bot.steps import elsewhere
from tests.bot.world import World, text_of

# Numbers of things of the first server, and of nothing.
NUMBERS = ["0", "1", "2", "3", "8" + "9" * 18]
NO_NUMBERS = ["9" * 19, "9" * 40, "-1", "\u0663", "1.5", "", "1 or 1=1"]
TABLES = ("notes", "revisions", "reviews", "reports", "questions", "feedback", "gap_notes", "log")
# Waiting for the bot costs more than the clicks themselves.
AT_ONCE = 50
# Such buttons change only their sender's own choices.
OWN_CHOICES = "privacy"


def batches(custom_ids: Sequence[str]) -> Iterator[Sequence[str]]:
    for at in range(0, len(custom_ids), AT_ONCE):
        yield custom_ids[at : at + AT_ONCE]


async def contents(world: World) -> list[Any]:
    def rows(core: Core) -> list[Any]:
        return [core.store.database.rows(f"select * from {table}") for table in TABLES]  # noqa: S608

    return list(await world.core(rows))


async def tell_nothing(world: World, before: int, results: Sequence[InteractionResult]) -> None:
    """Wait until all forged interactions are answered, by sentences without the note's text."""
    await settled(world, results)
    said = str([request.json for request in world.env.http_requests[before:]])
    assert "Something went wrong" not in said
    assert error_messages.BUSY.english not in said
    assert "Lisbon" not in said


async def test_ids_of_another_server_change_nothing(world: World) -> None:
    other = await elsewhere(world)
    before = await contents(world)
    buttons = [
        custom_id
        for number in NUMBERS
        for kind in BUTTONS
        for custom_id in forgeries(kind.ids, number)
        if not custom_id.startswith(OWN_CHOICES)
    ]
    forms = [each for number in NUMBERS for kind in FORMS for each in forgeries(kind.ids, number)]
    forms += [next(forgeries(FORMS[0].ids, number)) for number in NO_NUMBERS]
    # The blank text keeps the form of a new note in the forger's own server from being taken.
    fields: dict[str, str | list[str]] = {"text": " ", "reason": "Typed.", "problem": ["wrong"]}

    for some in batches(buttons):
        message = await other.moderator.send(other.general, "hello")
        sent = len(world.env.http_requests)
        results = [world.press(other.moderator, message, custom_id) for custom_id in some]
        await tell_nothing(world, sent, results)
    for some in batches(forms):
        sent = len(world.env.http_requests)
        results = [other.submit(other.moderator, custom_id, fields) for custom_id in some]
        await tell_nothing(world, sent, results)

    assert await contents(world) == before


async def test_a_button_without_a_number_is_unknown(world: World) -> None:
    message = await world.member.send(world.general, "hello")
    forged = [
        custom_id
        for number in filter(None, NO_NUMBERS)
        for kind in BUTTONS
        for custom_id in forgeries(kind.ids, number)
        if number in custom_id and len(custom_id) <= ID_CHARACTERS
    ]

    for some in batches(forged):
        results = [world.press(world.moderator, message, custom_id) for custom_id in some]
        await settled(world, results)
        for custom_id, result in zip(some, results, strict=True):
            assert result.response is not None, custom_id
            assert text_of(result.response) == error_messages.UNKNOWN_BUTTON.english, custom_id


async def test_choices_that_no_form_offers_are_given_back(world: World) -> None:
    await world.publish()
    forged: list[dict[str, str | list[str]]] = [
        {"problem": ["none of them"], "reason": "Typed."},
        {"problem": [], "reason": "Typed."},
        {"problem": ["wrong"], "note": ["9" * 30], "reason": "Typed."},
        {"reason": "Typed."},
        {"problem": ["wrong", "unsafe"], "reason": "Typed.", "a": "", "b": "", "c": "", "d": ""},
    ]

    for fields in forged:
        result = world.submit(world.member, "form:report:1:ab", fields)
        await world.env.settle()
        assert result.response is not None
        assert "Typed." in text_of(result.response) or "Thanks." in text_of(result.response)
