"""Importer of an export folder into a community database, empty or in use.

Only ordinary files within the size limits of an export are read, and no links are followed. The
folder is read into a scratch database with the export's schema, then migrated and checked.
One transaction then copies rows to the community database:

- An empty database gets all rows.
- If the export is older than the database (the export's log is a prefix of the database's log),
  each note edited in the folder becomes a pending revision. All other rows of the database stay as
  they are, because any difference is a later change.
- If the export is newer (the database's log is a prefix of the export's log), all missing rows are
  copied. The import is refused if a row that isn't missing has other values in the export.

All other exports are refused. No row is overwritten, and the import is logged.
"""

import json
import os
import sqlite3
import stat
from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final, NamedTuple

from sqlite_utils import Database

from knowledge.backup import backups
from knowledge.backup.backups import OptInRows, Unknown, drop_unrequested
from knowledge.backup.exporter import (
    FILE_BYTES,
    FORMAT,
    LINE_BYTES,
    MANIFEST,
    NOTES,
    REVISIONS,
    SEQUENCES,
    FolderError,
    NoteFile,
    Row,
    parse_note,
    parse_row,
    words_digest,
)
from knowledge.backup.foreign_database import ForeignDatabaseError, bring_up_to_date, check_values
from knowledge.backup.row_transfer import copy_missing, differing, keys_by_table
from knowledge.store import migrations, schema
from knowledge.store.audit_log import ADD_MISSING_HEADS, IMPORTED, RESTORED, WHOLE, LogEntry
from knowledge.store.store import Store
from knowledge.text import storable
from knowledge.values.notes import Member
from knowledge.values.submissions import InvalidNoteError, Submission, checked_submission

# The writer of revisions from edited folders.
EDITOR: Final = Member(0, "an edited export")
_PART: Final = "import.part"
# The most conflicts named.
_NAMED: Final = 10
# The bot's own state stays as it is.
_OWN: Final = ("memory", SEQUENCES)
# The last migrations before version 1.0.0; rows of such exports fit its tables.
_BEFORE_1_0: Final = ("m028_one_pending", "m029_card_postings")


@dataclass(slots=True)
class Imported:
    """The result of an import: imported rows by table, and notes proposed from edited files.

    `differing` rows differ from the export, and were left as they are. The database lacks the
    `unknown` sources and tombstones.
    """

    rows: dict[str, int] = field(default_factory=dict)
    edited: list[int] = field(default_factory=list)
    differing: int = 0
    unknown: Unknown = field(default_factory=dict)


class _Edit(NamedTuple):
    path: str
    file: NoteFile


# The lines for comparing logs, by guild.
_LogLines = dict[int | None, list[LogEntry]]


class _Incoming(NamedTuple):
    """An export ready to merge; `unknown` and `asked` are as in `drop_unrequested`."""

    edits: list[_Edit]
    log: _LogLines
    unknown: Unknown
    asked: Collection[OptInRows]


def import_folder(store: Store, folder: Path, asked: Collection[OptInRows] = ()) -> Imported:
    """Import an export, in one transaction; `asked` are opt-in rows to import, too.

    Raises FolderError if the folder can't be used or conflicts with this database; nothing was
    changed.
    """
    with _read_into_scratch(store, folder) as (incoming, edits):
        # The whole log, before rows are deleted: data purged here, and rows not asked for.
        log = _lines_by_guild(incoming.audit_log.entries())
        buried = store.tombstones.in_database() | store.tombstones.in_file()
        unknown = drop_unrequested(incoming, store.sources(), buried, asked)
        incoming.purge.apply(buried)
        return _merge(store, incoming, _Incoming(edits, log, unknown, asked))


