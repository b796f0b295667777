"""Crawl of a web source into the page store, from which its pages are quoted.

`sync` asks the host, one page a step, and keeps the results; it can be ended between any two steps
without a loss. `web_documents` reads only the page store, so nothing is fetched while a question is
answered or an index is updated.
"""

from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import PurePosixPath
from typing import Final
from urllib.parse import unquote, urlsplit

from knowledge.files.parsed_file import MAX_BYTES, UnreadableError
from knowledge.files.reader import PARSERS_VERSION, SUFFIXES, parse_bytes
from knowledge.files.site_addresses import OWN
from knowledge.values.documents import SHARED, Document, Failure, Kind, Scope
from knowledge.values.source_locations import address_of, unmarked
from knowledge.web.outgoing import outgoing_of
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
from knowledge.web.sitemaps import LISTING_BYTES, Listed, Listing, UnlistableError, listing_of

# The reason of a full site, after its address.
FULL: Final = (
    "has no more room: the pages of a server's own sources may take as much as "
    "`sources.web_megabytes` says, so the rest is not read"
)
# Pages with this reason are left out as their authors want, which is no failure.
HIDES: Final = "asks programs not to show it"

# At a second a page, half an hour.
SITE_PAGES: Final = 2_000
INDEX_LISTINGS: Final = 50
# The failures in a row after which a host is not asked again in this run.
FAILURES_IN_A_ROW: Final = 5
# The time for which a sitemap's dates of change are trusted.
BELIEVED: Final = timedelta(days=7)

_ENDINGS: Final = {
    "text/html": ".html",
    "application/xhtml+xml": ".html",
    "text/plain": ".txt",
    "text/markdown": ".md",
    "text/x-markdown": ".md",
    "application/pdf": ".pdf",
}


@dataclass(frozen=True, slots=True)
class CrawlStep:
    """Progress of a sync: the finished and the listed pages, and the last page."""

    done: int
    total: int
    url: str


@dataclass(slots=True)
class ListedPages:
    """The pages that a source lists; `whole` is whether that is all of them.

    They may take `most` bytes together with the list.
    """

    pages: list[Listed] = field(default_factory=list)
    whole: bool = True
    reason: str = ""
    most: int | None = None


def is_due(site: Site, now: datetime, interval: timedelta) -> bool:
    """Whether a site's last sync is at least the interval ago.

    A sync in the future doesn't count: a clock was wrong then.
    """
    return site.synced_at is None or not timedelta() <= now - site.synced_at < interval


def sync(
    location: str,
    pages: PageStore,
    fetcher: Fetcher,
    now: datetime,
    grace: timedelta,
    *,
    most: int | None = None,
) -> Iterator[CrawlStep]:
    """Sync a source: a page, or all pages listed in a sitemap or an `llms.txt`.

    Gone pages are quoted for the time of `grace`; at most `most` bytes are kept, or any number.
    """
    url = unmarked(location)
    yield CrawlStep(0, 0, url)
    root = pages.page(location, url)
    outcome = fetch_page(fetcher, root, PAGE_TYPES | LIST_TYPES, LISTING_BYTES)
    root = after(root, outcome, now, grace)
    try:
        listed = listing_of(root.content, root.link or url) if root.content else None
    except UnlistableError as error:
        listed, root = None, replace(root, content=b"", reason=str(error))
    known = [Listed(each) for each in pages.urls(location) if each != url]
    if listed is None and not known:
        fits = pages.keep_within(read_page(root, outcome), most)
        pages.keep_site(Site(location, now, "" if fits else FULL))
        yield CrawlStep(1, 1, url)
        return
    pages.keep_within(replace(root, title="", text="", readers=PARSERS_VERSION), most)
    if isinstance(outcome, Failed):
        # The host would hardly answer for the pages; their text is kept.
        pages.keep_site(Site(location, now, root.reason))
        return
    reason = root.reason or "is no list of pages any more"
    found = ListedPages(known, whole=False, reason=reason)
    if listed is not None:
        found = listed_pages(listed, fetcher)
    found.most = most
    reason = yield from _sync_pages(location, found, pages, fetcher, (now, grace))
    pages.keep_site(Site(location, now, reason or found.reason))


