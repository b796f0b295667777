"""A whole site, crawled by its sitemap and its links, within limits.

A page's links are stored with it, so an interrupted crawl resumes with the pages that it read. A
crawl never leaves the scheme, host, port and folder of its start. Query parameters are sorted, and
parameters for sessions and tracking are dropped. Only a few addresses with the same path but other
queries are visited, so a crawl of a calendar ends.
"""

import re
from collections import Counter, deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final
from urllib.parse import parse_qsl, unquote, urlencode, urlsplit, urlunsplit

from knowledge.sources.entries import EntryStore
from knowledge.sources.kinds.page import (
    WebSource,
    failure,
    fetch_listing,
    page_content,
    resolve_listing,
)
from knowledge.sources.kinds.sitemaps import ListedUrl, UnlistableError, extract_links
from knowledge.sources.net.addresses import host_of, normal_url, problem_with_url
from knowledge.sources.net.polite_fetcher import Failed, Fetched, Fetcher, Gone, Unchanged
from knowledge.sources.source import Content, EntryError, Listed, Listing, ListingEnd, Skipped

# The most queries of one path.
QUERIES: Final = 5
# The most folders in a path, and the most repeats of one name in it.
SEGMENTS: Final = 20
REPEATS: Final = 3

_SESSION: Final = re.compile(
    r"(?:utm_\w+|fbclid|gclid|msclkid|mc_cid|mc_eid|ref|sid|s|session_?id|php_?sessid|"
    r"jsessionid|aspsessionid\w*|cfid|cftoken|replytocom|share|print)",
    re.IGNORECASE,
)
_PATH_SESSION: Final = re.compile(r";(?:jsessionid|sid|phpsessid)=[^/]*", re.IGNORECASE)
# Suffixes of files that are no pages; they are never requested.
_NO_PAGES: Final = frozenset(
    {
        *(".7z", ".bz2", ".dmg", ".exe", ".gz", ".iso", ".jar", ".msi", ".rar", ".tar", ".tgz"),
        *(".avi", ".m4a", ".mov", ".mp3", ".mp4", ".ogg", ".wav", ".webm"),
        *(".bmp", ".gif", ".ico", ".jpeg", ".jpg", ".png", ".svg", ".tif", ".tiff", ".webp"),
        *(".css", ".eot", ".ics", ".js", ".json", ".otf", ".rss", ".ttf", ".webmanifest"),
        *(".woff", ".woff2", ".xml", ".zip", ".zst"),
        *(".csv", ".doc", ".docx", ".odt", ".ppt", ".pptx", ".xls", ".xlsx"),
    }
)


@dataclass(frozen=True, slots=True)
class CrawlScope:
    """The bounds of a crawl: a host, and the folder that contains all paths."""

    host: str
    folder: str

    def has(self, url: str) -> bool:
        """Whether an address is on the host and in the folder.

        A path with `.` or `..` is refused, even in percent-encoded form, because a server may
        resolve it to a path outside the folder.
        """
        if problem_with_url(url) or host_of(url) != self.host:
            return False
        path = urlsplit(url).path or "/"
        # Some servers decode twice, or ignore the rest behind a ;.
        parts = (part.partition(";")[0] for part in re.split(r"[/\\]", unquote(unquote(path))))
        if {".", ".."}.intersection(parts):
            return False
        return path.startswith(self.folder) or path == self.folder.rstrip("/")


def scope_of(url: str) -> CrawlScope:
    """The scope of a crawl that begins at an address.

    If the last part of the address's path looks like a file, the scope is the file's folder.
    """
    path = urlsplit(url).path or "/"
    parent, _, last = path.rpartition("/")
    folder = f"{parent}/" if not last or "." in last else f"{path}/"
    return CrawlScope(host_of(url), folder)


