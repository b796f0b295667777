"""Breadcrumbs of a place in a document: title and headings. Pure."""

import re
from typing import Final

from bot.text.markdown import legible, shorten, size
from indexer.text.passages import HEADING_SEPARATOR, without_link_targets

# A shortened title keeps this much beside a long heading.
_TITLE_CHARACTERS: Final = 24
_SENTENCE: Final = re.compile(r"(?:\S+\s+){3,}\S*[.!]")
# Marks that a list would show verbatim.
_MARKS: Final = re.compile(r"\*\*|`|\\(?=[^a-zA-Z\d\s])")
_EMPHASIS: Final = re.compile(r"(?<![\w*\\])([*_])(?=[^\s*_])([^*_]{0,200}[^\s*_\\])\1(?![\w*])")


def heading_name(heading: str, most: int) -> str:
    """Return the path of headings within `most` units. The outermost headings are dropped first.

    Outer headings that are sentences or links are always dropped.
    """
    *above, last = heading.split(HEADING_SEPARATOR)
    above = [outer for outer in above if _SENTENCE.fullmatch(outer) is None and "](" not in outer]
    while above and size(HEADING_SEPARATOR.join([*above, last])) > most:
        del above[0]
    return shorten(HEADING_SEPARATOR.join([*above, last]), most)


def place_name(title: str, heading: str, most: int) -> str:
    """Return title and headings as plain text within `most` units.

    Outer headings are dropped first, then the title is shortened.
    """
    title, heading = (as_seen(part) for part in (title, heading))
    if not title or not heading:
        return shorten(title or heading_name(heading, most), most)
    last = heading.rpartition(HEADING_SEPARATOR)[2]
    left = most - size(HEADING_SEPARATOR + last)
    title = shorten(title, max(left, _TITLE_CHARACTERS))
    before = f"{title}{HEADING_SEPARATOR}"
    return before + heading_name(heading, most - size(before))


def as_seen(text: str) -> str:
    """A title or heading without the marks of code, emphasis and links."""
    words = _EMPHASIS.sub(r"\2", without_link_targets(legible(text)))
    return " ".join(_MARKS.sub("", words).split())
