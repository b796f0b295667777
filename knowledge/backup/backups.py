"""Backups of the community database: taken while it is in use, verified, rotated, and put back.

A backup is one file, written under another name first, so that one that is torn never looks whole.
Putting one back keeps the database that it replaces, deletes again what was deleted since, and
gives no id a second time, because messages in Discord still speak of the old ones.

Errors:
    StoreError
    └── BackupError    a backup can't be taken, used or put back; the message says what to do
"""

import glob
import os
import sqlite3
import tempfile
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from sqlite_utils import Database

from knowledge.backup import foreign_database
from knowledge.backup.foreign_database import ForeignDatabaseError
from knowledge.backup.on_request import OnRequest, Source, Unknown, leave_out
from knowledge.store.audit import log_chain
from knowledge.store.audit.audit_log import RESTORED, STANDINGS, WHOLE, contradicted, logged
from knowledge.store.database import StoreError, row_counts
from knowledge.store.erasure.tombstones import Tombstone
from knowledge.store.store import Store
from knowledge.text import counted
from knowledge.values.documents import Scope

PATTERN: Final = "community-*.db"
PART: Final = ".part"
# Longer than any backup takes.
TORN_SECONDS: Final = 86_400
# Whether a log has a line of a guild.
_SAME_LINE: Final = (
    "select 1 from log where guild_id is not distinct from nullif(?, 0) and number = ? "
    "and digest = ?"
)
# How many ids are left out where it is not known which ones were given.
UNKNOWN_IDS: Final = 10_000


class BackupError(StoreError):
    """A backup can't be taken, used or put back; the message says what to do."""


def name(at: datetime) -> str:
    """What a backup of this moment is called; names sort by time."""
    return f"community-{at.astimezone(UTC):%Y%m%dT%H%M%S.%fZ}.db"


def back_up(database: Path, target: Path) -> None:
    """Copy a database that may be in use into one file, and verify the copy.

    Raises:
        BackupError: if there is nothing to copy, or no whole copy can be written.
    """
    if not database.is_file():
        raise BackupError(f"{database} is not there: nothing was contributed yet.")
    part = target
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        part = _new_part(target)
        with closing(sqlite3.connect(database)) as source, closing(sqlite3.connect(part)) as copy:
            source.backup(copy)
            # One file that can be read from anywhere, with nothing beside it.
            copy.execute("pragma journal_mode = delete")
        verify(part)
        put(part, target)
    except BackupError as error:
        remove(part)
        raise BackupError(f"No backup was taken. {error}") from error
    except (sqlite3.Error, OSError) as error:
        if part != target:
            with suppress(OSError):
                remove(part)
        raise BackupError(
            f"{target} can't be written: {error}. Check free space and permissions; "
            "earlier backups are as they were."
        ) from error


def _new_part(target: Path) -> Path:
    """An empty file that becomes a backup, another one for each that is taken there at once.

    What a backup that was killed has left is removed after a day.
    """
    for torn in target.parent.glob(f"{glob.escape(target.name)}.*{PART}"):
        if time.time() - torn.stat().st_mtime > TORN_SECONDS:
            remove(torn)
    descriptor, name = tempfile.mkstemp(PART, f"{target.name}.", target.parent)
    os.close(descriptor)
    return Path(name)


def rotate(
    folder: Path,
    keep: int,
    newest: Path,
    pattern: str = PATTERN,
    is_beginning: Callable[[Path, Path], bool] | None = None,
) -> tuple[list[Path], list[Path]]:
    """Delete the oldest backups in a folder but `keep` of them.

    `newest` is never deleted, though others have a later name: a clock may have been put back. Nor
    is one whose log is not the beginning of that of `newest`: it holds what nothing else may hold,
    should the database have been lost and begun anew.

    Args:
        folder: where they are.
        keep: how many are left.
        newest: the one that was taken now.
        pattern: of their names.
        is_beginning: whether the first one's log is the beginning of the second one's.

    Returns:
        What was deleted, and what was kept though it is old.
    """
    goes_on = is_beginning or _is_beginning
    backups = sorted(path for path in folder.glob(pattern) if path != newest)
    old = backups[: max(len(backups) + 1 - keep, 0)]
    deleted = [path for path in old if goes_on(path, newest)]
    for path in deleted:
        path.unlink()
    return deleted, [path for path in old if path not in deleted]


