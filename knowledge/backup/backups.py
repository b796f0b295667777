"""Backups of a community database in SQLite: taken while in use, verified, rotated, restored.

A backup is written under a temporary name first, so an incomplete backup never looks complete. A
restore keeps a copy of the replaced database, and repeats the deletions made since the backup. New
rows never get an id of the replaced database, because messages in Discord refer to ids.

A backup or export may have sources and tombstones that the operator's database lacks. Such rows are
left out unless the operator asks for their kind. A stranger's source could make the bot quote files
of any folder on its machine. A stranger's tombstone could make the next restore delete data.

Errors:
    StoreError
    └── BackupError    a backup can't be taken, used or restored; the message names the remedy
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
from enum import StrEnum
from pathlib import Path
from typing import Final

from sqlite_utils import Database

from knowledge.backup import foreign_database
from knowledge.backup.foreign_database import ForeignDatabaseError
from knowledge.store.audit_log import RESTORED, STANDINGS, WHOLE, LogEntry, contradictions
from knowledge.store.database import StoreError, row_counts
from knowledge.store.rows import record
from knowledge.store.store import Store
from knowledge.text import count_of
from knowledge.values.documents import SHARED, Scope
from knowledge.values.tombstones import MEMBERS, Tombstone

PATTERN: Final = "community-*.db"
PART: Final = ".part"
# Longer than any backup takes.
TORN_SECONDS: Final = 86_400
# Each guild's last line, and a search for it. SQLite takes plain columns from the maximum's row.
_LAST_LINES: Final = (
    "select guild_id, max(number), at, event, subject, detail from log group by guild_id"
)
_SAME_LINE: Final = (
    "select 1 from log where guild_id is ? and number = ? and at = ? and event = ? "
    "and subject = ? and detail = ?"
)
# Ids to skip if the last ids of the replaced database are unknown.
UNKNOWN_IDS: Final = 10_000


class BackupError(StoreError):
    """A backup can't be taken, used or restored; the message names the remedy."""


def name(at: datetime) -> str:
    """A backup's file name; names sort by time."""
    return f"community-{at.astimezone(UTC):%Y%m%dT%H%M%S.%fZ}.db"


def back_up(database: Path, target: Path) -> None:
    """Copy a database, possibly in use, into one file, and verify the copy.

    Raises BackupError if there is nothing to copy, or no whole copy can be written.
    """
    if not database.is_file():
        raise BackupError(f"{database} is not there: nothing was contributed yet.")
    part = target
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        # Leftovers of killed backups.
        for torn in target.parent.glob(f"{glob.escape(target.name)}.*{PART}"):
            if time.time() - torn.stat().st_mtime > TORN_SECONDS:
                remove(torn)
        descriptor, name = tempfile.mkstemp(PART, f"{target.name}.", target.parent)
        os.close(descriptor)
        part = Path(name)
        with closing(sqlite3.connect(database)) as source, closing(sqlite3.connect(part)) as copy:
            source.backup(copy)
            # One file, readable anywhere, without a write-ahead log beside it.
            copy.execute("pragma journal_mode = delete")
        verify(part)
        move_into_place(part, target)
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


def rotate(
    folder: Path,
    keep: int,
    newest: Path,
    pattern: str = PATTERN,
    has_prefix_log: Callable[[Path, Path], bool] | None = None,
) -> tuple[list[Path], list[Path]]:
    """Delete the oldest backups in a folder, until `keep` backups remain.

    `newest` is never deleted, even if a wrong clock gave other backups a later name. An old backup
    is also kept if its log isn't a prefix of the log of `newest`. This happens if a lost database
    was replaced by an empty one. Then only the old backup has the lost data. Returns the deleted
    backups, and the old backups kept because of their logs.
    """
    may_delete = has_prefix_log or _has_prefix_log
    backups = sorted(path for path in folder.glob(pattern) if path != newest)
    old = backups[: max(len(backups) + 1 - keep, 0)]
    deleted = [path for path in old if may_delete(path, newest)]
    for path in deleted:
        path.unlink()
    return deleted, [path for path in old if path not in deleted]


def _has_prefix_log(path: Path, newest: Path) -> bool:
    """Whether the log in backup `path` is a prefix of the log in backup `newest`.

    Returns False if a backup can't be read.
    """
    try:
        with (
            foreign_database.open_foreign(path) as connection,
            foreign_database.open_foreign(newest) as other,
        ):
            foreign_database.check_migrations(connection)
            lines = connection.execute(_LAST_LINES).fetchall()
            return all(other.execute(_SAME_LINE, line).fetchone() for line in lines)
    except (sqlite3.Error, ForeignDatabaseError):
        return False


