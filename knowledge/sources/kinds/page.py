"""Sync of a page or a sitemap's pages into the page store, and documents from that store.

`sync` fetches and stores one page per step; stopping between two steps loses nothing. The next sync
skips the pages visited since the last complete one.
`web_documents` reads only the page store, so answering a question or updating an index never
fetches anything.
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
from knowledge.sources.entries import PageStore, Site, WebPage, next_state
from knowledge.sources.kinds.outgoing import load_links
from knowledge.sources.kinds.sitemaps import (
    LISTING_BYTES,
    ListedUrl,
    Listing,
    UnlistableError,
    parse_listing_sandboxed,
)
from knowledge.sources.locations import address_of, unmarked
from knowledge.sources.net.polite_fetcher import (
    LIST_TYPES,
    PAGE_TYPES,
    Failed,
    Fetched,
    Fetcher,
    FetchOutcome,
    Gone,
    Unchanged,
)
from knowledge.values.documents import SHARED, Document, Failure, Kind, Scope

# The problem of a site without room for more pages.
FULL: Final = (
    "has no more room: the pages of a server's own sources may take 500 MB, so the rest is not read"
)
# Beginning of the reason of pages whose authors forbid quoting; that is no failure.
HIDES: Final = "asks programs not to show it"

# At a second a page, half an hour.
SITE_PAGES: Final = 2_000
INDEX_LISTINGS: Final = 50
# After this many failures in a row, the run stops asking the host.
FAILURES_IN_A_ROW: Final = 5
# An interrupted sync can resume within this time; later it starts again.
UNFINISHED: Final = timedelta(days=1)
# How long a sitemap's dates of change replace a request.
DATES_TRUSTED_FOR: Final = timedelta(days=7)

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
    """Progress of a sync: the number of finished and of listed pages, and the last page."""

    done: int
    total: int
    url: str


@dataclass(slots=True)
class ListedPages:
    """The pages that a source lists.

    `whole` is whether the list is complete; `reason` says why it isn't. `most` is the maximum
    number of bytes to store for the pages and the list together.
    """

    pages: list[ListedUrl] = field(default_factory=list)
    whole: bool = True
    reason: str = ""
    most: int | None = None


def is_due(site: Site, now: datetime, interval: timedelta) -> bool:
    """Whether the last sync was at least `interval` ago, or a wrong clock put it in the future."""
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

    Gone pages are still quoted for the period `grace`. `most` is the maximum number of bytes to
    store; None is unlimited.
    """
    url = unmarked(location)
    yield CrawlStep(0, 0, url)
    root = pages.page(location, url)
    outcome = fetch_page(fetcher, root, PAGE_TYPES | LIST_TYPES, LISTING_BYTES)
    root = next_state(root, outcome, now, grace)
    try:
        listed = parse_listing_sandboxed(root.content, root.link or url) if root.content else None
    except UnlistableError as error:
        listed, root = None, replace(root, content=b"", reason=str(error))
    known = [ListedUrl(each) for each in pages.urls(location) if each != url]
    if listed is None and not known:
        fits = pages.keep_within(parse_page(root, outcome), most)
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
        found = resolve_listing(listed, fetcher)
    found.most = most
    reason = yield from _sync_pages(location, found, pages, fetcher, (now, grace))
    pages.keep_site(Site(location, now, reason or found.reason))


def fetch_listing(
    url: str, fetcher: Fetcher, inside: Callable[[str], bool] = lambda at: True
) -> Listing:
    """Fetch a sitemap; `inside` decides whether its address, or a redirect's, may be requested.

    Raises:
        UnlistableError: if the sitemap can't be fetched or read.
    """
    types = PAGE_TYPES | LIST_TYPES
    outcome = fetcher.fetch(url, types=types, limit=LISTING_BYTES, inside=inside)
    if not isinstance(outcome, Fetched):
        raise UnlistableError(getattr(outcome, "reason", "failed"))
    found = parse_listing_sandboxed(outcome.content, outcome.url)
    if found is None:
        raise UnlistableError("is no sitemap")
    return found


