"""Web sync: polite visits to web sources, one visit to a host at a time.

A visit may take hours, so it opens its own connections to hosts and to the page store. It keeps no
visit to another host waiting, in this process or another. The index is updated from the stored
pages afterwards.
"""

import logging
import os
import threading
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from bot.config.sections import SourceSettings
from bot.config.settings import Settings
from bot.storage.data_folder import data_folder, try_lock
from bot.storage.derived_data import open_pages
from knowledge.sources import sync as service_sync
from knowledge.sources.entries import PageStore
from knowledge.sources.kinds import repository as git_sync
from knowledge.sources.kinds.page import CrawlStep, is_due, sync
from knowledge.sources.kinds.recognition import recognised
from knowledge.sources.kinds.site import sync_site
from knowledge.sources.locations import (
    ServiceLocation,
    address_of,
    crawl_at,
    is_internal,
    is_web,
    repository_at,
    service_at,
    unmarked,
)
from knowledge.sources.net.addresses import host_of
from knowledge.sources.net.internal_hosts import InternalHosts
from knowledge.sources.net.polite_fetcher import Fetcher, MakeFetcher
from knowledge.sources.net.safe_network import VisitOverError
from knowledge.sources.source import token_variable
from knowledge.values.documents import SHARED, Scope

# The folder with the lock files of hosts in the data folder.
LOCKS: Final = "visits"

# Interval between checks for due visits of a running bot.
PAUSE_SECONDS: Final = 300.0

# Deadline for the visit to a source. The next visit goes on.
VISIT_SECONDS: Final = 6 * 3600.0
# Deadline for a recognition, because an administrator waits for it.
RECOGNITION_SECONDS: Final = 30.0

_logger = logging.getLogger(__name__)


def polite_fetcher(delay_seconds: float, sleep: Callable[[float], object]) -> Fetcher:
    """A fetcher that connects to public addresses only."""
    return Fetcher(delay_seconds, sleep=sleep)


def visit_sources(
    sources: Mapping[str, Sequence[Scope]],
    settings: Settings,
    *,
    named: Collection[str] | None = None,
    stopping: threading.Event | None = None,
    make_fetcher: MakeFetcher = polite_fetcher,
) -> Iterator[CrawlStep]:
    """Visit web sources one after the other, and yield after each page.

    Args:
        sources: the scopes of each source, by location.
        settings: pauses, limits, and the location of the page store.
        named: visit only these locations.
        stopping: ends the visits soon after it is set.
        make_fetcher: opens the fetcher of public addresses.

    Yields:
        The progress. A source on a host that is visited meanwhile, also by another process, is
        skipped.
    """
    folder, chosen = data_folder(settings.data.folder), settings.sources
    stopping = stopping or threading.Event()
    grace = timedelta(days=chosen.web_grace_days)
    with (
        open_pages(folder, settings.data.database) as pages,
        fetchers(chosen, stopping.wait, make_fetcher) as fetcher_for,
    ):
        for location in sources if named is None else filter(named.__contains__, sources):
            most = _bytes_left(pages, location, sources, chosen.web_megabytes * 1_000_000)
            # Only the operator adds sources for every server, and on internal hosts.
            internal = is_internal(location)
            operators = SHARED in sources[location] or internal
            now = datetime.now(UTC)
            limits = _Limits(now, grace, most, operators, internal, chosen.unquoted)
            fetcher = fetcher_for(location)
            with _hold_host(folder, pages, visited_host(location)) as mine:
                if not mine:
                    _logger.info("%s is being visited already.", visited_host(location))
                    continue
                fetcher.clock.begin_visit(VISIT_SECONDS, stopping)
                try:
                    for step in _visit(folder, location, pages, fetcher, limits):
                        yield step
                        fetcher.clock.check_visit()
                except VisitOverError:
                    # The next visit goes on.
                    if stopping.is_set():
                        return


def visited_host(location: str) -> str:
    """The scheme, host and port of a source, or the path of a repository on this machine."""
    address = address_of(location)
    return host_of(address) if is_web(address) else address


def due_sources(sources: Iterable[str], settings: Settings) -> list[str]:
    """The sources that weren't visited to their end within the interval of the settings."""
    now, interval = datetime.now(UTC), timedelta(hours=settings.sources.web_hours)
    with open_pages(data_folder(settings.data.folder), settings.data.database) as pages:
        return [location for location in sources if is_due(pages.site(location), now, interval)]


