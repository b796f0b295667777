"""Reader of files that others have made: each becomes documents, parsed in the sandbox.

What a file *is* is told by its bytes (`formats.detection`): a page of HTML called `notes.md` is
read as HTML, and a picture of that name is refused with a sentence. Here it is only told whether it
is a zip, whose files are counted before the first is read and then read one at a time; everything
else happens in a process of its own, because a file can be made to break whatever reads it.

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

# What a reading depends on besides the file: raised when a reader gives other text than before,
# so that files which have not changed are read again.
PARSERS_VERSION: Final = 11

# The one process of this program.
sandbox: Final = Sandbox()


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


def parse_bytes(content: bytes, *, name: str) -> ParsedFile:
    """Read the content of a file that is one document.

    May take a minute where the file is hostile; it can be called from any thread. The ending of
    its name tells kinds of text apart, the rest is the title of a document that has none.

    Raises:
        UnreadableError: if it is too large, empty, damaged, of no known format, or a zip of several
            files.
    """
    check_size(len(content), MAX_PACKED_BYTES)
    if packed_format(content) is not Format.ZIP:
        return _begun(content, name).result()
    archive = Archive(content)
    # Counted before the first is begun: what is refused here has cost nothing.
    if len(archive.paths) > 1:
        raise UnreadableError(f"is a zip of {len(archive.paths)} files: take one of them.")
    for member in archive.members():
        return _begun_member(member).result()
    raise UnreadableError("is a zip without a file that can be read.")


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


def begin_parsing(content: bytes, *, name: str) -> Generator[FilePart, None, None]:
    """Begin to read the documents of a file, each when it is asked for.

    One that can't be read stops no other. Whoever stops asking gives up what was begun.

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
    """What a file without a telling name is.

    Raises:
        UnreadableError: if it is nothing that can be read.
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
        return _begun(refusal, PurePath(member.path).name)
    future: Future[ParsedFile] = Future()
    future.set_exception(refusal)
    return future