def page_url(url: str, base: str = "") -> str:
    """Normalize a page's address, so each page is requested once; empty if invalid."""
    found = normal_url(url, base)
    if not found:
        return ""
    parts = urlsplit(found)
    kept = sorted(
        (name, value)
        for name, value in parse_qsl(parts.query, keep_blank_values=True)
        if not _SESSION.fullmatch(name)
    )
    path = _PATH_SESSION.sub("", parts.path) or "/"
    return normal_url(urlunsplit(parts._replace(path=path, query=urlencode(kept), fragment="")))


def is_page(url: str) -> bool:
    """Whether an address may lead to a page, by its suffix."""
    last = urlsplit(url).path.rpartition("/")[2].lower()
    return "." not in last or f".{last.rpartition('.')[2]}" not in _NO_PAGES


@dataclass(slots=True)
class TrapGuard:
    """Guard against crawler traps: repeated path segments, deep folders, many queries of a path."""

    _queries: Counter[str] = field(default_factory=Counter)

    def allows(self, url: str) -> bool:
        parts = urlsplit(url)
        segments = [segment for segment in parts.path.split("/") if segment]
        most = max(Counter(segments).values(), default=0)
        if len(segments) > SEGMENTS or most > REPEATS:
            return False
        if not parts.query:
            return True
        self._queries[parts.path] += 1
        return self._queries[parts.path] <= QUERIES


# Default limits of a crawl: links from the start, and requested pages.
DEPTH: Final = 4
MOST_DEPTH: Final = 10
PAGES: Final = 300
MOST_PAGES: Final = 2_000
# Sitemaps to try: those in robots.txt, and the usual places.
SITEMAPS: Final = 5

_HTML: Final = frozenset({"", "text/html", "application/xhtml+xml"})


@dataclass(slots=True)
class _Frontier:
    """Queue of the addresses to visit inside the scope, breadth first, without repeats.

    `left` is the number of addresses that may still be visited. `cut` is whether an address was
    dropped because of this limit.
    """

    scope: CrawlScope
    depth: int
    left: int
    cut: bool = False
    _waiting: deque[tuple[Listed, int]] = field(default_factory=deque)
    seen: set[str] = field(default_factory=set)
    _traps: TrapGuard = field(default_factory=TrapGuard)

    def add(self, address: str, depth: int, modified: datetime | None = None) -> None:
        url = page_url(address)
        if depth > self.depth or not url or url in self.seen or not self.scope.has(url):
            return
        if not is_page(url) or not self._traps.allows(url):
            return
        self.seen.add(url)
        if self.left <= len(self._waiting):
            self.cut = True
            return
        self._waiting.append((Listed(url, modified=modified), depth))

    def next(self) -> tuple[Listed, int] | None:
        if not self._waiting or self.left <= 0:
            return None
        self.left -= 1
        return self._waiting.popleft()

    @property
    def waiting(self) -> int:
        return len(self._waiting)


