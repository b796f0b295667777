"""Parser of sitemaps, sitemap indexes and `llms.txt`, in the sandbox.

The sitemap protocol allows only addresses on the listing's own host; all others are dropped.

Source:
    https://www.sitemaps.org/protocol.html and https://llmstxt.org/.
"""

import io
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any, Final

from lxml import etree

from knowledge.files.parsed_file import UnreadableError
from knowledge.files.reader import sandbox
from knowledge.files.sandbox_process import Parsed
from knowledge.sources.net.addresses import host_of, normal_url, problem_with_url
from knowledge.sources.net.safe_network import RefusedError, read_bounded

# The protocol's own limit is 50 MB; a sitemap of this size already lists more pages than are read.
LISTING_BYTES: Final = 20_000_000

_GZIP: Final = b"\x1f\x8b"
_XML: Final = re.compile(rb"<(?:\w+:)?(?P<kind>urlset|sitemapindex)\b")
_LINK: Final = re.compile(
    r"\[[^\[\]\n]{0,500}\]\(<?(?P<url>(?:[^\s)>\]]|\](?!\()){1,2000})>?(?:\s+\"[^\"\n]*\")?\)"
)


class UnlistableError(RefusedError):
    """The listing can't be read; the message is the rest of a sentence about the listing."""


@dataclass(frozen=True, slots=True)
class ListedUrl:
    """An address in a listing; `modified` is the time of its last change, if stated."""

    url: str
    modified: datetime | None = None


@dataclass(frozen=True, slots=True)
class Listing:
    """The entries of a listing: its pages, or the sitemaps of an index."""

    pages: tuple[ListedUrl, ...] = ()
    listings: tuple[ListedUrl, ...] = ()


def parse_listing(content: bytes, url: str) -> Listing | None:
    """Parse a sitemap, a sitemap index or an `llms.txt`, gzipped or not; None for other content.

    Raises:
        UnlistableError: if the content is damaged, or too large.
    """
    if content.startswith(_GZIP):
        content = _unpack(content)
    match = _XML.search(content[:4_096])
    if match is not None:
        found = tuple(_on_own_host(_entries(content), url))
        return Listing(listings=found) if match["kind"] == b"sitemapindex" else Listing(found)
    if url.partition("?")[0].endswith("/llms.txt"):
        text = content.decode("utf-8", "replace")
        return Listing(
            tuple(_on_own_host((ListedUrl(m["url"]) for m in _LINK.finditer(text)), url))
        )
    return None


def parse_listing_sandboxed(content: bytes, url: str) -> Listing | None:
    """Run `parse_listing` in the sandbox.

    Raises:
        UnlistableError: like `parse_listing`.
    """
    try:
        return sandbox.begin(parse_listing_in_sandbox, content, url, _checked_listing).result()
    except UnreadableError as error:
        raise UnlistableError(str(error).rstrip(".")) from error


def parse_listing_in_sandbox(content: bytes, url: str) -> Parsed:
    """Run `parse_listing`, and convert its result for the sandbox.

    The value `kind` is "pages", "listings" or "other". The text has a line per address.
    """
    try:
        found = parse_listing(content, url)
    except UnlistableError as error:
        raise UnreadableError(str(error)) from error
    if found is None:
        return {"kind": "other"}, ""
    entries = found.listings or found.pages
    lines = (f"{each.url} {each.modified.isoformat() if each.modified else ''}" for each in entries)
    return {"kind": "listings" if found.listings else "pages"}, "\n".join(lines)


def _checked_listing(values: dict[str, Any], text: str) -> Listing | None:
    if values["kind"] == "other":
        return None
    found = []
    for line in text.split("\n") if text else ():
        url, _, modified = line.partition(" ")
        found.append(ListedUrl(url, datetime.fromisoformat(modified) if modified else None))
    entries = tuple(found)
    return Listing(listings=entries) if values["kind"] == "listings" else Listing(entries)


def _unpack(content: bytes) -> bytes:
    try:
        unpacked = read_bounded([content], LISTING_BYTES, packed=True)
    except RefusedError as error:
        raise UnlistableError("is a damaged gzip file") from error
    if unpacked is None:
        raise UnlistableError(f"has more than {LISTING_BYTES / 1e6:,.0f} MB when it is unpacked")
    return unpacked


def _entries(content: bytes) -> Iterator[ListedUrl]:
    reading = etree.iterparse(
        io.BytesIO(content),
        events=("end",),
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        huge_tree=False,
        remove_comments=True,
        remove_pis=True,
    )
    try:
        for _, element in reading:
            if _name(element) in ("url", "sitemap"):
                values = {_name(child): (child.text or "").strip() for child in element}
                if values.get("loc"):
                    yield ListedUrl(values["loc"], _moment(values.get("lastmod", "")))
                element.clear()
    except etree.XMLSyntaxError as error:
        raise UnlistableError(f"is no valid XML ({error.msg})") from error


def _name(element: "etree._Element") -> str:
    tag = element.tag
    return str(tag).rpartition("}")[2]


def _moment(text: str) -> datetime | None:
    """Parse a date or time of the protocol; returns None for other text."""
    try:
        if len(text) == 10:
            day = date.fromisoformat(text)
            return datetime(day.year, day.month, day.day, tzinfo=UTC)
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _on_own_host(entries: Iterator[ListedUrl], url: str) -> Iterator[ListedUrl]:
    """The entries on the listing's own host, each once, in order."""
    seen: set[str] = set()
    for entry in entries:
        found = normal_url(entry.url, url)
        if not found or found in seen or problem_with_url(found) or host_of(found) != host_of(url):
            continue
        seen.add(found)
        yield ListedUrl(found, entry.modified)
