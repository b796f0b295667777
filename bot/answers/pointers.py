"""Pointers: passages that only point to another section, such as a single link.

A pointer is followed if its link leads to a section of the same corpus. Links are compared by the
last part of their path, because a wiki's link has no folder, and a site's has no ending.
"""

import re
from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple
from urllib.parse import unquote

from indexer.index.stored_passage import StoredPassage
from indexer.retrieval.hit import Hit

# The largest numbers of characters of a pointer, and of words around its link.
POINTER_CHARACTERS: Final = 300
WORDS_AROUND: Final = 8

_LINK: Final = re.compile(r"\[([^\][]{1,120})\]\(<?([^()<>\s]{1,200})>?\)")
_WORD: Final = re.compile(r"\w+")
# File names that stand for their folder.
_INDEX: Final = frozenset({"index", "readme"})


class Target(NamedTuple):
    """The place that a pointer names; `page` is empty for the pointer's own page."""

    label: str
    page: str
    anchor: str


def target_of(text: str) -> Target | None:
    """The place that a passage points to, or None if it says more than that."""
    if len(text) > POINTER_CHARACTERS:
        return None
    links = _LINK.findall(text)
    if len(links) != 1 or len(_WORD.findall(_LINK.sub(" ", text))) > WORDS_AROUND:
        return None
    [(label, link)] = links
    address, _, anchor = link.partition("#")
    return Target(label.strip(" *_`"), _page(address), _letters(anchor))


def _page(address: str) -> str:
    """The last part of a path that names a page, in letters and digits."""
    path = re.sub(r"[?].*", "", address).rstrip("/")
    folder, _, name = path.rpartition("/")
    stem = _letters(name.rpartition(".")[0] or name)
    return _page(folder) if stem in _INDEX else stem


def _letters(text: str) -> str:
    return "".join(filter(str.isalnum, unquote(text))).casefold()


def document_at(target: Target, pointer: StoredPassage, hits: Iterable[Hit]) -> str:
    """The id of the document that a pointer leads to; empty if none of the hits is from there."""
    if not target.page:
        return pointer.document_id
    for hit in hits:
        passage = hit.passage
        if target.page in (
            _page(passage.document_id),
            _page(passage.link),
            _letters(passage.title),
        ):
            return passage.document_id
    return ""


def passages_at(
    target: Target, pointer: StoredPassage, passages: Sequence[StoredPassage]
) -> list[StoredPassage]:
    """The passages of the section that a pointer leads to, or else of the whole document."""
    others = [passage for passage in passages if passage.id != pointer.id]
    section = [
        passage
        for passage in others
        if target.anchor and target.anchor in map(_letters, passage.heading.split(" › "))
    ]
    return section or others
