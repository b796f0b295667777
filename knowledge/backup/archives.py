"""Archives: backups of a PostgreSQL community database, each an export folder in one ZIP file.

An archive can be restored into SQLite or PostgreSQL. Archives are untrusted. An archive is refused
if it has a file that no export has, or if it unpacks to over 10 MB and over 200 times its size.
"""

import json
import re
import tempfile
import zipfile
import zlib
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, Protocol

from knowledge.backup import backups, exporter, importer
from knowledge.backup.backups import BackupError, OptInRows, Replaced, Restored
from knowledge.backup.exporter import LINE_BYTES, FolderError
from knowledge.backup.row_transfer import copy_missing, keys_by_table
from knowledge.store.audit_log import ADD_MISSING_HEADS
from knowledge.store.database import Database
from knowledge.store.store import Store

PATTERN: Final = "community-*.zip"
_PART: Final = "restore.part"
# The columns to recognise a line of the log, the guild first.
_LINE: Final = ("guild_id", "number", "at", "event", "subject", "detail")
# Names in an export; nothing else is unpacked.
_NAMES: Final = re.compile(
    r"commonplace\.json|[a-z_]+\.jsonl|(?:notes|revisions)/-?[0-9]+/[0-9][a-z0-9.-]*\.md"
)
# Text compresses about tenfold; a larger factor than this isn't text.
_TIMES: Final = 200
_LEAST_BYTES: Final = 10_000_000
_FILES: Final = 1_000_000
# The earliest time a ZIP file can hold. A constant time gives equal rows equal bytes.
_MOMENT: Final = (1980, 1, 1, 0, 0, 0)
_UNREADABLE: Final = (zipfile.BadZipFile, zlib.error, RuntimeError, NotImplementedError, EOFError)


class ServerDatabase(Database, Protocol):
    """A community database in PostgreSQL."""

    def delete_rows(self) -> None:
        """Delete the rows of all tables, inside a transaction. Their ids aren't reused."""


def name(at: datetime) -> str:
    return f"community-{at.astimezone(UTC):%Y%m%dT%H%M%S.%fZ}.zip"


def is_archive(path: Path) -> bool:
    """Whether a file is a ZIP file, by its first bytes."""
    try:
        with path.open("rb") as file:
            return file.read(2) == b"PK"
    except OSError:
        return False


def back_up(database: Database, target: Path) -> None:
    """Write an archive of a database, and verify the archive. The database may be in use.

    Raises BackupError if no whole archive can be written.
    """
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=target.parent, prefix=".backup-") as made:
            folder, part = Path(made) / "export", Path(made) / "packed.zip"
            exporter.export(database, folder)
            importer.read(folder, Path(made) / "read.db")
            _pack(folder, part)
            backups.move_into_place(part, target)
    except (FolderError, OSError) as error:
        raise BackupError(
            f"No backup was taken. {target} can't be written: {error} Earlier backups are as they "
            "were."
        ) from error


