"""Rows of one community database in another: which of them are missing there, which differ.

Both have had the same migrations, whatever kind each of them is. Rows are told by their tables'
keys, and only some of them are in memory at a time.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from knowledge.model.storable_text import storable
from knowledge.store.audit.log_chain import HEADS_TABLE
from knowledge.store.database import Database
from knowledge.store.insertions import insertion

# Rows in memory; each picture may have a megabyte.
_AT_ONCE: Final = 200
_PICTURES_AT_ONCE: Final = 10

Row = dict[str, Any]
Key = tuple[Any, ...]


def keys_by_table(database: Database) -> dict[str, list[str]]:
    """The keys of every table whose rows are told by one; the heads of the log follow from it."""
    found = {table: database.keys(table) for table in database.tables() if table != HEADS_TABLE}
    return {table: keys for table, keys in found.items() if keys}


def differing(source: Database, target: Database, table: str, keys: Sequence[str]) -> Iterator[Key]:
    """The keys of a table's rows that both have with other values, in their order."""
    for batch in _batches(source, table, keys):
        theirs, ours = (_rows(each, table, keys, batch) for each in (source, target))
        yield from (key for key in batch if key in ours and ours[key] != theirs[key])


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
        for batch in _batches(source, table, keys):
            theirs = _rows(source, table, keys, batch)
            ours = {} if is_empty else _rows(target, table, keys, batch)
            missing = [_stored(theirs[key]) for key in batch if key not in ours]
            if missing:
                values = [[*row.values()] for row in missing]
                target.run_many(insertion(table, missing[0]), values)
                taken[table] = taken.get(table, 0) + len(missing)
    target.skip_ids(source.last_ids())
    return taken


def _stored(row: Row) -> Row:
    """A row as any database can keep it; an older release kept whatever SQLite does."""
    return {
        column: storable(value) if isinstance(value, str) else value
        for column, value in row.items()
    }


def _batches(source: Database, table: str, keys: Sequence[str]) -> Iterator[list[Key]]:
    # Names are the tables' own.
    columns = ", ".join(keys)
    rows = source.rows(f"select {columns} from {table} order by {columns}")  # noqa: S608
    size = _PICTURES_AT_ONCE if table == "pictures" else _AT_ONCE
    for start in range(0, len(rows), size):
        yield [tuple(row.values()) for row in rows[start : start + size]]


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