@contextmanager
def _hold_host(folder: Path, pages: PageStore, host: str) -> Iterator[bool]:
    """Keep other visits away from a host; yields False if one is under way."""
    locks = folder / LOCKS
    locks.mkdir(mode=0o700, exist_ok=True)
    name = f"{sha256(host.encode()).hexdigest()[:16]}.lock"
    with try_lock(locks, name) as mine, pages.visiting(host) as alone:
        yield mine and alone


def recognise_service(
    location: str, settings: Settings, make_fetcher: MakeFetcher = polite_fetcher
) -> ServiceLocation | None:
    """Recognise a wiki, forum or tracker by its main page; None for other pages."""
    with fetchers(settings.sources, time.sleep, make_fetcher) as fetcher_for:
        fetcher = fetcher_for(location)
        fetcher.clock.begin_visit(RECOGNITION_SECONDS)
        try:
            return recognised(unmarked(location), fetcher)
        except VisitOverError:
            return None


@contextmanager
def fetchers(
    chosen: SourceSettings,
    sleep: Callable[[float], object],
    make_fetcher: MakeFetcher = polite_fetcher,
) -> Iterator[Callable[[str], Fetcher]]:
    """Open two fetchers, and yield a function that chooses one by a source's location.

    The first fetches public addresses, the second the operator's internal hosts. They share no
    connection, so a public source never uses a connection to an internal host.
    """
    hosts = InternalHosts.of(chosen.internal)
    with (
        make_fetcher(chosen.web_delay_seconds, sleep) as public,
        Fetcher(chosen.web_delay_seconds, internal=hosts, sleep=sleep) as inside,
    ):
        for each in (public, inside):
            each.set_contact(chosen.contact)
        yield lambda location: inside if is_internal(location) else public


@dataclass(frozen=True, slots=True)
class _Limits:
    """Time and limits of a visit.

    The text of a page that is gone is kept for `grace`. Only the operator's sources may use tokens,
    and over http only those on internal hosts. `unquoted` lists people whose texts are left out, as
    name@host.
    """

    now: datetime
    grace: timedelta
    most_bytes: int | None
    is_operators: bool
    is_internal: bool
    unquoted: Sequence[str]

    def token(self, url: str) -> str:
        """The operator's token for the host of an address; empty if none may be sent."""
        if not self.is_operators or self._is_readable_on_the_way(url):
            return ""
        return os.environ.get(token_variable(url), "").strip()

    def login_advice(self, url: str) -> str:
        """Advice to add to a failure report about a host that asks for a login or refuses it."""
        if not self.is_operators:
            return "only the operator's sources can have a token"
        if self._is_readable_on_the_way(url):
            return "a token is sent over https only: add its https address instead"
        done = "check the" if self.token(url) else "set its"
        return f"{done} token in {token_variable(url)}"

    def _is_readable_on_the_way(self, url: str) -> bool:
        """Whether others on the way to a public host can read what is sent."""
        return not self.is_internal and urlsplit(url).scheme == "http"

    def unquoted_on(self, host: str) -> list[str]:
        """Return the user names on a host whose texts are left out."""
        named = (one.rpartition("@") for one in self.unquoted)
        return [name for name, _, at in named if at.casefold() == host]


def _visit(
    folder: Path, location: str, pages: PageStore, fetcher: Fetcher, limits: _Limits
) -> Iterator[CrawlStep]:
    """Visit a source with the connector of its kind."""
    now, grace, most = limits.now, limits.grace, limits.most_bytes
    if repository_at(location) is not None:
        return git_sync.sync(location, folder, pages, fetcher, now, grace, most=most)
    if (service := service_at(location)) is not None:
        host = urlsplit(service.url).hostname or ""
        return service_sync.sync(
            location,
            pages,
            fetcher,
            now,
            grace,
            most=most,
            token=limits.token(service.url),
            login=limits.login_advice(service.url),
            without=limits.unquoted_on(host),
        )
    if crawl_at(location) is not None:
        return sync_site(location, pages, fetcher, now, grace, most=most)
    return sync(location, pages, fetcher, now, grace, most=most)


def _bytes_left(
    pages: PageStore, location: str, sources: Mapping[str, Sequence[Scope]], quota: int
) -> int | None:
    """Return how many bytes a source may store, or None if there is no limit.

    All sources of a guild share a quota. A source may store the bytes that the guild's other
    sources leave. If several guilds have the source, the guild with most bytes left counts. There
    is no limit without a quota, nor for a source that the operator added for all guilds.
    """
    if not quota or SHARED in sources[location]:
        return None
    return max(
        quota
        - sum(pages.size(one) for one, its in sources.items() if scope in its and one != location)
        for scope in sources[location]
    )
