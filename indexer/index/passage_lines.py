"""Fragments of citations' links, made of the line numbers or headings of passages.

Only passages with a fragment have a row in `passage_lines`.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from typing import Final

from indexer.text.passages import HEADING_SEPARATOR, Passage, heading_lines
from knowledge.files.site_addresses import anchors, without_own_id
from knowledge.values.documents import Document

_UNDERLINES: Final = frozenset("=-")
# Anchors made in one step, at most 30 µs each.
_ANCHORS_A_STEP: Final = 1_000


def fragments(document: Document, passages: Sequence[Passage]) -> Iterator[str | None]:
    """Yield the link fragment of each passage, and None between two steps of a long document.

    A fragment is empty if neither lines nor anchors are known.
    """
    if document.anchors:
        yield from _anchors(document, passages)
        return
    lines = document.lines
    if lines is None or not lines.form:
        yield from ("" for _ in passages)
        return
    if not lines.first:
        headings = dict(reversed(lines.headings))
        for passage in passages:
            line = headings.get(passage.heading.rpartition(HEADING_SEPARATOR)[2])
            yield _line_fragment(lines.form, line, line) if line is not None else ""
        return
    for found in line_ranges(document.text, passages):
        if found is None:
            yield ""
            continue
        first, last = (number + lines.first - 1 for number in found)
        yield _line_fragment(lines.form, first, last)


def _anchors(document: Document, passages: Sequence[Passage]) -> Iterator[str | None]:
    """The anchor of the heading above each passage; empty above the first heading."""
    above: list[int] = []
    levels: list[int] = []
    words: list[str] = []
    for heading in heading_lines(document.text):
        if heading is None:
            yield None
            continue
        above.append(heading[0])
        levels.append(heading[1])
        words.append(heading[2])
    named: list[str] = []
    titles: list[str] = []
    places: dict[str, list[int]] = {}
    for place, anchor in enumerate(anchors(document.anchors or "", words, levels)):
        named.append(anchor)
        titles.append(without_own_id(words[place]))
        places.setdefault(titles[place], []).append(place)
        if len(named) % _ANCHORS_A_STEP == 0:
            yield None
    place = -1
    for passage, lines in zip(passages, line_ranges(document.text, passages), strict=True):
        before = place
        if lines is not None:
            place = bisect_right(above, lines[0]) - 1
        title = passage.heading.rpartition(HEADING_SEPARATOR)[2]
        if (same := places.get(title)) and (place < before or titles[place] != title):
            # The same text stands elsewhere, too, but the heading isn't above the last one's.
            place = same[min(bisect_left(same, before), len(same) - 1)]
        yield named[place] if passage.heading and place >= 0 else ""


def _line_fragment(form: str, first: int, last: int) -> str:
    """Fill line numbers into `form`, such as `L{first}-L{last}`; one line gives `L{first}`."""
    if first == last:
        form = form.partition("{first}")[0] + "{first}"
    return form.replace("{first}", str(first)).replace("{last}", str(last))


def line_ranges(text: str, passages: Sequence[Passage]) -> Iterator[tuple[int, int] | None]:
    """The first and last line of each passage with the heading just above it, counting from 1.

    Yields None for a passage that isn't found in the text.
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
    """The start and end of a passage, searched from an offset.

    A passage cut out of code has an added fence, which isn't in the text.
    """
    for written in (passage, passage.rpartition("\n")[0], passage.partition("\n")[2]):
        if written.strip() and (found := text.find(written, at)) >= 0:
            return found, found + len(written.rstrip())
    inner = passage.partition("\n")[2].rpartition("\n")[0]
    found = text.find(inner, at) if inner.strip() else -1
    return (found, found + len(inner)) if found >= 0 else None


def _with_heading(lines: Sequence[str], first: int) -> int:
    """The line of the heading just above a line, or the line itself."""
    above = first - 1
    while above >= 0 and not lines[above].strip():
        above -= 1
    if above < 0:
        return first
    if lines[above].lstrip().startswith("#"):
        return above
    is_underline = set(lines[above].strip()) <= _UNDERLINES and len(set(lines[above].strip())) == 1
    return above - 1 if is_underline and above > 0 and lines[above - 1].strip() else first
