"""Lists of values in SQL: `in (?)` becomes one placeholder for each value.

A long list is cut into slices, and the statement is run for each slice. Placeholders work in both
databases, unlike tables made of JSON or arrays.
"""

from collections.abc import Iterator, Sequence
from typing import Any, Final, Protocol

# Values in one statement. Longer lists are cut, to stay within each database's limits; shorter ones
# are padded with their last value, so few statements have to be prepared.
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
    """The rows of a statement with one `in (?)` for a list; none for an empty list.

    Rows come in the statement's order within each slice of the list. Sort them yourself if the list
    may be longer than a slice.

    Args:
        database: the database to ask.
        sql: the statement.
        listed: the values for `in (?)`, any number.
        before: the values of the placeholders before `in (?)`.
        after: the values of the placeholders after `in (?)`.
    """
    statements = _statements(sql, listed, before, after)
    return [row for each, values in statements for row in database.rows(each, values)]


def rows_of_lists(
    database: _Together, queries: Sequence[tuple[str, Sequence[int | str]]]
) -> list[list[dict[str, Any]]]:
    """The rows of several statements with one `in (?)` each, in one round trip."""
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
    """Run a statement with one `in (?)` for a list; returns how many rows changed.

    If the list may be longer than a slice, call this inside a transaction.
    """
    statements = _statements(sql, listed, before, after)
    return sum(database.run(each, values) for each, values in statements)


def _statements(
    sql: str, listed: Sequence[int | str], before: Sequence[Any], after: Sequence[Any]
) -> Iterator[tuple[str, list[Any]]]:
    if sql.count(_MARK) != 1:
        raise ValueError(f"A statement of a list says {_MARK!r} once: {sql}")
    # A repeated value in two slices would return its row twice.
    values = list(dict.fromkeys(listed))
    for start in range(0, len(values), MOST):
        some = values[start : start + MOST]
        some += some[-1:] * (_length(len(some)) - len(some))
        marks = ", ".join("?" * len(some))
        yield sql.replace(_MARK, f"in ({marks})"), [*before, *some, *after]


def _length(number: int) -> int:
    """The smallest power of two that is at least this number."""
    return 1 << (number - 1).bit_length()
