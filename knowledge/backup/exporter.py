"""Exporter of the community database into a folder, in the layout of `export_format`.

The exporter reads in one transaction, so all files show the same moment. Each file is replaced as a
whole. Until the last file is in place, the manifest marks the export as incomplete.
"""

import json
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from knowledge.backup.export_format import (
    FORMAT,
    MANIFEST,
    NOTES,
    REVISIONS,
    SEQUENCES,
    FolderError,
    Row,
    note_name,
    note_text,
    revision_name,
    row_line,
)
from knowledge.store import schema
from knowledge.store.database import Database

_PART: Final = ".part"


def export(database: Database, folder: Path) -> int:
    """Write everything to a folder that is empty or holds an earlier export.

    Deletes other JSONL files, and other Markdown files in the note folders. All other files stay.

    Returns:
        The number of files in the export.

    Raises:
        FolderError: if the folder can't be used or written.
    """
    _check(folder)
    try:
        with database.reading():
            schema = database.migrations()
            _write(folder / MANIFEST, [_manifest(schema, complete=False)])
            written = {MANIFEST}
            for name, lines in _files(database):
                _write(folder / name, lines)
                written.add(name)
        _remove_others(folder, written)
        _write(folder / MANIFEST, [_manifest(schema, complete=True)])
    except OSError as error:
        raise FolderError(
            f"{folder} can't be written: {error.strerror or error}. Check free space and "
            "permissions, then export again."
        ) from error
    return len(written)


def _check(folder: Path) -> None:
    if folder.exists() and not folder.is_dir():
        raise FolderError(f"{folder} is a file: name a folder.")
    if not folder.exists() or (folder / MANIFEST).is_file():
        return
    if any(not path.name.startswith(".") for path in folder.iterdir()):
        raise FolderError(
            f"{folder} holds other files than an export: name an empty folder or a new one."
        )


def _manifest(schema: list[str], *, complete: bool) -> str:
    record = {"format": FORMAT, "complete": complete, "schema": schema}
    return json.dumps(record, indent=2) + "\n"


def _files(database: Database) -> Iterator[tuple[str, Iterable[str]]]:
    """Yield the path and the text, in pieces, of each file except the manifest."""
    notes = {row["id"]: row for row in database.rows("select * from notes order by id")}
    shown = {_shown_revision_id(database, note): note for note in notes.values()}
    for row in database.rows("select id from revisions order by id"):
        [revision] = database.rows("select * from revisions where id = ?", [row["id"]])
        note = shown.get(revision["id"])
        if note is not None:
            yield note_name(note, revision), [note_text(revision, note)]
        else:
            name = revision_name(notes[revision["note_id"]], revision)
            yield name, [note_text(revision, None)]
    for table in _tables(database):
        rows = _pictures(database) if table == "pictures" else _rows(database, table)
        if rows:
            yield f"{table}.jsonl", map(row_line, rows)


def _shown_revision_id(database: Database, note: Row) -> int:
    """The id of a note's live revision, else of its retired revision, else of its latest."""
    kept = note["live_revision_id"] or note["retired_revision_id"]
    if kept:
        return int(kept)
    rows = database.rows("select max(id) as id from revisions where note_id = ?", [note["id"]])
    return int(rows[0]["id"])


def _tables(database: Database) -> list[str]:
    elsewhere = schema.left_out() | {"notes", "revisions"}
    return [*(name for name in database.tables() if name not in elsewhere), SEQUENCES]


def _rows(database: Database, table: str) -> list[Row]:
    if table == SEQUENCES:
        return [{"name": name, "seq": last} for name, last in database.last_ids().items()]
    declared = schema.table(table)
    order = declared.order or ", ".join(database.keys(table))
    # Names and conditions are the schema's own.
    sql = f"select * from {table} where {declared.exported} order by {order}"  # noqa: S608
    return database.rows(sql)


def _pictures(database: Database) -> Iterable[Row]:
    """The rows of all pictures, loaded one by one; an empty list if there are no pictures."""
    digests = database.rows("select digest from pictures order by digest")
    each = "select * from pictures where digest = ?"
    return digests and (row for one in digests for row in database.rows(each, [one["digest"]]))


def _write(path: Path, lines: Iterable[str]) -> None:
    """Replace a file as a whole."""
    for above in (path.parent, path.parent.parent):
        if above.is_symlink() and above.name in (NOTES, REVISIONS, path.parent.name):
            raise FolderError(f"{above} is a symbolic link: export to a folder without any.")
    path.parent.mkdir(parents=True, exist_ok=True)
    # Hidden, so a torn one doesn't make the folder look like a foreign one.
    part = path.with_name(f".{path.name}{_PART}")
    part.unlink(missing_ok=True)
    with part.open("x", encoding="utf-8", newline="") as file:
        for line in lines:
            file.write(line)
        file.flush()
        if path.name == MANIFEST:
            os.fsync(file.fileno())
    part.replace(path)


def _remove_others(folder: Path, written: set[str]) -> None:
    places = ("", f"{NOTES}/*/", f"{REVISIONS}/*/")
    found = [path for place in places for path in folder.glob(f"{place}.*{_PART}")]
    found += [*folder.glob("*.jsonl"), *folder.glob(f"{NOTES}/*/*.md")]
    for path in [*found, *folder.glob(f"{REVISIONS}/*/*.md")]:
        if path.relative_to(folder).as_posix() not in written:
            path.unlink()
