"""Exporter of the community database into a folder, and the folder's layout.

    commonplace.json                     the format version, and the schema's migrations
    notes/GUILD/NOTE-TITLE.md            a note with its live, retired or else latest revision
    revisions/GUILD/NOTE.NUMBER.md       each other revision
    TABLE.jsonl                          the rows of every other table, a line each

Markdown holds notes, JSONL everything else. Each row is stored once, and equal rows give equal
bytes. The digest in a Markdown file's front matter shows whether the file was edited.

The exporter reads in one transaction, so all files show the same moment. Each file is replaced as a
whole. Until the last file is in place, the manifest marks the export as incomplete.

Errors:
    StoreError
    └── FolderError    a folder or file can't be used; the message names the remedy
"""

import base64
import hashlib
import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple, TypeGuard

import yaml

from knowledge.files.formats.front_matter import parsed_values
from knowledge.files.parsed_file import UnreadableError
from knowledge.store import schema
from knowledge.store.database import Database, StoreError

FORMAT: Final = 1
MANIFEST: Final = "commonplace.json"
NOTES: Final = "notes"
REVISIONS: Final = "revisions"
SEQUENCES: Final = "sqlite_sequence"
_PART: Final = ".part"

FILE_BYTES: Final = 1_000_000
LINE_BYTES: Final = 16_000_000

# The fields at the top of a file; its digest covers them and the text.
_SHOWN: Final = ("title", "tags", "link", "wordings")
_FENCE: Final = "---\n"
_SLUG_CHARACTERS: Final = 40

Row = dict[str, Any]


class FolderError(StoreError):
    """A folder can't be exported to or imported from; the message names the remedy."""


class NoteFile(NamedTuple):
    """A Markdown file of an export: the row of a revision, and of its note in `notes/`.

    `digest` is the digest of the revision's content at the time of the export.
    """

    revision: Row
    note: Row | None
    digest: str

    @property
    def is_edited(self) -> bool:
        return self.digest != words_digest(self.revision)


class _Dumper(yaml.SafeDumper):  # type: ignore[misc]
    """YAML writer whose strings are read back exactly."""


def _represent_text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    # Outside double quotes, YAML readers take these characters for line breaks.
    exact = '"' if re.search("[\\x00-\\x1f\\x7f-\\x9f\u2028\u2029\ufeff]", text) else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=exact)


_Dumper.add_representer(str, _represent_text)


def words_digest(revision: Mapping[str, Any]) -> str:
    """The digest of the title, text, tags, link and wordings in a revision's row."""
    words = [revision[column] for column in ("title", "tags", "link", "text")]
    # Digests of earlier exports have none.
    words += [revision["wordings"]] if revision.get("wordings", "[]") != "[]" else []
    return hashlib.sha256(json.dumps(words, ensure_ascii=False).encode()).hexdigest()


def note_text(revision: Row, note: Row | None) -> str:
    """A revision as Markdown; the front matter also has the row of its note, if given."""
    rest = {key: value for key, value in revision.items() if key not in (*_SHOWN, "text")}
    matter: Row = {
        "title": revision["title"],
        "tags": _list_of(revision["tags"]),
        "link": revision["link"],
        "wordings": _list_of(revision["wordings"]),
        "digest": words_digest(revision),
        "revision": rest,
    }
    if note is not None:
        matter["note"] = note
    written = yaml.dump(matter, Dumper=_Dumper, allow_unicode=True, sort_keys=False, width=10**9)
    return f"{_FENCE}{written}{_FENCE}\n{revision['text']}\n"


def _list_of(text: str) -> list[str] | str:
    """Parse a JSON list, or return `text` unchanged if `json.dumps` would write it differently."""
    values = json.loads(text)
    plain = isinstance(values, list) and json.dumps(values, ensure_ascii=False) == text
    return values if plain else text


def parse_note(path: str, text: str) -> NoteFile:
    """Parse a Markdown file written by `note_text`, edited or not.

    Raises FolderError if the front matter is missing, or has other fields than `note_text` writes.
    """
    if not text.startswith(_FENCE):
        raise FolderError(
            f"{path} has no front matter: write new notes in Discord, and edit exported ones here."
        )
    matter, found, body = text[len(_FENCE) :].partition(f"\n{_FENCE}")
    try:
        values = parsed_values(matter) if found else None
    except UnreadableError as error:
        raise FolderError(f"{path} {error}") from error
    if not _is_front_matter(values):
        raise FolderError(
            f"{path} has other front matter than an export writes: put back what was there, and "
            "change the title, the tags, the link, the wordings and the text alone."
        )
    lists: Row = {
        key: words if isinstance(words, str) else json.dumps(words, ensure_ascii=False)
        for key in ("tags", "wordings")
        if (words := values.get(key)) is not None
    }
    return NoteFile(
        revision={
            **values["revision"],
            "title": values["title"],
            "link": values["link"],
            **lists,
            "text": body.removeprefix("\n").removesuffix("\n"),
        },
        note=values.get("note"),
        digest=values["digest"],
    )