def verify(path: Path) -> None:
    """Check that a file is a whole community database, usable by this version.

    Raises BackupError if the file is missing, damaged or unusable; the message says which.
    """
    with _open_verified(path):
        pass


@contextmanager
def _open_verified(path: Path) -> Iterator[tuple[sqlite3.Connection, list[str]]]:
    """Verify and open a backup; yields the connection and the applied migrations."""
    if not path.is_file():
        found = "is no file" if path.exists() else "is not there"
        raise BackupError(f"{path} {found}: name a file that `commonplace backup` wrote.")
    try:
        with foreign_database.open_foreign(path) as connection:
            applied = foreign_database.check_migrations(connection)
            with foreign_database.explain_errors():
                found = problem(connection)
            if found:
                raise BackupError(f"{path} is damaged: {found}. Use another backup.")
            yield connection, applied
    except ForeignDatabaseError as error:
        raise BackupError(f"{path} {error}") from error


def problem(connection: sqlite3.Connection) -> str:
    """The first problem of a community database, or an empty string.

    Checks the SQLite file, references, and notes' states against the log. Indexes aren't compared
    with their tables, because a restored database gets new indexes.
    """
    found = [str(row[0]) for row in connection.execute("pragma quick_check(3)")]
    if found != ["ok"]:
        # One line per problem, below a heading.
        return " ".join("; ".join(found).removeprefix("*** in database main ***").split())[:200]
    orphans = connection.execute("pragma foreign_key_check").fetchall()
    if orphans:
        return f"{len(orphans)} rows refer to rows that are gone"
    database = Database(connection)
    try:
        lines = database.query("select * from log order by id")
        entries = (record(LogEntry, line) for line in lines)
        notes = contradictions(database.query(STANDINGS), entries)
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        return f"its log can't be replayed ({error!r})"
    named = ", ".join(map(str, notes[:10]))
    told = count_of(len(notes), "note is", "notes are")
    return f"{told} in another state than its log leads to ({named})" if notes else ""


# Opt-in rows.

Source = tuple[str, Scope]


class OptInRows(StrEnum):
    """Kinds of rows restored or imported only if the operator asks for them."""

    SOURCES = "sources"
    TOMBSTONES = "tombstones"


# Rows missing in the operator's database, in words, by kind.
Unknown = dict[OptInRows, list[str]]


def drop_unrequested(
    copy: Store,
    sources: Collection[Source],
    tombstones: Collection[Tombstone],
    asked: Collection[OptInRows],
) -> Unknown:
    """Delete opt-in rows from a copy of a backup or export, unless their kind is in `asked`.

    Rows that are also in the operator's database, `sources` and `tombstones`, stay. Returns all
    opt-in rows that the operator's database lacks, deleted from the copy or not.
    """
    new_sources = [source for source in copy.sources() if source not in sources]
    new_tombstones = sorted(copy.tombstones.in_database() - set(tombstones))
    if OptInRows.SOURCES not in asked:
        for location, scope in new_sources:
            copy.remove_source(location, scope)
    if OptInRows.TOMBSTONES not in asked:
        copy.tombstones.drop(new_tombstones)
    found = {
        OptInRows.SOURCES: [
            f"{location} (for {'every server' if scope == SHARED else f'server {scope}'})"
            for location, scope in new_sources
        ],
        OptInRows.TOMBSTONES: [
            # A digest's beginning stands for a member.
            f"{grave.kind} {grave.subject[:8] if grave.kind in MEMBERS else grave.subject}"
            for grave in new_tombstones
        ],
    }
    return {name: rows for name, rows in found.items() if rows}


# Restore.


@dataclass(frozen=True, slots=True)
class Restored:
    """The result of a restore: the copy of the replaced database, and unknown opt-in rows.

    `kept` is None if there was no database to replace.
    """

    kept: Path | None
    unknown: Unknown


def read(backup: Path, part: Path) -> None:
    """Create a database with this version's schema at `part`, and copy a backup's rows into it.

    Raises BackupError if the backup can't be used.
    """
    with _open_verified(backup) as (foreign, applied):
        foreign_database.copy(foreign, applied, part)