def listed_pages(listed: Listing, fetcher: Fetcher) -> ListedPages:
    found = ListedPages(list(listed.pages))
    if len(listed.listings) > INDEX_LISTINGS:
        found.whole = False
        found.reason = f"lists {len(listed.listings):,} sitemaps; {INDEX_LISTINGS} are read"
    for each in listed.listings[:INDEX_LISTINGS]:
        outcome = fetcher.fetch(each.url, types=PAGE_TYPES | LIST_TYPES, limit=LISTING_BYTES)
        problem = "" if isinstance(outcome, Fetched) else getattr(outcome, "reason", "failed")
        try:
            inner = None
            if isinstance(outcome, Fetched):
                inner = listing_of(outcome.content, outcome.url)
        except UnlistableError as error:
            inner, problem = None, str(error)
        if inner is None:
            found.whole = False
            found.reason = f"lists {each.url}, which {problem or 'is no sitemap'}"
            continue
        found.pages += inner.pages
    if not found.pages and not found.reason:
        found.whole = False
        found.reason = "lists no page of its own scheme, host and port"
    if len(found.pages) > SITE_PAGES:
        found.whole = False
        found.reason = f"lists {len(found.pages):,} pages; the first {SITE_PAGES:,} are read"
        del found.pages[SITE_PAGES:]
    return found


def _sync_pages(
    site: str,
    found: ListedPages,
    pages: PageStore,
    fetcher: Fetcher,
    when: tuple[datetime, timedelta],
) -> Generator[CrawlStep, None, str]:
    """Look at every listed page; returns why not all were read, or nothing."""
    now, grace = when
    failures, full, root = 0, "", unmarked(site)
    for done, each in enumerate(found.pages, start=1):
        page = pages.page(site, each.url)
        if not is_current(page, each, now) and (page.content or not full):
            outcome = fetch_page(fetcher, page)
            if isinstance(outcome, Failed) and outcome.busy:
                return f"{outcome.reason}; the rest waits for the next look"
            failures = failures + 1 if isinstance(outcome, Failed) else 0
            page = after(page, outcome, now, grace)
            if not pages.keep_within(read_page(page, outcome), found.most):
                full = FULL
        yield CrawlStep(done, len(found.pages), each.url)
        if failures >= FAILURES_IN_A_ROW:
            return f"failed {failures} times in a row; the rest waits for the next look"
    if found.whole:
        listed = {each.url for each in found.pages}
        for gone in [url for url in pages.urls(site) if url not in listed and url != root]:
            page = pages.page(site, gone)
            pages.keep(after(page, Gone("is no longer listed"), now, grace))
    return full


def is_current(page: WebPage, each: Listed, now: datetime) -> bool:
    """Whether the list says that a fetched page has not changed since."""
    return (
        page.is_known
        and not page.reason
        and each.modified is not None
        and page.fetched_at is not None
        and page.checked_at is not None
        and each.modified + timedelta(days=1) < page.fetched_at
        and timedelta() <= now - page.checked_at < BELIEVED
    )


def fetch_page(
    fetcher: Fetcher,
    page: WebPage,
    types: frozenset[str] = PAGE_TYPES,
    limit: int = MAX_BYTES,
    inside: Callable[[str], bool] = lambda at: True,
) -> FetchOutcome:
    """Fetch a page, unless it is unchanged."""
    etag, last_modified = (page.etag, page.last_modified) if page.is_known else ("", "")
    return fetcher.fetch(
        page.url,
        etag=etag,
        last_modified=last_modified,
        types=types,
        limit=limit,
        inside=inside,
    )


def read_page(page: WebPage, outcome: FetchOutcome) -> WebPage:
    """The page with the text of its content; an unreadable one keeps its old text.

    A page that asks not to be shown has no text from then on. It is fetched whole each time,
    because the rule may be only in the host's headers.
    """
    if isinstance(outcome, Fetched | Unchanged) and outcome.hidden:
        return _hidden(page, f"its host says {outcome.hidden}")
    if not isinstance(outcome, Fetched):
        return page
    if page.content_type in LIST_TYPES:
        return replace(page, readers=PARSERS_VERSION, reason="is neither a page nor a sitemap")
    try:
        reading = parse_bytes(page.content, name=_name(page))
    except UnreadableError as error:
        return replace(page, readers=PARSERS_VERSION, reason=str(error).rstrip("."))
    if reading.hidden:
        return _hidden(page, f"it says {reading.hidden}")
    return replace(page, readers=PARSERS_VERSION, title=reading.title, text=reading.text)


