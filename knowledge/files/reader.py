"""Registry of parsers: a file of any supported format becomes title, Markdown and front matter.

What a file *is* is read from its bytes (`formats.sniffing`): a page of HTML called `notes.md` is
read as HTML, and a picture of that name is refused with a sentence. Text, tables and lists are
read here; HTML, reStructuredText, PDF and Word files in a process of their own (`isolation`),
because their libraries can be made to work for hours. No library is imported before it is needed.

Errors:
    Exception
    └── UnreadableError    the file can't be read; the message is the sentence to show
"""

from collections.abc import Callable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import IO, Final

from knowledge.files.formats.chat_export import export_format
from knowledge.files.formats.detection import ENDINGS, Format, format_of
from knowledge.files.formats.tables import has_csv_pairs, parse_csv, parse_json
from knowledge.files.formats.text import decoded, parse_markdown, parse_plain
from knowledge.files.formats.zip import members
from knowledge.files.parsed_file import (
    MAX_PACKED_BYTES,
    ParsedFile,
    UnreadableError,
    check_size,
)
from knowledge.files.sandbox import Sandbox

SUFFIXES: Final = frozenset(ENDINGS)

# What a reading depends on besides the file: raised when a reader gives other text than before,
# so that files which have not changed are read again.
PARSERS_VERSION: Final = 4

_PACKED: Final = frozenset({Format.PDF, Format.DOCX, Format.ZIP})
_ISOLATED: Final = frozenset({Format.PDF, Format.DOCX, Format.HTML, Format.RST})

_isolation: Final = Sandbox()

_EXPORT: Final = (
    "is a chat export: import it as a source, under the ending that it was exported with."
)


@dataclass(frozen=True, slots=True)
class FilePart:
    """A document of a file: the file itself, or one of those in a zip.

    `path` is the path inside the zip, empty for the file itself. The future's exception, where it
    has one, is an `UnreadableError`; it always has one for a chat export, which is no single
    document: `export` opens its stream.
    """

    path: str
    future: "Future[ParsedFile]"
    export: Callable[[], IO[bytes]] | None = None


def parse_file(path: Path) -> ParsedFile:
    """Read a file that is one document.

    Raises:
        UnreadableError: if it is too large, empty, damaged, of no known format, a zip of several
            files, or the system refuses to read it.
    """
    return parse_bytes(content_of(path), name=path.name)


def parse_bytes(content: bytes, *, name: str) -> ParsedFile:
    """Read the content of a file that is one document.

    May take a minute where the file is hostile; it can be called from any thread.

    Args:
        content: the file's bytes.
        name: the file's name. Its ending tells kinds of text apart, the rest is the title of a
            document that has none of its own.

    Raises:
        UnreadableError: as `parse_file`.
    """
    parts = list(begin_parsing(content, name=name))
    if not parts:
        raise UnreadableError("is a zip without a file that can be read.")
    if len(parts) > 1:
        raise UnreadableError(f"is a zip of {len(parts)} files: take one of them.")
    return parts[0].future.result()


def content_of(path: Path) -> bytes:
    """The bytes of a file, if there are not too many of them.

    Raises:
        UnreadableError: if there are, or the system refuses.
    """
    try:
        check_size(path.stat().st_size, MAX_PACKED_BYTES)
        with path.open("rb") as file:
            # It may have grown since, and a pipe or device has no size at all.
            content = file.read(MAX_PACKED_BYTES + 1)
    except OSError as error:
        raise UnreadableError(f"can't be read: {error.strerror or error}.") from error
    check_size(len(content), MAX_PACKED_BYTES)
    return content


def begin_parsing(content: bytes, *, name: str) -> Iterator[FilePart]:
    """Begin to read every document of a file; one that can't be read stops no other.

    Args:
        content: the file's bytes.
        name: as `parse_bytes`.

    Raises:
        UnreadableError: if nothing of it can be read.
    """
    check_size(len(content), MAX_PACKED_BYTES)
    ending = PurePath(name).suffix.lower()
    kind = format_of(content, ending)
    if kind is not Format.ZIP:
        yield FilePart("", _begun(kind, content, name))
        return
    for member in members(content):
        given = UnreadableError(_EXPORT) if member.export is not None else member.content
        begun = _member_begun(given, PurePath(member.path).name)
        yield FilePart(member.path, begun, member.export)


def _member_begun(content: bytes | UnreadableError, name: str) -> "Future[ParsedFile]":
    if isinstance(content, UnreadableError):
        return _settled(lambda: _refuse(content))
    try:
        kind = format_of(content, PurePath(name).suffix.lower())
        if kind is Format.ZIP:
            raise UnreadableError("is a zip inside a zip: unpack it.")
        return _begun(kind, content, name)
    except UnreadableError as error:
        refused = error
    return _settled(lambda: _refuse(refused))


def _begun(kind: Format, content: bytes, name: str) -> "Future[ParsedFile]":
    """Begin to read what is known to be of this format."""
    if export_format(content) is not None:
        # Read as an ordinary text it would be quoted in every server.
        raise UnreadableError(_EXPORT)
    if kind not in _PACKED:
        check_size(len(content))
    title = _name_as_title(name)
    if kind not in _ISOLATED:
        return _settled(lambda: _read_text(kind, decoded(content), title, name))
    if kind is Format.RST:
        content = decoded(content).encode()
    return _isolation.begin(kind.value, content, title)


def _read_text(kind: Format, text: str, title: str, name: str) -> ParsedFile:
    if not text.strip():
        raise UnreadableError("is empty.")
    promised = ENDINGS.get(PurePath(name).suffix.lower())
    if kind is Format.JSON:
        try:
            return parse_json(text, title)
        except UnreadableError:
            # A text that happens to be JSON as well is still a text.
            if promised is Format.JSON:
                raise
            kind = promised or Format.MARKDOWN
    if kind is Format.CSV or has_csv_pairs(text):
        return parse_csv(text, title)
    return parse_plain(text, title) if kind is Format.PLAIN else parse_markdown(text, title)


def _name_as_title(name: str) -> str:
    """A file's name as the title of what has none of its own."""
    path = PurePath(name)
    stem = path.stem if path.suffix.lower() in ENDINGS else path.name
    return stem.replace("_", " ").strip() or "Untitled"


def _settled(read_now: Callable[[], ParsedFile]) -> "Future[ParsedFile]":
    future: Future[ParsedFile] = Future()
    try:
        future.set_result(read_now())
    except UnreadableError as error:
        future.set_exception(error)
    return future


def _refuse(error: UnreadableError) -> ParsedFile:
    raise error
