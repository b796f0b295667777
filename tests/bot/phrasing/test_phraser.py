"""Phrasing as a whole, with the scripted endpoint: choosing, order, what is shared, what fails."""

import asyncio

import pytest

from bot.answers.phrased import Line, Mode, Outcome
from bot.phrasing.endpoint import Endpoint, EndpointSettings
from bot.phrasing.phraser import Phraser
from bot.phrasing.prompts import PROMPT_VERSION
from bot.phrasing.task import Quoted, Task
from tests.bot.phrasing.conftest import embed
from tests.bot.phrasing.scripted_endpoint import (
    MODEL,
    Behaviour,
    ScriptedEndpoint,
    answers_with,
    chooses,
    drips,
    fails,
    floods,
    ids,
    says,
    says_as,
    sends_bytes,
    waits,
)

QUOTES = (
    Quoted("Quokkas sleep by day. Rain wakes them. Ferries leave at nine.", "Rottnest"),
    Quoted("The ferry costs 20 euros. It takes dogs.", "Ferries", "Prices"),
)
TASK = Task("What does the ferry cost?", QUOTES, Mode.CHOOSE)
COSTS = Line("The ferry costs 20 euros.", (2,), verbatim=True)


async def test_sentences_that_are_chosen_are_shown(
    phraser: Phraser, scripted: ScriptedEndpoint
) -> None:
    scripted.will(chooses("20 euros", "nine"))
    found = await phraser.phrase(TASK)
    assert found.outcome is Outcome.SHOWN
    assert found.lines == (COSTS, Line("Ferries leave at nine.", (1,), verbatim=True))
    assert found.chosen == ("2.1", "1.3")
    assert found.verdicts == {"chosen": 2}
    assert (found.model, found.prompt_version) == (MODEL, PROMPT_VERSION)
    assert (found.prompt_tokens, found.reply_tokens) == (210, 17)


@pytest.mark.parametrize(
    ("reply", "verdicts"),
    [
        ({"sentences": ["2.1"], "answers": False}, {"left out": 1}),
        ({"sentences": [], "answers": True}, {}),
        ({"sentences": ["9.9", "2", "", "02.1"], "answers": True}, {"unknown": 4}),
    ],
)
async def test_nothing_is_chosen(
    reply: object, verdicts: dict[str, int], phraser: Phraser, scripted: ScriptedEndpoint
) -> None:
    scripted.will(says(reply))
    found = await phraser.phrase(TASK)
    assert (found.outcome, found.lines, found.verdicts) == (Outcome.NOTHING, (), verdicts)


async def test_ids_that_are_wrong_or_named_twice_are_passed_over(
    phraser: Phraser, scripted: ScriptedEndpoint
) -> None:
    scripted.will(says({"sentences": ["7.1", "2.1", "2.1", "3.1"], "answers": True}))
    found = await phraser.phrase(TASK)
    assert found.lines == (COSTS,)
    assert found.verdicts == {"chosen": 1, "unknown": 2, "left out": 1}


async def test_a_code_fence_around_the_reply_is_taken_off(
    phraser: Phraser, scripted: ScriptedEndpoint
) -> None:
    scripted.will(says('```json\n{"sentences": ["2.1"], "answers": true}\n```'))
    assert (await phraser.phrase(TASK)).lines == (COSTS,)


WRONG: dict[str, tuple[Behaviour, Outcome]] = {
    "prose": (says("The ferry costs 20 euros [2]."), Outcome.INVALID),
    "cut": (
        says({"sentences": ["2.1"], "answers": True}, finish_reason="length"),
        Outcome.INVALID,
    ),
    "half": (says('{"sentences": ["2.1"'), Outcome.INVALID),
    "numbers for ids": (says({"sentences": [2.1], "answers": True}), Outcome.INVALID),
    "no verdict": (says({"sentences": ["2.1"]}), Outcome.INVALID),
    "a list": (says([]), Outcome.INVALID),
    "10 MB": (floods(), Outcome.INVALID),
    "text": (says_as("text/plain", "hello"), Outcome.INVALID),
    "garbage": (sends_bytes(b"\x16\x03\x01\x00"), Outcome.UNREACHABLE),
    "500": (fails(500), Outcome.UNREACHABLE),
    "429": (fails(429, Retry_After="5"), Outcome.BUSY),
}


@pytest.mark.parametrize("kind", WRONG)
async def test_whatever_fails_has_an_outcome(
    kind: str, phraser: Phraser, scripted: ScriptedEndpoint
) -> None:
    behaviour, outcome = WRONG[kind]
    scripted.will(behaviour)
    found = await phraser.phrase(TASK)
    assert (found.outcome, found.lines) == (outcome, ())
    assert found.problem
    assert "ferry" not in found.problem


