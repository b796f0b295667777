"""Sync of wikis, forums and trackers: fetch changed documents, drop removed ones.

The page store keeps documents like web pages: a document's key is stored as the URL, its revision
as the ETag. Each document is stored right after its request, the state of the listing at the end of
the sync. So an interrupted sync resumes without requesting a document twice. A listing has half of
the visit's time; then the documents listed so far are fetched.
"""

import json
from collections.abc import Collection, Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from typing import Any, Final

from knowledge.files.parsed_file import NO_TEXT, UnreadableError, one_line
from knowledge.files.reader import PARSERS_VERSION, parse_bytes
from knowledge.sources.entries import PageStore, Site, WebPage, next_state
from knowledge.sources.kinds.page import FAILURES_IN_A_ROW, FULL, CrawlStep, sync_failure
from knowledge.sources.kinds.registry import KINDS
from knowledge.sources.kinds.threads import WITHOUT, names_someone
from knowledge.sources.locations import ServiceLocation, service_at
from knowledge.sources.net.addresses import normal_url, problem_with_url
from knowledge.sources.net.api_client import ApiClient, BusyError, LoginError
from knowledge.sources.net.polite_fetcher import Fetcher, Gone
from knowledge.sources.net.safe_network import Clock, LostError, RefusedError, VisitOverError
from knowledge.sources.source import (
    AnswerFormatError,
    Connector,
    Content,
    ListedDocument,
    ListingEnd,
    RemovedDocument,
    checked_answers,
)
from knowledge.text import storable
from knowledge.values.documents import SHARED, Document, Failure, Kind, Scope

# At a second a document, half a day.
MOST_DOCUMENTS: Final = 50_000
# Longer titles, tags and names are cut.
NAME_CHARACTERS: Final = 300
# Longer keys and revisions are refused.
KEY_CHARACTERS: Final = 1_000
# Titles or tags of a document.
MOST_NAMES: Final = 20
# Listed documents between two steps of a listing.
_STEP: Final = 500

# The problem of a service with no document, or only hidden ones.
EMPTY: Final = "lists no document that can be quoted"
# The problem of a service whose list takes more than half of a visit.
LONG: Final = "has a list that takes too long to read; its documents listed until then are read"

_TYPES: Final = {".html": "text/html", ".md": "text/markdown"}
_AGAIN: Final = "is read again without people who asked not to be quoted"
_SUFFIXES: Final = {kind: suffix for suffix, kind in _TYPES.items()}


@dataclass(slots=True)
class _Visit:
    """A running visit: its connector, page store and limit, and its results so far."""

    location: str
    connector: Connector
    pages: PageStore
    clock: Clock
    now: datetime
    most: int | None
    failures: int = 0
    reason: str = ""
    revisions: dict[str, str] = field(default_factory=dict)


def sync(
    location: str,
    pages: PageStore,
    fetcher: Fetcher,
    now: datetime,
    grace: timedelta,
    *,
    most: int | None = None,
    token: str = "",
    login: str = "",
    without: Collection[str] = (),
) -> Generator[CrawlStep, None, None]:
    """Sync a service; each step is one document.

    Raises VisitOverError at the end of the visit (`fetcher.clock`).

    Args:
        location: the source.
        pages: keeps the documents.
        fetcher: connects to the service.
        now: the current time.
        grace: how long the documents of a lost service are still quoted.
        most: the maximum number of bytes to store; None is unlimited.
        token: sent to this service only.
        login: advice for the operator if the service asks for a login.
        without: people to leave out, by name. Stored threads with their names are fetched again.
    """
    service = service_at(location)
    if service is None or service.kind not in KINDS:
        raise ValueError(f"{location} is no service that can be read.")
    yield CrawlStep(0, 0, service.url)
    before, kind = pages.site(location), KINDS[service.kind]
    headers = kind.headers(token) if token else ()
    client = ApiClient(fetcher, kind.api(service.url), headers, kind.busy)
    named = tuple((WITHOUT, name.casefold()) for name in without if kind.has_threads)
    connector = kind.make(replace(service, only=(*service.only, *named)), client)
    visit = _Visit(location, connector, pages, fetcher.clock, now, most)
    _withdraw_named(visit, frozenset(name for _, name in named))
    try:
        ending = yield from _sync_documents(visit, json.loads(before.state or "{}"))
    except LostError as error:
        advice = f"; {login}" if login and isinstance(error, LoginError) else ""
        reason = f"{_reason(error)}{advice}"
        for key in pages.urls(location):
            pages.keep(next_state(pages.page(location, key), Gone(reason), now, grace))
        pages.keep_site(Site(location, now, reason, before.state))
        return
    except RefusedError as error:
        waits = "; the rest waits for the next look" if isinstance(error, BusyError) else ""
        # The state may be the cause, at every visit.
        state = "" if isinstance(error, AnswerFormatError) else before.state
        pages.keep_site(Site(location, now, f"{_reason(error)}{waits}", state))
        return
    pages.keep_site(Site(location, now, visit.reason, json.dumps(dict(ending.state))))


