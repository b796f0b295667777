"""Index database: its connection protocol, its manifest, and its errors.

The statements use the SQL that SQLite and PostgreSQL have in common; `Connection` hides the rest.

Errors:
    Exception
    └── IndexError_           base of the index's errors
        ├── StaleIndexError   the index was made with another model or format
        ├── IndexReadError    the database can't be queried
        ├── IndexWriteError   the index can't be written (full disk, permissions)
        └── MissingVectorError    another process deleted a vector before it was used
"""

import secrets
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Protocol

FORMAT: Final = 3

# Added to an index of an earlier release. Its documents are cut anew by the next update, and answer
# meanwhile.
SECTION_COLUMNS: Final = (
    "alter table passages add column section integer not null default -1",
    "alter table passages add column separator text not null default ''",
    "alter table passages add column contents integer not null default 0",
)


class IndexError_(Exception):  # noqa: N801, N818 - the builtin's name is taken
    """The index has an error; the message gives the remedy."""


class StaleIndexError(IndexError_):
    """The index was made with another model, passage size or format.

    Attributes:
        passages: the number of passages in the index.
        model: the identity of the index's vectors (`Embedder.model`).
        same_model: whether the model is the same and only the backend differs.
    """

    def __init__(
        self, message: str, passages: int = 0, *, model: str = "", same_model: bool = False
    ) -> None:
        super().__init__(message)
        self.passages = passages
        self.model = model
        self.same_model = same_model


class IndexReadError(IndexError_):
    """The index's database can't be queried; the message gives the remedy."""


class IndexWriteError(IndexError_):
    """The index can't be written; nothing was changed."""


class MissingVectorError(IndexError_):
    """Another process deleted a vector before it was used; nothing was changed."""


@dataclass(frozen=True, slots=True)
class IndexSchema:
    """An index in PostgreSQL: the database's URL, and the schema with its tables."""

    url: str
    schema: str


# A statement with its values.
Statement = tuple[str, Sequence[Any]]

# The folder of a SQLite file, or a schema of PostgreSQL.
Place = Path | IndexSchema


class Connection(Protocol):
    """An opened index database. It belongs to the thread that opened it.

    Placeholders are `?`. Outside `writing`, each statement is a transaction of its own.
    """

    @property
    def place(self) -> str:
        """The location of the index, for messages that begin with "The index in"."""

    def close(self) -> None: ...

    def rows(self, sql: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]: ...

    def one(self, sql: str, values: Sequence[Any] = ()) -> tuple[Any, ...] | None:
        """The first row, if there is any."""

    def run(self, sql: str, values: Sequence[Any] = ()) -> int:
        """Run a statement that changes rows; returns their number."""

    def run_many(self, sql: str, values: Iterable[Sequence[Any]]) -> object:
        """Run a statement once for each sequence of values."""

    def together(self, statements: Iterable[Statement]) -> list[list[tuple[Any, ...]]]:
        """Run statements one after another, in one round trip; returns the rows of each."""

    def writing(self, *, alone: bool = True) -> AbstractContextManager[None]:
        """A write transaction; nested calls join the outer one.

        If `alone` is true, nobody else writes meanwhile. Otherwise the first statement must lock
        the written scopes by `IndexTables.raise_all`, so that each scope has one writer at a time.
        Raises IndexWriteError if the index can't be written; then nothing is changed.
        """

    def forget_deleted(self) -> None:
        """Erase deleted text from the files, as far as the database can."""


# SQLite's own limit on bound values was 999 for long; asking in slices of this size is as fast.
MOST_VALUES: Final = 500


def slices(values: Sequence[Any]) -> Iterator[Sequence[Any]]:
    for start in range(0, len(values), MOST_VALUES):
        yield values[start : start + MOST_VALUES]


def marks(values: Collection[Any]) -> str:
    """Placeholders (`?, ?`) for a list of values; an empty list matches nothing."""
    return ", ".join("?" for _ in values) or "null"


def rows_in(
    db: Connection, sql: str, values: Sequence[Any], *more: Any
) -> Iterator[tuple[Any, ...]]:
    """The rows of a statement with `in ({})`, for many values; `more` are its other values."""
    for statement, some in statements_in(sql, values):
        yield from db.rows(statement, [*some, *more])


def statements_in(sql: str, values: Sequence[Any]) -> list[Statement]:
    """Statements with `in ({})`, for many values."""
    return [(sql.format(marks(some)), some) for some in slices(values)]


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


def write_manifest(db: Connection, expected: Mapping[str, str]) -> None:
    """Write the manifest of a new index."""
    # The identity keeps snapshots of other indexes from being used.
    manifest = {**expected, "identity": secrets.token_hex(8)}
    db.run_many("insert into manifest (key, value) values (?, ?)", manifest.items())


def check_manifest(
    db: Connection, expected: Mapping[str, str], passages: Callable[[], int]
) -> None:
    """Refuse an index unless its manifest is as `expected`; `passages` counts its passages.

    Raises StaleIndexError if the manifest differs.
    """
    manifest = dict(db.rows("select key, value from manifest"))
    for key, value in expected.items():
        if manifest.get(key) != value:
            raise StaleIndexError(
                f"The index in {db.place} was made with {key} {manifest.get(key)!r}, but now it is "
                f"{value!r}. Run `commonplace index` to build it anew; the notes and everything "
                "else people contributed are kept elsewhere.",
                passages(),
                model=manifest.get("model", ""),
                same_model=key == "model" and manifest["model"].split()[0] == value.split()[0],
            )
