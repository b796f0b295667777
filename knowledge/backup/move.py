"""Moving the community database between a file of SQLite and PostgreSQL, without ever having two.

Every row of every table is copied under its own key, and the numbers of what comes next go on from
the largest. Then both ends are exported and compared byte by byte, and what no export has row by
row. While that goes on nobody can write the old place, and the new one is marked as unfinished;
then the old one is marked as moved, and only then is the new one's mark taken away. So at most one
of them can be opened, whenever the process is killed, and the same command goes on from there.

Errors:
    StoreError
    └── MoveError    the move can't be done; the old place is as it was
"""

import filecmp
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager, nullcontext
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Any, Final, Protocol

from knowledge.backup import exporter
from knowledge.backup.export_format import LEFT_OUT
from knowledge.backup.row_transfer import Row, in_batches, insert
from knowledge.store.database import Database, StoreError, row_counts
from knowledge.store.database_url import shown_database_url
from knowledge.store.moved import moved_to, moving_from

# A closed connection stays visible for a moment, so other users are looked for several times.
_LOOKS: Final = 20
_LOOK_SECONDS: Final = 0.1


class MoveError(StoreError):
    """The community database can't be moved; the message says why, and what to do."""


class Step(StrEnum):
    """What comes next in a move, in its order."""

    BACKUP = "backing up"
    LOAD = "copying"
    COMPARE = "comparing"
    MARK = "marking the old place as moved"
    FINISH = "opening the new place"


class Place(Protocol):
    """Where a community database is, or is to be."""

    @property
    def name(self) -> str:
        """Its URL, or the path of its file: by this a mark names it."""

    @property
    def url(self) -> str:
        """Its URL; nothing if it is a file."""

    def is_there(self) -> bool:
        """Whether there is a database at all, marked or not, of whatever release."""

    def open(self, *, though_marked: bool = False) -> Database: ...

    def back_up(self) -> str:
        """Keep a verified copy; returns where it is."""

    def set_aside(self, at: datetime) -> None:
        """Give the database that is there another name, under which nobody opens it."""

    def discard(self) -> None:
        """Delete the database that is there."""

    def scratch(self) -> Any:
        """A context in which there is such a place to try it in, which is gone afterwards."""


@dataclass(frozen=True, slots=True)
class Moved:
    """What was moved: rows by table, files of the export that were the same, where the copy is."""

    rows: dict[str, int]
    files: int
    backup: str = ""
    # Of a move that an earlier process had all but finished, nothing but its end was left.
    went_on: bool = False


def move(
    source: Place,
    target: Place,
    *,
    check: bool = False,
    tell: Callable[[Step], None] = lambda _: None,
) -> Moved:
    """Move a community database; no bot may be running on either place.

    Args:
        source: where it is.
        target: where it is to be: nothing is there, or what a move to `source` has left.
        check: do all of it in a scratch place, and change nothing.
        tell: is told of each step before it is done.

    Raises:
        MoveError: if it can't be done; the old place is as it was.
        StoreMovedError: if the old place has been moved elsewhere already.
        StoreError: if a place can't be opened, read or written.
    """
    if source.name == target.name:
        raise MoveError(f"{_shown(source)} is where the community database is already.")
    if not source.is_there():
        raise MoveError(f"There is nothing to move: {_shown(source)} has no community database.")
    if not check and _went_on(source, target):
        tell(Step.FINISH)
        _finish(target)
        return Moved({}, 0, went_on=True)
    with closing(source.open()) as guard:
        _check_free(source, target)
        _refuse_used(guard, source)
        moved = _moved(source, target, guard, tell, check=check)
    if not check:
        tell(Step.FINISH)
        _finish(target)
    return moved


def _moved(
    source: Place,
    target: Place,
    guard: Database,
    tell: Callable[[Step], None],
    *,
    check: bool,
) -> Moved:
    """Copy everything while `guard` keeps others from writing, and mark the source as moved."""
    with guard.writing():
        guard.lift_time_limits()
        kept = ""
        if not check:
            tell(Step.BACKUP)
            kept = source.back_up()
            _clear(source, target)
        with target.scratch() if check else nullcontext(target) as into:
            moved = _copied(source, into, tell)
        if not check:
            tell(Step.MARK)
            guard.mark(moved_to(target.name))
    return replace(moved, backup=kept)


def _shown(place: Place) -> str:
    return f"The database {shown_database_url(place.url)}" if place.url else place.name


