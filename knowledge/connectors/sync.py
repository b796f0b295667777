"""Sync of wikis, forums and trackers: changed documents are fetched, removed ones are dropped.

A service's documents are kept in the page store under their keys, with the revision in place of an
ETag. Each is stored at once, and the state of the listing at the end, so an interrupted sync goes
on without asking twice.
"""

import json
from collections.abc import Collection, Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from typing import Any, Final

from knowledge.connectors.api_client import ApiClient, BusyError, LoginError
from knowledge.connectors.connector import (
    Connector,
    Content,
    Ending,
    FormError,
    Listed,
    Removed,
    in_form,
)
from knowledge.connectors.kinds import KINDS
from knowledge.connectors.threads import WITHOUT, names_someone
from knowledge.files.parsed_file import UnreadableError, one_line
from knowledge.files.reader import PARSERS_VERSION, parse_bytes
from knowledge.text import storable
from knowledge.values.documents import SHARED, Document, Failure, Kind, Scope
from knowledge.values.source_locations import ServiceLocation, service_at
from knowledge.web.addresses import normal_url, problem_with_url
from knowledge.web.crawl import FAILURES_IN_A_ROW, FULL, CrawlStep, sync_failure
from knowledge.web.page_store import PageStore, Site, WebPage, after
from knowledge.web.polite_fetcher import Fetcher, Gone
from knowledge.web.safe_network import LostError, RefusedError

# At a second a document, half a day.
MOST_DOCUMENTS: Final = 50_000
# Longer titles, tags and names are cut; longer keys and revisions are none.
NAME_CHARACTERS: Final = 300
KEY_CHARACTERS: Final = 1_000
# Titles or tags of a document.
MOST_NAMES: Final = 20
# Listed documents between two steps of a listing.
_STEP: Final = 500

_TYPES: Final = {".html": "text/html", ".md": "text/markdown"}
_AGAIN: Final = "is read again without people who asked not to be quoted"
_SUFFIXES: Final = {kind: suffix for suffix, kind in _TYPES.items()}


@dataclass(slots=True)
class _Visit:
    """A visit under way: the stores, the limits and the failures so far."""

    location: str
    connector: Connector
    pages: PageStore
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
    """Sync a service, a document a step.

    A lost service is quoted for the time of `grace`; at most `most` bytes are kept, or any number.
    The `token` is sent to the service alone; `login` says what to do if it asks for one. People
    whose names there are in `without` are left out of its threads, also of those read before.
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
    visit = _Visit(location, connector, pages, now, most)
    _blank(visit, frozenset(name for _, name in named))
    try:
        ending = yield from _take_in(visit, json.loads(before.state or "{}"))
    except LostError as error:
        advice = f"; {login}" if login and isinstance(error, LoginError) else ""
        reason = f"{_told(error)}{advice}"
        for key in pages.urls(location):
            pages.keep(after(pages.page(location, key), Gone(reason), now, grace))
        pages.keep_site(Site(location, now, reason, before.state))
        return
    except RefusedError as error:
        waits = "; the rest waits for the next look" if isinstance(error, BusyError) else ""
        # The state may be the cause, at every visit.
        state = "" if isinstance(error, FormError) else before.state
        pages.keep_site(Site(location, now, f"{_told(error)}{waits}", state))
        return
    pages.keep_site(Site(location, now, visit.reason, json.dumps(dict(ending.state))))


def _blank(visit: _Visit, without: frozenset[str]) -> None:
    """Stop quoting documents that name people to leave out; this visit reads them again."""
    for page in visit.pages.pages(visit.location) if without else ():
        if names_someone(page.text, without):
            visit.pages.keep(replace(page, content=b"", text="", reason=_AGAIN))


def _told(error: RefusedError) -> str:
    """The reason in one line; it may quote the service."""
    return storable(one_line(str(error)))


def _take_in(visit: _Visit, state: Mapping[str, str]) -> Generator[CrawlStep, None, Ending]:
    """Read the changed documents, and drop the removed ones."""
    removed, ending = yield from _listed(visit, state)
    known = {page.url: page for page in visit.pages.outlines(visit.location)}
    if ending.whole and known and not visit.revisions:
        raise RefusedError("lists no document any more, so the earlier ones are kept")
    if ending.whole:
        removed |= known.keys() - visit.revisions.keys()
    visit.pages.drop(visit.location, [*removed & known.keys()])
    # Documents that failed, and those read by earlier parsers, are tried again.
    for key, page in known.items():
        if key not in removed and (page.reason or page.readers != PARSERS_VERSION):
            visit.revisions.setdefault(key, page.etag)
    wanted = [
        key
        for key, revision in visit.revisions.items()
        if key not in known or not _is_current(known[key], revision)
    ]
    for done, key in enumerate(wanted, start=1):
        _take(visit, key)
        yield CrawlStep(done, len(wanted), key)
    return ending


def _listed(
    visit: _Visit, state: Mapping[str, str]
) -> Generator[CrawlStep, None, tuple[set[str], Ending]]:
    """Fill the visit's revisions; returns the removed keys and the end of the listing."""
    listing, removed = visit.connector.listing(state), set[str]()
    while True:
        try:
            with in_form():
                entry = _checked(next(listing))
        except StopIteration as end:
            ending: Ending = end.value
            return removed, ending
        if isinstance(entry, Removed):
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


