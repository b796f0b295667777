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
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from bot.config.settings import Settings, SourceSettings
from bot.storage.data_folder import data_folder, try_lock
from bot.storage.derived_data import open_entries
from knowledge.sources.entries import EntryStore
from knowledge.sources.kinds.registry import recognise, source_at
from knowledge.sources.net.addresses import InternalHosts
from knowledge.sources.net.polite_fetcher import Fetcher, MakeFetcher
from knowledge.sources.net.safe_network import VisitOverError
from knowledge.sources.source import Service, Source, SyncStep, Visit, token_variable
from knowledge.sources.sync import sync
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
) -> Iterator[SyncStep]:
    """Visit the web sources at these locations, with their scopes; yields after each page.

    A source on a host that is visited meanwhile, also by another process, is skipped. `stopping`
    ends the visits soon after it is set.
    """
    folder, chosen = data_folder(settings.data.folder), settings.sources
    stopping = stopping or threading.Event()
    with (
        open_entries(folder, settings.data.database) as pages,
        fetchers(chosen, stopping.wait, make_fetcher) as fetcher_for,
    ):
        for location in sources if named is None else filter(named.__contains__, sources):
            source = source_at(location)
            fetcher = fetcher_for(source.is_internal)
            # Users whose texts are left out are listed as name@host.
            users = (user.rpartition("@") for user in chosen.unquoted)
            host = urlsplit(source.host).hostname or ""
            visit = Visit(
                pages,
                fetcher,
                datetime.now(UTC),
                timedelta(days=chosen.web_grace_days),
                folder,
                _bytes_left(pages, location, sources, chosen.web_megabytes * 1_000_000),
                without=[name for name, _, at in users if at.casefold() == host],
            )
            if isinstance(source, Service):
                # Only the operator adds sources for every server, and on internal hosts.
                is_operators = SHARED in sources[location] or source.is_internal
                token, login = _token_and_advice(source, is_operators=is_operators)
                visit = replace(visit, token=token, login=login)
            with _hold_host(folder, pages, source.host) as mine:
                if not mine:
                    _logger.info("%s is being visited already.", source.host)
                    continue
                fetcher.clock.begin_visit(VISIT_SECONDS, stopping)
                try:
                    for step in sync(source, visit):
                        yield step
                        fetcher.clock.check_visit()
                except VisitOverError:
                    # The next visit goes on.
                    if stopping.is_set():
                        return


def due_sources(sources: Iterable[str], settings: Settings) -> list[str]:
    """The sources that weren't visited to their end within the interval of the settings."""
    now, interval = datetime.now(UTC), timedelta(hours=settings.sources.web_hours)
    with open_entries(data_folder(settings.data.folder), settings.data.database) as pages:
        return [location for location in sources if pages.state(location).is_due(now, interval)]


@contextmanager
def _hold_host(folder: Path, pages: EntryStore, host: str) -> Iterator[bool]:
    """Keep other visits away from a host; yields False if one is under way."""
    locks = folder / LOCKS
    locks.mkdir(mode=0o700, exist_ok=True)
    name = f"{sha256(host.encode()).hexdigest()[:16]}.lock"
    with try_lock(locks, name) as mine, pages.visiting(host) as alone:
        yield mine and alone


def recognise_service(
    location: str, settings: Settings, make_fetcher: MakeFetcher = polite_fetcher
) -> Service | None:
    """Recognise a wiki, forum or tracker by its main page; None for other pages."""
    with fetchers(settings.sources, time.sleep, make_fetcher) as fetcher_for:
        source = source_at(location)
        fetcher = fetcher_for(source.is_internal)
        fetcher.clock.begin_visit(RECOGNITION_SECONDS)
        try:
            return recognise(source.url, fetcher)
        except VisitOverError:
            return None


@contextmanager
def fetchers(
    chosen: SourceSettings,
    sleep: Callable[[float], object],
    make_fetcher: MakeFetcher = polite_fetcher,
) -> Iterator[Callable[[bool], Fetcher]]:
    """Open two fetchers, and yield a function that chooses one by whether a host is internal.

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
        yield lambda is_internal: inside if is_internal else public


def _token_and_advice(source: Source, *, is_operators: bool) -> tuple[str, str]:
    """The token to send to a source, and the advice to the operator if it asks for a login.

    Only the operator's sources may use tokens, and over http only those on internal hosts.
    """
    if not is_operators:
        return "", "only the operator's sources can have a token"
    if not source.is_internal and urlsplit(source.url).scheme == "http":
        # Others on the way can read what is sent.
        return "", "a token is sent over https only: add its https address instead"
    variable = token_variable(source.url)
    token = os.environ.get(variable, "").strip()
    return token, f"{'check the' if token else 'set its'} token in {variable}"


def _bytes_left(
    pages: EntryStore, location: str, sources: Mapping[str, Sequence[Scope]], quota: int
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