@contextmanager
def _read_into_scratch(store: Store, folder: Path) -> Iterator[tuple[Store, list[_Edit]]]:
    """Open a scratch database with the folder's rows; yields the database and the edited notes."""
    part = store.database.folder / _PART
    backups.remove(part)
    try:
        edits = read(folder, part)
        with Store(part) as incoming:
            yield incoming, edits
    except (sqlite3.Error, store.database.constraint_error) as error:
        said = str(error).partition("\n")[0]
        raise FolderError(f"{folder} can't be imported: {said}. Nothing was changed.") from error
    finally:
        backups.remove(part)


# Reading.


def read(folder: Path, part: Path) -> list[_Edit]:
    """Create a database at `part` from an export folder; returns the notes edited in the folder.

    Raises FolderError if the folder can't be used, or isn't complete.
    """
    exported = _schema(folder)
    edits: list[_Edit] = []
    with closing(sqlite3.connect(part)) as connection:
        migrations.apply(Database(connection), exported)
        connection.execute("pragma foreign_keys = off")
        for place, table, row in _rows(folder, edits):
            if table not in schema.unexported_tables():
                _insert(connection, place, table, row)
        connection.commit()
        try:
            bring_up_to_date(connection)
        except ForeignDatabaseError as error:
            raise FolderError(f"{folder} {error} Nothing was changed.") from error
        if problem := backups.problem(connection):
            raise FolderError(f"{folder} is not whole: {problem}. Nothing was changed.")
    return edits


def _schema(folder: Path) -> list[str]:
    path = folder / MANIFEST
    if not folder.is_dir() or not path.exists():
        raise FolderError(f"{folder} has no {MANIFEST}: name a folder that `export` wrote.")
    try:
        manifest = json.loads(_content(folder, path))
        form, complete = manifest["format"], manifest["complete"]
        found = [str(name) for name in manifest["schema"]]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise FolderError(f"{path} is not what an export writes: {error}.") from error
    known = migrations.names()
    if found and found[-1] in _BEFORE_1_0:
        found = known[:1]
    if form != FORMAT or not found or found != known[: len(found)]:
        raise FolderError(
            f"{folder} was exported by another version (found {', '.join(found[-1:])}, expected "
            f"{known[-1]}). Import it with the version that exported it; from before 1.0.0, export "
            "again with the last version before."
        )
    if complete is not True:
        raise FolderError(f"{folder} is not complete: its export was stopped. Export again.")
    return found


def _rows(folder: Path, edits: list[_Edit]) -> Iterator[tuple[str, str, Row]]:
    """Yield every row of an export as (file and line, table, row); edited notes go to `edits`."""
    for above in (NOTES, REVISIONS):
        guilds = sorted((folder / above).glob("*"))
        for linked in (folder / above, *guilds) if guilds else ():
            _refuse_link(folder, linked)
        for path in [path for guild in guilds for path in sorted(guild.glob("*.md"))]:
            name = path.relative_to(folder).as_posix()
            file = parse_note(name, _content(folder, path))
            if (file.note is None) is (above == NOTES):
                raise FolderError(f"{name} is where an export would not have put it.")
            if file.is_edited:
                if above == REVISIONS:
                    raise FolderError(
                        f"{name} was edited, but isn't the text of its note: edit the note's own "
                        f"file in {NOTES}."
                    )
                edits.append(_Edit(name, file))
            if file.note is not None:
                yield name, "notes", file.note
            yield name, "revisions", file.revision
    for path in sorted(folder.glob("*.jsonl")):
        for number, line in enumerate(_lines(folder, path), start=1):
            place = f"{path.name}, line {number},"
            yield place, path.stem, parse_row(place, line)


def _refuse_link(folder: Path, path: Path) -> None:
    if path.is_symlink():
        raise FolderError(
            f"{path.relative_to(folder)} is a symbolic link: an export has none. Put the file "
            "itself there."
        )


def _open_file(folder: Path, path: Path) -> int:
    """Open an ordinary file; links and special files are refused."""
    _refuse_link(folder, path)
    name = path.relative_to(folder)
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | getattr(os, "O_NOFOLLOW", 0))
    except OSError as error:
        raise FolderError(f"{name} can't be read: {error.strerror or error}.") from error
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise FolderError(f"{name} isn't an ordinary file, as an export has.")
    return descriptor


