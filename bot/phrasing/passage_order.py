"""Order of passages: ids that a model named become places, each once. Pure."""

from collections.abc import Sequence
from typing import Final

from bot.phrasing.task import Quoted

# As many of the best are put into order: the right one is hardly ever further down.
MOST_ORDERED: Final = 10


def lettered(passages: Sequence[Quoted]) -> dict[str, Quoted]:
    """The passages that are put into order, by the ids that a model is given."""
    return {str(place): one for place, one in enumerate(passages[:MOST_ORDERED], 1)}


def places(ids: Sequence[str], offered: Sequence[str], count: int) -> tuple[int, ...]:
    """The places, from 0, in the order of the ids; those that are not named follow as they were.

    Nothing if no id is known.
    """
    known = {key: place for place, key in enumerate(offered)}
    named = [known[key] for key in dict.fromkeys(ids) if key in known]
    rest = [place for place in range(count) if place not in set(named)]
    return (*named, *rest) if named else ()