def _checked(entry: Listed | Removed) -> Listed | Removed:
    """Refuse keys and revisions with unstorable characters, and very long ones."""
    for each in (entry.key, entry.revision if isinstance(entry, Listed) else ""):
        if len(each) > KEY_CHARACTERS or storable(each) != each:
            raise ValueError("This is no key of a document.")
    return entry


def _is_current(page: WebPage, revision: str) -> bool:
    return page.etag == revision and page.readers == PARSERS_VERSION and not page.reason


def _take(visit: _Visit, key: str) -> None:
    """Fetch a document unless only its parsing is old, and keep it."""
    page = visit.pages.page(visit.location, key)
    revision = visit.revisions[key]
    if not page.content or page.etag != revision or page.reason:
        try:
            with in_form():
                content = visit.connector.content(key)
                # Kept without text if it is none, so that it isn't asked for until it changes.
                page = (
                    _fetched(page, content, revision, visit.now)
                    if content is not None
                    else _passed_over(visit, key, revision)
                )
        except (BusyError, LostError):
            raise
        except RefusedError as error:
            visit.failures += 1
            if visit.failures >= FAILURES_IN_A_ROW:
                raise RefusedError(
                    f"failed {visit.failures} times in a row; the rest waits for the next look"
                ) from error
            visit.pages.keep(replace(page, checked_at=visit.now, reason=_told(error)))
            return
        if content is None:
            visit.pages.keep(page)
            return
    visit.failures = 0
    if not visit.pages.keep_within(_read(page), visit.most):
        visit.reason = FULL


def _passed_over(visit: _Visit, key: str, revision: str) -> WebPage:
    page = WebPage(visit.location, key, etag=revision, readers=PARSERS_VERSION)
    return replace(page, checked_at=visit.now)


def _fetched(page: WebPage, content: Content, revision: str, now: datetime) -> WebPage:
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


def _read(page: WebPage) -> WebPage:
    """The page with the text of its content; an unreadable one keeps its old text."""
    page = replace(page, readers=PARSERS_VERSION)
    if not page.content.strip():
        return replace(page, text="")
    try:
        found = parse_bytes(page.content, name=f"document{_SUFFIXES[page.content_type]}")
    except UnreadableError as error:
        return replace(page, reason=str(error).rstrip("."))
    return replace(page, title=page.title or found.title, text=found.text)


# Quotation.


def document_ids(location: str, scope: Scope, pages: PageStore) -> list[str]:
    """The ids of a service's documents, existing or possible."""
    service = service_at(location)
    if service is None:
        return []
    return [_document_id(service, key, scope) for key in pages.urls(location)]


def _document_id(service: ServiceLocation, key: str, scope: Scope) -> str:
    """The id of a document: the same after a move, and for every source of the service."""
    whose = "" if scope == SHARED else f"{scope}:"
    return f"{service.kind}:{whose}{service.url}:{key}"


def documents(
    sources: Sequence[tuple[str, Scope]], pages: PageStore
) -> Iterator[Document | Failure]:
    """The documents of these services, and all failures."""
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
    """The licence of a service's documents, if its connector found one."""
    return str(json.loads(site.state or "{}").get("licence", ""))
