"""Lists of addresses, parsed in the sandbox: sitemaps, `llms.txt`, and the links of a page.

The sitemap protocol allows only addresses on the listing's own host; all others are dropped. So are
links with `nofollow`, and all links of a page with `nofollow`.

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
from knowledge.files.robots_meta import nofollow_rule_of_tags
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

    Raises UnlistableError if the content is damaged, or too large.
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


# The largest number of links kept of a page.
LINKS: Final = 1_000


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A page's canonical address, if it names one, and its links in order."""

    canonical: str = ""
    links: tuple[str, ...] = ()


def extract_links(content: bytes, url: str) -> Outgoing:
    """The links of an HTML page; no links if the page can't be parsed."""
    try:
        return sandbox.begin(extract_links_in_sandbox, content, url, _checked_links).result()
    except UnreadableError:
        return Outgoing()


def extract_links_in_sandbox(content: bytes, url: str) -> Parsed:
    """Extract the canonical address, and a line for each link; runs in the sandbox."""
    from knowledge.files.formats.html import page_soup

    soup = page_soup(content)
    base = normal_url(_href(soup.select_one("base[href]")), url) or url
    canonical = soup.select_one("link[rel=canonical][href]")
    named = _absolute(_href(canonical), base) if canonical is not None else ""
    tags = [(str(tag.get("name") or ""), str(tag.get("content") or "")) for tag in soup("meta")]
    if ("generator", "MediaWiki") in ((name, content[:9]) for name, content in tags):
        # The article and its categories stay, without links for editing.
        parts = [part.extract() for part in soup.select("#mw-content-text, #catlinks ul")]
        soup.clear()
        soup.extend(parts)
        for tool in soup.select(".mw-editsection, .printfooter, a.new"):
            tool.decompose()
    found = [] if nofollow_rule_of_tags(tags) else list(dict.fromkeys(_links(soup, base)))
    return {"canonical": named}, "\n".join(found[:LINKS])


def _href(tag: Any) -> str:
    return str(tag.get("href") or "") if tag is not None else ""


def _links(soup: Any, base: str) -> Iterator[str]:
    for tag in soup.find_all("a", href=True):
        rel = tag.get("rel") or ()
        words = rel.split() if isinstance(rel, str) else rel
        if "nofollow" not in {word.lower() for word in words}:
            found = _absolute(str(tag["href"]), base)
            if found:
                yield found


def _absolute(href: str, base: str) -> str:
    found = normal_url(href.strip(), base)
    return "" if not found or "\n" in found or problem_with_url(found) else found


def _checked_links(values: dict[str, Any], text: str) -> Outgoing:
    """Convert the sandbox's result; ValueError, TypeError or LookupError if malformed."""
    links = tuple(text.split("\n")) if text else ()
    found = [values["canonical"], *links]
    if len(links) > LINKS or any(link and problem_with_url(link) for link in found):
        raise ValueError("These are no links of a page.")
    return Outgoing(values["canonical"], links)
