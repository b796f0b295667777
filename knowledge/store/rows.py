"""Rows: insert statements that SQLite and PostgreSQL share, and dataclasses made of rows."""

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeVar

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
    """Make a dataclass of a row, by the names of its columns; other columns are ignored.

    Args:
        kind: the dataclass.
        row: the row.
        values: values of fields, in place of the columns' values.
    """
    fields = {field.name for field in dataclasses.fields(kind)}  # type: ignore[arg-type]
    return kind(**{key: value for key, value in row.items() if key in fields} | values)
