"""Reader of files of unknown origin: each file becomes documents, parsed in the sandbox.

A file's bytes decide its format (`formats.detection`): an HTML page called `notes.md` is parsed as
HTML, and a picture called `notes.md` is refused. This module itself only handles zips: it counts
a zip's files, then reads one file at a time. All parsing happens in the sandbox, because a
malicious file may exploit its parser.

Errors:
    Exception
    └── UnreadableError    the file can't be read; the message is the sentence to show
"""

import json
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import IO, Any, Final

from knowledge.files.document import EXPORT, checked_document, parse_document, parse_in_sandbox
from knowledge.files.formats.detection import ENDINGS, Format, format_of, packed_format
from knowledge.files.formats.zip import Archive, ZipMember
from knowledge.files.parsed_file import MAX_PACKED_BYTES, ParsedFile, UnreadableError, check_size
from knowledge.files.sandbox import Sandbox

# Between the texts of fragments; no text has it.
_BETWEEN: Final = "\0"

SUFFIXES: Final = frozenset(ENDINGS)

# The version of the parsers. Raise it when a parser's output changes, so that unchanged files are
# parsed again.
PARSERS_VERSION: Final = 18

# The sandbox shared by the whole program.
sandbox: Final = Sandbox()


@dataclass(frozen=True, slots=True)
class FilePart:
    """A document of a file: the file itself, or one of the files in a zip.

    `path` is the path inside the zip, empty for the file itself. `future` gives the parsed document
    or raises `UnreadableError`. For a chat export it always raises, because an export has many
    documents; `export` opens the export's stream.
    """

    path: str
    future: "Future[ParsedFile]"
    export: Callable[[], IO[bytes]] | None = None


def parse_bytes(content: bytes, *, name: str) -> ParsedFile:
    """Read the content of a file that is one document.

    Takes up to a minute for a hostile file. Any thread may call this function. The suffix of `name`
    selects among text formats. The rest of `name` becomes the title if the document has no title.
    Raises UnreadableError if the file is too large, empty, damaged, of no known format, or a zip of
    several files.
    """
    check_size(len(content), MAX_PACKED_BYTES)
    if packed_format(content) is not Format.ZIP:
        return _begin_document(content, name).result()
    archive = Archive(content)
    # Counted before parsing, so a refusal costs nothing.
    if len(archive.paths) > 1:
        raise UnreadableError(f"is a zip of {len(archive.paths)} files: take one of them.")
    for member in archive.members():
        return _begin_member(member).result()
    raise UnreadableError("is a zip without a file that can be read.")


def parse_fragments(fragments: Sequence[str]) -> list[str]:
    """The texts of several pieces of HTML, parsed in one job; empty for a piece without text.

    Raises UnreadableError if they take too long together, or have too much text.
    """

    def texts(_values: dict[str, Any], text: str) -> list[str]:
        pieces = text.split(_BETWEEN) if fragments else []
        if len(pieces) != len(fragments):
            raise ValueError("These aren't the texts of the fragments.")
        return pieces

    content = json.dumps(fragments).encode()
    return sandbox.begin(_fragments_in_sandbox, content, "", texts).result()


def _fragments_in_sandbox(content: bytes, _name: str) -> tuple[dict[str, Any], str]:
    texts = []
    for fragment in json.loads(content):
        try:
            texts.append(parse_document(fragment.encode(errors="replace"), "fragment.html").text)
        except UnreadableError:
            texts.append("")
    return {}, _BETWEEN.join(texts)


def parser_name(path: PurePath) -> str:
    """A file's folder and name for the parser, which may take one of them as the title."""
    return PurePath(path.parent.name, path.name).as_posix()


def read_content(path: Path) -> bytes:
    """The bytes of a file; UnreadableError if it's too large, or the system refuses to read it."""
    try:
        check_size(path.stat().st_size, MAX_PACKED_BYTES)
        with path.open("rb") as file:
            # The file may have grown since, and a pipe or device has no size.
            content = file.read(MAX_PACKED_BYTES + 1)
    except OSError as error:
        raise UnreadableError(f"can't be read: {error.strerror or error}.") from error
    check_size(len(content), MAX_PACKED_BYTES)
    return content


def begin_parsing(content: bytes, *, name: str) -> Generator[FilePart, None, None]:
    """Begin to read the documents of a file, one at each iteration.

    An unreadable document doesn't stop the others. If the caller stops early, the document in
    progress is cancelled. Raises UnreadableError if the whole file can't be read.
    """
    check_size(len(content), MAX_PACKED_BYTES)
    if packed_format(content) is not Format.ZIP:
        yield FilePart("", _begin_document(content, name))
        return
    for member in Archive(content).members():
        future = _begin_member(member)
        try:
            yield FilePart(member.path, future, member.export)
        except GeneratorExit:
            future.cancel()
            raise


def format_name(content: bytes) -> str:
    """The format of a file, by its bytes alone; UnreadableError if the format can't be read."""
    return sandbox.begin(
        _format_in_sandbox, content, "", lambda values, _: str(values["format"])
    ).result()


def _format_in_sandbox(content: bytes, _name: str) -> tuple[dict[str, Any], str]:
    return {"format": format_of(content).value}, ""


def _begin_document(content: bytes, name: str) -> "Future[ParsedFile]":
    return sandbox.begin(parse_in_sandbox, content, name, checked_document)


def _begin_member(member: ZipMember) -> "Future[ParsedFile]":
    refusal = UnreadableError(EXPORT) if member.export is not None else member.content
    if isinstance(refusal, bytes):
        return _begin_document(refusal, parser_name(PurePath(member.path)))
    future: Future[ParsedFile] = Future()
    future.set_exception(refusal)
    return future
