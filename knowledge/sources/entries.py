"""Page store: the last good text, the state and the last fetch of each page.

The pure function `next_state` defines a page's life cycle. A successful fetch replaces the content.
A failed fetch leaves the text unchanged. A gone page keeps its text for a grace period, and is then
retired. `PageStore` is a separate database, in a file or in PostgreSQL. If the page store is
deleted, everything is fetched again.
"""

import zlib
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass, fields, replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any, Final, Self

from knowledge.files.reader import PARSERS_VERSION
from knowledge.sources.net.polite_fetcher import Failed, Fetched, FetchOutcome, Gone, Unchanged
from knowledge.store.derived_tables import DerivedKind, DerivedTables
from knowledge.text import storable

PAGES: Final = DerivedKind(
    name="web",
    scripts=Path(__file__).parent,
    file_format=2,
    lock_space=8,
    remedy="Delete it, then run `commonplace source sync`: everything in it is fetched again.",
)


@dataclass(frozen=True, slots=True)
class WebPage:
    """A stored page.

    Attributes:
        site: the location of the page's source.
        link: the page's address after redirects.
        content: the fetched bytes; not stored for a repository's files.
        title, text: parsed from the content.
        reason: the current problem, as the rest of a sentence about the page.
        details: further data, in a format of the module that fetches the page.
    """

    site: str
    url: str
    link: str = ""
    content: bytes = b""
    content_type: str = ""
    etag: str = ""
    last_modified: str = ""
    fetched_at: datetime | None = None
    checked_at: datetime | None = None
    gone_at: datetime | None = None
    reason: str = ""
    title: str = ""
    text: str = ""
    readers: int = 0
    details: str = ""

    @property
    def is_parsed(self) -> bool:
        """Whether the page has stored content, parsed by the current parsers.

        If not, the next request must not be conditional, because the content is needed.
        """
        return bool(self.content) and self.readers == PARSERS_VERSION


@dataclass(frozen=True, slots=True)
class Site:
    """A synced source.

    `reason` is the problem of the last sync, or empty. `state` is a commit or the state of a
    listing, in a format of the module that syncs the source.
    """

    url: str
    synced_at: datetime | None = None
    reason: str = ""
    state: str = ""


def next_state(page: WebPage, outcome: FetchOutcome, now: datetime, grace: timedelta) -> WebPage:
    """The page after an attempt to fetch it; new content isn't parsed yet.

    A gone page keeps its text for the period `grace`.
    """
    last_checked, page = page.checked_at, replace(page, checked_at=now)
    match outcome:
        case Fetched():
            return replace(
                page,
                link=outcome.url,
                content=outcome.content,
                content_type=outcome.content_type,
                etag=outcome.etag,
                last_modified=outcome.last_modified,
                fetched_at=now,
                gone_at=None,
                reason="",
            )
        case Unchanged():
            return replace(page, gone_at=None, reason="")
        case Gone():
            return _gone(
                _postpone_retirement(page, last_checked, now, grace), outcome.reason, now, grace
            )
        case Failed():
            return replace(page, reason=outcome.reason)


def _postpone_retirement(
    page: WebPage, last_checked: datetime | None, now: datetime, grace: timedelta
) -> WebPage:
    """Postpone a gone page's retirement after a long time without checks.

    If the last check was long ago, the time since then counts only as half of `grace`. So a page
    isn't retired at the first check after a jump of the clock or a long pause of the bot.
    """
    if page.gone_at is None:
        return page
    seen = max(page.gone_at, last_checked or page.gone_at)
    unseen = max(now - seen - grace / 2, timedelta())
    return replace(page, gone_at=min(page.gone_at + unseen, now))


def _gone(page: WebPage, reason: str, now: datetime, grace: timedelta) -> WebPage:
    since = page.gone_at or now
    if not page.text:
        return replace(page, content=b"", gone_at=since, reason=reason)
    if now - since < grace:
        until = f"{since + grace:%d %b %Y}"
        return replace(page, gone_at=since, reason=f"{reason}; its text is quoted until {until}")
    told = f"{reason} since {since:%d %b %Y}, and is no longer quoted"
    blank = WebPage(page.site, page.url, page.link, checked_at=now, gone_at=since, reason=told)
    return replace(blank, fetched_at=page.fetched_at)


_COLUMNS: Final = ", ".join(each.name for each in fields(WebPage))


