"""A page on the web, or all pages that a sitemap or an `llms.txt` at its address lists."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from knowledge.files.parsed_file import MAX_BYTES
from knowledge.sources.entries import Entry
from knowledge.sources.kinds.sitemaps import (
    LISTING_BYTES,
    ListedUrl,
    UnlistableError,
    parse_listing_sandboxed,
)
from knowledge.sources.kinds.sitemaps import Listing as Sitemap
from knowledge.sources.net.api_client import BusyError
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
from knowledge.sources.net.safe_network import RefusedError
from knowledge.sources.source import Content, Listed, Listing, ListingEnd, Skipped, Source
from knowledge.values.documents import SHARED, Scope

# At a second a page, half an hour.
SITE_PAGES: Final = 2_000
INDEX_LISTINGS: Final = 50


@dataclass(slots=True)
class ListedPages:
    """The pages that a sitemap lists; `reason` says why the list isn't whole."""

    pages: Sequence[ListedUrl] = field(default_factory=list)
    whole: bool = True
    reason: str = ""


class WebSource(Source):
    """A source of pages, each fetched by its address."""

    lists_as_it_reads = True
    obeys_robots = True

    def document_id(self, entry: Entry, scope: Scope) -> str:
        link = entry.link or entry.key
        return f"page:{link}" if scope == SHARED else f"page:{scope}:{link}"

    def link_of(self, key: str) -> str:
        return key

    def entry_name(self, entry: Entry) -> str:
        return entry.key

    def fetch(
        self,
        key: str,
        types: frozenset[str] = PAGE_TYPES,
        limit: int = MAX_BYTES,
        inside: Callable[[str], bool] = lambda at: True,
    ) -> FetchOutcome:
        """Fetch a page with a conditional request, by its stored ETag and date."""
        entry = self.visit.entries.entry(self.location, key)
        etag, date = (entry.revision, entry.last_modified) if entry.is_parsed else ("", "")
        return self.visit.fetcher.fetch(
            key, etag=etag, last_modified=date, types=types, limit=limit, inside=inside
        )


def page_content(page: Fetched, *, is_list: bool = False) -> Content:
    return Content(
        title="",
        body=page.content,
        link=page.url,
        content_type=page.content_type,
        revision=page.etag,
        last_modified=page.last_modified,
        hidden=page.hidden,
        is_list=is_list,
    )


def failure(outcome: Failed) -> RefusedError:
    return BusyError(outcome.reason) if outcome.busy else RefusedError(outcome.reason)


class Page(WebSource):
    """A page, or the pages of a list."""

    unlisted = "is no longer listed"

    def __init__(self, location: str) -> None:
        super().__init__(location)
        self.list_key = self.url
        self._listed: Sitemap | None = None
        self._known: list[str] = []
        self._is_unlistable = False

    def listing(self, state: Mapping[str, str]) -> Listing:
        """List the address itself, and the pages that are listed there."""
        entries, url = self.visit.entries, self.url
        self._known = [key for key in entries.keys(self.location) if key != url]
        yield Listed(url)
        root = entries.entry(self.location, url)
        if self._listed is None and root.content and not root.text and not root.reason:
            # An interrupted visit fetched the list.
            self._listed = parse_listing_sandboxed(root.content, root.link or url)
        if self._listed is not None:
            found = resolve_listing(self._listed, self.visit.fetcher)
        elif not self._known:
            return ListingEnd()
        elif root.reason and root.gone_at is None and not self._is_unlistable:
            # The host would hardly answer for the pages; their text is kept.
            return ListingEnd(reason=root.reason)
        else:
            reason = root.reason or "is no list of pages any more"
            found = ListedPages([ListedUrl(key) for key in self._known], False, reason)
        for done, page in enumerate(found.pages, start=1):
            self.waiting = len(found.pages) - done
            yield Listed(page.url, modified=page.modified)
        return ListingEnd(whole=found.whole, reason=found.reason)

    def content(self, key: str) -> Content | Unchanged | Gone | Skipped | None:
        if key != self.url:
            outcome = self.fetch(key)
            if isinstance(outcome, Failed):
                raise failure(outcome)
            return page_content(outcome) if isinstance(outcome, Fetched) else outcome
        outcome = self.fetch(key, PAGE_TYPES | LIST_TYPES, LISTING_BYTES)
        if isinstance(outcome, Failed):
            raise failure(outcome)
        if not isinstance(outcome, Fetched):
            return outcome
        try:
            self._listed = parse_listing_sandboxed(outcome.content, outcome.url)
        except UnlistableError:
            self._is_unlistable = True
            raise
        if self._listed is None and not self._known and outcome.content_type in LIST_TYPES:
            raise RefusedError("is neither a page nor a sitemap")
        return page_content(outcome, is_list=self._listed is not None or bool(self._known))


def fetch_listing(
    url: str, fetcher: Fetcher, inside: Callable[[str], bool] = lambda at: True
) -> Sitemap:
    """Fetch a sitemap; `inside` decides whether its address, or a redirect's, may be requested.

    Raises UnlistableError if the sitemap can't be fetched or read.
    """
    types = PAGE_TYPES | LIST_TYPES
    outcome = fetcher.fetch(url, types=types, limit=LISTING_BYTES, inside=inside)
    if not isinstance(outcome, Fetched):
        raise UnlistableError(getattr(outcome, "reason", "failed"))
    found = parse_listing_sandboxed(outcome.content, outcome.url)
    if found is None:
        raise UnlistableError("is no sitemap")
    return found


def resolve_listing(listed: Sitemap, fetcher: Fetcher) -> ListedPages:
    """The pages of a listing; for an index, fetch its sitemaps and return all of their pages."""
    pages, reason = [*listed.pages], ""
    if len(listed.listings) > INDEX_LISTINGS:
        reason = f"lists {len(listed.listings):,} sitemaps; {INDEX_LISTINGS} are read"
    for sitemap in listed.listings[:INDEX_LISTINGS]:
        try:
            pages += fetch_listing(sitemap.url, fetcher).pages
        except UnlistableError as error:
            reason = f"lists {sitemap.url}, which {error}"
    if not pages and not reason:
        reason = "lists no page of its own scheme, host and port"
    if len(pages) > SITE_PAGES:
        reason = f"lists {len(pages):,} pages; the first {SITE_PAGES:,} are read"
        del pages[SITE_PAGES:]
    return ListedPages(pages, not reason, reason)
