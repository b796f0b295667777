"""Rows: insert statements that SQLite and PostgreSQL share, and dataclasses made of rows."""

import dataclasses
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from functools import cache
from types import NoneType
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

_T = TypeVar("_T")


def insertion(table: str, row: Iterable[str]) -> str:
    """The statement to insert a row with these columns."""
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


def record(kind: type[_T], row: Mapping[str, Any], **values: Any) -> _T:
    """Make a dataclass of a row, by the names and types of its fields; ignore other columns.

    Columns become times, booleans, enumerations, and tuples or mappings of JSON. A type with a
    method `parse` reads its own text.

    Args:
        kind: the dataclass.
        row: the row.
        values: values of fields, in place of the columns' values.
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
