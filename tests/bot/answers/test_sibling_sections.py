"""Sections below one heading that answer alike."""

import pytest

from bot.answers.sibling_sections import sibling_sections
from indexer.index.stored_passage import StoredPassage
from indexer.retrieval.hit import Hit
from tests.bot.values import file_passage

PARENT = "Export your vault"


def sections(*names: str, parent: str = PARENT) -> list[StoredPassage]:
    return [
        file_passage(f"Do {place}.", id=place, position=place, heading=f"{parent} › {name}")
        for place, name in enumerate(names)
    ]


def hit_of(passages: list[StoredPassage], *scores: float) -> Hit:
    best, *others = [
        Hit(passage, score, score, score, 0.5, ())
        for passage, score in zip(passages, scores, strict=False)
    ]
    return Hit(best.passage, best.score, 0.5, 0.5, 0.5, (), also=tuple(others))


def listed(question: str, names: tuple[str, ...], *scores: float) -> list[str]:
    passages = sections(*names)
    found = sibling_sections(question, hit_of(passages, *scores), passages)
    return [section.heading for section in found]


NAMES = ("Web", "Desktop", "Phone")


@pytest.mark.parametrize(
    ("question", "scores", "expected"),
    [
        ("how do i export my vault", (1.0, 0.9), NAMES),
        # A section that is much better answers alone.
        ("how do i export my vault", (1.0, 0.4), ()),
        # The question names a section.
        ("how do i export my vault from the desktop", (1.0, 0.9), ()),
        # The question is about something else.
        ("how do i paint my bikeshed", (1.0, 0.9), ()),
    ],
)
def test_sections_are_listed_if_the_question_names_their_heading(
    question: str, scores: tuple[float, ...], expected: tuple[str, ...]
) -> None:
    assert listed(question, NAMES, *scores) == list(expected)


def test_questions_of_a_faq_are_no_list() -> None:
    names = ("Where is it?", "Who does it?", "Why?")
    assert listed("how do i export my vault", names, 1.0, 0.9) == []


def test_a_reference_with_many_sections_is_no_list() -> None:
    names = tuple(f"Part {letter}" for letter in "abcdefghijklm")
    assert listed("how do i export my vault", names, 1.0, 0.9) == []


@pytest.mark.parametrize(
    ("question", "names"),
    [
        # Most headings have the question's word.
        ("how do i sign in here", ("Sign in on the web", "Sign in by app", "Sign in by key")),
        # "Keys" are asked for, so they don't name a section.
        ("which keys export a vault", ("Device key pair", "Account", "User")),
        ("what ways are there to get out", NAMES),
    ],
)
def test_sections_of_a_kind_are_listed(question: str, names: tuple[str, ...]) -> None:
    assert listed(question, names, 1.0, 0.9, 0.8) == list(names)


def test_list_leaves_out_a_question_among_sections() -> None:
    assert listed("how do i export my vault", (*NAMES, "Why?"), 1.0, 0.9) == list(NAMES)


def test_sections_below_the_found_heading_are_listed() -> None:
    above = file_passage("There are three ways.", id=9, heading=PARENT)
    passages = [above, *sections(*NAMES)]
    found = sibling_sections("how do i export my vault", hit_of(passages, 1.0, 0.9), passages)
    assert [section.heading for section in found] == list(NAMES)
