"""Pages of a site: path, template and context of each.

A page is a value whose digest covers all its inputs, so unchanged pages aren't rendered again.
"""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any, Final, NamedTuple

from knowledge.page.site import ASKED, NEWEST, PublishedNote, Site, tag_address

# Lengths of the first page's list and tags, of a list's page, and of the feed.
_FIRST: Final = 10
_FIRST_TAGS: Final = 12
LISTED: Final = 100
_FEED: Final = 50
# A list that fits into a model's context.
_FOR_MODELS: Final = 1_000


class Listed(NamedTuple):
    """A note in a list."""

    address: str
    title: str
    tags: tuple[str, ...]
    verified: date


@dataclass(frozen=True, slots=True)
class Page:
    """One file of the site, before rendering."""

    path: str
    template: str
    context: dict[str, Any]

    @property
    def address(self) -> str:
        return self.path.removesuffix("index.html")

    @property
    def depth(self) -> int:
        return self.path.count("/")

    def digest(self, shared: str) -> str:
        """The digest of all inputs. `shared` is the digest of inputs common to all pages."""
        return hashlib.sha256(f"{shared}\0{self!r}".encode()).hexdigest()


def pages(site: Site) -> Iterator[Page]:
    everything = sorted(site.notes, key=lambda note: (note.updated, note.address), reverse=True)
    notes = [note for note in everything if not note.is_article]
    listed = {note.address: _listed(note) for note in everything}
    for note in everything:
        related = tuple(listed[address] for address in note.related if address in listed)
        context = {"note": _without_count(note), "related": related}
        yield Page(f"{note.address}index.html", "note.html", context)

    newest = [listed[note.address] for note in notes]
    yield from _paged(NEWEST, "newest", newest)
    by_count = sorted(notes, key=lambda note: note.asked_count, reverse=True)
    asked = [listed[note.address] for note in by_count if note.asked_count]
    yield from _paged(ASKED, "asked", asked[:LISTED])
    tagged: dict[str, list[Listed]] = {}
    for note in everything:
        for tag in note.tags:
            tagged.setdefault(tag, []).append(listed[note.address])
    for tag, under_tag in tagged.items():
        yield from _paged(tag_address(tag), "tag", under_tag, tag)

    most = sorted(tagged, key=lambda tag: (-len(tagged[tag]), tag))
    counts = tuple((tag, len(tagged[tag])) for tag in most)
    yield Page("tags/index.html", "tags.html", {"tags": tuple(sorted(counts))})
    context = {
        "tags": counts[:_FIRST_TAGS],
        "newest": tuple(newest[:_FIRST]),
        "asked": tuple(asked[:_FIRST]),
        "articles": tuple(listed[note.address] for note in everything if note.is_article),
    }
    yield Page("index.html", "index.html", context)
    yield Page("404.html", "404.html", {})
    yield Page("style.css", "style.css", {})
    if site.base_url:
        yield Page("feed.xml", "feed.xml", {"notes": tuple(map(_without_count, notes[:_FEED]))})
    if site.indexed:
        yield Page("llms.txt", "llms.txt", {"notes": tuple(newest[:_FOR_MODELS])})


def _paged(address: str, kind: str, notes: Sequence[Listed], tag: str = "") -> Iterator[Page]:
    """Divide a list into pages, newest first.

    All pages but the first have a fixed length, and are numbered from the oldest. So a new note
    changes only the first page.
    """
    full = max(len(notes) // LISTED - 1, 0)
    ends = [len(notes) - number * LISTED for number in range(full, -1, -1)]
    places = [address, *(f"{address}{number}/" for number in range(full, 0, -1))]
    for at, (place, end) in enumerate(zip(places, ends, strict=True)):
        context = {
            "kind": kind,
            "tag": tag,
            "notes": tuple(notes[ends[at - 1] if at else 0 : end]),
            "before": places[at - 1] if at else "",
            "after": places[at + 1] if at + 1 < len(places) else "",
        }
        yield Page(f"{place}index.html", "list.html", context)


def _listed(note: PublishedNote) -> Listed:
    return Listed(note.address, note.title, note.tags, note.verified)


def _without_count(note: PublishedNote) -> PublishedNote:
    """The note without its `asked_count`, so a new question doesn't change the note's page."""
    return replace(note, asked_count=0)
