"""Zip archives, read one file at a time and never unpacked to the disk.

Chat exports are opened as streams, because they may exceed the memory. Other files are read as a
whole.
"""

import stat
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from io import BytesIO
from pathlib import PurePosixPath
from typing import IO, Final

from knowledge.files.formats.detection import ENDINGS, EXPORT_SUFFIXES, HEAD_BYTES, export_format
from knowledge.files.parsed_file import MAX_PACKED_BYTES, UnreadableError

MAX_MEMBERS: Final = 5_000
MAX_EXPANDED_BYTES: Final = 200_000_000
# For chat exports, which need little memory: about two million messages.
MAX_EXPORT_BYTES: Final = 2_000_000_000

# The signature of an entry in a zip's directory.
_ENTRY: Final = b"PK\x01\x02"
# Flags of an entry: encrypted, a patch of another file, strongly encrypted.
_ENCRYPTED: Final = 0x01 | 0x40
_PATCH: Final = 0x20
# Other methods may need any amount of memory.
_METHODS: Final = frozenset({zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED})

# Exceptions of a torn archive.
TORN: Final = (zipfile.BadZipFile, zlib.error, EOFError)


@dataclass(frozen=True, slots=True)
class ZipMember:
    """A file of an archive: its path in the archive, and its bytes or the reason for a refusal.

    For a chat export, `content` is empty and `export` opens the stream. Reading the stream may
    raise the errors in `TORN`.
    """

    path: str
    content: bytes | UnreadableError
    export: Callable[[], IO[bytes]] | None = None


class Archive:
    """A zip's readable files, one at a time, in the order of their paths.

    Hidden files, links and files of other formats are skipped, as in a folder.
    """

    def __init__(self, content: bytes) -> None:
        """Read the directory; UnreadableError if the archive is damaged or has too many files."""
        # Counted before the directory is read: each entry becomes an object of half a kilobyte.
        if content.count(_ENTRY) > MAX_MEMBERS:
            raise UnreadableError(f"is a zip of more than {MAX_MEMBERS:,} files. Split it.")
        try:
            self._archive = zipfile.ZipFile(BytesIO(content))
        except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
            raise UnreadableError("is a torn zip file: pack it again.") from error
        # Of several files with one name, the last counts, as in unpacking.
        latest = {info.filename: info for info in self._archive.infolist() if _is_wanted(info)}
        self._wanted = [info for _, info in sorted(latest.items())]
        self.paths = list(latest)

    def members(self) -> Iterator[ZipMember]:
        """Unpack file by file; UnreadableError before the first if they are too large together."""
        _check_expansion(self._archive, self._wanted)
        # The archive stays open, because an export is read later.
        for info in self._wanted:
            refused = _refusal(info)
            if refused is None and _is_export(self._archive, info):
                yield ZipMember(info.filename, b"", partial(self._archive.open, info))
            else:
                yield ZipMember(info.filename, refused or _content(self._archive, info))


def _check_expansion(archive: zipfile.ZipFile, wanted: Sequence[zipfile.ZipInfo]) -> None:
    """Refuse an archive that expands too far; zipfile yields no more than the declared size."""
    expanded = sum(info.file_size for info in wanted)
    if expanded <= MAX_EXPANDED_BYTES:
        return
    exported = sum(
        info.file_size for info in wanted if _refusal(info) is None and _is_export(archive, info)
    )
    for size, limit, what in (
        (expanded - exported, MAX_EXPANDED_BYTES, "a zip"),
        (exported, MAX_EXPORT_BYTES, "a zip of chat exports"),
    ):
        if size > limit:
            raise UnreadableError(
                f"is {what} that expands to {size / 1e6:,.0f} MB; the limit is "
                f"{limit / 1e6:,.0f} MB. Split it."
            )


def _is_export(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> bool:
    """Whether a file of an archive is a chat export, by its ending and its first bytes."""
    if PurePosixPath(info.filename).suffix.lower() not in EXPORT_SUFFIXES:
        return False
    try:
        with archive.open(info) as file:
            return export_format(file.read(HEAD_BYTES)) is not None
    except (*TORN, OSError, ValueError):
        # Reading it raises the error again.
        return False


def _is_wanted(info: zipfile.ZipInfo) -> bool:
    # A damaged archive may have a member without a name.
    if not info.filename:
        return False
    path = PurePosixPath(info.filename)
    hidden = any(part.startswith((".", "__MACOSX")) and part != ".." for part in path.parts)
    # A link's content is its target; links are skipped outside of zips, too.
    link = stat.S_ISLNK(info.external_attr >> 16)
    return not (info.is_dir() or hidden or link) and path.suffix.lower() in ENDINGS


def _refusal(info: zipfile.ZipInfo) -> UnreadableError | None:
    path = PurePosixPath(info.filename)
    if path.is_absolute() or ".." in path.parts or "\\" in info.filename:
        return UnreadableError("has a path that leads out of its zip.")
    if path.suffix.lower() == ".zip":
        return UnreadableError("is a zip inside a zip: unpack it.")
    if info.flag_bits & _ENCRYPTED:
        return UnreadableError("is encrypted: pack it without a password.")
    if info.compress_type not in _METHODS or info.flag_bits & _PATCH:
        return UnreadableError("is packed by a method other than deflate: pack it again.")
    return None


def _content(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> bytes | UnreadableError:
    if info.file_size > MAX_PACKED_BYTES:
        return UnreadableError(
            f"has {info.file_size / 1e6:,.0f} MB; the limit is {MAX_PACKED_BYTES / 1e6:,.0f} MB."
        )
    try:
        return archive.read(info)
    except (*TORN, OSError, ValueError):
        return UnreadableError("is torn: pack it again.")
