"""Joiner of the wrapped lines of a paragraph, which Markdown reads as one line. Pure."""

from collections.abc import Iterator, Sequence
from typing import Final

from indexer.text.sentences import FENCES, LIST_MARKER, ROW, fences

# No editor wraps a line where the next word ends before: somebody has ended it there.
WRAPPED_CHARACTERS: Final = 60
CODE_SET_IN: Final = 4

# What begins a block of its own, or goes on with one that is no paragraph.
_BLOCKS: Final = (*FENCES, ROW, ">", "#")
# What Markdown, or somebody who announces what follows, ends a line with.
_ENDINGS: Final = ("  ", "\\", ":")


def joined(text: str, places: Sequence[int] = ()) -> tuple[str, list[int]]:
    """A text with its wrapped lines joined, and where some places in it are then."""
    parts: list[str] = []
    moved = [*places]
    position = 0
    for start, end in _wrapped_ends(text):
        parts += [text[position:start], " "]
        moved = [
            to - (end - start - 1) * (place >= end) for to, place in zip(moved, places, strict=True)
        ]
        position = end
    return "".join([*parts, text[position:]]), moved


def _wrapped_ends(text: str) -> Iterator[tuple[int, int]]:
    """The spans of what ends a wrapped line, with what sets in the next one."""
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
            # What is set in further explains the line above.
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