def _withdraw_named(visit: _Visit, without: frozenset[str]) -> None:
    """Clear the text of stored documents that name people to leave out.

    The sync then fetches these documents again, without these people.
    """
    for page in visit.pages.pages(visit.location) if without else ():
        if names_someone(page.text, without):
            visit.pages.keep(replace(page, content=b"", text="", reason=_AGAIN))


def _reason(error: RefusedError | UnreadableError) -> str:
    """The error's text in one line, because it may quote the service."""
    return storable(one_line(str(error))).rstrip(".")


def _sync_documents(
    visit: _Visit, state: Mapping[str, str]
) -> Generator[CrawlStep, None, ListingEnd]:
    """List the service, drop removed documents, and fetch changed ones."""
    removed, ending = yield from _run_listing(visit, state)
    known = {page.url: page for page in visit.pages.outlines(visit.location)}
    if ending.whole and not visit.revisions:
        if known:
            raise RefusedError("lists no document any more, so the earlier ones are kept")
        visit.reason = EMPTY
    if ending.whole:
        removed |= known.keys() - visit.revisions.keys()
    visit.pages.drop(visit.location, [*removed & known.keys()])
    # Retry failed documents, and parse again those of earlier parsers.
    for key, page in known.items():
        if key not in removed and (page.reason or page.readers != PARSERS_VERSION):
            visit.revisions.setdefault(key, page.etag)
    wanted = [
        key
        for key, revision in visit.revisions.items()
        if key not in known or not _is_current(known[key], revision)
    ]
    for done, key in enumerate(wanted, start=1):
        _sync_document(visit, key)
        yield CrawlStep(done, len(wanted), key)
    return ending


def _run_listing(
    visit: _Visit, state: Mapping[str, str]
) -> Generator[CrawlStep, None, tuple[set[str], ListingEnd]]:
    """Read the listing into `visit.revisions`; returns the removed keys and the listing's end.

    A listing cut by half of the visit's time ends with the state from before.
    """
    listing, removed = visit.connector.listing(state), set[str]()
    halfway = visit.clock.halfway()
    while True:
        try:
            with visit.clock.until(halfway), checked_answers():
                entry = _checked(next(listing))
        except StopIteration as end:
            ending: ListingEnd = end.value
            return removed, ending
        except VisitOverError:
            # The whole visit may be over, too.
            visit.clock.check_visit()
            visit.reason = LONG
            return removed, ListingEnd(state)
        if isinstance(entry, RemovedDocument):
            if len(removed) < MOST_DOCUMENTS:
                removed.add(entry.key)
            visit.revisions.pop(entry.key, None)
        elif entry.key in visit.revisions or len(visit.revisions) < MOST_DOCUMENTS:
            removed.discard(entry.key)
            visit.revisions[entry.key] = entry.revision
            if len(visit.revisions) % _STEP == 0:
                yield CrawlStep(0, len(visit.revisions), entry.key)
        else:
            visit.reason = f"has more than {MOST_DOCUMENTS:,} documents; so many are read"


def _checked(entry: ListedDocument | RemovedDocument) -> ListedDocument | RemovedDocument:
    """Refuse keys and revisions that are too long or have characters that can't be stored."""
    for each in (entry.key, entry.revision if isinstance(entry, ListedDocument) else ""):
        if len(each) > KEY_CHARACTERS or storable(each) != each:
            raise ValueError("This is no key of a document.")
    return entry


def _is_current(page: WebPage, revision: str) -> bool:
    return page.etag == revision and page.readers == PARSERS_VERSION and not page.reason


