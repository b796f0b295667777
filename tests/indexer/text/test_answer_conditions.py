"""Necessary conditions of an answer: both sides, a date, what is to be done, on what platform."""

import pytest

from indexer.text.answer_conditions import lacking
from indexer.text.shorthand import spelt_out

OPENED = "How AI became open\nAI did not open on one day. It opened layer by layer: papers first."
BOTH = "Open core\nThe open part is free, the closed one is sold."


@pytest.mark.parametrize(
    ("question", "text", "lacks"),
    [
        ("whats the difference between open n closed ai", OPENED, True),
        ("whats the difference between open n closed ai", BOTH, False),
        ("open vs closed?", OPENED, True),
        ("so open vs closed, which one", BOTH, False),
        ("restic or borg, which is better", "Attic and Borg\nBorg was forked.", True),
        ("restic or borg, which is better", "Borg keeps less than restic.", False),
        ("which is older, pytorch or tensorflow", "PyTorch came out in 2017.", True),
        ("is pull better than push", "Pull needs no key. Push does.", False),
        ("compare bandsaw and mitre saw", "The bandsaw has a guard.", True),
        ("gpt-4 vs claude which is better at coding", "GPT-4 is better.", True),
        # Neither side names anything, or "vs" is "against".
        ("who did it better than anyone else", "Ada did.", False),
        ("is a sniper any use vs a crowd", "It is slow where there is a large group.", False),
    ],
)
def test_a_comparison_is_answered_by_what_speaks_of_both_sides(
    question: str, text: str, lacks: bool
) -> None:
    assert lacking(spelt_out(question).lower(), text) is lacks


@pytest.mark.parametrize("question", ["skills vs profs", "difference between sk1 and profs"])
def test_a_side_may_be_written_otherwise_or_in_a_longer_word(question: str) -> None:
    assert not lacking(question, "Skills (SK-1) and proficiencies\nEach is trained.")


@pytest.mark.parametrize(
    ("question", "text", "lacks"),
    [
        ("when was anki first released", "They came years after Anki was known.", True),
        ("when was anki first released", "Anki is from 2006.", False),
        ("when was the sword nerfed", "It is weaker since 1.3.", False),
        ("what year did the 1912 ship sink", "The 1912 ship sank.", True),
        ("when did they move", "They moved last winter.", False),
        # What is, or depends, has no date.
        ("when do i need a permit", "Whoever cuts trees needs one.", False),
        ("what do i do when it crashed", "Start it again.", False),
    ],
)
def test_what_happened_is_answered_by_what_has_a_date(
    question: str, text: str, lacks: bool
) -> None:
    assert lacking(question, text) is lacks


@pytest.mark.parametrize(
    ("question", "text", "lacks"),
    [
        ("remove my fingerprint again", "Log in with a fingerprint\nPress Add.", True),
        ("delete a saved deck", "Saved decks\nType !deck list to see yours.", True),
        ("turn the night light off", "Night light\nIt warms the colours at dusk.", True),
        ("how do i get rid of a plugin", "Plugins\nInstall them from the list.", True),
        ("remove a user", "Users\nAn admin can delete them.", False),
        ("delete a saved deck", "Decks\nClear the slot to make room.", False),
        ("turn off the lamp", "The switch is set to off by the timer.", False),
        ("opt out of pings", "Pings\nReact again and you won't be pinged.", False),
        # "Off" alone asks for no act.
        ("is the shop off the map", "The shop is behind the mill.", False),
    ],
)
def test_how_to_undo_is_not_answered_by_how_to_do(question: str, text: str, lacks: bool) -> None:
    assert lacking(question, text) is lacks


@pytest.mark.parametrize(
    ("question", "text", "lacks"),
    [
        ("openvpn on iphone", "OpenVPN on Android\nInstall the app.", True),
        ("does it run on ubuntu", "On Windows 10 start setup.exe.", True),
        ("openvpn on iphone", "On Android and iOS install the app.", False),
        ("how do i install it on debian", "Any Linux has a package.", False),
        # What names no platform holds for all, or all are the same one.
        ("how do i update it on android", "Updates\nOpen the menu.", False),
        ("will it start with windows", "Close the windows that are open.", False),
    ],
)
def test_what_holds_for_one_platform_is_no_answer_for_another(
    question: str, text: str, lacks: bool
) -> None:
    assert lacking(question, text) is lacks
