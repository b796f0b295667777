"""Zip files: what is in them, read one file at a time and never unpacked to the disk."""

import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import PurePosixPath
from typing import Final

from knowledge.formats.sniffing import ENDINGS
from knowledge.reading import MAX_PACKED_BYTES, UnreadableError

MAX_MEMBERS: Final = 5_000
MAX_EXPANDED_BYTES: Final = 200_000_000

# The signature of an entry in a zip's directory.
_ENTRY: Final = b"PK\x01\x02"
# The others ask for as much memory as the archive likes.
_METHODS: Final = frozenset({zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED})


@dataclass(frozen=True, slots=True)
class Member:
    """One file of an archive: its path inside, and its bytes or why it can't be had."""

    path: str
    content: bytes | UnreadableError


def members(content: bytes) -> Iterator[Member]:
    """The readable files of a zip, in the order of their paths.

    Hidden files and those of other formats are passed over, as in a folder.

    Raises:
        UnreadableError: if it is torn, has too many files, or would expand too far.
    """
    # Counted before the directory is read: each entry becomes an object of half a kilobyte.
    if content.count(_ENTRY) > MAX_MEMBERS:
        raise UnreadableError(f"is a zip of more than {MAX_MEMBERS:,} files. Split it.")
    try:
        archive = zipfile.ZipFile(BytesIO(content))
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
        raise UnreadableError(f"is a torn zip file: {error}.") from error
    with archive:
        wanted = sorted(
            (info for info in archive.infolist() if _is_wanted(info)),
            key=lambda info: info.filename,
        )
        # Python's zipfile never gives out more than the size that the archive declares.
        expanded = sum(info.file_size for info in wanted)
        if expanded > MAX_EXPANDED_BYTES:
            raise UnreadableError(
                f"is a zip that expands to {expanded / 1e6:,.0f} MB; "
                f"{MAX_EXPANDED_BYTES / 1e6:,.0f} MB is the most. Split it."
            )
        for info in wanted:
            yield Member(info.filename, _content(archive, info))


def _is_wanted(info: zipfile.ZipInfo) -> bool:
    # A damaged archive may have a member without a name.
    if not info.filename:
        return False
    path = PurePosixPath(info.filename)
    hidden = any(part.startswith((".", "__MACOSX")) and part != ".." for part in path.parts)
    return not info.is_dir() and not hidden and path.suffix.lower() in ENDINGS


def _content(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> bytes | UnreadableError:
    path = PurePosixPath(info.filename)
    if path.is_absolute() or ".." in path.parts or "\\" in info.filename:
        return UnreadableError("has a path that leads out of its zip.")
    if path.suffix.lower() == ".zip":
        return UnreadableError("is a zip inside a zip: unpack it.")
    if info.flag_bits & 1:
        return UnreadableError("is encrypted: pack it without a password.")
    if info.compress_type not in _METHODS:
        return UnreadableError("is packed by a method other than deflate: pack it again.")
    if info.file_size > MAX_PACKED_BYTES:
        return UnreadableError(
            f"has {info.file_size / 1e6:,.0f} MB; {MAX_PACKED_BYTES / 1e6:,.0f} MB is the most."
        )
    try:
        return archive.read(info)
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError) as error:
        return UnreadableError(f"is torn: {error}.")