def _content(folder: Path, path: Path) -> str:
    with os.fdopen(_open_file(folder, path), "rb") as file:
        content = file.read(FILE_BYTES + 1)
    name = path.relative_to(folder)
    if len(content) > FILE_BYTES:
        raise FolderError(f"{name} has more than {FILE_BYTES:,} bytes: no export writes that.")
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        raise FolderError(f"{name} is not UTF-8: save it as UTF-8 text.") from error


def _lines(folder: Path, path: Path) -> Iterator[str]:
    with os.fdopen(_open_file(folder, path), "rb") as file:
        while line := file.readline(LINE_BYTES + 1):
            if len(line) > LINE_BYTES:
                raise FolderError(f"{path.name} has a line of more than {LINE_BYTES:,} bytes.")
            try:
                yield line.decode()
            except UnicodeDecodeError as error:
                raise FolderError(f"{path.name} is not UTF-8: save it as UTF-8 text.") from error


def _insert(connection: sqlite3.Connection, place: str, table: str, row: Row) -> None:
    known = {
        column[0] for column in connection.execute("select name from pragma_table_info(?)", [table])
    }
    if not known or table.startswith("_") or not row.keys() <= known:
        raise FolderError(f"{place} has an unknown table or column.")
    columns, marks = ", ".join(row), ", ".join("?" for _ in row)
    if table == SEQUENCES:
        connection.execute(f"delete from {SEQUENCES} where name = ?", [row.get("name")])  # noqa: S608
    try:
        check_values(table, row)
        # The table and its columns were looked up in the schema above.
        connection.execute(
            f"insert into {table} ({columns}) values ({marks})",  # noqa: S608
            [storable(value) if isinstance(value, str) else value for value in row.values()],
        )
    except (sqlite3.Error, OverflowError, ValueError, TypeError, RecursionError) as error:
        raise FolderError(f"{place} isn't a valid row: {error}.") from error


def _lines_by_guild(entries: Iterable[LogEntry]) -> _LogLines:
    """The log lines to compare, by guild.

    Lines about restores and imports are left out. Ids and numbers are blanked, because they count
    the omitted lines. Guilds are compared separately, because lines of different guilds aren't
    always committed in the order of their ids.
    """
    log: _LogLines = {}
    for entry in entries:
        if entry.subject != WHOLE or entry.event not in {RESTORED, IMPORTED}:
            plain = replace(entry, id=0, number=0)
            log.setdefault(entry.guild_id, []).append(plain)
    return log


def _begins_with(log: _LogLines, prefix: _LogLines) -> bool:
    """Whether each guild's lines in `log` begin with the guild's lines in `prefix`."""
    return all(log.get(guild_id, [])[: len(lines)] == lines for guild_id, lines in prefix.items())


# Merging.