async def test_what_takes_too_long_is_late(scripted: ScriptedEndpoint) -> None:
    phraser = Phraser(Endpoint(EndpointSettings(scripted.url, MODEL, 0.2), scripted.key), embed)
    scripted.will(drips())
    assert (await phraser.phrase(TASK)).outcome is Outcome.LATE
    await phraser.close()


async def test_nothing_to_choose_from_is_not_asked_about(
    phraser: Phraser, scripted: ScriptedEndpoint
) -> None:
    found = await phraser.phrase(Task("What?", (Quoted("…", "T"),), Mode.CHOOSE))
    assert found.outcome is Outcome.NOTHING
    assert scripted.bodies == []


async def test_the_same_task_in_flight_is_asked_once(
    phraser: Phraser, scripted: ScriptedEndpoint
) -> None:
    scripted.will(waits(scripted, chooses("20 euros")), chooses("nine"))
    waiting = [asyncio.create_task(phraser.phrase(TASK)) for _ in range(5)]
    await scripted.arrived.wait()
    scripted.released.set()
    found = await asyncio.gather(*waiting)
    assert {one.lines for one in found} == {(COSTS,)}
    assert len(scripted.bodies) == 1
    await phraser.phrase(TASK)
    assert len(scripted.bodies) == 2


async def test_who_stops_waiting_ends_it_for_nobody_else(
    phraser: Phraser, scripted: ScriptedEndpoint
) -> None:
    scripted.will(waits(scripted, chooses("20 euros")))
    first, second = (asyncio.create_task(phraser.phrase(TASK)) for _ in range(2))
    await scripted.arrived.wait()
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    scripted.released.set()
    assert (await second).lines == (COSTS,)


async def test_closing_ends_what_is_in_flight(scripted: ScriptedEndpoint) -> None:
    phraser = Phraser(Endpoint(EndpointSettings(scripted.url, MODEL), scripted.key), embed)
    scripted.will(waits(scripted, says("{}")))
    waiting = asyncio.create_task(phraser.phrase(TASK))
    await scripted.arrived.wait()
    await phraser.close()
    with pytest.raises(asyncio.CancelledError):
        await waiting


async def test_what_a_reply_follows_from_can_be_told(
    phraser: Phraser, scripted: ScriptedEndpoint
) -> None:
    assert phraser.identity == (scripted.url, MODEL, PROMPT_VERSION)
    assert phraser.host == "127.0.0.1"
    assert phraser.problem == ""


async def test_passages_are_put_into_order(phraser: Phraser, scripted: ScriptedEndpoint) -> None:
    passages = [Quoted(f"Passage {n}.", "T") for n in range(12)]
    scripted.will(says({"order": ["3", "1", "3", "77"]}))
    found = await phraser.order("Which?", passages)
    assert found.outcome is Outcome.SHOWN
    assert found.places == (2, 0, 1, *range(3, 12))
    assert (found.model, found.prompt_tokens, found.reply_tokens) == (MODEL, 210, 17)


@pytest.mark.parametrize(
    ("behaviour", "outcome"),
    [
        (says({"order": ["12", "x"]}), Outcome.INVALID),
        (says({"order": []}), Outcome.INVALID),
        (says("3, 1, 2"), Outcome.INVALID),
        (fails(500), Outcome.UNREACHABLE),
    ],
)
async def test_the_order_stays_where_there_is_none(
    behaviour: Behaviour, outcome: Outcome, phraser: Phraser, scripted: ScriptedEndpoint
) -> None:
    scripted.will(behaviour)
    found = await phraser.order("Which?", QUOTES)
    assert (found.outcome, found.places) == (outcome, ())
    assert found.problem


async def test_one_passage_needs_no_order(phraser: Phraser, scripted: ScriptedEndpoint) -> None:
    assert (await phraser.order("Which?", QUOTES[:1])).outcome is Outcome.NOTHING
    assert scripted.bodies == []


async def test_nothing_of_what_is_asked_is_logged(
    phraser: Phraser, scripted: ScriptedEndpoint, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    scripted.will(chooses("20 euros"), says("The ferry costs 20 euros."), fails(401))
    for _ in range(3):
        await phraser.phrase(TASK)
    for word in ("euros", "ferry", scripted.key, scripted.url):
        assert word not in caplog.text


async def test_a_reply_may_depend_on_what_was_sent(
    phraser: Phraser, scripted: ScriptedEndpoint
) -> None:
    scripted.will(answers_with(lambda body: {"sentences": ids(body)[-1:], "answers": True}))
    assert (await phraser.phrase(TASK)).lines == (
        Line("The ferry costs 20 euros. It takes dogs.", (2,), verbatim=True),
    )