def restore(
    backup: Path,
    database: Path,
    at: datetime,
    asked: Collection[OptInRows] = (),
    reader: Callable[[Path, Path], None] = read,
) -> Restored:
    """Replace a database by a backup; no process may have the database open.

    The restored database first repeats the deletions made since the backup. If the process is
    killed, either the old or the restored database is in place, complete.

    The copy of the replaced database, if there is one, is named after the time `at`. `asked` are
    opt-in rows to restore, too. Raises BackupError if the backup can't be used or restored; nothing
    was changed.
    """
    if backup.exists() and database.exists() and backup.samefile(database):
        raise BackupError(f"{backup} is the database itself: name a backup of it.")
    part = database.with_name(database.name + PART)
    kept = database.with_name(f"community.replaced-{at.astimezone(UTC):%Y%m%dT%H%M%S.%fZ}.db")
    try:
        remove(part)
        reader(backup, part)
        _merge_wal(database)
        unknown = catch_up(part, _state_of(database), asked, backup)
        return Restored(_replace(database, part, kept), unknown)
    except (sqlite3.Error, OSError) as error:
        raise BackupError(
            f"{backup} can't replace {database}: {error}. Nothing was changed. "
            "Check free space and permissions."
        ) from error
    finally:
        with suppress(OSError):
            remove(part)


def _merge_wal(database: Path) -> None:
    """Merge a database's write-ahead log into its file.

    Raises BackupError if another process has the database open.
    """
    if not database.exists():
        return
    try:
        with closing(sqlite3.connect(database, timeout=1, isolation_level=None)) as connection:
            connection.execute("pragma journal_mode = delete")
    except sqlite3.OperationalError as error:
        if "locked" in str(error):
            raise BackupError(
                f"Another process has {database} open: let it end first. Nothing was changed."
            ) from error
    except sqlite3.DatabaseError:
        # Damage may be the reason for the restore.
        pass


@dataclass(slots=True)
class Replaced:
    """State of the replaced database; its last ids by table are None if it can't be read."""

    ids: dict[str, int] | None = field(default_factory=dict)
    tombstones: set[Tombstone] = field(default_factory=set)
    sources: set[Source] = field(default_factory=set)


def catch_up(part: Path, replaced: Replaced, asked: Collection[OptInRows], backup: Path) -> Unknown:
    """Prepare a copy of a backup to take the place of the replaced database.

    Deletes all data purged since the backup, and any new source or tombstone whose kind isn't in
    `asked`. New ids start after the last ids of the replaced database. Logs the restore.

    Returns:
        The sources and tombstones that the copy has and the replaced database lacks.

    Raises:
        BackupError: if the copy isn't sound afterwards; the message names the `backup`.
    """
    with Store(part) as store:
        # The tombstone file beside the database helps if the database is too damaged to read.
        buried = replaced.tombstones | store.tombstones.in_file()
        unknown = drop_unrequested(store, replaced.sources, buried, asked)
        store.purge.apply(buried)
        with store.database.writing():
            store.database.skip_ids(replaced.ids, UNKNOWN_IDS if replaced.ids is None else 0)
            rows = {"rows": row_counts(store.database)}
            store.audit_log.append(None, None, RESTORED, WHOLE, rows)
    with closing(sqlite3.connect(part, isolation_level=None)) as connection:
        connection.execute("pragma journal_mode = delete")
        if found := problem(connection):
            raise BackupError(f"{backup} is damaged: {found}. Use another backup.")
    return unknown


def _state_of(database: Path) -> Replaced:
    replaced = Replaced()
    if not database.exists():
        return replaced
    damage = (sqlite3.DatabaseError, ForeignDatabaseError)
    try:
        with foreign_database.open_foreign(database) as connection:
            replaced.ids = dict(connection.execute("select name, seq from sqlite_sequence"))
    except damage:
        replaced.ids = None
        return replaced
    with suppress(*damage), foreign_database.open_foreign(database) as connection:
        rows = connection.execute("select location, scope from sources").fetchall()
        replaced.sources = {(location, Scope(scope)) for location, scope in rows}
        rows = connection.execute("select at, kind, subject from tombstones").fetchall()
        replaced.tombstones = {found for row in rows if (found := Tombstone.of(*row))}
    return replaced


def _replace(database: Path, part: Path, kept: Path) -> Path | None:
    replaced = database.exists()
    if replaced:
        # A hard link, so there is no moment without a database.
        os.link(database, kept)
        for ending in ("-wal", "-shm"):
            beside = database.with_name(database.name + ending)
            if beside.exists():
                beside.replace(kept.with_name(kept.name + ending))
    move_into_place(part, database)
    return kept if replaced else None


def move_into_place(part: Path, target: Path) -> None:
    """Sync a file, rename it to its target, and sync the folder."""
    _sync(part)
    part.replace(target)
    _sync(target.parent)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def remove(part: Path) -> None:
    for ending in ("", "-wal", "-shm", "-journal"):
        part.with_name(part.name + ending).unlink(missing_ok=True)
