"""Reader of logs of unknown origin: texts, gzip files and zips become their deciding lines.

Unpacking and parsing happen in a sandbox of their own, with limits of size, ratio, files and time.
Only the lines leave the sandbox; the log is never stored.
"""

import gzip
import io
import zipfile
import zlib
from collections.abc import Iterator
from concurrent.futures import Future
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from pathlib import PurePosixPath
from typing import IO, Any, Final

from knowledge.files.log_lines import LINE_CHARACTERS, LINES, deciding_lines
from knowledge.files.parsed_file import WIDE
from knowledge.files.sandbox import Sandbox
from knowledge.secrets import without_secrets
from knowledge.text import legible

SUFFIXES: Final = (".txt", ".log", ".gz", ".zip")
# Limits of a file, of everything unpacked from it, and of their ratio; real logs shrink to a
# twentieth, and repeated lines to a hundredth.
LOG_BYTES: Final = 8_000_000
UNPACKED_BYTES: Final = 40_000_000
MOST_RATIO: Final = 250
# The largest number of logs in a zip.
FILES: Final = 20
SECONDS: Final = 15
_MEMORY_BYTES: Final = 600_000_000
_PIECE_BYTES: Final = 65_536


class Problem(StrEnum):
    """A reason why a log can't be read."""

    LARGE = "large"
    BOMB = "bomb"
    MANY = "many"
    EMPTY = "empty"
    TORN = "torn"
    PACKED = "packed"
    NO_TEXT = "no text"


class _ProblemError(Exception):
    """The log can't be read, for the reason in `problem`."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem)
        self.problem = problem


@dataclass(frozen=True, slots=True)
class ReadLog:
    """The deciding lines of a log, or the reason why there are none."""

    lines: tuple[str, ...] = ()
    problem: Problem | None = None


@lru_cache(maxsize=1)
def sandbox() -> Sandbox:
    return Sandbox(SECONDS, _MEMORY_BYTES)


def begin_log(content: bytes) -> "Future[ReadLog]":
    """Begin to read a log.

    The future raises `UnreadableError` if the log takes too long or too much memory.
    """
    return sandbox().begin(log_in_sandbox, content, "", _checked)


def log_in_sandbox(content: bytes, _name: str) -> tuple[dict[str, Any], str]:
    """Parse a log in the sandbox's process."""
    try:
        return {"lines": deciding_lines("\n".join(_texts(content)))}, ""
    except _ProblemError as error:
        return {"lines": [], "problem": error.problem.value}, ""


def _texts(content: bytes) -> Iterator[str]:
    """The texts of a file: itself, or unpacked.

    Raises:
        _ProblemError: if the file is damaged, too large, or no text.
    """
    try:
        if content.startswith(b"\x1f\x8b"):
            yield _text(_unpacked(gzip.GzipFile(fileobj=io.BytesIO(content)), len(content)))
        elif content.startswith(b"PK"):
            yield from _zipped(content)
        else:
            yield _text(content)
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError) as error:
        raise _ProblemError(Problem.TORN) from error
    except (RuntimeError, NotImplementedError) as error:
        raise _ProblemError(Problem.PACKED) from error


def _zipped(content: bytes) -> Iterator[str]:
    """The logs in a zip, the newest last."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        logs = [
            info
            for info in archive.infolist()
            if PurePosixPath(info.filename).suffix.casefold() in (".txt", ".log")
            and not info.is_dir()
        ]
        if not logs:
            raise _ProblemError(Problem.EMPTY)
        if len(logs) > FILES:
            raise _ProblemError(Problem.MANY)
        room = UNPACKED_BYTES
        for info in sorted(logs, key=lambda info: info.date_time):
            with archive.open(info) as file:
                unpacked = _unpacked(file, len(content), room)
            room -= len(unpacked)
            yield _text(unpacked)


def _unpacked(file: IO[bytes] | gzip.GzipFile, packed: int, room: int = UNPACKED_BYTES) -> bytes:
    """Unpack a file piece by piece, up to the limits.

    Raises:
        _ProblemError: if it unpacks to too much.
    """
    most = min(room, max(packed * MOST_RATIO, 1_000_000))
    pieces, size = [], 0
    while piece := file.read(_PIECE_BYTES):
        size += len(piece)
        if size > most:
            raise _ProblemError(Problem.BOMB)
        pieces.append(piece)
    return b"".join(pieces)


def _text(content: bytes) -> str:
    for mark, encoding in WIDE.items():
        if content.startswith(mark):
            return content.decode(encoding, errors="replace")
    if b"\0" in content:
        raise _ProblemError(Problem.NO_TEXT)
    return content.decode(errors="replace")


def _checked(values: dict[str, Any], _text: str) -> ReadLog:
    """Check the sandbox's answer, because a log may have hijacked its process; hide secrets."""
    lines = values["lines"]
    if not isinstance(lines, list) or not all(isinstance(line, str) for line in lines):
        raise TypeError(type(lines).__name__)
    shown = (" ".join(legible(line[:LINE_CHARACTERS]).split()) for line in lines[:LINES])
    problem = Problem(values["problem"]) if "problem" in values else None
    return ReadLog(tuple(without_secrets(line) for line in shown if line), problem)
