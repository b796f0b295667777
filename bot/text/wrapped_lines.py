"""Joining of wrapped lines, as in rendered Markdown, and removal of needless blank lines. Pure."""

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from indexer.text.sentences import FENCES, LIST_MARKER, ROW, fences

# An editor wraps no line before this, so a shorter one was ended on purpose.
WRAPPED_CHARACTERS: Final = 60
CODE_SET_IN: Final = 4

# Starts of a block, or of a line that continues one.
_BLOCKS: Final = (*FENCES, ROW, ">", "#")
# Line ends by Markdown, or before an announced text.
_ENDINGS: Final = ("  ", "\\", ":")
_GAP: Final = re.compile(r"\n(?:[ \t]*\n)+")


def join_lines(text: str, places: Sequence[int] = ()) -> tuple[str, list[int]]:
    """Return the text with wrapped lines joined, and the new values of the offsets `places`."""
    return _replace(text, ((*span, " ") for span in _wrapped_ends(text)), places)


def tighten(text: str, places: Sequence[int] = ()) -> tuple[str, list[int]]:
    """Return the text without needless blank lines, and the new values of the offsets `places`.

    No blank line stays above a list or beside code, where Discord adds space; elsewhere, one stays.
    """
    return _replace(text, _gaps(text), places)


def _replace(
    text: str, parts: Iterable[tuple[int, int, str]], places: Sequence[int]
) -> tuple[str, list[int]]:
    """Replace some spans; returns the text and the new values of the offsets `places`."""
    kept: list[str] = []
    moved = [*places]
    position = 0
    for start, end, new in parts:
        kept += [text[position:start], new]
        longer = len(new) - (end - start)
        moved = [to + longer * (place >= end) for to, place in zip(moved, places, strict=True)]
        position = end
    return "".join([*kept, text[position:]]), moved


def _gaps(text: str) -> Iterator[tuple[int, int, str]]:
    """Yield the spans of blank lines outside of code, with their replacements."""
    code = [*fences(text)]
    begins, ends = {start for start, _ in code}, {end for _, end in code}
    for gap in _GAP.finditer(text):
        start, end = gap.span()
        if any(first < start < last for first, last in code):
            continue
        following = len(text) - len(text[end:].lstrip(" \t"))
        beside = following in begins or start in ends
        yield start, end, "\n" if beside or LIST_MARKER.match(text, end) else "\n\n"


def _wrapped_ends(text: str) -> Iterator[tuple[int, int]]:
    """Yield the spans between a wrapped line and its continuation."""
    code = fences(text)
    first, last = next(code, (len(text), len(text)))
    start, before, in_item, is_code = 0, "", False, False
    for line in text.split("\n"):
        while last <= start < len(text):
            first, last = next(code, (len(text), len(text)))
        said = line.lstrip()
        set_in = len(line) - len(said)
        begins = LIST_MARKER.match(line) is not None
        in_item = begins or (in_item and (set_in > 0 or bool(before.strip()) or not said))
        if not before.strip():
            is_code = set_in >= CODE_SET_IN * (1 + in_item) and not begins
        if (
            before.strip()
            and said
            and not (begins or is_code)
            # An indented continuation explains the line above.
            and (in_item or set_in <= len(before) - len(before.lstrip()))
            and not said.startswith(_BLOCKS)
            and not before.lstrip().startswith(_BLOCKS)
            and not before.endswith(_ENDINGS)
            and len(f"{before} {said.split(maxsplit=1)[0]}") > WRAPPED_CHARACTERS
            and not first <= start
        ):
            yield start - 1, start + set_in
        start += len(line) + 1
        before = line
