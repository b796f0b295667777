"""Web sync: polite visits to web sources, by one process at a time.

A visit may take hours, so it opens its own connections to hosts and to the page store. The index is
updated from the stored pages afterwards.
"""

import logging
import os
import threading
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from bot.config.sections import SourceSettings
from bot.config.settings import Settings
from bot.storage.data_folder import data_folder, try_lock
from bot.storage.derived_data import open_pages
from knowledge.connectors import sync as service_sync
from knowledge.connectors.connector import token_variable
from knowledge.connectors.recognition import recognised
from knowledge.git import sync as git_sync
from knowledge.values.documents import SHARED, Scope
from knowledge.values.source_locations import (
    ServiceLocation,
    crawl_at,
    is_internal,
    repository_at,
    service_at,
    unmarked,
)
from knowledge.web.crawl import CrawlStep, is_due, sync
from knowledge.web.internal_hosts import InternalHosts
from knowledge.web.page_store import PageStore
from knowledge.web.polite_fetcher import Fetcher, MakeFetcher
from knowledge.web.safe_network import RefusedError
from knowledge.web.site_crawl import sync_site

LOCK: Final = "web.lock"

# Interval between checks for due visits of a running bot.
PAUSE_SECONDS: Final = 300.0

# The most that a slow host may keep other sources waiting.
VISIT_SECONDS: Final = 6 * 3600.0
# Deadline for the requests of a recognition, because an administrator waits for it.
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
    only_due: bool = False,
    stopping: threading.Event | None = None,
    make_fetcher: MakeFetcher = polite_fetcher,
) -> Iterator[CrawlStep]:
    """Visit web sources one after the other, and yield after each page.

    Args:
        sources: the scopes of each source, by location.
        settings: pauses, limits, and the location of the page store.
        named: visit only these locations.
        only_due: skip sources visited within the interval of the settings.
        stopping: ends the visits soon after it is set.
        make_fetcher: opens the fetcher of public addresses.

    Yields:
        The progress. If another process visits sources, nothing is yielded.
    """
    folder, chosen = data_folder(settings.data.folder), settings.sources
    stopping = stopping or threading.Event()
    grace, interval = timedelta(days=chosen.web_grace_days), timedelta(hours=chosen.web_hours)
    with (
        try_lock(folder, LOCK) as mine,
        open_pages(folder, settings.data.database) as pages,
        pages.visiting() as alone,
    ):
        if not (mine and alone):
            _logger.info("Another process is visiting the sources on the web.")
            return
        with fetchers(chosen, stopping.wait, make_fetcher) as fetcher_for:
            for location in sources if named is None else filter(named.__contains__, sources):
                now = datetime.now(UTC)
                if only_due and not is_due(pages.site(location), now, interval):
                    continue
                most = _bytes_left(pages, location, sources, chosen.web_megabytes * 1_000_000)
                # Only the operator adds sources for every server, and on internal hosts.
                operators = SHARED in sources[location] or is_internal(location)
                limits = _Limits(now, grace, most, operators, chosen.unquoted)
                fetcher, end = fetcher_for(location), time.monotonic() + VISIT_SECONDS
                for step in _visit(folder, location, pages, fetcher, limits):
                    yield step
                    if stopping.is_set():
                        return
                    if time.monotonic() > end:
                        # The next round goes on; now the other sources have their turn.
                        break


def recognise_service(
    location: str, settings: Settings, make_fetcher: MakeFetcher = polite_fetcher
) -> ServiceLocation | None:
    """Recognise a wiki, forum or tracker by its main page; None for other pages."""
    end = time.monotonic() + RECOGNITION_SECONDS

    def sleep(seconds: float) -> None:
        if time.monotonic() + seconds > end:
            raise RefusedError("takes too long")
        time.sleep(seconds)

    with fetchers(settings.sources, sleep, make_fetcher) as fetcher_for:
        return recognised(unmarked(location), fetcher_for(location))


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

    The text of a page that is gone is kept for `grace`. Only the operator's sources may use tokens.
    `unquoted` lists people whose texts are left out, as name@host.
    """

    now: datetime
    grace: timedelta
    most_bytes: int | None
    is_operators: bool
    unquoted: Sequence[str]

    def token(self, host: str) -> str:
        """The operator's token for a host; empty for a guild's source."""
        return os.environ.get(token_variable(host), "").strip() if self.is_operators else ""

    def login_advice(self, host: str) -> str:
        """Advice to add to a failure report about a host that asks for a login or refuses it."""
        if not self.is_operators:
            return "only the operator's sources can have a token"
        done = "check the" if self.token(host) else "set its"
        return f"{done} token in {token_variable(host)}"

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
            token=limits.token(host),
            login=limits.login_advice(host),
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
