"""Which replies are given again: by words, scopes, generation and settings, and how many."""

from dataclasses import replace

import pytest

from bot.answers.reply_cache import REMEMBERED, Key, Repeated
from knowledge.model.documents import SHARED, Scope, channel_scope

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
        replace(KEY, scopes=(SHARED, channel_scope(5))),
        replace(KEY, generation=8),
        replace(KEY, settings="others"),
    ],
)
def test_whatever_differs_is_another_question(other: Key) -> None:
    repeated: Repeated[str] = Repeated()
    repeated.remember(KEY, "wombats")
    assert repeated.recall(other) is None


def test_what_was_used_longest_ago_is_forgotten_first() -> None:
    repeated: Repeated[str] = Repeated(2)
    for text in ("a?", "b?"):
        repeated.remember(replace(KEY, text=text), text)
    assert repeated.recall(replace(KEY, text="a?")) == "a?"
    repeated.remember(replace(KEY, text="c?"), "c?")
    kept = [repeated.recall(replace(KEY, text=text)) for text in ("a?", "b?", "c?")]
    assert kept == ["a?", None, "c?"]


def test_no_more_than_the_most_are_remembered() -> None:
    repeated: Repeated[int] = Repeated()
    for number in range(3 * REMEMBERED):
        repeated.remember(replace(KEY, text=f"{number}?"), number)
    assert len(repeated) == REMEMBERED


def test_nothing_of_an_earlier_generation_stays_in_memory() -> None:
    repeated: Repeated[str] = Repeated()
    for text in ("a?", "b?"):
        repeated.remember(replace(KEY, text=text), text)
    assert repeated.recall(replace(KEY, generation=KEY.generation + 1)) is None
    assert len(repeated) == 0
