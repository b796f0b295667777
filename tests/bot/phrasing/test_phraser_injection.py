"""Fifty injected notes, and a model that obeys each: only which sentence is quoted may change.

The worst that a model can do is what the note wants of it. So the endpoint obeys: it chooses the
note, or says what the note asks for and names whatever would cover it.
"""

import functools
import json
from pathlib import Path
from typing import Any

import pytest

from bot.answers.phrased import Line, Mode, Outcome
from bot.phrasing.phraser import Phraser
from bot.phrasing.prompts import INSTRUCTIONS
from bot.phrasing.sentences import Quoted, Task
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