def _pack(folder: Path, target: Path) -> None:
    with zipfile.ZipFile(target, "x", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(path for path in folder.rglob("*") if path.is_file()):
            entry = zipfile.ZipInfo(path.relative_to(folder).as_posix(), _MOMENT)
            entry.compress_type = zipfile.ZIP_DEFLATED
            with path.open("rb") as source, archive.open(entry, "w", force_zip64=True) as packed:
                while block := source.read(1_000_000):
                    packed.write(block)


def rotate(folder: Path, keep: int, newest: Path) -> tuple[list[Path], list[Path]]:
    """Delete the oldest archives in a folder, like `backups.rotate`."""
    return backups.rotate(folder, keep, newest, PATTERN, _has_prefix_log)


def _has_prefix_log(path: Path, newest: Path) -> bool:
    """Whether the log in archive `path` is a prefix of the log in archive `newest`.

    Returns False if an archive can't be read.
    """
    try:
        last = {line[0]: line for line in _log(path)}
        return set(last.values()) <= set(_log(newest))
    except (*_UNREADABLE, OSError, ValueError, KeyError, TypeError, RecursionError):
        return False


def _log(path: Path) -> Iterator[tuple[Any, ...]]:
    """Yield the values of `_LINE` of each line of the log in an archive."""
    with zipfile.ZipFile(path) as archive:
        if "log.jsonl" not in archive.namelist():
            return
        with archive.open("log.jsonl") as lines:
            while line := lines.readline(LINE_BYTES):
                row = json.loads(line)
                yield tuple(row[column] for column in _LINE)


def read(backup: Path, part: Path) -> None:
    """Create a SQLite database with this version's schema, and copy a backup's rows into it.

    Raises BackupError if the archive or SQLite file can't be used.
    """
    if not is_archive(backup):
        backups.read(backup, part)
        return
    with _unpack_beside(backup, part.parent) as folder:
        try:
            edits = importer.read(folder, part)
        except FolderError as error:
            problem = str(error).replace(str(folder), backup.name)
            raise BackupError(f"{backup} can't be used: {problem}") from error
        if edits:
            raise BackupError(
                f"{backup} can't be used: {edits[0].path} in it was edited. Use another backup."
            )


@contextmanager
def _unpack_beside(archive: Path, beside: Path) -> Iterator[Path]:
    try:
        most = max(_LEAST_BYTES, _TIMES * archive.stat().st_size)
        with tempfile.TemporaryDirectory(dir=beside, prefix=".restore-") as made:
            folder = Path(made)
            with zipfile.ZipFile(archive) as packed:
                _unpack(packed, folder, most)
            yield folder
    except _UNREADABLE as error:
        raise BackupError(f"{archive} is damaged ({error}). Use another backup.") from error
    except OSError as error:
        raise BackupError(f"{archive} can't be unpacked: {error}. Check free space.") from error


def _unpack(archive: zipfile.ZipFile, folder: Path, most: int) -> None:
    entries = archive.infolist()
    if len(entries) > _FILES:
        raise zipfile.BadZipFile(f"it has more than {_FILES:,} files")
    for entry in entries:
        if not _NAMES.fullmatch(entry.filename):
            raise zipfile.BadZipFile(f"{entry.filename[:60]!r} isn't a file of an export")
        target = folder / entry.filename
        target.parent.mkdir(parents=True, exist_ok=True)
        # The sizes stated in an archive may be wrong, so the unpacked bytes are counted.
        with archive.open(entry) as packed, target.open("xb") as file:
            while block := packed.read(1_000_000):
                most -= len(block)
                if most < 0:
                    raise zipfile.BadZipFile("it holds far more than an export of its size")
                file.write(block)


def restore(
    backup: Path,
    store: Store,
    database: ServerDatabase,
    at: datetime,
    asked: Collection[OptInRows] = (),
) -> Restored:
    """Replace the rows of a PostgreSQL database by a backup, in one transaction.

    An archive named after the time `at` keeps the replaced rows. `asked` are opt-in rows to
    restore, too. Raises BackupError if the backup can't be used or restored; nothing was changed.
    """
    part = database.folder / _PART
    kept = database.folder / f"community.replaced-{at.astimezone(UTC):%Y%m%dT%H%M%S.%fZ}.zip"
    backups.remove(part)
    try:
        read(backup, part)
        tombstones, sources = store.tombstones.in_database(), set(store.sources())
        replaced = Replaced(database.last_ids(), tombstones, sources)
        unknown = backups.catch_up(part, replaced, asked, backup)
        _refuse_others(database)
        back_up(database, kept)
        with Store(part) as incoming, database.writing():
            _refuse_others(database)
            database.defer_references()
            database.delete_rows()
            copy_missing(incoming.database, database, keys_by_table(incoming.database))
            store.database.run(ADD_MISSING_HEADS)
        return Restored(kept, unknown)
    except database.constraint_error as error:
        said = str(error).partition("\n")[0]
        raise BackupError(f"{backup} can't be restored: {said}. Nothing was changed.") from error
    finally:
        with suppress(OSError):
            backups.remove(part)


def _refuse_others(database: ServerDatabase) -> None:
    if others := database.other_connections():
        raise BackupError(
            f"{others} other connections to the database are open: stop every bot and command that "
            "uses it first. Nothing was changed."
        )
