"""Places to look at if no answer is sure: the nearest sections, with their best lines. Pure."""

from collections.abc import Sequence
from typing import Final, NamedTuple

from indexer.retrieval.hit import Hit

MOST_PLACES: Final = 3
# The largest number of sections of one page in its place.
SECTIONS_OF_PAGE: Final = 2
# The length of the best lines of each place. The first is right most often.
LINES_CHARACTERS: Final = (300, 160, 160)


class Place(NamedTuple):
    """A page with its nearest sections, best first, and the best lines of the first."""

    hits: tuple[Hit, ...]
    lines: Sequence[str]


def nearest_sections(hits: Sequence[Hit]) -> list[tuple[Hit, ...]]:
    """The nearest sections by page, best first."""
    return [_sections(hit) for hit in hits[:MOST_PLACES]]


def _sections(hit: Hit) -> tuple[Hit, ...]:
    found = {hit.passage.heading: hit}
    for other in hit.also:
        found.setdefault(other.passage.heading, other)
    return tuple(found.values())[:SECTIONS_OF_PAGE]
