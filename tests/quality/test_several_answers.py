"""Questions with two parts, differences, and headings with two parts, asked over the articles."""

import json
from pathlib import Path
from typing import Any, Final

import pytest

from bot.answers.ask import Ask
from bot.answers.outcome import Answer
from bot.core.core import Core

pytestmark = pytest.mark.slow

_QUESTIONS: Final = Path(__file__).parents[1] / "judged" / "several-answers" / "queries.jsonl"


def _answer(core: Core, text: str) -> Answer:
    [reply] = core.answer_pipeline.ask([Ask(text, asker_id=1)], record=False)
    assert isinstance(reply.outcome, Answer)
    return reply.outcome


def _shown(answer: Answer) -> set[str]:
    """The documents quoted, or named as places."""
    if answer.is_sure:
        return {answer.quotes[number].citation.document_id for number in answer.shown_quotes}
    return {place.hits[0].passage.document_id for place in answer.places}


def _rows(kind: str) -> list[dict[str, Any]]:
    rows = [json.loads(line) for line in _QUESTIONS.read_text("utf-8").splitlines()]
    return [row for row in rows if row["set"] == "articles" and row["kind"] == kind]


@pytest.mark.parametrize("row", _rows("two parts"), ids=lambda row: row["_id"])
def test_a_part_is_quoted_or_a_place(core: Core, row: dict[str, Any]) -> None:
    assert _shown(_answer(core, row["text"])) & {document for document, _ in row["answers"]}


@pytest.mark.parametrize("row", _rows("difference"), ids=lambda row: row["_id"])
def test_a_difference_is_quoted_from_its_own_section(core: Core, row: dict[str, Any]) -> None:
    assert row["answers"][0][0] in _shown(_answer(core, row["text"]))


@pytest.mark.parametrize(
    "heading", ["Who created Linux, and why did it matter?", "Who made PyTorch, and when?"]
)
def test_a_heading_with_two_parts_is_one_question(core: Core, heading: str) -> None:
    found = _answer(core, heading)
    assert found.is_sure
    assert found.quotes[0].citation.heading.endswith(heading)
