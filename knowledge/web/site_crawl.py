"""Crawl of a whole site: its pages are found by its sitemap and by their links, within limits.

Each page is stored at once, so an interrupted crawl goes on: pages visited since the last whole
crawl are not asked for again. Requests carry the page's ETag and date, and links are stored with
their page, so an unchanged page costs one answer without content.
"""

from collections import deque
from collections.abc import Generator, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final
from urllib.parse import urlsplit

from knowledge.values.source_locations import crawl_at
from knowledge.web.addresses import host_of
from knowledge.web.crawl import (
    FAILURES_IN_A_ROW,
    FULL,
    CrawlStep,
    fetch_page,
    is_current,
    listed_pages,
    read_page,
)
from knowledge.web.crawl_scope import CrawlScope, TrapGuard, is_page, page_url, scope_of
from knowledge.web.outgoing import Outgoing, as_details, outgoing, outgoing_of
from knowledge.web.page_store import PageStore, Site, WebPage, after
from knowledge.web.polite_fetcher import (
    LIST_TYPES,
    PAGE_TYPES,
    Failed,
    Fetched,
    Fetcher,
    FetchOutcome,
    Gone,
    Unchanged,
)
from knowledge.web.sitemaps import LISTING_BYTES, Listed, UnlistableError, listing_of

# Sitemaps to try: those in robots.txt, and the usual places.
SITEMAPS: Final = 5
# The time within which an interrupted crawl can go on; then it begins anew.
UNFINISHED: Final = timedelta(days=1)

_HTML: Final = frozenset({"", "text/html", "application/xhtml+xml"})


@dataclass(slots=True)
class _Frontier:
    """The addresses still to be asked for, nearest first, each once.

    At most `left` more are returned; `cut` is whether others were dropped.
    """

    scope: CrawlScope
    depth: int
    left: int
    cut: bool = False
    _waiting: deque[tuple[Listed, int]] = field(default_factory=deque)
    _seen: set[str] = field(default_factory=set)
    _traps: TrapGuard = field(default_factory=TrapGuard)

    def add(self, found: Listed, depth: int) -> None:
        url = page_url(found.url)
        if depth > self.depth or not url or url in self._seen or not self.scope.has(url):
            return
        if not is_page(url) or not self._traps.lets(url):
            return
        self._seen.add(url)
        if self.left <= len(self._waiting):
            self.cut = True
            return
        self._waiting.append((Listed(url, found.modified), depth))

    def met(self, url: str) -> None:
        """Record an address as reached through another one, such as a redirect."""
        self._seen.add(page_url(url))

    def next(self) -> tuple[Listed, int] | None:
        if not self._waiting or self.left <= 0:
            return None
        self.left -= 1
        return self._waiting.popleft()

    @property
    def waiting(self) -> int:
        return len(self._waiting)


@dataclass(slots=True)
class _Crawl:
    """A crawl under way: its settings and its results."""

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
    """Crawl a site, a page a step.

    Pages that are gone or no longer linked are quoted for the time of `grace`; at most `most` bytes
    are kept, or any number.
    """
    crawl = crawl_at(location)
    if crawl is None:
        raise ValueError(f"{location} is no crawl.")
    yield CrawlStep(0, 0, crawl.url)
    frontier = _Frontier(scope_of(crawl.url), crawl.depth, crawl.pages)
    before = pages.site(location)
    run = _Crawl(location, pages, fetcher, frontier, now, grace, most, before)
    start = page_url(crawl.url)
    frontier.add(Listed(start), 0)
    if crawl.depth:
        for each in _from_sitemaps(frontier.scope, crawl.url, fetcher):
            frontier.add(each, 1)
    reason = yield from _go(run, start)
    if not reason and not frontier.cut:
        _retire(run)
    if frontier.cut and not reason:
        reason = (
            f"has more than {crawl.pages:,} pages; so many are asked for, unless the crawl is "
            "added with more"
        )
    pages.keep_site(Site(location, now, reason or run.full or _alone(run, crawl.url)))


def _alone(run: _Crawl, url: str) -> str:
    """Why a crawl found one page alone, if a page was probably named in place of its folder."""
    path = urlsplit(url).path
    if len(run.reached) > 1 or path in ("", "/") or run.frontier.scope.folder != f"{path}/":
        return ""
    if not run.pages.page(run.location, page_url(url)).text:
        return ""
    folder = f"{host_of(url)}{path.rpartition('/')[0]}/"
    return f"links to no page below it: for the pages beside it, name {folder}"


