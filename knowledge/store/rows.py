"""Rows: statements that SQLite and PostgreSQL share, lists of values, and dataclasses made of rows.

A list among a statement's values has the placeholder `in (?)`, which becomes one placeholder for
each value. A long list is cut into slices, and the statement is run for each slice. Placeholders
work in both databases, unlike tables made of JSON or arrays.

A row never changes its guild, so a transaction that knows only a row's id can look its guild up
before it begins. Rows without a guild, such as a question in a direct message, are written as guild
0's.
"""

import dataclasses
import json
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from enum import Enum, StrEnum
from functools import cache
from types import NoneType
from typing import Any, Final, TypeVar, get_args, get_origin, get_type_hints

from knowledge.store.database import Database

_T = TypeVar("_T")


def insertion(table: str, row: Iterable[str]) -> str:
    columns = list(row)
    marks = ", ".join("?" for _ in columns)
    # Callers write the names of tables and columns; values are bound.
    return f"insert into {table} ({', '.join(columns)}) values ({marks})"  # noqa: S608


def replacement(table: str, row: Iterable[str], keys: Sequence[str]) -> str:
    """The statement to insert a row, or update the row with the same values of `keys`."""
    columns = list(row)
    others = [column for column in columns if column not in keys]
    changes = ", ".join(f"{column} = excluded.{column}" for column in others)
    outcome = f"update set {changes}" if changes else "nothing"
    return f"{insertion(table, columns)} on conflict ({', '.join(keys)}) do {outcome}"


class RowStatements(ABC):
    """Statements made of rows, for both databases."""

    @abstractmethod
    def run(self, sql: str, values: Sequence[Any] = ()) -> int: ...

    def insert(self, table: str, row: Mapping[str, Any]) -> None:
        self.run(insertion(table, row), [*row.values()])

    def insert_new(self, table: str, row: Mapping[str, Any]) -> bool:
        return self.run(f"{insertion(table, row)} on conflict do nothing", [*row.values()]) == 1

    def replace(self, table: str, row: Mapping[str, Any], keys: Sequence[str]) -> None:
        self.run(replacement(table, row, keys), [*row.values()])


class RowQueries(ABC):
    """Records and values made of rows, for both databases."""

    @abstractmethod
    def rows(self, sql: str, values: Sequence[Any] = ()) -> list[dict[str, Any]]: ...

    def records(self, kind: type[_T], sql: str, values: Sequence[Any] = ()) -> list[_T]:
        return [record(kind, row) for row in self.rows(sql, values)]

    def find(self, kind: type[_T], sql: str, values: Sequence[Any] = ()) -> _T | None:
        rows = self.rows(sql, values)
        return record(kind, rows[0]) if rows else None

    def column(self, sql: str, values: Sequence[Any] = ()) -> list[Any]:
        return [next(iter(row.values())) for row in self.rows(sql, values)]

    def value(self, kind: type[_T], sql: str, values: Sequence[Any] = ()) -> _T | None:
        column = self.column(sql, values)
        read: Any = _reader(kind) or kind
        return None if not column or column[0] is None else read(column[0])


def record(kind: type[_T], row: Mapping[str, Any], **values: Any) -> _T:
    """Make a dataclass of a row, by the names and types of its fields; ignore other columns.

    Columns become times, booleans, enumerations, and tuples or mappings of JSON. A type with a
    method `parse` reads its own text. `values` replace the columns' values.
    """
    for name, read in _readers(kind).items():  # type: ignore[arg-type]
        if name in row and name not in values:
            value = row[name]
            values[name] = value if read is None or value is None else read(value)
    return kind(**values)


def values(kind: Any, row: Mapping[str, Any]) -> dict[str, Any]:
    """The values of a row's columns that aren't null, by the names and types of fields."""
    return {
        name: read(row[name]) if read else row[name]
        for name, read in _readers(kind).items()
        if row.get(name) is not None
    }


def columns(record: Any, **values: Any) -> dict[str, Any]:
    """The columns of a dataclass, by the names of its fields; the inverse of `record`.

    `values` replace those of the fields.
    """
    names = [field.name for field in dataclasses.fields(record)]
    return {
        name: values[name] if name in values else column(getattr(record, name)) for name in names
    }


