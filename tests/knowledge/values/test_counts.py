"""Counted nouns are in the number that they are counted in."""

import pytest

from knowledge.values.counts import counted


@pytest.mark.parametrize(
    ("count", "said"), [(0, "0 files"), (1, "1 file"), (2, "2 files"), (1_200, "1,200 files")]
)
def test_one_is_one_and_all_else_is_several(count: int, said: str) -> None:
    assert counted(count, "file") == said


def test_a_plural_of_its_own_is_said() -> None:
    assert [counted(count, "entry", "entries") for count in (1, 2)] == ["1 entry", "2 entries"]
