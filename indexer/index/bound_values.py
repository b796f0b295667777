"""Bound values of SQL statements: marks for a list of them, and lists cut to what SQLite takes."""

from collections.abc import Collection, Iterator, Sequence
from typing import Any, Final

# SQLite's own limit on bound values was 999 for long; asking in slices of this size is as fast.
_VALUES: Final = 500


def slices(values: Sequence[Any]) -> Iterator[Sequence[Any]]:
    for start in range(0, len(values), _VALUES):
        yield values[start : start + _VALUES]


def marks(values: Collection[Any]) -> str:
    """Marks for a list of values; of none, a list that nothing is in."""
    return ", ".join("?" for _ in values) or "null"
