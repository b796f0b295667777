"""Rows of one community database in another: which of them are missing there, which differ.

Both have had the same migrations, whatever kind each of them is. Rows are told by their tables'
keys, and only some of them are in memory at a time.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from knowledge.store.audit.log_chain import HEADS_TABLE
from knowledge.store.database import Database
from knowledge.store.rows import insertion
from knowledge.text import storable

# So many rows are in memory at once; a picture has a megabyte at most.
ROWS: Final = 200
PICTURES: Final = 4

Row = dict[str, Any]
Key = tuple[Any, ...]


def keys_by_table(database: Database) -> dict[str, list[str]]:
    """The keys of every table whose rows are told by one; the heads of the log follow from it."""
    found = {table: database.keys(table) for table in database.tables() if table != HEADS_TABLE}
    return {table: keys for table, keys in found.items() if keys}


def differing(source: Database, target: Database, table: str, keys: Sequence[str]) -> Iterator[Key]:
    """The keys of a table's rows that both have with other values, in their order."""
    for theirs in _by_key(source, table, keys):
        ours = _rows(target, table, keys, [*theirs])
        yield from (key for key in theirs if key in ours and ours[key] != theirs[key])


def take(source: Database, target: Database, tables: Mapping[str, Sequence[str]]) -> dict[str, int]:
    """Insert the rows that are missing, inside a transaction; returns how many, by table.

    No id that the source has ever given is given again.

    Args:
        source: whose rows.
        target: where they are inserted; rows may refer to others that come later.
        tables: the tables with their keys.
    """
    taken: dict[str, int] = {}
    for table, keys in tables.items():
        is_empty = not target.rows(f"select 1 as found from {table} limit 1")  # noqa: S608
        for theirs in _by_key(source, table, keys):
            ours = {} if is_empty else _rows(target, table, keys, [*theirs])
            missing = [_stored(row) for key, row in theirs.items() if key not in ours]
            if missing:
                insert(target, table, missing)
                taken[table] = taken.get(table, 0) + len(missing)
    target.skip_ids(source.last_ids())
    return taken


def _stored(row: Row) -> Row:
    """A row as any database can keep it: a file of SQLite may hold text that others refuse."""
    return {
        column: storable(value) if isinstance(value, str) else value
        for column, value in row.items()
    }


def in_batches(database: Database, table: str, keys: Sequence[str]) -> Iterator[list[Row]]:
    """The rows of a table in the order of its keys, a few at a time."""
    # Names are the schema's own.
    order, marks = ", ".join(keys), ", ".join("?" for _ in keys)
    most = PICTURES if table == "pictures" else ROWS
    after, values = "", list[Any]()
    while True:
        sql = f"select * from {table} {after} order by {order} limit {most}"  # noqa: S608
        rows = database.rows(sql, values)
        if rows:
            yield rows
        if len(rows) < most:
            return
        after, values = f"where ({order}) > ({marks})", [rows[-1][key] for key in keys]


def insert(target: Database, table: str, rows: Sequence[Row]) -> None:
    """Insert rows, of which there are some, that all have the same columns."""
    target.run_many(insertion(table, rows[0]), [[*row.values()] for row in rows])


def _by_key(source: Database, table: str, keys: Sequence[str]) -> Iterator[dict[Key, Row]]:
    for rows in in_batches(source, table, keys):
        yield {tuple(row[key] for key in keys): row for row in rows}


def _rows(
    database: Database, table: str, keys: Sequence[str], wanted: Sequence[Key]
) -> dict[Key, Row]:
    one = " and ".join(f"{key} = ?" for key in keys)
    condition = " or ".join(f"({one})" for _ in wanted)
    rows = database.rows(
        f"select * from {table} where {condition}",  # noqa: S608
        [value for key in wanted for value in key],
    )
    return {tuple(row[key] for key in keys): row for row in rows}
