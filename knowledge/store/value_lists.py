"""Lists of values in SQL: `in (?)` with one mark for each value, in slices of bounded length.

Every database understands that alike, other than tables made of JSON or arrays.
"""

from collections.abc import Iterator, Sequence
from typing import Any, Final, Protocol

# So many values are in one statement. Lists are cut, so that no limit of a database is met, and
# made longer by repeating their last value, so that few statements have to be prepared.
MOST: Final = 1024

_MARK: Final = "in (?)"


class _Database(Protocol):
    def rows(self, sql: str, values: Sequence[Any] = ()) -> list[dict[str, Any]]: ...

    def run(self, sql: str, values: Sequence[Any] = ()) -> int: ...


class _Together(Protocol):
    def rows_together(
        self, queries: Sequence[tuple[str, Sequence[Any]]]
    ) -> list[list[dict[str, Any]]]: ...


def rows_among(
    database: _Database,
    sql: str,
    listed: Sequence[int | str],
    before: Sequence[Any] = (),
    after: Sequence[Any] = (),
) -> list[dict[str, Any]]:
    """The rows of a statement that says `in (?)` once, of a list; none for an empty one.

    Rows are in the order that the statement asks for as long as the list is not cut: whoever needs
    them in order beyond that puts them in order.

    Args:
        database: whose rows.
        sql: the statement.
        listed: what the mark in `in (?)` stands for, however long it is.
        before: the values of the marks before that one.
        after: the values of the marks behind it.
    """
    statements = _statements(sql, listed, before, after)
    return [row for each, values in statements for row in database.rows(each, values)]


def rows_of_lists(
    database: _Together, queries: Sequence[tuple[str, Sequence[int | str]]]
) -> list[list[dict[str, Any]]]:
    """The rows of each of several statements with its list, as `rows_among`, in one round trip."""
    statements = [[*_statements(sql, listed, (), ())] for sql, listed in queries]
    found = iter(database.rows_together([one for some in statements for one in some]))
    return [[row for _ in some for row in next(found)] for some in statements]


def run_among(
    database: _Database,
    sql: str,
    listed: Sequence[int | str],
    before: Sequence[Any] = (),
    after: Sequence[Any] = (),
) -> int:
    """Run a statement as `rows_among` does, inside a transaction; returns how many rows changed."""
    statements = _statements(sql, listed, before, after)
    return sum(database.run(each, values) for each, values in statements)


def _statements(
    sql: str, listed: Sequence[int | str], before: Sequence[Any], after: Sequence[Any]
) -> Iterator[tuple[str, list[Any]]]:
    if sql.count(_MARK) != 1:
        raise ValueError(f"A statement of a list says {_MARK!r} once: {sql}")
    # A value that stands twice, in two slices, would be found twice.
    values = list(dict.fromkeys(listed))
    for start in range(0, len(values), MOST):
        some = values[start : start + MOST]
        some += some[-1:] * (_length(len(some)) - len(some))
        marks = ", ".join("?" * len(some))
        yield sql.replace(_MARK, f"in ({marks})"), [*before, *some, *after]


def _length(number: int) -> int:
    """The power of two from which on so many values have a place."""
    return 1 << (number - 1).bit_length()
