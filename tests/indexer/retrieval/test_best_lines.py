"""Best lines of a passage: whole, short, and about the question."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexer.retrieval.best_lines import CHARACTERS, LED_CHARACTERS, best_lines
from indexer.text.analyzer import topic
from indexer.text.sentences import sentences
from tests.indexer.text.markdown_texts import markdown

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


def test_a_lead_in_alone_loses() -> None:
    """What it announces is too long to be shown with it."""
    text = f"To dry a rope:\n\nIt {'hangs ' * 40}there.\n\nA rope is dry by noon."
    found = best_lines(text, [(forms, 1.0) for forms in topic("dry rope")], window=9)
    assert found == ["A rope is dry by noon."]


def test_equal_lines_are_told_by_the_nearest_window() -> None:
    said = [f"The rope of {place} {'hangs ' * 24}there." for place in ("Porto", "Faro", "Braga")]
    weights = [(forms, 1.0) for forms in topic("rope")]
    found = [best_lines(" ".join(said), weights, window=window) for window in (0, 2)]
    assert found == [[said[0]], [said[2]]]


def test_a_heading_counts_for_its_lines() -> None:
    text = f"The rope is {'white ' * 26}here. Somebody {'dried ' * 26}in 1889 there."
    weights = [(forms, 1.0) for forms in topic("rope 1889")]
    found = [best_lines(text, weights, heading=title, window=9)[0] for title in ("Sail", "Rope")]
    assert [line.split()[0] for line in found] == ["The", "Somebody"]


@given(markdown, st.integers(0, 3))
def test_a_line_is_never_a_part_of_one(text: str, window: int) -> None:
    weights = [(forms, 1.0) for forms in topic("aa bb")]
    found = best_lines(text, weights, window=window)
    whole = {text[start:end] for start, end in sentences(text)}
    code = {f"`{line.strip()}`" for line in text.split("\n")}
    assert set(found) <= whole | code
    assert len(found) < 2 or sum(map(len, found)) <= CHARACTERS + LED_CHARACTERS


def test_a_lead_in_brings_the_line_behind_it() -> None:
    """However little room is left."""
    text = f"The rope is {'very ' * 20}old. Do this:\n\n- Wash it {'again and ' * 12}again."
    assert lines("rope", text)[-1].endswith("again.")


def test_lines_do_not_end_with_a_lead_in() -> None:
    text = f"The rope is old. Its kinds are these:\n\n- {'Hemp, ' * 40}and steel."
    assert lines("rope", text) == ["The rope is old."]
