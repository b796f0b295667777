"""What may be quoted now, and by whom: bundled articles, imported files, approved notes.

This module alone knows every source. `documents` yields what each of them says today; a file that
can't be read yields a `Failure` with its reason and stops nothing else.

Errors:
    Exception
    └── MissingSourceError    a path to import that is not there
"""

import os
from collections.abc import Iterator, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Final

from knowledge.formats.sniffing import format_of
from knowledge.model import SHARED, Document, Failure, Kind, Note, Scope
from knowledge.readers import (
    SUFFIXES,
    Part,
    Reading,
    UnreadableError,
    begin_parts,
    content_of,
    read_bytes,
)
from knowledge.store import Store

ARTICLES: Final = "knowledge.articles"

# Stands between a zip's path and the path of a file inside it.
INSIDE: Final = "!/"


class MissingSourceError(Exception):
    """A path to import is not there; the message says what to do."""


def documents(store: Store) -> Iterator[Document | Failure]:
    """Every document that may be quoted now, and every source that could not be read."""
    yield from articles()
    for location, scope in store.sources():
        yield from imported(Path(location), scope)
    for note in store.live_notes():
        yield note_document(note)


def articles() -> Iterator[Document | Failure]:
    """The bundled articles, in the order of their names."""
    for entry in sorted(files(ARTICLES).iterdir(), key=lambda entry: entry.name):
        if not entry.name.endswith(".md"):
            continue
        name = entry.name.removesuffix(".md")
        document_id = f"article:{name}"
        try:
            reading = read_bytes(entry.read_bytes(), name=name)
        except UnreadableError as error:
            yield Failure(f"article {name}", str(error), document_id)
            continue
        yield _document(document_id, SHARED, Kind.ARTICLE, reading)


def imported(location: Path, scope: Scope) -> Iterator[Document | Failure]:
    """The documents of an imported file or folder, in the order of their paths.

    Hidden files, links out of the folder and files of other formats are passed over. A location
    that has vanished yields nothing: its documents leave the index.
    """
    for path in source_files(location):
        try:
            for part in begin_parts(content_of(path), name=path.name):
                yield _imported_part(path, part, scope)
        except UnreadableError as error:
            yield Failure(str(path), str(error), file_id(path))


def _imported_part(path: Path, part: Part, scope: Scope) -> Document | Failure:
    inside = f"{INSIDE}{part.path}" if part.path else ""
    document_id = file_id(path) + inside
    try:
        return _document(document_id, scope, Kind.FILE, part.future.result())
    except UnreadableError as error:
        return Failure(f"{path}{inside}", str(error), document_id)


def source_files(location: Path) -> Iterator[Path]:
    """The files that an imported file or folder stands for, in the order of their paths."""
    if location.is_file():
        yield location
        return
    root = location.resolve()
    found: list[Path] = []
    for folder, folders, names in os.walk(location):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in names:
            path = Path(folder, name)
            supported = path.suffix.lower() in SUFFIXES and not name.startswith(".")
            if supported and path.is_file() and path.resolve().is_relative_to(root):
                found.append(path)
    yield from sorted(found)


def add_sources(store: Store, paths: Sequence[Path], scope: Scope = SHARED) -> list[Path]:
    """Remember files and folders as sources; returns those that were not sources before.

    Raises:
        MissingSourceError: if one of them is not there, or is a file of another format; then none
            is added.
    """
    for path in paths:
        if not path.exists():
            raise MissingSourceError(f"{path} is not there: name a file or a folder.")
        if path.is_file() and path.suffix.lower() not in SUFFIXES:
            _check_format(path)
    return [path for path in paths if store.add_source(str(path.resolve()), scope)]


def _check_format(path: Path) -> None:
    """Refuse a file whose name promises nothing and whose content is nothing that can be read."""
    try:
        format_of(content_of(path))
    except UnreadableError as error:
        raise MissingSourceError(f"{path} can't be imported: it {error}") from error


def file_id(path: Path) -> str:
    """The stable id of an imported file."""
    return f"file:{path.resolve()}"


def note_id(note: Note) -> str:
    """The stable id of a note as a document."""
    return f"note:{note.id}"


def note_document(note: Note) -> Document:
    """A live note as the document that may be quoted."""
    revision = note.revision
    return Document(
        id=note_id(note),
        scope=Scope(note.guild_id),
        kind=Kind.NOTE,
        title=revision.submission.title,
        text=revision.submission.text,
        link=revision.submission.link,
        tags=revision.submission.tags,
        contributor=note.contributor,
        verified=note.review.created_at.date() if note.review else None,
        revision=revision.number,
        approved_by=note.review.moderator if note.review else "",
    )


def _document(document_id: str, scope: Scope, kind: Kind, reading: Reading) -> Document:
    return Document(
        id=document_id,
        scope=scope,
        kind=kind,
        title=reading.title,
        text=reading.text,
        link=reading.link,
        tags=reading.tags,
        verified=reading.verified,
    )
