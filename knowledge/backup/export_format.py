"""Layout of an export folder: Markdown for notes, JSONL for everything else.

    commonplace.json                     the format version, and the schema's migrations
    notes/GUILD/NOTE-TITLE.md            a note with its live, retired or else latest revision
    revisions/GUILD/NOTE.NUMBER.md       each other revision
    TABLE.jsonl                          the rows of every other table, a line each

Each row is stored once, and equal rows give equal bytes. The digest in a Markdown file's front
matter shows whether the file was edited. This module itself reads and writes no files.

Errors:
    StoreError
    └── FolderError    a folder or file can't be used; the message names the remedy
"""

import base64
import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeGuard

import yaml

from knowledge.files.formats.front_matter import parsed_values
from knowledge.files.parsed_file import UnreadableError
from knowledge.files.pictures import checked_picture
from knowledge.store.database import StoreError
from knowledge.store.guilds.guild_settings import LAST_LOOK
from knowledge.store.schema import holds, is_valid
from knowledge.values.submissions import checked_tags, is_link

FORMAT: Final = 1
MANIFEST: Final = "commonplace.json"
NOTES: Final = "notes"
REVISIONS: Final = "revisions"
SEQUENCES: Final = "sqlite_sequence"

FILE_BYTES: Final = 1_000_000
LINE_BYTES: Final = 16_000_000

# The fields at the top of a file; its digest covers them and the text.
_SHOWN: Final = ("title", "tags", "link", "wordings")
_FENCE: Final = "---\n"
_SLUG_CHARACTERS: Final = 40

Row = dict[str, Any]


class FolderError(StoreError):
    """A folder can't be exported to or imported from; the message names the remedy."""


@dataclass(frozen=True, slots=True)
class NoteFile:
    """A Markdown file of an export.

    Attributes:
        revision: the row of a revision.
        note: the row of the revision's note if the file is in `notes/`, or None.
        digest: the digest of the revision's content at the time of the export.
    """

    revision: Row
    note: Row | None
    digest: str

    @property
    def edited(self) -> bool:
        """Whether the file's content was changed since the export."""
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


def note_name(note: Row, revision: Row) -> str:
    slug = "-".join(re.findall("[a-z0-9]+", revision["title"].lower()))[:_SLUG_CHARACTERS]
    name = f"{note['id']}-{slug}".strip("-")
    return f"{NOTES}/{note['guild_id']}/{name}.md"


def revision_name(note: Row, revision: Row) -> str:
    """The path of a revision's own file."""
    return f"{REVISIONS}/{note['guild_id']}/{note['id']}.{revision['number']}.md"


def note_text(revision: Row, note: Row | None) -> str:
    """A revision as Markdown; the front matter also has the row of its note, if given."""
    rest = {key: value for key, value in revision.items() if key not in (*_SHOWN, "text")}
    matter: Row = {
        "title": revision["title"],
        "tags": _listed(revision["tags"]),
        "link": revision["link"],
        "wordings": _listed(revision["wordings"]),
        "digest": words_digest(revision),
        "revision": rest,
    }
    if note is not None:
        matter["note"] = note
    written = yaml.dump(matter, Dumper=_Dumper, allow_unicode=True, sort_keys=False, width=10**9)
    return f"{_FENCE}{written}{_FENCE}\n{revision['text']}\n"


def _listed(text: str) -> list[str] | str:
    """Parse a JSON list, or return `text` unchanged if `json.dumps` would write it differently."""
    values = json.loads(text)
    plain = isinstance(values, list) and json.dumps(values, ensure_ascii=False) == text
    return values if plain else text


def _unlisted(values: list[str] | str) -> str:
    return values if isinstance(values, str) else json.dumps(values, ensure_ascii=False)


def parsed_note(path: str, text: str) -> NoteFile:
    """Parse a Markdown file written by `note_text`, edited or not.

    Raises:
        FolderError: if the front matter is missing, or has other fields than `note_text` writes.
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
    lists: Row = {key: _unlisted(values[key]) for key in ("tags", "wordings") if key in values}
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
        and all(isinstance(one, str) or _plain_list(one) for one in lists)
        and _plain_mapping(rest)
        and (note is None or _plain_mapping(note))
    )


def check_values(table: str, row: Row) -> None:
    """Check times, JSON, enumerations and amounts, which SQLite doesn't check.

    Raises:
        ValueError: if a value is invalid; the message names the column.
    """
    for column, value in row.items():
        if value is not None and not is_valid(table, column, value):
            raise ValueError(f"{column} holds something else than it should")
    if row.get("key") == LAST_LOOK and not is_valid(table, "at", row.get("value")):
        raise ValueError("value is no time")
    if table == "revisions" and not holds(_is_typable, row):
        raise ValueError("the link isn't a web address, or the tags aren't tags")
    if table == "pictures" and not holds(_is_picture, row):
        raise ValueError("content is no picture of its kind and digest")


def _is_picture(row: Row) -> bool:
    picture = checked_picture("", row["content"])
    return (picture.kind, picture.digest) == (row["kind"], row["digest"])


def _is_typable(row: Row) -> bool:
    """Whether a revision's tags and link pass the checks of a submission."""
    tags = json.loads(row["tags"])
    return checked_tags(" ".join(tags)) == tuple(tags) and (not row["link"] or is_link(row["link"]))


def _plain_list(values: object) -> bool:
    return isinstance(values, list) and all(isinstance(value, str) for value in values)


def _plain_mapping(values: object) -> bool:
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


def parsed_row(place: str, line: str) -> Row:
    """Parse a line written by `row_line`.

    Raises:
        FolderError: if the line is malformed.
    """
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