def _go(run: _Crawl, start: str) -> Generator[CrawlStep, None, str]:
    """Ask for one page after the other; returns why it ended early, or nothing."""
    done = 0
    while (entry := run.frontier.next()) is not None:
        listed, depth = entry
        outcome = _visit(run, listed, is_start=listed.url == start)
        done += 1
        if isinstance(outcome, Failed) and outcome.busy:
            return f"{outcome.reason}; the rest waits for the next look"
        found = outgoing_of(run.pages.page(run.location, listed.url).details)
        if found.canonical:
            run.frontier.add(Listed(found.canonical), depth)
        for link in found.links:
            run.frontier.add(Listed(link), depth + 1)
        yield CrawlStep(done, done + run.frontier.waiting, listed.url)
        if run.failures >= FAILURES_IN_A_ROW:
            return f"failed {run.failures} times in a row; the rest waits for the next look"
    return ""


def _visit(run: _Crawl, listed: Listed, *, is_start: bool) -> FetchOutcome | None:
    """Ask for a page unless it is known to be unchanged, and keep it; None if it was not asked."""
    page = run.pages.page(run.location, listed.url)
    if _is_done(run, page) or is_current(page, listed, run.now):
        run.reached.add(page.url)
        run.frontier.met(page.link or page.url)
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
    page = _with_links(after(page, outcome, run.now, run.grace), outcome, run.frontier.scope)
    run.frontier.met(page.link or page.url)
    if not run.pages.keep_within(read_page(page, outcome), run.most):
        run.full = FULL
    return outcome


def _is_done(run: _Crawl, page: WebPage) -> bool:
    """Whether an interrupted crawl has visited a page already."""
    if page.checked_at is None or page.gone_at is not None:
        return False
    since = run.before.synced_at
    return (
        (page.is_known or bool(page.reason))
        and (since is None or page.checked_at > since)
        and timedelta() <= run.now - page.checked_at < UNFINISHED
    )


def _is_no_page(outcome: FetchOutcome) -> bool:
    return isinstance(outcome, Gone) or (isinstance(outcome, Failed) and outcome.no_page)


def _with_links(page: WebPage, outcome: FetchOutcome, scope: CrawlScope) -> WebPage:
    """The page with its links inside the scope."""
    if isinstance(outcome, Unchanged):
        return replace(page, details="") if outcome.nofollow else page
    if not isinstance(outcome, Fetched):
        return page
    if outcome.content_type not in _HTML:
        return replace(page, details="")
    found = outgoing(outcome.content, outcome.url)
    canonical = page_url(found.canonical) if found.canonical else ""
    links = [] if outcome.nofollow else map(page_url, found.links)
    kept = Outgoing(
        canonical if canonical and scope.has(canonical) else "",
        tuple(dict.fromkeys(link for link in links if scope.has(link) and is_page(link))),
    )
    return replace(page, details=as_details(kept))


def _retire(run: _Crawl) -> None:
    """Mark unlinked pages as gone."""
    for url in run.pages.urls(run.location):
        if url not in run.reached:
            page = run.pages.page(run.location, url)
            gone = after(
                page,
                Gone("is no longer linked, or closed to programs"),
                run.now,
                run.grace,
            )
            if gone.text:
                run.pages.keep(gone)
            else:
                run.pages.drop(run.location, [url])


def _from_sitemaps(scope: CrawlScope, url: str, fetcher: Fetcher) -> Iterator[Listed]:
    """The entries of the site's own sitemaps inside the scope."""
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


def _listed_in(address: str, fetcher: Fetcher) -> list[Listed]:
    host = host_of(address)
    outcome = fetcher.fetch(
        address,
        types=PAGE_TYPES | LIST_TYPES,
        limit=LISTING_BYTES,
        inside=lambda at: at.startswith(f"{host}/"),
    )
    try:
        found = None
        if isinstance(outcome, Fetched):
            found = listing_of(outcome.content, outcome.url)
        return listed_pages(found, fetcher).pages if found is not None else []
    except UnlistableError:
        return []
