"""Crawl of a whole site, by its sitemap and its links, within limits.

Each page is stored right after its fetch, with its links. So an interrupted crawl can resume: it
skips the pages visited since the last complete crawl. Requests are conditional, by ETag and date,
so an unchanged page isn't sent again.
"""

from collections import deque
from collections.abc import Generator, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final
from urllib.parse import urlsplit

from knowledge.sources.entries import PageStore, Site, WebPage, next_state
from knowledge.sources.kinds.crawl_scope import CrawlScope, TrapGuard, is_page, page_url, scope_of
from knowledge.sources.kinds.outgoing import Outgoing, dump_links, extract_links, load_links
from knowledge.sources.kinds.page import (
    FAILURES_IN_A_ROW,
    FULL,
    CrawlStep,
    fetch_listing,
    fetch_page,
    is_current,
    parse_page,
    resolve_listing,
    was_visited,
)
from knowledge.sources.kinds.sitemaps import (
    ListedUrl,
    UnlistableError,
)
from knowledge.sources.locations import crawl_at
from knowledge.sources.net.addresses import host_of
from knowledge.sources.net.polite_fetcher import (
    Failed,
    Fetched,
    Fetcher,
    FetchOutcome,
    Gone,
    Unchanged,
)

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
    _waiting: deque[tuple[ListedUrl, int]] = field(default_factory=deque)
    _seen: set[str] = field(default_factory=set)
    _traps: TrapGuard = field(default_factory=TrapGuard)

    def add(self, found: ListedUrl, depth: int) -> None:
        url = page_url(found.url)
        if depth > self.depth or not url or url in self._seen or not self.scope.has(url):
            return
        if not is_page(url) or not self._traps.allows(url):
            return
        self._seen.add(url)
        if self.left <= len(self._waiting):
            self.cut = True
            return
        self._waiting.append((ListedUrl(url, found.modified), depth))

    def mark_visited(self, url: str) -> None:
        """Mark an address as visited, because a redirect has led to it."""
        self._seen.add(page_url(url))

    def next(self) -> tuple[ListedUrl, int] | None:
        if not self._waiting or self.left <= 0:
            return None
        self.left -= 1
        return self._waiting.popleft()

    @property
    def waiting(self) -> int:
        return len(self._waiting)


@dataclass(slots=True)
class _Crawl:
    """A running crawl: its settings and its results so far."""

    location: str
    pages: PageStore
    fetcher: Fetcher
    frontier: _Frontier
    now: datetime
    grace: timedelta
    most: int | None
    before: Site
    reached: set[str] = field(default_factory=set)
    failures: int = 0
    full: str = ""


def sync_site(
    location: str,
    pages: PageStore,
    fetcher: Fetcher,
    now: datetime,
    grace: timedelta,
    *,
    most: int | None = None,
) -> Generator[CrawlStep, None, None]:
    """Crawl a site; each step is one page.

    Pages that are gone or no longer linked are still quoted for the period `grace`. `most` is the
    maximum number of bytes to store; None is unlimited.
    """
    crawl = crawl_at(location)
    if crawl is None:
        raise ValueError(f"{location} is no crawl.")
    yield CrawlStep(0, 0, crawl.url)
    frontier = _Frontier(scope_of(crawl.url), crawl.depth, crawl.pages)
    before = pages.site(location)
    run = _Crawl(location, pages, fetcher, frontier, now, grace, most, before)
    start = page_url(crawl.url)
    frontier.add(ListedUrl(start), 0)
    if crawl.depth:
        for each in _from_sitemaps(frontier.scope, crawl.url, fetcher):
            frontier.add(each, 1)
    reason = yield from _crawl_frontier(run, start)
    if not reason and not frontier.cut:
        _retire(run)
    if frontier.cut and not reason:
        reason = (
            f"has more than {crawl.pages:,} pages; so many are asked for, unless the crawl is "
            "added with more"
        )
    pages.keep_site(Site(location, now, reason or run.full or _single_page_hint(run, crawl.url)))


def _single_page_hint(run: _Crawl, url: str) -> str:
    """The hint to start at the parent folder, if a crawl found only its start, or else ""."""
    path = urlsplit(url).path
    if len(run.reached) > 1 or path in ("", "/") or run.frontier.scope.folder != f"{path}/":
        return ""
    if not run.pages.page(run.location, page_url(url)).text:
        return ""
    folder = f"{host_of(url)}{path.rpartition('/')[0]}/"
    return f"links to no page below it: for the pages beside it, name {folder}"


