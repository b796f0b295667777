"""Parts of questions, found by words alone."""

import json
from pathlib import Path

import pytest

from bot.answers.question_parts import Parts, may_ask_for_several, parts_of

_JUDGED = Path(__file__).parents[2] / "judged"


@pytest.mark.parametrize(
    ("text", "first", "second"),
    [
        (
            "how do i open the log and where is it saved",
            "how do i open the log",
            "where is it saved",
        ),
        ("How do I open the log? And who reads it?", "How do I open the log", "who reads it"),
        ("is it a fork, and why did they fork", "is it a fork", "why did they fork"),
        (
            "My pi hangs. how do i hide the boot text and show a picture",
            "My pi hangs. how do i hide the boot text and show a picture",
            "",
        ),
        (
            "how do i hide the boot text and show my own picture",
            "how do i hide the boot text",
            "how do i show my own picture",
        ),
        ("log? and how do i read it", "log", "how do i read it"),
        ("size of logs and what do they cost", "size of logs", "what do they cost"),
        ("rename a page and move the link", "rename a page", "move the link"),
        (
            "how do i open the log then delete a line",
            "how do i open the log",
            "how do i delete a line",
        ),
        (
            "Was kostet der Server, und wie werde ich Mod?",
            "Was kostet der Server",
            "wie werde ich Mod",
        ),
    ],
)
def test_two_questions_are_cut_in_two(text: str, first: str, second: str) -> None:
    assert parts_of(text) == (Parts(first, second) if second else None)


@pytest.mark.parametrize(
    ("text", "second", "detail"),
    [
        (
            "delete the theme on my phone and on my tablet",
            "delete the theme on my tablet",
            "on my tablet",
        ),
        ("set a host name and then my time zone", "set my time zone", "my time zone"),
        ("how do i update the firmware and my key", "how do i update my key", "my key"),
        ("follow a bulb and also a panel, how?", "follow a panel", "a panel"),
    ],
)
def test_another_detail_is_a_second_part(text: str, second: str, detail: str) -> None:
    parts = parts_of(text)
    assert parts is not None
    assert (parts.second, parts.detail) == (second, detail)


@pytest.mark.parametrize(
    ("text", "first", "second"),
    [
        ("what's the difference between elogind and seatd?", "elogind", "seatd"),
        ("ufw vs nftables", "ufw", "nftables"),
        ("ufw vs. nftables, which is better", "ufw", "nftables"),
        ("how is containerd different from podman", "containerd", "podman"),
        ("ufw and nftables, whats the difference", "ufw", "nftables"),
        ("bpm and autobpm, how do they differ?", "bpm", "autobpm"),
        ("how is a pdm mic different from an i2s one", "pdm mic", "i2s mic"),
        ("dhcpcd or networkmanager?", "dhcpcd", "networkmanager"),
        ("should i take the rocket launcher or the rifle", "rocket launcher", "rifle"),
        ("compare options with arguments", "options", "arguments"),
        ("Was ist der Unterschied zwischen Notiz und Quelle?", "Notiz", "Quelle"),
        ("worin unterscheidet sich ufw von nftables", "ufw", "nftables"),
        ("ufw oder nftables?", "ufw", "nftables"),
    ],
)
def test_a_difference_has_two_things(text: str, first: str, second: str) -> None:
    assert parts_of(text) == Parts(first, second, differ=True)


@pytest.mark.parametrize(
    "text",
    [
        "how do i install and update a package",
        "what are search and replace",
        "what is the Transformer and why",
        "bikes may be parked in the yard and in the stairwell",
        "family calendar just for me and my wife, roommates are on the box too",
        "check fails one day and is fine the next",
        "can i skip around or do i go top to bottom",
        "where is it? its not in the menu",
        "does it run on windows or linux",
        "how do i a and how do i b and how do i c",
        "what is a note? what is a note?",
        "wo ist das und warum",
        "how do i get it and what " + "then " * 40,
        "",
    ],
)
def test_a_single_question_stays_whole(text: str) -> None:
    assert parts_of(text) is None


def test_judged_questions_are_cut_as_judged() -> None:
    rows = [
        json.loads(line)
        for line in (_JUDGED / "several-answers" / "queries.jsonl").read_text("utf-8").splitlines()
    ]
    wrong = []
    for row in rows:
        parts = parts_of(row["text"])
        kind = "" if parts is None else "difference" if parts.differ else "two parts"
        wanted = row["kind"] if row["kind"] in ("difference", "two parts") else ""
        wrong += [row["text"]] * (kind != wanted)
    assert len(wrong) <= 1


def test_questions_of_communities_are_hardly_ever_cut() -> None:
    questions = [
        json.loads(line).get("text", "")
        for name in ("game", "handbook", "help-centre", "library", "notes", "school", "shooter")
        for kind in ("queries", "unanswerable")
        for line in (_JUDGED / "communities" / name / f"{kind}.jsonl").read_text().splitlines()
    ]
    assert len([text for text in questions if parts_of(text)]) <= 3


def test_only_open_questions_may_ask_for_several() -> None:
    assert may_ask_for_several("how can i set up a firewall")
    assert may_ask_for_several("Welche Wege gibt es?")
    assert not may_ask_for_several("is there a firewall")
    assert not may_ask_for_several("max file size")
