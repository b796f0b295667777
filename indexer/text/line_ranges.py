"""Line ranges of passages: on which lines of their document each of them stands. Pure."""

from collections.abc import Iterator, Sequence
from typing import Final

from indexer.text.passages import Passage

_UNDERLINES: Final = frozenset("=-")


def line_ranges(text: str, passages: Sequence[Passage]) -> Iterator[tuple[int, int] | None]:
    """The first and last line of each passage, counting from 1; its heading's line is the first.

    Args:
        text: the document that was cut.
        passages: what it was cut into, in order.

    Yields:
        A range for each passage; None for one that is not in the text as it stands.
    """
    lines = text.split("\n")
    at, counted, line = 0, 0, 0
    for passage in passages:
        place = _place(text, passage.text, at)
        if place is None:
            yield None
            continue
        found, end = place
        line += text.count("\n", counted, found)
        at, counted = end, found
        yield _with_heading(lines, line) + 1, line + text.count("\n", found, end) + 1


def _place(text: str, passage: str, at: int) -> tuple[int, int] | None:
    """Where a passage begins and ends behind a place.

    Where a cut went through code, a mark that closes or opens it again was put to the passage.
    """
    for written in (passage, passage.rpartition("\n")[0], passage.partition("\n")[2]):
        if written.strip() and (found := text.find(written, at)) >= 0:
            return found, found + len(written.rstrip())
    inner = passage.partition("\n")[2].rpartition("\n")[0]
    found = text.find(inner, at) if inner.strip() else -1
    return (found, found + len(inner)) if found >= 0 else None


def _with_heading(lines: Sequence[str], first: int) -> int:
    """The line of the heading that stands just above a line, or the line itself."""
    above = first - 1
    while above >= 0 and not lines[above].strip():
        above -= 1
    if above < 0:
        return first
    if lines[above].lstrip().startswith("#"):
        return above
    is_underline = set(lines[above].strip()) <= _UNDERLINES and len(set(lines[above].strip())) == 1
    return above - 1 if is_underline and above > 0 and lines[above - 1].strip() else first
