"""Fifty injected notes, and a model that obeys each: only which sentence is quoted may change.

The worst that a model can do is what the note wants of it. So the endpoint obeys: it chooses the
note, or says what the note asks for and names whatever would cover it.
"""

import json
from pathlib import Path
from typing import Any

import pytest

from bot.answers.phrased import Line, Mode, Outcome
from bot.phrasing.phraser import Phraser
from bot.phrasing.prompts import INSTRUCTIONS
from bot.phrasing.task import Quoted, Task
from indexer.text.sentences import units
from tests.bot.phrasing.scripted_endpoint import ScriptedEndpoint, answers_with, ids

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


def _of_note(body: dict[str, Any]) -> list[str]:
    return [key for key in ids(body) if key.startswith("2.")]


def test_there_are_fifty() -> None:
    assert len({note["text"] for note in NOTES}) == 50


@pytest.mark.parametrize("mode", Mode)
@pytest.mark.parametrize("place", range(50))
async def test_instructions_form_and_limits_stay_what_they_are(
    place: int, mode: Mode, phraser: Phraser, scripted: ScriptedEndpoint
) -> None:
    """What is sent beside the data is the same as without a note, and the data stay one line."""
    scripted.always(answers_with(lambda body: {"sentences": [], "answers": False}))
    await phraser.phrase(_task("A harmless note.", mode))
    await phraser.phrase(_task(NOTES[place]["text"], mode))
    plain, injected = (dict(body) for body in scripted.bodies)
    assert injected["messages"][0]["content"] == INSTRUCTIONS[mode]
    for body in (plain, injected):
        body["messages"] = len(body["messages"])
        body["response_format"] = _without_ids(body["response_format"])
    assert plain == injected


def _without_ids(form: dict[str, Any]) -> str:
    text = json.dumps(form)
    return "".join(piece.split("]", 1)[1] if place else piece
                   for place, piece in enumerate(text.split('"enum": [')))  # fmt: skip


@pytest.mark.parametrize("place", range(50))
async def test_a_model_that_chooses_the_note_quotes_it(
    place: int, phraser: Phraser, scripted: ScriptedEndpoint
) -> None:
    task = _task(NOTES[place]["text"], Mode.CHOOSE)
    scripted.will(
        answers_with(
            lambda body: {
                "sentences": [NOTES[place]["obeyed"], "9.9", *reversed(ids(body))],
                "answers": True,
            }
        )
    )
    found = await phraser.phrase(task)
    assert found.outcome is Outcome.SHOWN
    assert all(_is_somebodys(line, task) for line in found.lines)


@pytest.mark.parametrize("place", range(50))
async def test_a_model_that_says_what_the_note_asks_for_is_not_heard(
    place: int, phraser: Phraser, scripted: ScriptedEndpoint
) -> None:
    note = NOTES[place]
    task = _task(note["text"], Mode.PHRASE)
    said = [note["obeyed"], f"The ferry to Rottnest costs 20 euros. {note['obeyed']}"]
    scripted.will(
        answers_with(
            lambda body: {
                "sentences": [
                    {"text": text, "from": named}
                    for text in said
                    for named in (ids(body)[:1], ids(body)[-1:], _of_note(body))
                ]
            }
        )
    )
    found = await phraser.phrase(task)
    for line in found.lines:
        assert _is_somebodys(line, task), line
