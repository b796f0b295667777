"""Which replies are given again: by words, scopes, generation and settings, and how many."""

from dataclasses import replace

import pytest

from bot.repeated import REMEMBERED, Key, Repeated
from knowledge.model import SHARED, Scope

KEY = Key("Who digs?", "", (SHARED,), 7, "settings")


def test_the_same_question_gets_the_same_reply() -> None:
    repeated: Repeated[str] = Repeated()
    repeated.remember(KEY, "wombats")
    assert repeated.recall(replace(KEY)) == "wombats"


@pytest.mark.parametrize(
    "other",
    [
        replace(KEY, text="who digs?"),
        replace(KEY, earlier="And in winter?"),
        replace(KEY, scopes=(SHARED, Scope(5))),
        replace(KEY, scopes=(Scope(5),)),
        replace(KEY, generation=8),
        replace(KEY, settings="others"),
    ],
)
def test_whatever_differs_is_another_question(other: Key) -> None:
    repeated: Repeated[str] = Repeated()
    repeated.remember(KEY, "wombats")
    assert repeated.recall(other) is None


def test_what_was_used_longest_ago_is_forgotten_first() -> None:
    repeated: Repeated[int] = Repeated(2)
    for generation in (1, 2):
        repeated.remember(replace(KEY, generation=generation), generation)
    assert repeated.recall(replace(KEY, generation=1)) == 1
    repeated.remember(replace(KEY, generation=3), 3)
    kept = [repeated.recall(replace(KEY, generation=generation)) for generation in (1, 2, 3)]
    assert kept == [1, None, 3]


def test_no_more_than_the_most_are_remembered() -> None:
    repeated: Repeated[int] = Repeated()
    for generation in range(3 * REMEMBERED):
        repeated.remember(replace(KEY, generation=generation), generation)
    assert len(repeated) == REMEMBERED
