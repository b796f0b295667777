"""Web sync: sources are visited beside everything else, politely, when due, by one process.

Visiting has nothing to do with answering: it has connections of its own to the hosts and to what is
kept, and may take hours. What it kept is taken into the index afterwards.
"""

import logging
import threading
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from bot.config.sections import SourceSettings
from bot.storage.data_folder import exclusive
from bot.storage.derived_data import open_pages
from knowledge.git import sync as git_sync
from knowledge.values.documents import SHARED, Scope
from knowledge.values.source_locations import crawl_at, repository_at
from knowledge.web.crawl import CrawlStep, is_due, sync
from knowledge.web.fetcher import Fetcher, MakeFetcher
from knowledge.web.page_store import PageStore
from knowledge.web.site_crawl import sync_site

LOCK: Final = "web.lock"

# How often a running bot looks whether a visit is due.
PAUSE_SECONDS: Final = 300.0

_logger = logging.getLogger(__name__)


def polite_fetcher(delay_seconds: float, sleep: Callable[[float], object]) -> Fetcher:
    """What visits hosts: it connects to public addresses only."""
    return Fetcher(delay_seconds, sleep=sleep)


def visits(
    folder: Path,
    sources: Mapping[str, Sequence[Scope]],
    settings: SourceSettings,
    *,
    named: Collection[str] | None = None,
    only_due: bool = False,
    stopping: threading.Event | None = None,
    make_fetcher: MakeFetcher = polite_fetcher,
    database: str = "",
) -> Iterator[CrawlStep]:
    """Visit sources on the web one after the other, a page a step.

    `sources` say who each of them is for, by its address. Only those that are `named` are visited,
    and with `only_due` only those that were not within the interval. `stopping` ends it soon after
    it is set; `make_fetcher` is given the least pause between two requests, and what waits. What is
    read is kept in the `database` of a URL, if there is one.

    Yields:
        How far it is; nothing while another process visits.
    """
    stopping = stopping or threading.Event()
    grace, interval = timedelta(days=settings.web_grace_days), timedelta(hours=settings.web_hours)
    with (
        exclusive(folder, LOCK) as mine,
        open_pages(folder, database) as pages,
        pages.visiting() as alone,
    ):
        if not (mine and alone):
            _logger.info("Another process is visiting the sources on the web.")
            return
        with make_fetcher(settings.web_delay_seconds, stopping.wait) as fetcher:
            for location in sources if named is None else filter(named.__contains__, sources):
                now = datetime.now(UTC)
                if only_due and not is_due(pages.site(location), now, interval):
                    continue
                most = _most(pages, location, sources, settings.web_megabytes * 1_000_000)
                for step in _looked_at(folder, location, pages, fetcher, (now, grace, most)):
                    yield step
                    if stopping.is_set():
                        return


def _looked_at(
    folder: Path,
    location: str,
    pages: PageStore,
    fetcher: Fetcher,
    when: tuple[datetime, timedelta, int | None],
) -> Iterator[CrawlStep]:
    """Look at one source, in the way of its kind."""
    now, grace, most = when
    if repository_at(location) is not None:
        return git_sync.sync(location, folder, pages, fetcher, now, grace, most=most)
    if crawl_at(location) is not None:
        return sync_site(location, pages, fetcher, now, grace, most=most)
    return sync(location, pages, fetcher, now, grace, most=most)


def _most(
    pages: PageStore, location: str, sources: Mapping[str, Sequence[Scope]], quota: int
) -> int | None:
    """How many bytes a source may take: what the others leave of its server's quota.

    One of several servers has the most that one of them leaves it; what is for all has no end.
    """
    if not quota or SHARED in sources[location]:
        return None
    return max(
        quota
        - sum(pages.size(one) for one, its in sources.items() if scope in its and one != location)
        for scope in sources[location]
    )


def visit(
    folder: Path,
    sources: Mapping[str, Sequence[Scope]],
    settings: SourceSettings,
    stopping: threading.Event,
    make_fetcher: MakeFetcher,
    named: Collection[str] | None = None,
    database: str = "",
) -> int:
    """Visit those that are named, or else those that are due.

    Returns:
        How many steps that took; none while another process visits.
    """
    steps = visits(
        folder,
        sources,
        settings,
        named=named,
        only_due=named is None,
        stopping=stopping,
        make_fetcher=make_fetcher,
        database=database,
    )
    return sum(1 for _ in steps)
