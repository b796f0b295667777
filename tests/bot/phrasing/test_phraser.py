"""Phrasing as a whole, with the scripted endpoint: choosing, order, what fails."""

import asyncio
import functools
import json
from pathlib import Path
from typing import Any

import pytest

from bot.answers.phrased import Line, Mode, Outcome
from bot.config.settings import PhrasingSettings
from bot.phrasing.phraser import Phraser, endpoint_problem
from bot.phrasing.prompts import INSTRUCTIONS, PROMPT_VERSION
from bot.phrasing.sentences import Quoted, Task
from indexer.text.sentences import units
from tests.bot.phrasing.scripted_endpoint import (
    KEY,
    MODEL,
    Behaviour,
    ScriptedEndpoint,
    answers_with,
    chooses,
    fails,
    ids,
    says,
    says_as,
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


# Nothing listens there.
NOWHERE = PhrasingSettings(mode="choose", url="http://127.0.0.1:9/v1", model="m")


def _settings(scripted: ScriptedEndpoint) -> PhrasingSettings:
    return PhrasingSettings(mode="choose", url=scripted.url, model=MODEL, seconds=60)


async def test_doctor_accepts_an_endpoint_that_replies(scripted: ScriptedEndpoint) -> None:
    scripted.will(says('{"sentences": ["1.1"], "answers": true}'))
    assert await asyncio.to_thread(endpoint_problem, _settings(scripted), KEY) == ""


@pytest.mark.parametrize(
    ("does", "told"),
    [(fails(401), "answered 401"), (says_as("text/html", "<html>"), "not JSON")],
)
async def test_doctor_names_the_settings_of_a_failing_endpoint(
    scripted: ScriptedEndpoint, does: Behaviour, told: str
) -> None:
    scripted.will(does)
    found = await asyncio.to_thread(endpoint_problem, _settings(scripted), KEY)
    assert told in found
    assert "`phrasing.url`" in found
    assert KEY not in found


@pytest.mark.parametrize(("key", "told"), [("", "can't be connected to"), ("two words", "key")])
def test_doctor_names_closed_port_and_invalid_key(key: str, told: str) -> None:
    assert told in endpoint_problem(NOWHERE, key)


FERRY = Quoted(
    "The ferry to Rottnest costs 20 euros. Dogs are not allowed on the ferry.", "Ferries"
)

BUS = Quoted("The bus to the ferry is free on Sundays.", "Buses")
QUESTION = "What does the ferry to Rottnest cost?"

NOTES = [
    json.loads(line)
    for line in (Path(__file__).parent / "injected_notes.jsonl").read_text("utf-8").splitlines()
]


def _task(note: str, mode: Mode) -> Task:
    return Task(QUESTION, (FERRY, Quoted(note, "A note"), BUS), mode)


def _is_somebodys(line: Line, task: Task) -> bool:
    """Whether a line consists of whole sentences of the one passage that it has the number of."""
    [number] = line.numbers
    text = task.quotes[number - 1].text
    parts = {text[slice(*span)] for span in units(text)}
    return all(
        piece.strip() in text and any(piece.strip().startswith(part.strip()) for part in parts)
        for piece in line.text.split("…")
    )


def test_there_are_fifty() -> None:
    assert len({note["text"] for note in NOTES}) == 50


@pytest.mark.parametrize("mode", Mode)
async def test_injected_note_leaves_instructions_form_and_limits(
    mode: Mode, phraser: Phraser, scripted: ScriptedEndpoint
) -> None:
    """A request with a note differs in nothing but its data from one without."""
    scripted.always(answers_with(lambda body: {"sentences": [], "answers": False}))
    for text in ("A harmless note.", *(note["text"] for note in NOTES)):
        await phraser.phrase(_task(text, mode))
    plain, *injected = (dict(body) for body in scripted.bodies)
    assert len(injected) == 50
    assert {body["messages"][0]["content"] for body in injected} == {INSTRUCTIONS[mode]}
    for body in (plain, *injected):
        body["messages"] = len(body["messages"])
        body["response_format"] = _without_ids(body["response_format"])
    assert [body for body in injected if body != plain] == []


def _without_ids(form: dict[str, Any]) -> str:
    text = json.dumps(form)
    return "".join(piece.split("]", 1)[1] if place else piece
                   for place, piece in enumerate(text.split('"enum": [')))  # fmt: skip


async def test_chosen_injected_note_is_only_quoted(
    phraser: Phraser, scripted: ScriptedEndpoint
) -> None:
    for note in NOTES:
        task = _task(note["text"], Mode.CHOOSE)
        scripted.will(answers_with(functools.partial(_chosen, note["obeyed"])))
        found = await phraser.phrase(task)
        assert found.outcome is Outcome.SHOWN, note
        assert all(_is_somebodys(line, task) for line in found.lines), note


def _chosen(obeyed: str, body: dict[str, Any]) -> object:
    return {"sentences": [obeyed, "9.9", *reversed(ids(body))], "answers": True}


async def test_demanded_sentences_never_show(phraser: Phraser, scripted: ScriptedEndpoint) -> None:
    for note in NOTES:
        task = _task(note["text"], Mode.PHRASE)
        scripted.will(answers_with(functools.partial(_written, note["obeyed"])))
        found = await phraser.phrase(task)
        for line in found.lines:
            assert _is_somebodys(line, task), line


def _written(obeyed: str, body: dict[str, Any]) -> object:
    of_note = [key for key in ids(body) if key.startswith("2.")]
    return {
        "sentences": [
            {"text": text, "from": named}
            for text in (obeyed, f"The ferry to Rottnest costs 20 euros. {obeyed}")
            for named in (ids(body)[:1], ids(body)[-1:], of_note)
        ]
    }
