"""Move of the community database between a SQLite file and PostgreSQL.

Rows keep their keys, and new ids start after the old place's last ids. After the copy, both places
are exported and compared byte by byte; the rows left out of exports are compared, too. Meanwhile
nobody can write to the old place, and the new place is marked as unfinished. At the end the old
place is marked as moved, and then the new place's mark is removed. So at most one place can be
opened, even after a crash. A second call of `move` then finishes or repeats the move.

Errors:
    StoreError
    └── MoveError    the move can't be done; the old place is as it was
"""

import filecmp
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, nullcontext
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Any, Final, Protocol

from knowledge.backup import exporter
from knowledge.backup.row_transfer import Row, in_batches, insert
from knowledge.store import schema
from knowledge.store.database import Database, StoreError, row_counts
from knowledge.store.database_url import database_label
from knowledge.store.migrations import moved_to, moving_from

# A closed connection stays visible for a moment, so other users are looked for several times.
_LOOKS: Final = 20
_LOOK_SECONDS: Final = 0.1


class MoveError(StoreError):
    """The community database can't be moved; the message says why, and what to do."""


class Step(StrEnum):
    """Steps of a move, in order."""

    BACKUP = "backing up"
    LOAD = "copying"
    COMPARE = "comparing"
    MARK = "marking the old place as moved"
    FINISH = "opening the new place"


class Place(Protocol):
    """The present or future place of a community database."""

    @property
    def name(self) -> str:
        """The place's URL or file path. The marks of the other place contain this name."""

    @property
    def url(self) -> str:
        """The URL; empty for a file."""

    def is_there(self) -> bool:
        """Whether the place holds a database, even an unfinished copy or another release's."""

    def open(self, *, though_marked: bool = False) -> Database: ...

    def back_up(self) -> str:
        """Write a backup of the place; returns the path of the backup."""

    def set_aside(self, at: datetime) -> None:
        """Rename the database, so no process opens it again."""

    def discard(self) -> None: ...

    def scratch(self) -> Any:
        """Return a context with a temporary place of the same kind."""


@dataclass(frozen=True, slots=True)
class Moved:
    """The result of a move: rows by table, number of equal export files, path of the backup."""

    rows: dict[str, int]
    files: int
    backup: str = ""
    # Whether only the last step of an earlier move was left.
    resumed: bool = False


def move(
    source: Place,
    target: Place,
    *,
    check: bool = False,
    tell: Callable[[Step], None] = lambda _: None,
) -> Moved:
    """Move a community database; no bot may be running on either place.

    The target must be empty, or hold an unfinished copy of `source`, or the database that an
    earlier move copied to `source`. With `check`, the move is only tried in a scratch place. Raises
    MoveError if the move can't be done; the old place is as it was, StoreMovedError if the old
    place was moved elsewhere already, and StoreError if a place can't be opened, read or written.
    """
    if source.name == target.name:
        raise MoveError(f"{_label(source)} is where the community database is already.")
    if not source.is_there():
        raise MoveError(f"There is nothing to move: {_label(source)} has no community database.")
    moved, moving = [moved_to(target.name)], [moving_from(source.name)]
    if not check and _marks(source) == moved and _marks(target) == moving:
        # Only the last step of an earlier move is left.
        tell(Step.FINISH)
        _finish(target)
        return Moved({}, 0, resumed=True)
    with closing(source.open()) as guard:
        _check_free(source, target)
        _refuse_used(guard, source)
        # Meanwhile the opened source locks out all other writers.
        with guard.writing():
            guard.lift_time_limits()
            kept = ""
            if not check:
                tell(Step.BACKUP)
                kept = source.back_up()
                if _marks(target) == moving:
                    # An unfinished copy.
                    target.discard()
                elif _marks(target):
                    # The old database of an earlier move.
                    target.set_aside(datetime.now(UTC))
            with target.scratch() if check else nullcontext(target) as into:
                result = replace(_copy_all(source, into, tell), backup=kept)
            if not check:
                tell(Step.MARK)
                guard.mark(moved_to(target.name))
    if not check:
        tell(Step.FINISH)
        _finish(target)
    return result


def _label(place: Place) -> str:
    return f"The database {database_label(place.url)}" if place.url else place.name


