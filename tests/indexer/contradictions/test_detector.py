"""What makes two sentences disagree, on a fake embedder: every pair of sentences is near."""

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from indexer.contradictions.detector import MOST_PAIRS, Contradiction, Titled, contradictions
from indexer.contradictions.quantities import Subject


def _near(texts: Sequence[str]) -> NDArray[np.float32]:
    return np.ones((len(texts), 1), np.float32)


def _far(texts: Sequence[str]) -> NDArray[np.float32]:
    return np.eye(len(texts), dtype=np.float32)


def _never(texts: Sequence[str]) -> NDArray[np.float32]:
    raise AssertionError(f"{texts} were embedded.")


def _found(left: str, right: str) -> list[Contradiction]:
    return contradictions(Titled(left), Titled(right), _near)


def _marked(found: Contradiction) -> list[list[str]]:
    return [
        [statement.text[start:end] for start, end in statement.differing]
        for statement in (found.left, found.right)
    ]


def test_differences_are_marked_in_both_sentences() -> None:
    left = "# Uploads\n\nFiles are kept. Uploads are limited to 25 MB per file."
    right = "Each uploaded file may be at most 10 MB. Ask for more."
    [found] = _found(left, right)
    assert found.subject is Subject.AMOUNT
    assert left[found.left.start : found.left.end] == found.left.text
    assert right[found.right.start : found.right.end] == found.right.text
    assert _marked(found) == [["25 MB"], ["10 MB"]]


def test_the_turning_word_is_marked() -> None:
    [found] = _found("Guests may post links.", "Guests may not post links.")
    assert found.subject is Subject.NEGATION
    assert _marked(found) == [["post"], ["not"]]


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ("The call has room for 25 people.", "The call has room for twenty-five people."),
        ("`limit = 25` people in calls.", "The cost is 9."),
        ("```\nThe call takes 25 people.\n```", "The call takes 30 people."),
        ("Does the call take 25 people?", "The call takes 30 people."),
        ("The call in Porto takes 25 people.", "The call in Lisbon takes 30 people."),
        ("The call takes 25 people if it rains.", "The call takes 30 people."),
        ("The call takes 25 people and 3 dogs.", "The call takes 30 people and 4 dogs."),
        ("", "The call takes 30 people."),
    ],
)
def test_sentences_on_other_things_are_not_embedded(left: str, right: str) -> None:
    assert contradictions(Titled(left), Titled(right), _never) == []


def test_distant_sentences_do_not_disagree() -> None:
    left, right = "The call takes 25 people.", "The call takes 30 people."
    assert _found(left, right)
    assert contradictions(Titled(left), Titled(right), _far) == []


def test_titles_of_other_things_prevent_disagreement() -> None:
    porto = Titled("The meetup is on Monday at the club.", "The Porto meetup")
    lisbon = Titled("The meetup is on Friday at the club.", "The Lisbon meetup")
    assert contradictions(porto, lisbon, _never) == []
    assert contradictions(porto, Titled(lisbon.text, "The meetup in Porto"), _near)


def test_long_texts_embed_few_sentences() -> None:
    subjects = [f"The {word} queue of the {word}s" for word in _WORDS]
    left = " ".join(f"{subject} holds {i} jobs." for i, subject in enumerate(subjects))
    right = " ".join(f"{subject} holds {i + 50} jobs." for i, subject in enumerate(subjects))
    embedded: list[str] = []

    def embed(texts: Sequence[str]) -> NDArray[np.float32]:
        embedded.extend(texts)
        return _near(texts)

    assert len(contradictions(Titled(left), Titled(right), embed)) == 3
    assert len(embedded) == 2 * MOST_PAIRS


_WORDS = ["mail", "print", "scan", "build", "deploy", "import", "export", "backup", "restore"]


def test_no_sentence_is_named_twice() -> None:
    left = "The call takes 25 people. The call takes 26 people."
    found = _found(left, "The call takes 30 people.")
    assert len(found) == 1


@settings(deadline=None)
@given(st.text(max_size=300), st.text(max_size=300))
def test_any_two_texts_can_be_compared(left: str, right: str) -> None:
    for found in _found(left, right):
        assert left[found.left.start : found.left.end] == found.left.text
        assert all(0 <= start < end <= len(found.left.text) for start, end in found.left.differing)