def _refuse_used(guard: Database, source: Place) -> None:
    """Refuse to move a database in use by a bot on another machine, where no folder lock tells.

    Raises:
        MoveError: if other processes of this program are connected.
    """
    for _ in range(_LOOKS):
        if not guard.others():
            return
        time.sleep(_LOOK_SECONDS)
    raise MoveError(
        f"{_shown(source)} is in use by other processes of Commonplace: stop the bot, and what "
        "else is connected, wherever it runs. Nothing was moved."
    )


# What is there already.


def _marks(place: Place) -> list[str]:
    if not place.is_there():
        return []
    with closing(place.open(though_marked=True)) as database:
        return database.marks()


def _went_on(source: Place, target: Place) -> bool:
    """Whether a move between them was stopped with nothing left but to open the new place."""
    return _marks(source) == [moved_to(target.name)] and _marks(target) == [
        moving_from(source.name)
    ]


def _check_free(source: Place, target: Place) -> None:
    """Refuse a target that holds anything but what a move from or to `source` has left."""
    if not target.is_there() or _marks(target) in (
        [moved_to(source.name)],
        [moving_from(source.name)],
    ):
        return
    with closing(target.open()) as database:
        if row_counts(database) or database.last_ids():
            raise MoveError(
                f"{_shown(target)} holds a community database already: nothing was moved. Name an "
                "empty database or a folder without one; or move that one away first."
            )


def _clear(source: Place, target: Place) -> None:
    """Take away what an earlier move has left there: unfinished it is deleted, else set aside."""
    marks = _marks(target)
    if marks == [moving_from(source.name)]:
        target.discard()
    elif marks:
        target.set_aside(datetime.now(UTC))


def _finish(target: Place) -> None:
    with closing(target.open(though_marked=True)) as database, database.writing():
        database.unmark()


# Copying and comparing.


def _copied(source: Place, target: Place, tell: Callable[[Step], None]) -> Moved:
    """Copy what is in one place into another, whose mark says so, and compare both."""
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
    for rows in _slices(from_, table):
        if any(isinstance(value, str) and "\0" in value for row in rows for value in row.values()):
            raise MoveError(
                f"A row of the table {table} has the character U+0000, which PostgreSQL can't "
                "keep. Nothing was moved. `commonplace export`, and `commonplace import` into a "
                "new data folder, take it out: move that one."
            )
        insert(to, table, rows)
        number += len(rows)
    return number


def _slices(database: Database, table: str) -> Iterable[list[Row]]:
    """The rows of a table, a few at a time where it has keys."""
    if keys := database.keys(table):
        return in_batches(database, table, keys)
    # What was asked lately, in no order of its own.
    return filter(None, [_all_rows(database, table)])


def _all_rows(database: Database, table: str) -> list[Row]:
    rows = database.rows(f"select * from {table}")  # noqa: S608 - the schema's own name
    return sorted(rows, key=repr)


def _compare(from_: Database, to: Database) -> int:
    """Compare both by their exports, and by the rows that no export has; returns how many files.

    Raises:
        MoveError: if anything differs.
    """
    with tempfile.TemporaryDirectory(prefix="commonplace-") as name:
        before, after = Path(name) / "before", Path(name) / "after"
        files = exporter.export(from_, before)
        exporter.export(to, after)
        _check_same(sorted(_files(before)), sorted(_files(after)))
        names = [str(one) for one in _files(before)]
        _, other, unread = filecmp.cmpfiles(before, after, names, shallow=False)
        _check_same([], [*other, *unread])
    for table in sorted(LEFT_OUT | {"memory"}):
        _check_same(_all_rows(from_, table), _all_rows(to, table))
    return files


def _files(folder: Path) -> list[Path]:
    return [path.relative_to(folder) for path in folder.rglob("*") if path.is_file()]


def _check_same(before: list[Any], after: list[Any]) -> None:
    if before != after:
        differing = [one for one in (*before, *after) if (one in before) is not (one in after)]
        raise MoveError(
            f"What was copied is not what is there: {len(differing)} files or rows differ, the "
            f"first is {str(differing[0])[:80] if differing else 'one that occurs twice'}. Nothing "
            "was moved. Look with `commonplace doctor` whether the data is sound."
        )


@contextmanager
def scratch_folder() -> Iterator[Path]:
    """A folder to try a move into, which is gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="commonplace-") as name:
        yield Path(name)