def _merge(store: Store, source: Store, incoming: _Incoming) -> Imported:
    database = store.database
    with database.writing():
        # Notes and revisions refer to each other.
        database.defer_references()
        tables = keys_by_table(source.database)
        others = {table: keys for table, keys in tables.items() if table != "log"}
        here = _lines_by_guild(store.audit_log.entries())
        if not any(
            database.rows(f"select 1 as found from {table} limit 1")  # noqa: S608
            for table in tables
            if table not in _OWN
        ):
            _refuse(incoming.edits, "this database has not got the note as it was exported")
            imported = Imported(copy_missing(source.database, database, tables))
            store.database.run(ADD_MISSING_HEADS)
        elif incoming.log and _begins_with(here, incoming.log):
            asked = {kind.value: tables[kind] for kind in incoming.asked}
            imported = Imported(copy_missing(source.database, database, asked))
            imported.differing = len(_differing(store, source, others))
            edits = [edit for edit in incoming.edits if _is_new(store, edit)]
            imported.edited = [_propose(store, edit) for edit in edits]
        else:
            _refuse(incoming.edits, "this database has not gone on from the export")
            gone_on = _begins_with(incoming.log, here)
            if conflicts := _differing(store, source, others if gone_on else tables):
                more = len(conflicts) - _NAMED
                named = ", ".join(conflicts[:_NAMED]) + (f" and {more} more" if more > 0 else "")
                raise FolderError(
                    f"Nothing was imported, because {len(conflicts)} rows are here with other "
                    f"values: {named}. Import into an empty data folder, or restore a backup."
                )
            if not gone_on:
                raise FolderError("Nothing was imported: its log is another community's.")
            imported = Imported(copy_missing(source.database, database, others))
            _add_lines(store, source, imported, here)
        imported.unknown = incoming.unknown
        if imported.rows:
            store.audit_log.append(None, None, IMPORTED, WHOLE, {"rows": imported.rows})
        if notes := store.audit_log.contradicted_notes():
            raise FolderError(
                f"Nothing was imported: note {notes[0]} would be in another state than the log "
                "leads to."
            )
    return imported


def _add_lines(store: Store, source: Store, imported: Imported, here: _LogLines) -> None:
    """Append the lines that each guild's log lacks, and count them in `imported`."""
    passed: Counter[int | None] = Counter()
    for entry in source.audit_log.entries():
        for line in _lines_by_guild([entry]).get(entry.guild_id, ()):
            passed[entry.guild_id] += 1
            if passed[entry.guild_id] > len(here.get(entry.guild_id, ())):
                store.audit_log.add(line)
                imported.rows["log"] = imported.rows.get("log", 0) + 1


def _differing(store: Store, source: Store, tables: dict[str, list[str]]) -> list[str]:
    """The table and key of each row that has other values in `store` than in `source`."""
    return [
        f"{table} {'/'.join(map(str, key))}"
        for table, keys in tables.items()
        if table not in _OWN
        for key in differing(source.database, store.database, table, keys)
    ]


# Edited notes.


def _refuse(edits: list[_Edit], because: str) -> None:
    if edits:
        raise FolderError(
            f"{edits[0].path} was edited, but {because}: import the folder as it was exported, "
            "export again, and edit that."
        )


def _submission(edit: _Edit) -> Submission:
    row = edit.file.revision
    try:
        tags = " ".join(json.loads(row["tags"]))
        wordings = "\n".join(json.loads(row.get("wordings", "[]")))
        return checked_submission(row["title"], row["text"], tags, row["link"], wordings)
    except (InvalidNoteError, ValueError, TypeError) as error:
        raise FolderError(f"{edit.path} can't be proposed: {error}") from error


def _is_new(store: Store, edit: _Edit) -> bool:
    """Whether an edited file differs from its note's latest revision; refuses conflicts."""
    note_id = edit.file.revision.get("note_id")
    note = store.notes.latest(None, note_id) if isinstance(note_id, int) else None
    rows: list[dict[str, Any]] = store.database.rows(
        "select * from revisions where id = ?", [edit.file.revision.get("id")]
    )
    if note is None or not rows or words_digest(rows[0]) != edit.file.digest:
        raise FolderError(f"{edit.path} was edited, but the exported text isn't here any more.")
    if note.revision.submission == _submission(edit):
        return False
    if note.revision.id != rows[0]["id"]:
        raise FolderError(
            f"{edit.path} was edited, but the note has another revision since the export: "
            "export again, and edit that."
        )
    return True


def _propose(store: Store, edit: _Edit) -> int:
    """Store an edited file as a pending revision of its note; returns the note's id."""
    exported = edit.file.revision
    note, replaced = store.note_states.write(
        exported["note_id"], EDITOR, _submission(edit), int(exported["id"])
    )
    store.note_states.record(note, None, "revised", replaced=replaced)
    return note.id