def _refuse_used(guard: Database, source: Place) -> None:
    """Refuse a database with other connections, such as those of a bot on another machine."""
    for _ in range(_LOOKS):
        if not guard.other_connections():
            return
        time.sleep(_LOOK_SECONDS)
    raise MoveError(
        f"{_label(source)} is in use by other processes of Commonplace: stop the bot, and what "
        "else is connected, wherever it runs. Nothing was moved."
    )


# Leftovers of earlier moves.


def _marks(place: Place) -> list[str]:
    if not place.is_there():
        return []
    with closing(place.open(though_marked=True)) as database:
        return database.marks()


def _check_free(source: Place, target: Place) -> None:
    """Refuse a target with other content than `move` allows."""
    if not target.is_there() or _marks(target) in (
        [moved_to(source.name)],
        [moving_from(source.name)],
    ):
        return
    with closing(target.open()) as database:
        if row_counts(database) or database.last_ids():
            raise MoveError(
                f"{_label(target)} holds a community database already: nothing was moved. Name an "
                "empty database or a folder without one; or move that one away first."
            )


def _finish(target: Place) -> None:
    with closing(target.open(though_marked=True)) as database, database.writing():
        database.unmark()


# Copying and comparing.


def _copy_all(source: Place, target: Place, tell: Callable[[Step], None]) -> Moved:
    """Mark the target as unfinished, copy all rows to it, and compare both places."""
    with closing(source.open()) as from_, closing(target.open()) as to:
        tell(Step.LOAD)
        with to.writing():
            to.lift_time_limits()
            to.mark(moving_from(source.name))
            to.defer_references()
            rows = {table: _copy(from_, to, table) for table in from_.tables()}
            to.skip_ids(from_.last_ids())
        tell(Step.COMPARE)
        files = _compare(from_, to)
    return Moved({table: number for table, number in rows.items() if number}, files)


def _copy(from_: Database, to: Database, table: str) -> int:
    number = 0
    keys = from_.keys(table)
    # Recent questions have no key.
    batches = in_batches(from_, table, keys) if keys else filter(None, [_all_rows(from_, table)])
    for rows in batches:
        if any(isinstance(value, str) and "\0" in value for row in rows for value in row.values()):
            raise MoveError(
                f"A row of the table {table} has the character U+0000, which PostgreSQL can't "
                "store. Nothing was moved. `commonplace export`, and `commonplace import` into a "
                "new data folder, take it out: move that one."
            )
        insert(to, table, rows)
        number += len(rows)
    return number


def _all_rows(database: Database, table: str) -> list[Row]:
    rows = database.rows(f"select * from {table}")  # noqa: S608 - the schema's own name
    return sorted(rows, key=repr)


def _compare(from_: Database, to: Database) -> int:
    """Compare the exports and the rows left out of exports; returns the number of export files.

    Raises MoveError if anything differs.
    """
    with tempfile.TemporaryDirectory(prefix="commonplace-") as name:
        before, after = Path(name) / "before", Path(name) / "after"
        files = exporter.export(from_, before)
        exporter.export(to, after)
        _check_same(sorted(_files(before)), sorted(_files(after)))
        names = [str(path) for path in _files(before)]
        _, other, unread = filecmp.cmpfiles(before, after, names, shallow=False)
        _check_same([], [*other, *unread])
    for table in sorted(name for name, table in schema.TABLES.items() if table.exported != "true"):
        _check_same(_all_rows(from_, table), _all_rows(to, table))
    return files


def _files(folder: Path) -> list[Path]:
    return [path.relative_to(folder) for path in folder.rglob("*") if path.is_file()]


def _check_same(before: list[Any], after: list[Any]) -> None:
    if before != after:
        differing = [row for row in (*before, *after) if (row in before) is not (row in after)]
        raise MoveError(
            f"The copy differs in {len(differing)} files or rows, the "
            f"first is {str(differing[0])[:80] if differing else 'one that occurs twice'}. Nothing "
            "was moved. Look with `commonplace doctor` whether the data is sound."
        )


@contextmanager
def scratch_folder() -> Iterator[Path]:
    """A temporary folder to try a move in."""
    with tempfile.TemporaryDirectory(prefix="commonplace-") as name:
        yield Path(name)
