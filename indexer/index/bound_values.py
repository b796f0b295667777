"""Placeholders for lists of values in SQL statements, split to stay within SQLite's limit."""

from collections.abc import Collection, Iterator, Sequence
from typing import Any, Final

# SQLite's own limit on bound values was 999 for long; asking in slices of this size is as fast.
MOST_VALUES: Final = 500


def slices(values: Sequence[Any]) -> Iterator[Sequence[Any]]:
    for start in range(0, len(values), MOST_VALUES):
        yield values[start : start + MOST_VALUES]


def marks(values: Collection[Any]) -> str:
    """Placeholders (`?, ?`) for a list of values; an empty list matches nothing."""
    return ", ".join("?" for _ in values) or "null"


def insertions(
    table: str, columns: Sequence[str], rows: Sequence[Sequence[Any]], ending: str = ""
) -> list[tuple[str, Sequence[Any]]]:
    """Statements that insert rows, as many as possible in each; `ending` ends the statement."""
    most = MOST_VALUES // len(columns)
    row = f"({marks(columns)})"
    return [
        (
            f"insert into {table} ({', '.join(columns)}) values "  # noqa: S608 - names of ours
            f"{', '.join([row] * len(some))} {ending}",
            [value for values in some for value in values],
        )
        for some in (rows[start : start + most] for start in range(0, len(rows), most))
    ]
