"""Safe reader of an export folder: ordinary files only, within the size limits of an export."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path

from knowledge.backup.export_format import FILE_BYTES, LINE_BYTES, FolderError


def files(folder: Path, above: str) -> Iterator[Path]:
    for guild in sorted((folder / above).glob("*")):
        for each in (folder / above, guild):
            refuse_link(folder, each)
        yield from sorted(guild.glob("*.md"))


def refuse_link(folder: Path, path: Path) -> None:
    if path.is_symlink():
        raise FolderError(
            f"{path.relative_to(folder)} is a symbolic link: an export has none. Put the file "
            "itself there."
        )


def _opened(folder: Path, path: Path) -> int:
    """Open an ordinary file; links and special files are refused."""
    refuse_link(folder, path)
    name = path.relative_to(folder)
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | getattr(os, "O_NOFOLLOW", 0))
    except OSError as error:
        raise FolderError(f"{name} can't be read: {error.strerror or error}.") from error
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise FolderError(f"{name} isn't an ordinary file, as an export has.")
    return descriptor


def content(folder: Path, path: Path) -> str:
    with os.fdopen(_opened(folder, path), "rb") as file:
        content = file.read(FILE_BYTES + 1)
    name = path.relative_to(folder)
    if len(content) > FILE_BYTES:
        raise FolderError(f"{name} has more than {FILE_BYTES:,} bytes: no export writes that.")
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        raise FolderError(f"{name} is not UTF-8: save it as UTF-8 text.") from error


def lines(folder: Path, path: Path) -> Iterator[str]:
    with os.fdopen(_opened(folder, path), "rb") as file:
        while line := file.readline(LINE_BYTES + 1):
            if len(line) > LINE_BYTES:
                raise FolderError(f"{path.name} has a line of more than {LINE_BYTES:,} bytes.")
            try:
                yield line.decode()
            except UnicodeDecodeError as error:
                raise FolderError(f"{path.name} is not UTF-8: save it as UTF-8 text.") from error
