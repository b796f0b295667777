"""Best lines of a passage: whole, short, and about the question."""

import pytest

from indexer.retrieval.best_lines import CHARACTERS, best_lines
from indexer.text.analyzer import topic

TEXT = (
    "The harbour is old. It was built of stone.\n\nTo dry a rope, run:\n\n"
    "```\nrope --dry 10\nexit\n```\n\n- Sails are kept in the loft.\n"
    "- Anchors are cleaned in spring by the two oldest members of the club, who know how."
)


def lines(question: str, text: str = TEXT) -> list[str]:
    return best_lines(text, [(forms, 1.0) for forms in topic(question)])


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("where are sails kept", "Sails are kept in the loft."),
        ("when is an anchor cleaned", "Anchors are cleaned in spring"),
        ("old stone", "The harbour is old."),
    ],
)
def test_lines_with_the_questions_words_win(question: str, expected: str) -> None:
    assert any(expected in line for line in lines(question))


def test_a_lead_in_is_shown_with_its_code() -> None:
    assert lines("how to dry a rope")[:2] == ["To dry a rope, run:", "`rope --dry 10`"]


@pytest.mark.parametrize("question", ["sails", "rope", "nothing of it"])
def test_lines_are_short_and_whole(question: str) -> None:
    found = lines(question)
    assert sum(map(len, found)) <= CHARACTERS
    assert all(line.strip("`") in TEXT for line in found)


def test_pictures_and_rules_are_no_lines() -> None:
    text = "![a rope](rope.png)\n\n| Rope | Use |\n|---|---|\n| hemp | mooring |"
    assert lines("rope", text) == ["| Rope | Use |", "| hemp | mooring |"]
