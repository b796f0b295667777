"""Comparison and transfer of rows between two community databases.

Both databases, in SQLite or PostgreSQL, have had the same migrations. Rows are matched by their
tables' keys, in batches.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from knowledge.store.database import Database
from knowledge.store.rows import insertion
from knowledge.store.schema import unexported_tables
from knowledge.text import storable

# Rows in memory at once; a picture has up to 2 MB.
ROWS: Final = 200
PICTURES: Final = 4

Row = dict[str, Any]
Key = tuple[Any, ...]


def keys_by_table(database: Database) -> dict[str, list[str]]:
    """The primary key of each table with exported rows."""
    return {
        name: database.keys(name) for name in database.tables() if name not in unexported_tables()
    }


def differing(source: Database, target: Database, table: str, keys: Sequence[str]) -> Iterator[Key]:
    """Yield, in order, the key of each row that has other values in `target` than in `source`.

    Rows in only one of the databases are skipped.
    """
    for theirs in _by_key(source, table, keys):
        ours = _rows(target, table, keys, [*theirs])
        yield from (key for key in theirs if key in ours and ours[key] != theirs[key])


def copy_missing(
    source: Database, target: Database, tables: Mapping[str, Sequence[str]]
) -> dict[str, int]:
    """Insert the rows missing in the target, inside a transaction with deferred references.

    `tables` has the keys of each table. New ids in the target will start after the source's ids.
    Returns the number of inserted rows, by table.
    """
    taken: dict[str, int] = {}
    for table, keys in tables.items():
        is_empty = not target.rows(f"select 1 as found from {table} limit 1")  # noqa: S608
        for theirs in _by_key(source, table, keys):
            ours = {} if is_empty else _rows(target, table, keys, [*theirs])
            missing = [row for key, row in theirs.items() if key not in ours]
            if missing:
                # SQLite may hold text that PostgreSQL can't store.
                rows = [
                    {
                        key: storable(value) if isinstance(value, str) else value
                        for key, value in row.items()
                    }
                    for row in missing
                ]
                insert(target, table, rows)
                taken[table] = taken.get(table, 0) + len(missing)
    target.skip_ids(source.last_ids())
    return taken


def in_batches(database: Database, table: str, keys: Sequence[str]) -> Iterator[list[Row]]:
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