def _sync_document(visit: _Visit, key: str) -> None:
    """Parse and store a document, after fetching it if necessary.

    The document is fetched if its revision is new, no content is stored, or the last visit failed.
    """
    page = visit.pages.page(visit.location, key)
    revision = visit.revisions[key]
    if not page.content or page.etag != revision or page.reason:
        try:
            with checked_answers():
                content = visit.connector.content(key)
                # A missing document is kept without text, so it isn't requested until it changes.
                page = (
                    _page_with_content(page, content, revision, visit.now)
                    if content is not None
                    else _textless_page(visit, key, revision)
                )
        except (BusyError, LostError):
            raise
        except (RefusedError, UnreadableError) as error:
            visit.failures += 1
            if visit.failures >= FAILURES_IN_A_ROW:
                raise RefusedError(
                    f"failed {visit.failures} times in a row; the rest waits for the next look"
                ) from error
            visit.pages.keep(replace(page, checked_at=visit.now, reason=_reason(error)))
            return
        if content is None:
            visit.pages.keep(page)
            return
    visit.failures = 0
    if not visit.pages.keep_within(_parsed(page), visit.most):
        visit.reason = FULL


def _textless_page(visit: _Visit, key: str, revision: str) -> WebPage:
    page = WebPage(visit.location, key, etag=revision, readers=PARSERS_VERSION)
    return replace(page, checked_at=visit.now)


def _page_with_content(page: WebPage, content: Content, revision: str, now: datetime) -> WebPage:
    details = {
        "verified": content.verified.isoformat() if content.verified else None,
        "titles": [_name(one) for one in content.titles[:MOST_NAMES]],
        "tags": [_name(one) for one in content.tags[:MOST_NAMES]],
        "anchors": content.anchors,
        "attribution": _name(content.attribution),
    }
    link = normal_url(content.link)
    return replace(
        page,
        link="" if problem_with_url(link) else link,
        content=content.body,
        content_type=_TYPES[content.suffix],
        etag=revision,
        fetched_at=now,
        checked_at=now,
        gone_at=None,
        reason="",
        title=_name(content.title),
        details=json.dumps(details),
    )


def _name(text: str) -> str:
    return one_line(text)[:NAME_CHARACTERS]


def _parsed(page: WebPage) -> WebPage:
    """Parse a page's content into its text; an unreadable page keeps its old text."""
    page = replace(page, readers=PARSERS_VERSION)
    if not page.content.strip():
        return replace(page, text="")
    try:
        found = parse_bytes(page.content, name=f"document{_SUFFIXES[page.content_type]}")
    except UnreadableError as error:
        if str(error) == NO_TEXT:
            # A wiki's page may have only categories.
            return replace(page, text="")
        return replace(page, reason=str(error).rstrip("."))
    return replace(page, title=page.title or found.title, text=found.text)


# Quotation.


def document_ids(location: str, scope: Scope, pages: PageStore) -> list[str]:
    """The ids of a service's documents.

    The list includes the ids of stored entries without text, which aren't documents yet.
    """
    service = service_at(location)
    if service is None:
        return []
    return [_document_id(service, key, scope) for key in pages.urls(location)]


def _document_id(service: ServiceLocation, key: str, scope: Scope) -> str:
    """The id of a document. A move doesn't change it, and all sources of a service share it."""
    whose = "" if scope == SHARED else f"{scope}:"
    return f"{service.kind}:{whose}{service.url}:{key}"


def documents(
    sources: Sequence[tuple[str, Scope]], pages: PageStore
) -> Iterator[Document | Failure]:
    """The documents and failures of these services."""
    for location, scope in sources:
        service = service_at(location)
        if service is None:
            continue
        for page in pages.pages(location):
            if page.text:
                yield _document(service, scope, page)
        yield from failures(pages, location, scope)


def _document(service: ServiceLocation, scope: Scope, page: WebPage) -> Document:
    details: dict[str, Any] = json.loads(page.details)
    return Document(
        id=_document_id(service, page.url, scope),
        scope=scope,
        kind=Kind.PAGE,
        title=page.title,
        text=page.text,
        link=page.link,
        tags=tuple(details["tags"]),
        verified=date.fromisoformat(details["verified"]) if details["verified"] else None,
        anchors=details["anchors"],
        contributor=details["attribution"],
        wordings=tuple(details["titles"]),
    )


def failures(pages: PageStore, location: str, scope: Scope) -> Iterator[Failure]:
    """All failures of a service and its documents."""
    service = service_at(location)
    if service is None:
        return
    yield from sync_failure(pages.site(location), service.url)
    for page in pages.outlines(location):
        if page.reason:
            name = page.title or page.url
            own = _document_id(service, page.url, scope) if page.text else ""
            yield Failure(f"{service.url} › {name}", f"{page.reason}.", own)


def licence_of(site: Site) -> str:
    """The licence of a service's documents; empty if unknown."""
    return str(json.loads(site.state or "{}").get("licence", ""))
