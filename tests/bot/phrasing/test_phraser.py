"""Phrasing as a whole, with the scripted endpoint: choosing, order, what is shared, what fails."""

import asyncio

import pytest

from bot.answers.phrased import Line, Mode, Outcome
from bot.phrasing.endpoint import Endpoint, EndpointSettings
from bot.phrasing.phraser import Phraser
from bot.phrasing.prompts import PROMPT_VERSION
from bot.phrasing.sentences import Quoted, Task
from tests.bot.phrasing.conftest import embed
from tests.bot.phrasing.scripted_endpoint import (
    MODEL,
    Behaviour,
    ScriptedEndpoint,
    chooses,
    fails,
    says,
    waits,
)

QUOTES = (
    Quoted("Quokkas sleep by day. Rain wakes them. Ferries leave at nine.", "Rottnest"),
    Quoted("The ferry costs 20 euros. It takes dogs.", "Ferries", "Prices"),
)
TASK = Task("What does the ferry cost?", QUOTES, Mode.CHOOSE)
COSTS = Line("The ferry costs 20 euros.", (2,), verbatim=True)


async def test_chosen_sentences_are_shown(phraser: Phraser, scripted: ScriptedEndpoint) -> None:
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
async def test_choice_of_no_known_sentence_shows_nothing(
    reply: object, verdicts: dict[str, int], phraser: Phraser, scripted: ScriptedEndpoint
) -> None:
    scripted.will(says(reply))
    found = await phraser.phrase(TASK)
    assert (found.outcome, found.lines, found.verdicts) == (Outcome.NOTHING, (), verdicts)


async def test_odd_ids_are_skipped(phraser: Phraser, scripted: ScriptedEndpoint) -> None:
    scripted.will(says({"sentences": ["7.1", "2.1", "2.1", "3.1"], "answers": True}))
    found = await phraser.phrase(TASK)
    assert found.lines == (COSTS,)
    assert found.verdicts == {"chosen": 1, "unknown": 2, "left out": 1}


async def test_code_fences_are_removed(phraser: Phraser, scripted: ScriptedEndpoint) -> None:
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
    "500": (fails(500), Outcome.UNREACHABLE),
}


@pytest.mark.parametrize("kind", WRONG)
async def test_each_invalid_reply_has_an_outcome(
    kind: str, phraser: Phraser, scripted: ScriptedEndpoint
) -> None:
    behaviour, outcome = WRONG[kind]
    scripted.will(behaviour)
    found = await phraser.phrase(TASK)
    assert (found.outcome, found.lines) == (outcome, ())
    assert found.problem
    assert "ferry" not in found.problem


async def test_empty_passages_send_nothing(phraser: Phraser, scripted: ScriptedEndpoint) -> None:
    found = await phraser.phrase(Task("What?", (Quoted("…", "T"),), Mode.CHOOSE))
    assert found.outcome is Outcome.NOTHING
    assert scripted.bodies == []


async def test_equal_tasks_share_a_request(phraser: Phraser, scripted: ScriptedEndpoint) -> None:
    scripted.will(waits(scripted, chooses("20 euros")), chooses("nine"))
    waiting = [asyncio.create_task(phraser.phrase(TASK)) for _ in range(5)]
    await scripted.arrived.wait()
    scripted.released.set()
    found = await asyncio.gather(*waiting)
    assert {one.lines for one in found} == {(COSTS,)}
    assert len(scripted.bodies) == 1
    await phraser.phrase(TASK)
    assert len(scripted.bodies) == 2


async def test_cancelled_caller_leaves_the_others_request(
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


async def test_closing_cancels_requests_in_flight(scripted: ScriptedEndpoint) -> None:
    phraser = Phraser(Endpoint(EndpointSettings(scripted.url, MODEL), scripted.key), embed)
    scripted.will(waits(scripted, says("{}")))
    waiting = asyncio.create_task(phraser.phrase(TASK))
    await scripted.arrived.wait()
    await phraser.close()
    with pytest.raises(asyncio.CancelledError):
        await waiting


async def test_identity_is_address_model_and_prompt(
    phraser: Phraser, scripted: ScriptedEndpoint
) -> None:
    assert phraser.identity == (scripted.url, MODEL, PROMPT_VERSION)
    assert phraser.host == "127.0.0.1"
    assert phraser.problem == ""


async def test_passages_get_the_models_order(phraser: Phraser, scripted: ScriptedEndpoint) -> None:
    passages = [Quoted(f"Passage {n}.", "T") for n in range(12)]
    scripted.will(says({"order": ["3", "1", "3", "77"]}))
    found = await phraser.order("Which?", passages)
    assert found.outcome is Outcome.SHOWN
    assert found.places == (2, 0, 1, *range(3, 12))
    assert (found.prompt_tokens, found.reply_tokens) == (210, 17)


@pytest.mark.parametrize(
    ("behaviour", "outcome"),
    [
        (says({"order": ["12", "x"]}), Outcome.INVALID),
        (says({"order": []}), Outcome.INVALID),
        (says("3, 1, 2"), Outcome.INVALID),
        (fails(500), Outcome.UNREACHABLE),
    ],
)
async def test_invalid_order_changes_nothing(
    behaviour: Behaviour, outcome: Outcome, phraser: Phraser, scripted: ScriptedEndpoint
) -> None:
    scripted.will(behaviour)
    found = await phraser.order("Which?", QUOTES)
    assert (found.outcome, found.places) == (outcome, ())
    assert found.problem


async def test_single_passage_sends_no_request(
    phraser: Phraser, scripted: ScriptedEndpoint
) -> None:
    assert (await phraser.order("Which?", QUOTES[:1])).outcome is Outcome.NOTHING
    assert scripted.bodies == []


async def test_log_has_no_text_key_or_address(
    phraser: Phraser, scripted: ScriptedEndpoint, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    scripted.will(chooses("20 euros"), says("The ferry costs 20 euros."), fails(401))
    for _ in range(3):
        await phraser.phrase(TASK)
    for word in ("euros", "ferry", scripted.key, scripted.url):
        assert word not in caplog.text