class PageStore:
    """The open database of pages."""

    def __init__(self, tables: DerivedTables) -> None:
        self.tables = tables
        # Cached sizes by site, valid until another process writes to the tables.
        self._sizes: dict[str, int] = {}
        self._sizes_of = 0

    def close(self) -> None:
        self.tables.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def visiting(self, host: str) -> AbstractContextManager[bool]:
        """Keep other processes from syncing sources of a host; yields False if one is syncing."""
        number = int.from_bytes(sha256(host.encode()).digest()[:4], signed=True)
        return self.tables.try_lock(number)

    def site(self, url: str) -> Site:
        for row in self.tables.rows("select * from sites where url = ?", [url]):
            return Site(url, _time(row["synced_at"]), row["reason"], row["state"])
        return Site(url)

    def keep_site(self, site: Site) -> None:
        with self.tables.writing():
            self.tables.replace(
                "sites",
                {
                    "url": site.url,
                    "synced_at": _written(site.synced_at),
                    "reason": site.reason,
                    "state": site.state,
                },
                ["url"],
            )

    def forget_others(self, sites: Sequence[str]) -> None:
        """Delete all sites except `sites`, with their pages."""
        self._sizes.clear()
        with self.tables.writing():
            for table, column in (("sites", "url"), ("pages", "site")):
                # Both names are this module's own.
                known = self.tables.rows(f"select distinct {column} as site from {table}")  # noqa: S608
                for site in {row["site"] for row in known} - set(sites):
                    self.tables.run(f"delete from {table} where {column} = ?", [site])  # noqa: S608

    def page(self, site: str, url: str) -> WebPage:
        sql = f"select {_COLUMNS} from pages where site = ? and url = ?"  # noqa: S608 - names of ours
        for row in self.tables.rows(sql, [site, url]):
            return _page(row)
        return WebPage(site, url)

    def drop(self, site: str, urls: Sequence[str]) -> None:
        self._sizes.pop(site, None)
        with self.tables.writing():
            for url in urls:
                self.tables.run("delete from pages where site = ? and url = ?", [site, url])

    def set_link(self, site: str, link: str) -> None:
        """Set the link of all pages of a site, except those with a problem."""
        with self.tables.writing():
            self.tables.run(
                "update pages set link = ? where site = ? and reason = ''", [link, site]
            )

    def pages(self, site: str) -> Iterator[WebPage]:
        for url in self.urls(site):
            yield self.page(site, url)

    def outlines(self, site: str) -> Iterator[WebPage]:
        """The pages of a site, loaded without `content` and times, to save memory.

        `text` is cut to its first character, which shows whether the page has text.
        """
        rows = self.tables.rows(
            "select url, link, etag, reason, title, readers, details, substr(text, 1, 1) as text "
            "from pages where site = ? order by rowid",
            [site],
        )
        for row in rows:
            yield WebPage(site, **row)

    def urls(self, site: str) -> list[str]:
        rows = self.tables.rows("select url from pages where site = ? order by rowid", [site])
        return [row["url"] for row in rows]

    def links(self, site: str) -> list[str]:
        """The link of each page of a site, or the page's URL if there is no link."""
        rows = self.tables.rows(
            "select case link when '' then url else link end as link from pages where site = ?",
            [site],
        )
        return [row["link"] for row in rows]

    @property
    def version(self) -> object:
        """A value that changes with every write."""
        return self.tables.version

    def size(self, site: str) -> int:
        """The stored bytes of a site's pages. The number is cached until another process writes."""
        others = self.tables.version_of_others
        if others != self._sizes_of:
            self._sizes.clear()
            self._sizes_of = others
        if site not in self._sizes:
            self._sizes[site] = self._taken("site = ?", [site])
        return self._sizes[site]

    def _taken(self, where: str, values: Sequence[str]) -> int:
        sql = (
            f"select sum(length(content) + {self.tables.bytes_of('text')} "  # noqa: S608
            f"+ {self.tables.bytes_of('details')}) as size from pages where {where}"
        )
        [row] = self.tables.rows(sql, values)
        return row["size"] or 0

    def keep_within(self, page: WebPage, most: int | None) -> bool:
        """Store a page if its site's pages then have at most `most` bytes; returns whether it fits.

        A page no larger than its stored version always fits. If there is no room, the stored
        version stays, and its `reason` says so.
        """
        if most is None:
            self.keep(page)
            return True
        size = self.size(page.site)
        taken = self._taken("site = ? and url = ?", [page.site, page.url])
        fits = _size(page) <= max(taken, most - size + taken)
        if not fits:
            before, reason = self.page(page.site, page.url), "has no room (see the source)"
            page = replace(before, checked_at=page.checked_at, reason=reason)
        self.keep(page)
        self._sizes[page.site] = size - taken + _size(page)
        return fits

    def keep(self, page: WebPage) -> None:
        self._sizes.pop(page.site, None)
        row = {
            **asdict(page),
            "content": zlib.compress(page.content),
            "fetched_at": _written(page.fetched_at),
            "checked_at": _written(page.checked_at),
            "gone_at": _written(page.gone_at),
        }
        kept = {key: storable(one) if isinstance(one, str) else one for key, one in row.items()}
        with self.tables.writing():
            self.tables.replace("pages", kept, ["site", "url"])


def _size(page: WebPage) -> int:
    told = len(storable(page.text).encode()) + len(storable(page.details).encode())
    return len(zlib.compress(page.content)) + told


def _page(row: dict[str, Any]) -> WebPage:
    times = {key: _time(row[key]) for key in ("fetched_at", "checked_at", "gone_at")}
    return WebPage(**{**row, **times, "content": zlib.decompress(row["content"])})


def _written(moment: datetime | None) -> str | None:
    return moment.astimezone(UTC).isoformat() if moment is not None else None


def _time(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