def _hidden(page: WebPage, told: str) -> WebPage:
    return replace(
        page,
        readers=PARSERS_VERSION,
        content=b"",
        title="",
        text="",
        reason=f"{HIDES} ({told}), so it is not quoted",
    )


def _name(page: WebPage) -> str:
    """The page's name as a file: its suffix tells the format."""
    path = PurePosixPath(unquote(urlsplit(page.link or page.url).path))
    ending = _ENDINGS.get(page.content_type)
    # Many hosts send every text as `text/plain`.
    told = page.content_type == "text/plain" and path.suffix.lower() in SUFFIXES
    if ending is None or told or path.suffix.lower() == ending:
        return path.name or "page.html"
    return f"{path.name or urlsplit(page.url).netloc}{ending}"


# Quotation.


@dataclass(frozen=True, slots=True)
class SiteState:
    """The pages of a web source, its last sync, and all failures."""

    site: Site
    pages: int
    documents: int
    failures: tuple[Failure, ...]


def page_id(page: WebPage, scope: Scope) -> str:
    return _document_id(page.link or page.url, scope)


def page_ids(url: str, scope: Scope, pages: PageStore) -> list[str]:
    """The ids of a source's documents, existing or possible."""
    return [_document_id(link, scope) for link in pages.links(url)]


def _document_id(link: str, scope: Scope) -> str:
    return f"page:{link}" if scope == SHARED else f"page:{scope}:{link}"


def web_documents(
    sources: Sequence[tuple[str, Scope]], pages: PageStore
) -> Iterator[Document | Failure]:
    """The documents of all quotable pages, and all failures."""
    for url, scope in sources:
        doubled = duplicates(pages, url)
        for page in pages.pages(url):
            if page.text and page.url not in doubled:
                yield Document(
                    id=page_id(page, scope),
                    scope=scope,
                    kind=Kind.PAGE,
                    title=page.title,
                    text=page.text,
                    link=page.link or page.url,
                    anchors=OWN,
                )
        yield from site_failures(pages, url, scope)


def duplicates(pages: PageStore, url: str) -> set[str]:
    """The pages of a site whose canonical address is another page of it.

    Of pages that name each other, none is a duplicate.
    """
    links: dict[str, str] = {}
    canonical: dict[str, str] = {}
    for page in pages.outlines(url):
        if page.text:
            links[page.link or page.url] = page.url
            canonical[page.url] = outgoing_of(page.details).canonical
    own = {link for link, page in links.items() if canonical[page] in ("", link)}
    return {
        page for link, page in links.items() if canonical[page] != link and canonical[page] in own
    }


def site_failures(pages: PageStore, url: str, scope: Scope) -> Iterator[Failure]:
    """All failures of a source and its pages."""
    site = pages.site(url)
    root, named = unmarked(url), address_of(url)
    yield from sync_failure(site, named)
    for page in pages.pages(url):
        # A crawl's start may be named without the slash at its end.
        if page.reason.startswith(HIDES) and named not in (page.url, page.url.rstrip("/")):
            continue
        if page.reason and (page.url != root or not site.reason):
            yield Failure(page.url, f"{page.reason}.", page_id(page, scope) if page.text else "")


def sync_failure(site: Site, shown: str) -> Iterator[Failure]:
    """The failure of a source's last sync, if any; `shown` is the source's name."""
    missing = "has not been fetched yet: run `commonplace source sync`"
    reason = missing if site.synced_at is None else site.reason
    if reason:
        yield Failure(shown, f"{reason}.", f"site:{site.url}")


def site_state(pages: PageStore, url: str, scope: Scope) -> SiteState:
    kept = {page.url: bool(page.text) for page in pages.pages(url)}
    if len(kept) > 1:
        # The list itself is no page.
        kept.pop(unmarked(url), None)
    return SiteState(
        pages.site(url),
        len(kept),
        sum(kept.values()),
        tuple(site_failures(pages, url, scope)),
    )