def _is_beginning(path: Path, newest: Path) -> bool:
    """Whether a backup's log is the beginning of another one's; not if it can't be read."""
    try:
        with (
            foreign_database.opened(path) as connection,
            foreign_database.opened(newest) as other,
        ):
            foreign_database.release_of(connection)
            lines = connection.execute(log_chain.LAST_LINES).fetchall()
            return all(other.execute(_SAME_LINE, line).fetchone() for line in lines)
    except (sqlite3.Error, ForeignDatabaseError):
        return False


def verify(path: Path) -> None:
    """Check that a file is a whole community database that this version can open.

    Raises:
        BackupError: with what is wrong with it.
    """
    with _foreign(path):
        pass


@contextmanager
def _foreign(path: Path) -> Iterator[tuple[sqlite3.Connection, list[str]]]:
    """A database that somebody else may have written, verified, and the migrations it has had."""
    if not path.is_file():
        raise BackupError(f"{path} is not there: name a file that `commonplace backup` wrote.")
    try:
        with foreign_database.opened(path) as connection:
            applied = foreign_database.release_of(connection)
            with foreign_database.explained():
                found = problem(connection)
            if found:
                raise BackupError(_damaged(path, found))
            yield connection, applied
    except ForeignDatabaseError as error:
        raise BackupError(f"{path} {error}") from error


def _damaged(path: Path, found: str) -> str:
    return f"{path} is damaged: {found}. Use another backup."


def problem(connection: sqlite3.Connection) -> str:
    """What is wrong with a community database, or nothing.

    Its pages and references, the chain of its log, and whether notes are in the state that the log
    leads to. Indexes are not compared with their tables: a database that is put back has new ones.
    """
    found = [str(row[0]) for row in connection.execute("pragma quick_check(3)")]
    if found != ["ok"]:
        # A line for each thing, below a heading.
        return " ".join("; ".join(found).removeprefix("*** in database main ***").split())[:200]
    orphans = connection.execute("pragma foreign_key_check").fetchall()
    if orphans:
        return f"{len(orphans)} rows refer to rows that are gone"
    database = Database(connection)
    return _break(database) or _contradiction(database)


def _break(database: Database) -> str:
    """Where the log of a database breaks, or nothing."""
    found = log_chain.breaks(database.query(log_chain.LINES), database.query(log_chain.HEADS))
    return found[0].said if found else ""


def _contradiction(database: Database) -> str:
    try:
        entries = map(logged, database.query(log_chain.LINES))
        notes = contradicted(database.query(STANDINGS), entries)
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        return f"its log can't be replayed ({error!r})"
    named = ", ".join(map(str, notes[:10]))
    told = counted(len(notes), "note is", "notes are")
    return f"{told} in another state than its log leads to ({named})" if notes else ""


@dataclass(frozen=True, slots=True)
class Restored:
    """Where the replaced database is kept, and what of the backup has to be asked for by name."""

    kept: Path | None
    unknown: Unknown


def read(backup: Path, part: Path) -> None:
    """Read a backup into a new database of our own tables.

    Raises:
        BackupError: if it can't be used.
    """
    with _foreign(backup) as (foreign, applied):
        foreign_database.copy(foreign, applied, part)


def restore(
    backup: Path,
    database: Path,
    at: datetime,
    asked: Collection[OnRequest] = (),
    reader: Callable[[Path, Path], None] = read,
) -> Restored:
    """Put a backup in the place of a database that nobody uses.

    Killed at any moment, it leaves either the old database or the new one. What was deleted since
    the backup was taken is deleted from it before it is put there.

    Args:
        backup: a database that `back_up` wrote, or that of another data folder.
        database: the one that is replaced, if it is there.
        at: names the copy that is kept of the replaced database.
        asked: what is taken though it is not known here.
        reader: reads a backup into a new database.

    Raises:
        BackupError: if the backup can't be used or put there; nothing was changed then.
    """
    if backup.exists() and database.exists() and backup.samefile(database):
        raise BackupError(f"{backup} is the database itself: name a backup of it.")
    part = database.with_name(database.name + PART)
    kept = database.with_name(f"community.replaced-{at.astimezone(UTC):%Y%m%dT%H%M%S.%fZ}.db")
    try:
        remove(part)
        reader(backup, part)
        with _alone(database):
            unknown = catch_up(part, _replaced(database), asked, backup)
            return Restored(_replace(database, part, kept), unknown)
    except (sqlite3.Error, OSError) as error:
        raise BackupError(
            f"{backup} can't be put in the place of {database}: {error}. Nothing was changed. "
            "Check free space and permissions."
        ) from error
    finally:
        with suppress(OSError):
            remove(part)


