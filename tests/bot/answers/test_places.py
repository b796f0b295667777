"""Places to look at: one for each page, with its nearest sections."""

from dataclasses import replace

import pytest

from bot.answers.places import MOST_PLACES, nearest_sections
from indexer.retrieval.hit import Hit
from tests.bot.values import file_passage


def _hit(heading: str, also: tuple[str, ...] = (), page: str = "file:x") -> Hit:
    passage = file_passage(heading=heading, document_id=page)
    return Hit(passage, 0.5, 0.5, 0.5, 0.5, (), also=tuple(map(_hit, also)))


@pytest.mark.parametrize(
    ("also", "expected"),
    [
        ((), ["Ropes"]),
        (("Sails",), ["Ropes", "Sails"]),
        (("Ropes", "Sails"), ["Ropes", "Sails"]),
        (("Sails", "Boats"), ["Ropes", "Sails"]),
    ],
)
def test_a_page_is_one_place_with_two_headings(also: tuple[str, ...], expected: list[str]) -> None:
    [place] = nearest_sections([_hit("Ropes", also)])
    assert [hit.passage.heading for hit in place] == expected


@pytest.mark.parametrize("count", [0, 2, MOST_PLACES, MOST_PLACES + 4])
def test_the_nearest_three_pages_are_places(count: int) -> None:
    hits = [replace(_hit("Ropes", page=f"file:{n}"), score=1 / (n + 1)) for n in range(count)]
    assert nearest_sections(hits) == [(hit,) for hit in hits[:MOST_PLACES]]
