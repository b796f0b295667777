"""Reader of files of unknown origin: each becomes documents, parsed in the sandbox.

A file's bytes tell its format (`formats.detection`): an HTML page called `notes.md` is read as
HTML, and a picture of that name is refused with a sentence. Only zips are told apart here: their
files are counted before the first is read and then read one at a time. Everything else happens in a
process of its own, because a file can be made to break its parser.

Errors:
    Exception
    └── UnreadableError    the file can't be read; the message is the sentence to show
"""

from collections.abc import Callable, Generator
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import IO, Any, Final

from knowledge.files.document import EXPORT, parse_apart, parsed_apart
from knowledge.files.formats.detection import ENDINGS, Format, format_of, packed_format
from knowledge.files.formats.zip import Archive, ZipMember
from knowledge.files.parsed_file import (
    MAX_PACKED_BYTES,
    ParsedFile,
    UnreadableError,
    check_size,
)
from knowledge.files.sandbox import Sandbox

SUFFIXES: Final = frozenset(ENDINGS)

# The version of the parsers. Raise it when one gives other text than before, so that unchanged
# files are read again.
PARSERS_VERSION: Final = 17

# The sandbox shared by the whole program.
sandbox: Final = Sandbox()


@dataclass(frozen=True, slots=True)
class FilePart:
    """A document of a file: the file itself, or one of the files in a zip.

    `path` is the path inside the zip, empty for the file itself. The future's exception, if any, is
    an `UnreadableError`; a chat export always has one, because it is no single document: `export`
    opens its stream.
    """

    path: str
    future: "Future[ParsedFile]"
    export: Callable[[], IO[bytes]] | None = None


def parse_bytes(content: bytes, *, name: str) -> ParsedFile:
    """Read the content of a file that is one document.

    May take a minute for a hostile file; it can be called from any thread. The suffix of its name
    tells kinds of text apart, the rest is the title of an untitled document.

    Raises:
        UnreadableError: if it is too large, empty, damaged, of no known format, or a zip of several
            files.
    """
    check_size(len(content), MAX_PACKED_BYTES)
    if packed_format(content) is not Format.ZIP:
        return _begun(content, name).result()
    archive = Archive(content)
    # Counted first, so a refusal costs nothing.
    if len(archive.paths) > 1:
        raise UnreadableError(f"is a zip of {len(archive.paths)} files: take one of them.")
    for member in archive.members():
        return _begun_member(member).result()
    raise UnreadableError("is a zip without a file that can be read.")


def name_of(path: PurePath) -> str:
    """A file's name for its parser: with its folder, whose name may be the better title."""
    return PurePath(path.parent.name, path.name).as_posix()


def content_of(path: Path) -> bytes:
    """The bytes of a file within the size limit.

    Raises:
        UnreadableError: if it is too large, or the system refuses.
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


def begin_parsing(content: bytes, *, name: str) -> Generator[FilePart, None, None]:
    """Begin to read the documents of a file, each on request.

    An unreadable one doesn't stop the others. If the caller stops early, the unfinished ones are
    cancelled.

    Raises:
        UnreadableError: if nothing of it can be read.
    """
    check_size(len(content), MAX_PACKED_BYTES)
    if packed_format(content) is not Format.ZIP:
        yield FilePart("", _begun(content, name))
        return
    for member in Archive(content).members():
        future = _begun_member(member)
        try:
            yield FilePart(member.path, future, member.export)
        except GeneratorExit:
            future.cancel()
            raise


def format_name(content: bytes) -> str:
    """The format of a file, by its bytes alone.

    Raises:
        UnreadableError: if it can't be read.
    """
    return sandbox.begin(
        _format_apart, content, "", lambda values, _: str(values["format"])
    ).result()


def _format_apart(content: bytes, _name: str) -> tuple[dict[str, Any], str]:
    return {"format": format_of(content).value}, ""


def _begun(content: bytes, name: str) -> "Future[ParsedFile]":
    return sandbox.begin(parse_apart, content, name, parsed_apart)


def _begun_member(member: ZipMember) -> "Future[ParsedFile]":
    refusal = UnreadableError(EXPORT) if member.export is not None else member.content
    if isinstance(refusal, bytes):
        return _begun(refusal, name_of(PurePath(member.path)))
    future: Future[ParsedFile] = Future()
    future.set_exception(refusal)
    return future