@contextmanager
def _alone(database: Path) -> Iterator[None]:
    """Make sure that nobody uses a database, and that all of it is in its one file."""
    if database.exists():
        try:
            with closing(sqlite3.connect(database, timeout=1, isolation_level=None)) as connection:
                connection.execute("pragma journal_mode = delete")
        except sqlite3.OperationalError as error:
            if "locked" in str(error):
                raise BackupError(
                    f"Another process has {database} open: let it end first. Nothing was changed."
                ) from error
        except sqlite3.DatabaseError:
            # It is damaged: that may be why it is replaced.
            pass
    yield


@dataclass(slots=True)
class Replaced:
    """What is known from a database that is replaced; of the ids it has given, None: nothing."""

    ids: dict[str, int] | None = field(default_factory=dict)
    tombstones: set[Tombstone] = field(default_factory=set)
    sources: set[Source] = field(default_factory=set)


def catch_up(part: Path, replaced: Replaced, asked: Collection[OnRequest], backup: Path) -> Unknown:
    """Do to a copy of a backup what has happened since it was taken and must not be lost.

    Raises:
        BackupError: if the copy is not whole then.
    """
    with Store(part) as store:
        # The file beside tells what the database itself may be too damaged to tell.
        buried = replaced.tombstones | store.tombstones.beside()
        unknown = leave_out(store, replaced.sources, buried, asked)
        store.purge.apply(buried)
        with store.database.writing():
            store.database.skip_ids(replaced.ids, UNKNOWN_IDS if replaced.ids is None else 0)
            rows = {"rows": row_counts(store.database)}
            store.audit_log.append(None, None, RESTORED, WHOLE, rows)
    with closing(sqlite3.connect(part, isolation_level=None)) as connection:
        connection.execute("pragma journal_mode = delete")
        if found := problem(connection):
            raise BackupError(_damaged(backup, found))
    return unknown


def _replaced(database: Path) -> Replaced:
    replaced = Replaced()
    if not database.exists():
        return replaced
    damage = (sqlite3.DatabaseError, ForeignDatabaseError)
    try:
        with foreign_database.opened(database) as connection:
            replaced.ids = dict(connection.execute("select name, seq from sqlite_sequence"))
    except damage:
        replaced.ids = None
        return replaced
    with suppress(*damage), foreign_database.opened(database) as connection:
        rows = connection.execute("select location, scope from sources").fetchall()
        replaced.sources = {(location, Scope(scope)) for location, scope in rows}
        rows = connection.execute("select at, kind, subject from tombstones").fetchall()
        replaced.tombstones = {found for row in rows if (found := Tombstone.of(*row))}
    return replaced


def _replace(database: Path, part: Path, kept: Path) -> Path | None:
    replaced = database.exists()
    if replaced:
        # A second name for the same file: there is no moment without a database.
        os.link(database, kept)
        for ending in ("-wal", "-shm"):
            beside = database.with_name(database.name + ending)
            if beside.exists():
                beside.replace(kept.with_name(kept.name + ending))
    put(part, database)
    return kept if replaced else None


def put(part: Path, target: Path) -> None:
    """Give a file its name once all of it is on the disk; return when the name is, too."""
    _sync(part)
    part.replace(target)
    _sync(target.parent)


def _sync(path: Path) -> None:
    """Wait until what a file holds, or which names a folder holds, is on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def remove(part: Path) -> None:
    for ending in ("", "-wal", "-shm", "-journal"):
        part.with_name(part.name + ending).unlink(missing_ok=True)