def _is_front_matter(values: object) -> TypeGuard[Row]:
    """Whether parsed front matter has exactly the fields of an export, with the right types."""
    if not isinstance(values, dict):
        return False
    rest, note = (values.get(key) for key in ("revision", "note"))
    lists = [values.get(key, []) for key in ("tags", "wordings")]
    return (
        # Earlier exports have no wordings.
        {*_SHOWN, "digest", "revision"} - {"wordings"} <= values.keys()
        and values.keys() <= {*_SHOWN, "digest", "revision", "note"}
        and all(isinstance(values[key], str) for key in ("title", "link", "digest"))
        and all(
            isinstance(values, str)
            or (isinstance(values, list) and all(isinstance(value, str) for value in values))
            for values in lists
        )
        and _is_plain_mapping(rest)
        and (note is None or _is_plain_mapping(note))
    )


def _is_plain_mapping(values: object) -> bool:
    return isinstance(values, dict) and all(
        isinstance(key, str) and isinstance(value, str | int | float | None)
        for key, value in values.items()
    )


def row_line(row: Row) -> str:
    plain = {
        key: {"base64": base64.b64encode(value).decode()} if isinstance(value, bytes) else value
        for key, value in row.items()
    }
    return json.dumps(plain, ensure_ascii=False) + "\n"


def parse_row(place: str, line: str) -> Row:
    """Parse a line written by `row_line`; raises FolderError if the line is malformed."""
    try:
        values = json.loads(line)
        if not isinstance(values, dict):
            raise ValueError("it is no object")
        return {
            key: base64.b64decode(value["base64"]) if isinstance(value, dict) else value
            for key, value in values.items()
        }
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise FolderError(f"{place} is not a row of an export: {error}.") from error


# Export.


def export(database: Database, folder: Path) -> int:
    """Write everything to a folder, empty or with an earlier export; returns the number of files.

    Deletes other JSONL files, and other Markdown files in the note folders. All other files stay.
    Raises FolderError if the folder can't be used or written.
    """
    if folder.exists() and not folder.is_dir():
        raise FolderError(f"{folder} is a file: name a folder.")
    is_usable = not folder.exists() or (folder / MANIFEST).is_file()
    if not is_usable and any(not path.name.startswith(".") for path in folder.iterdir()):
        raise FolderError(
            f"{folder} holds other files than an export: name an empty folder or a new one."
        )
    try:
        with database.reading():
            schema = database.migrations()
            _write(folder / MANIFEST, [_manifest(schema, complete=False)])
            written = {MANIFEST}
            for name, lines in _files(database):
                _write(folder / name, lines)
                written.add(name)
        patterns = [f"{place}.*{_PART}" for place in ("", f"{NOTES}/*/", f"{REVISIONS}/*/")]
        patterns += ["*.jsonl", f"{NOTES}/*/*.md", f"{REVISIONS}/*/*.md"]
        for path in [path for pattern in patterns for path in folder.glob(pattern)]:
            if path.relative_to(folder).as_posix() not in written:
                path.unlink()
        _write(folder / MANIFEST, [_manifest(schema, complete=True)])
    except OSError as error:
        raise FolderError(
            f"{folder} can't be written: {error.strerror or error}. Check free space and "
            "permissions, then export again."
        ) from error
    return len(written)


def _manifest(schema: list[str], *, complete: bool) -> str:
    record = {"format": FORMAT, "complete": complete, "schema": schema}
    return json.dumps(record, indent=2) + "\n"


def _files(database: Database) -> Iterator[tuple[str, Iterable[str]]]:
    """Yield the path and the text, in pieces, of each file except the manifest."""
    notes = {row["id"]: row for row in database.rows("select * from notes order by id")}
    # The live revisions, else the retired ones, else the latest.
    shown = set(
        database.column(
            "select coalesce(n.live_revision_id, n.retired_revision_id, "
            "(select max(id) from revisions where note_id = n.id)) from notes n"
        )
    )
    for revision_id in database.column("select id from revisions order by id"):
        [revision] = database.rows("select * from revisions where id = ?", [revision_id])
        note = notes[revision["note_id"]]
        if revision_id in shown:
            words = re.findall("[a-z0-9]+", revision["title"].lower())
            name = f"{note['id']}-{'-'.join(words)[:_SLUG_CHARACTERS]}".strip("-")
            yield f"{NOTES}/{note['guild_id']}/{name}.md", [note_text(revision, note)]
        else:
            name = f"{note['id']}.{revision['number']}"
            yield f"{REVISIONS}/{note['guild_id']}/{name}.md", [note_text(revision, None)]
    elsewhere = schema.unexported_tables() | {"notes", "revisions"}
    for table in (*(name for name in database.tables() if name not in elsewhere), SEQUENCES):
        rows = _pictures(database) if table == "pictures" else _rows(database, table)
        if rows:
            yield f"{table}.jsonl", map(row_line, rows)


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
    sql = "select * from pictures where digest = ?"
    return digests and (row for key in digests for row in database.rows(sql, [key["digest"]]))


def _write(path: Path, lines: Iterable[str]) -> None:
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