def resolve_listing(listed: Listing, fetcher: Fetcher) -> ListedPages:
    """The pages of a listing; for an index, fetch its sitemaps and return all of their pages."""
    found = ListedPages(list(listed.pages))
    if len(listed.listings) > INDEX_LISTINGS:
        found.whole = False
        found.reason = f"lists {len(listed.listings):,} sitemaps; {INDEX_LISTINGS} are read"
    for each in listed.listings[:INDEX_LISTINGS]:
        try:
            found.pages += fetch_listing(each.url, fetcher).pages
        except UnlistableError as error:
            found.whole = False
            found.reason = f"lists {each.url}, which {error}"
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
    """Fetch every listed page; returns the reason if pages were skipped, else ""."""
    now, grace = when
    failures, full, root, before = 0, "", unmarked(site), pages.site(site)
    for done, each in enumerate(found.pages, start=1):
        page = pages.page(site, each.url)
        is_read = was_visited(page, before, now) or is_current(page, each, now)
        if not is_read and (page.content or not full):
            outcome = fetch_page(fetcher, page)
            if isinstance(outcome, Failed) and outcome.busy:
                return f"{outcome.reason}; the rest waits for the next look"
            failures = failures + 1 if isinstance(outcome, Failed) else 0
            page = next_state(page, outcome, now, grace)
            if not pages.keep_within(parse_page(page, outcome), found.most):
                full = FULL
        yield CrawlStep(done, len(found.pages), each.url)
        if failures >= FAILURES_IN_A_ROW:
            return f"failed {failures} times in a row; the rest waits for the next look"
    if found.whole:
        listed = {each.url for each in found.pages}
        for gone in [url for url in pages.urls(site) if url not in listed and url != root]:
            page = pages.page(site, gone)
            pages.keep(next_state(page, Gone("is no longer listed"), now, grace))
    return full


def was_visited(page: WebPage, before: Site, now: datetime) -> bool:
    """Whether an interrupted sync after the last complete one, `before`, visited a page."""
    if page.checked_at is None or page.gone_at is not None:
        return False
    since = before.synced_at
    return (
        (page.is_parsed or bool(page.reason))
        and (since is None or page.checked_at > since)
        and timedelta() <= now - page.checked_at < UNFINISHED
    )


def is_current(page: WebPage, each: ListedUrl, now: datetime) -> bool:
    """Whether a page needs no fetch, because the listing shows no change since the last fetch.

    Listed times are trusted only for a week after the last request for the page.
    """
    return (
        page.is_parsed
        and not page.reason
        and each.modified is not None
        and page.fetched_at is not None
        and page.checked_at is not None
        and each.modified + timedelta(days=1) < page.fetched_at
        and timedelta() <= now - page.checked_at < DATES_TRUSTED_FOR
    )


def fetch_page(
    fetcher: Fetcher,
    page: WebPage,
    types: frozenset[str] = PAGE_TYPES,
    limit: int = MAX_BYTES,
    inside: Callable[[str], bool] = lambda at: True,
) -> FetchOutcome:
    """Fetch a page with a conditional request, by its stored ETag and date."""
    etag, last_modified = (page.etag, page.last_modified) if page.is_parsed else ("", "")
    return fetcher.fetch(
        page.url,
        etag=etag,
        last_modified=last_modified,
        types=types,
        limit=limit,
        inside=inside,
    )


def parse_page(page: WebPage, outcome: FetchOutcome) -> WebPage:
    """Parse a page's content into its text; an unreadable page keeps its old text.

    A page that forbids quoting loses its text and content. So the next request isn't conditional,
    the host sends the page again, and the rule against quoting is checked again.
    """
    if isinstance(outcome, Fetched | Unchanged) and outcome.hidden:
        return _hidden(page, f"its host says {outcome.hidden}")
    if not isinstance(outcome, Fetched):
        return page
    if page.content_type in LIST_TYPES:
        return replace(page, readers=PARSERS_VERSION, reason="is neither a page nor a sitemap")
    try:
        reading = parse_bytes(page.content, name=_file_name(page))
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


def _file_name(page: WebPage) -> str:
    """A file name for the page, with the suffix of its format."""
    path = PurePosixPath(unquote(urlsplit(page.link or page.url).path))
    ending = _ENDINGS.get(page.content_type)
    # Many hosts send all text files as `text/plain`.
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
    """The ids of a source's documents.

    The list includes the ids of stored pages without text, which aren't documents yet.
    """
    return [_document_id(link, scope) for link in pages.links(url)]


def _document_id(link: str, scope: Scope) -> str:
    return f"page:{link}" if scope == SHARED else f"page:{scope}:{link}"


def web_documents(
    sources: Sequence[tuple[str, Scope]], pages: PageStore
) -> Iterator[Document | Failure]:
    """The quotable pages of these sources as documents, and all failures."""
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
    """The pages whose canonical address is another page of the same site.

    Two pages that name each other as canonical aren't duplicates.
    """
    links: dict[str, str] = {}
    canonical: dict[str, str] = {}
    for page in pages.outlines(url):
        if page.text:
            links[page.link or page.url] = page.url
            canonical[page.url] = load_links(page.details).canonical
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
        # The start of a crawl may lack the slash at its end.
        if page.reason.startswith(HIDES) and named not in (page.url, page.url.rstrip("/")):
            continue
        if page.reason and (page.url != root or not site.reason):
            yield Failure(page.url, f"{page.reason}.", page_id(page, scope) if page.text else "")


def sync_failure(site: Site, shown: str) -> Iterator[Failure]:
    """The failure of a source's last sync, if any; `shown` is the source's name for readers."""
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