class Site(WebSource):
    """The pages below an address, as far as `depth` links from it, and `pages` at most."""

    kind = "crawl"
    unlisted = "is no longer linked, or closed to programs"

    def __init__(self, location: str) -> None:
        super().__init__(location)
        limits = {key: int(value) for key, value in parse_qsl(self.options) if value.isdecimal()}
        self.depth = min(limits.get("depth", DEPTH), MOST_DEPTH)
        self.pages = min(limits.get("pages", PAGES), MOST_PAGES)
        self._scope = scope_of(self.url)
        self._is_down = False

    @classmethod
    def locate_within(cls, url: str, depth: int, pages: int, *, internal: bool = False) -> str:
        return cls.locate(url, f"depth={depth}&pages={pages}", internal=internal)

    def listing(self, state: Mapping[str, str]) -> Listing:
        """List the start, then the pages of the site's sitemap, then linked pages."""
        frontier, found = _Frontier(self._scope, self.depth, self.pages), 0
        frontier.add(self.url, 0)
        if self.depth:
            for page in _from_sitemaps(self._scope, self.url, self.visit.fetcher):
                frontier.add(page.url, 1, page.modified)
        while (following := frontier.next()) is not None:
            listed, depth = following
            self.waiting = frontier.waiting
            yield listed
            entry = self.visit.entries.entry(self.location, listed.key)
            found += entry.checked_at is not None
            # A redirect may have led to another page's address.
            frontier.seen.add(page_url(entry.link or entry.key))
            if canonical := entry.data.get("canonical"):
                frontier.add(canonical, depth)
            for link in entry.data.get("links", ()):
                frontier.add(link, depth + 1)
        if frontier.cut:
            reason = (
                f"has more than {self.pages:,} pages; so many are asked for, unless the crawl is "
                "added with more"
            )
            return ListingEnd(reason=reason)
        # While its start fails, nothing is known of the others.
        hint = "" if found > 1 else self._single_page_hint()
        return ListingEnd(whole=not self._is_down, reason=hint)

    def _single_page_hint(self) -> str:
        """The hint to start at the parent folder, if a crawl found only its start, or else ""."""
        path = urlsplit(self.url).path
        if path in ("", "/") or self._scope.folder != f"{path}/":
            return ""
        if not self.visit.entries.entry(self.location, page_url(self.url)).text:
            return ""
        folder = f"{host_of(self.url)}{path.rpartition('/')[0]}/"
        return f"links to no page below it: for the pages beside it, name {folder}"

    def content(self, key: str) -> Content | Unchanged | Gone | Skipped | None:
        is_start = key == page_url(self.url)
        if not (is_start or self.visit.fetcher.allows(key)):
            return Skipped()
        outcome = self.fetch(key, inside=self._scope.has)
        is_no_page = isinstance(outcome, Gone) or (isinstance(outcome, Failed) and outcome.no_page)
        if is_no_page and not (is_start or self.visit.entries.entry(self.location, key).text):
            # A broken link isn't reported.
            return Skipped()
        if isinstance(outcome, Failed):
            self._is_down |= is_start and outcome.down
            if outcome.busy or outcome.down:
                raise failure(outcome)
            raise EntryError(outcome.reason)
        if not isinstance(outcome, Fetched):
            return outcome
        return replace(page_content(outcome), details=self._links(outcome))

    def _links(self, page: Fetched) -> dict[str, object]:
        """The canonical address and the links of a page, as far as they are in the scope."""
        if page.content_type not in _HTML:
            return {}
        found = extract_links(page.content, page.url)
        canonical = page_url(found.canonical) if found.canonical else ""
        links = dict.fromkeys([] if page.nofollow else map(page_url, found.links))
        return {
            "canonical": canonical if canonical and self._scope.has(canonical) else "",
            "links": [link for link in links if self._scope.has(link) and is_page(link)],
        }

    def duplicates(self, entries: EntryStore) -> set[str]:
        """Pages with another page as the canonical one; two that name each other don't count."""
        links: dict[str, str] = {}
        canonical: dict[str, str] = {}
        for entry in entries.outlines(self.location):
            if entry.text:
                links[entry.link or entry.key] = entry.key
                canonical[entry.key] = entry.data.get("canonical", "")
        own = {link for link, key in links.items() if canonical[key] in ("", link)}
        return {
            key for link, key in links.items() if canonical[key] != link and canonical[key] in own
        }


def _from_sitemaps(scope: CrawlScope, url: str, fetcher: Fetcher) -> Iterator[ListedUrl]:
    """The entries inside the scope. Only the first sitemap with such entries is used."""
    host = host_of(url)
    usual = (f"{host}/sitemap.xml", f"{host}{scope.folder}sitemap.xml")
    named = [address for address in fetcher.sitemaps(url) if urlsplit(address).scheme]
    for address in list(dict.fromkeys((*named, *usual)))[:SITEMAPS]:
        if not address.startswith(f"{host}/") or not fetcher.allows(address):
            continue
        try:
            listed = fetch_listing(address, fetcher, lambda at: at.startswith(f"{host}/"))
        except UnlistableError:
            continue
        pages = resolve_listing(listed, fetcher).pages
        if inside := [page for page in pages if scope.has(page.url)]:
            yield from inside
            return