def column(value: Any) -> Any:
    """A value as a column has it."""
    if isinstance(value, StrEnum):
        return value.value
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, tuple | Mapping):
        return json.dumps(value if isinstance(value, tuple) else dict(value))
    return value.serialize() if hasattr(value, "serialize") else value


def is_readable(kind: Any, column: str, value: Any) -> bool:
    """Whether `record` can read a column's value; it can also raise ValueError or TypeError."""
    read = _readers(kind).get(column)
    return read is None or read(value) is not None


def _json(text: str, kind: type[Any], element: type) -> Any:
    """Parse a JSON list or object, whose elements or keys have a type, unless it is a record."""
    found = json.loads(text)
    plain = element in (str, int)
    if not isinstance(found, kind) or (
        plain and not all(isinstance(value, element) for value in found)
    ):
        raise TypeError(f"{text[:100]} is no {kind.__name__} of {element.__name__}")
    return found


@cache
def _readers(kind: Any) -> dict[str, Callable[[Any], Any] | None]:
    """By field, the function to read a column other than null; None for unchanged columns."""
    hints = get_type_hints(kind)
    return {field.name: _reader(hints[field.name]) for field in dataclasses.fields(kind)}


def _reader(hint: Any) -> Callable[[Any], Any] | None:
    if NoneType in get_args(hint):
        [hint] = [part for part in get_args(hint) if part is not NoneType]
    if get_origin(hint) is tuple:
        return lambda text: tuple(_json(text, list, get_args(hint)[0]))
    if get_origin(hint) is Mapping:
        return lambda text: _json(text, dict, str)
    if hint is datetime:
        return datetime.fromisoformat
    if hint is bool or (isinstance(hint, type) and issubclass(hint, StrEnum)):
        return hint
    return getattr(hint, "parse", None)


# Values in one statement. Longer lists are cut, to stay within each database's limits; shorter ones
# are padded with their last value, so few statements have to be prepared.
MOST: Final = 1024

_MARK: Final = "in (?)"


def slices(sql: str, values: Sequence[Any]) -> Iterator[tuple[str, Sequence[Any]]]:
    """The statement and its values, for each slice of the list among the values, if there is one.

    Rows come in the statement's order within each slice. Sort them yourself if the list may be
    longer, and change rows inside a transaction.
    """
    place = next((place for place, value in enumerate(values) if isinstance(value, list)), None)
    if place is None:
        yield sql, values
        return
    if sql.count(_MARK) != 1:
        raise ValueError(f"A statement of a list says {_MARK!r} once: {sql}")
    # A repeated value in two slices would return its row twice.
    listed = list(dict.fromkeys(values[place]))
    for start in range(0, len(listed), MOST):
        some = listed[start : start + MOST]
        # Padded to the next power of two.
        some += some[-1:] * ((1 << (len(some) - 1).bit_length()) - len(some))
        marks = ", ".join("?" * len(some))
        statement = sql.replace(_MARK, f"in ({marks})")
        yield statement, [*values[:place], *some, *values[place + 1 :]]


NO_GUILD: Final = 0


class RowKind(Enum):
    """Kinds of rows with an id and a guild; the value is the query for the guild."""

    QUESTION = "select guild_id from questions where id = ?"
    NOTICE = "select guild_id from notices where id = ?"
    INBOX = "select guild_id from inbox where id = ?"
    HELPED_QUESTION = "select guild_id from helped_questions where message_id = ?"
    REVISION = "select n.guild_id from revisions r join notes n on n.id = r.note_id where r.id = ?"


def guild_of(database: Database, kind: RowKind, key: int) -> int:
    """The guild of a row; `NO_GUILD` if the row is missing or has no guild."""
    return database.value(int, kind.value, [key]) or NO_GUILD


@dataclasses.dataclass(eq=False)
class Tables:
    """Tables of the community database."""

    _db: Database

    def _writing(self, kind: RowKind, key: int) -> AbstractContextManager[None]:
        """A write transaction in the guild of a row."""
        return self._db.writing(guild_of(self._db, kind, key))


def only_guild(guild_ids: Iterable[int | None]) -> int | None:
    """The common guild of several rows for a transaction; None if they differ."""
    found = {guild_id or NO_GUILD for guild_id in guild_ids}
    return found.pop() if len(found) == 1 else None
