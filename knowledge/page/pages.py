"""Pages and other files of a site.

A page is a value: path, template and context. Its digest covers all its inputs, so unchanged pages
aren't rendered again.

Source:
    sitemaps.org, "Sitemaps XML format".
"""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any, Final, NamedTuple
from urllib.parse import quote, urlsplit
from xml.sax.saxutils import escape

import regex

from knowledge.page.site import (
    ASKED,
    LIGHT,
    NEWEST,
    PublishedNote,
    Site,
    readable_accent,
    tag_address,
)

# Lengths of the first page's list and tags, of a list's page, and of the feed.
_FIRST: Final = 10
_FIRST_TAGS: Final = 12
LISTED: Final = 100
_FEED: Final = 50
# A list that fits into a model's context.
_FOR_MODELS: Final = 1_000
SITEMAP_URLS: Final = 50_000


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
    listed = {
        note.address: Listed(note.address, note.title, note.tags, note.verified)
        for note in everything
    }
    for note in everything:
        related = tuple(listed[address] for address in note.related if address in listed)
        context = {"note": _without_count(note), "related": related}
        yield Page(f"{note.address}index.html", "note.html", context)

    newest = [listed[note.address] for note in notes]
    yield from _list_pages(NEWEST, "newest", newest)
    by_count = sorted(notes, key=lambda note: note.asked_count, reverse=True)
    asked = [listed[note.address] for note in by_count if note.asked_count]
    yield from _list_pages(ASKED, "asked", asked[:LISTED])
    tagged: dict[str, list[Listed]] = {}
    for note in everything:
        for tag in note.tags:
            tagged.setdefault(tag, []).append(listed[note.address])
    for tag, under_tag in tagged.items():
        yield from _list_pages(tag_address(tag), "tag", under_tag, tag)

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


def _list_pages(address: str, kind: str, notes: Sequence[Listed], tag: str = "") -> Iterator[Page]:
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


def _without_count(note: PublishedNote) -> PublishedNote:
    """The note without its `asked_count`, so a new question doesn't change the note's page."""
    return replace(note, asked_count=0)


# Files that aren't pages.


def machine_files(site: Site) -> Iterator[tuple[str, str]]:
    """Yield path and text of each file that isn't a page: sitemap, robots.txt, gone paths, icon."""
    listed = ""
    if site.indexed and site.base_url:
        yield "sitemap.xml", _sitemap(site)
        listed = f"Sitemap: {site.base_url}sitemap.xml\n"
    # A search engine must be allowed to read a page to find its `noindex`.
    yield "robots.txt", f"User-agent: *\nAllow: /\n{listed}"
    # Paths for 410 responses, to include in nginx's `map`.
    base = urlsplit(site.base_url).path or "/"
    yield "gone.txt", "".join(f"{base}{address} 410;\n" for address in sorted(site.gone))
    if site.icon is None:
        # The first character of the server's name, on the accent colour.
        sign = regex.match(r"\X", site.name)
        letter = escape(sign[0].upper()) if sign else ""
        yield (
            "icon.svg",
            '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 40 40">'
            f'<rect width="40" height="40" rx="10" fill="{readable_accent(site.accent, LIGHT)}"/>'
            '<text x="20" y="28" font-family="system-ui, sans-serif" font-size="22" '
            f'font-weight="600" fill="#fff" text-anchor="middle">{letter}</text></svg>\n',
        )


def _sitemap(site: Site) -> str:
    newest = sorted(site.notes, key=lambda note: (note.updated, note.address), reverse=True)
    urls = "".join(
        f"<url><loc>{escape(site.base_url + quote(note.address))}</loc>"
        f"<lastmod>{note.updated:%Y-%m-%d}</lastmod></url>\n"
        for note in newest[: SITEMAP_URLS - 1]
    )
    return (
        '<?xml version="1.0" encoding="utf-8"?>\n'
        '<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">\n'
        f"<url><loc>{escape(site.base_url)}</loc></url>\n{urls}</urlset>\n"
    )