def _crawl_frontier(run: _Crawl, start: str) -> Generator[CrawlStep, None, str]:
    """Visit all pages in the queue; returns the reason if the crawl stops early, else ""."""
    done = 0
    while (entry := run.frontier.next()) is not None:
        listed, depth = entry
        outcome = _visit(run, listed, is_start=listed.url == start)
        done += 1
        if isinstance(outcome, Failed) and outcome.busy:
            return f"{outcome.reason}; the rest waits for the next look"
        found = load_links(run.pages.page(run.location, listed.url).details)
        if found.canonical:
            run.frontier.add(ListedUrl(found.canonical), depth)
        for link in found.links:
            run.frontier.add(ListedUrl(link), depth + 1)
        yield CrawlStep(done, done + run.frontier.waiting, listed.url)
        if run.failures >= FAILURES_IN_A_ROW:
            return f"failed {run.failures} times in a row; the rest waits for the next look"
    return ""


def _visit(run: _Crawl, listed: ListedUrl, *, is_start: bool) -> FetchOutcome | None:
    """Fetch and keep a page; returns None if no request is needed or allowed."""
    page = run.pages.page(run.location, listed.url)
    if was_visited(page, run.before, run.now) or is_current(page, listed, run.now):
        run.reached.add(page.url)
        run.frontier.mark_visited(page.link or page.url)
        return None
    if (run.full and not page.content) or not (is_start or run.fetcher.allows(listed.url)):
        return None
    outcome = fetch_page(run.fetcher, page, inside=run.frontier.scope.has)
    is_down = isinstance(outcome, Failed) and outcome.down
    run.failures = run.failures + 1 if is_down else 0
    if not page.text and not is_start and _is_no_page(outcome):
        # A broken link isn't reported.
        return outcome
    run.reached.add(page.url)
    page = _with_links(next_state(page, outcome, run.now, run.grace), outcome, run.frontier.scope)
    run.frontier.mark_visited(page.link or page.url)
    if not run.pages.keep_within(parse_page(page, outcome), run.most):
        run.full = FULL
    return outcome


def _is_no_page(outcome: FetchOutcome) -> bool:
    return isinstance(outcome, Gone) or (isinstance(outcome, Failed) and outcome.no_page)


def _with_links(page: WebPage, outcome: FetchOutcome, scope: CrawlScope) -> WebPage:
    """Store the page's links in `page.details`, without links that leave the scope."""
    if isinstance(outcome, Unchanged):
        return replace(page, details="") if outcome.nofollow else page
    if not isinstance(outcome, Fetched):
        return page
    if outcome.content_type not in _HTML:
        return replace(page, details="")
    found = extract_links(outcome.content, outcome.url)
    canonical = page_url(found.canonical) if found.canonical else ""
    links = [] if outcome.nofollow else map(page_url, found.links)
    kept = Outgoing(
        canonical if canonical and scope.has(canonical) else "",
        tuple(dict.fromkeys(link for link in links if scope.has(link) and is_page(link))),
    )
    return replace(page, details=dump_links(kept))


def _retire(run: _Crawl) -> None:
    """Mark the pages that this crawl did not reach as gone; drop such pages without text."""
    for url in run.pages.urls(run.location):
        if url not in run.reached:
            page = run.pages.page(run.location, url)
            gone = next_state(
                page,
                Gone("is no longer linked, or closed to programs"),
                run.now,
                run.grace,
            )
            if gone.text:
                run.pages.keep(gone)
            else:
                run.pages.drop(run.location, [url])


def _from_sitemaps(scope: CrawlScope, url: str, fetcher: Fetcher) -> Iterator[ListedUrl]:
    """The entries inside the scope. Only the first sitemap with such entries is used."""
    host = host_of(url)
    usual = (f"{host}/sitemap.xml", f"{host}{scope.folder}sitemap.xml")
    named = [each for each in fetcher.sitemaps(url) if urlsplit(each).scheme]
    for address in list(dict.fromkeys((*named, *usual)))[:SITEMAPS]:
        if not address.startswith(f"{host}/") or not fetcher.allows(address):
            continue
        found = _listed_in(address, fetcher)
        inside = [each for each in found if scope.has(each.url)]
        if inside:
            yield from inside
            return


def _listed_in(address: str, fetcher: Fetcher) -> list[ListedUrl]:
    host = host_of(address)
    try:
        found = fetch_listing(address, fetcher, lambda at: at.startswith(f"{host}/"))
    except UnlistableError:
        return []
    return resolve_listing(found, fetcher).pages
