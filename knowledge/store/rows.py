"""Statements that insert a row, in what SQLite and PostgreSQL both understand."""

from collections.abc import Iterable, Sequence


def insertion(table: str, row: Iterable[str]) -> str:
    """The statement that inserts values of these columns."""
    columns = list(row)
    marks = ", ".join("?" for _ in columns)
    # Table and column names are the callers' own; every value is bound.
    return f"insert into {table} ({', '.join(columns)}) values ({marks})"  # noqa: S608


def replacement(table: str, row: Iterable[str], keys: Sequence[str]) -> str:
    """The statement that does the same, or writes them into the row that has the same keys."""
    columns = list(row)
    others = [column for column in columns if column not in keys]
    changes = ", ".join(f"{column} = excluded.{column}" for column in others)
    outcome = f"update set {changes}" if changes else "nothing"
    return f"{insertion(table, columns)} on conflict ({', '.join(keys)}) do {outcome}"
