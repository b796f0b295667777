"""Web sync: polite visits to web sources at regular intervals and on demand, one a host at a time.

A visit may take hours, so each host has a thread with its own connections and page store. It keeps
no visit to another host waiting, in this process or another. The index is updated after each host.
A server's hosts share a few of the places, so that its slow hosts leave places for other servers.
"""

import asyncio
import logging
import os
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from bot.config.sections import SourceSettings
from bot.config.settings import Settings
from bot.core import index_updates
from bot.core.core import Core
from bot.core.job_queue import Priority
from bot.core.worker import run_in_thread
from bot.interactions.policy.explanations import EXPLAINED
from bot.interactions.services import Services
from bot.sources.service import TypedAddress, needs_recognition
from bot.storage.data_folder import data_folder, try_lock
from bot.storage.derived_data import open_entries
from indexer.ingest.pipeline import UpdateReport
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
            visit = Visit(
                pages,
                fetcher,
                datetime.now(UTC),
                timedelta(days=chosen.web_grace_days),
                folder,
                _bytes_left(pages, location, sources, chosen.web_megabytes * 1_000_000),
                without=_names_without_quotes(source.host, chosen.unquoted),
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


def _names_without_quotes(host: str, unquoted: Sequence[str]) -> list[str]:
    """The user names on a host whose texts are left out; they are listed as name@host."""
    named = (person.rpartition("@") for person in unquoted)
    name_of_host = urlsplit(host).hostname or ""
    return [name for name, _, at in named if at.casefold() == name_of_host]


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


# The most hosts that rounds visit at once, and of them those of one server's own sources. Each
# takes a thread and a database connection.
HOSTS: Final = 16
SERVER_HOSTS: Final = 4
# How long a round waits for its visits before the next one looks for other due sources.
ROUND_SECONDS: Final = 60.0


class WebVisits:
    """Visits web sources in threads, then updates the index from the fetched pages."""

    def __init__(self, bot: Services) -> None:
        self._bot = bot
        self._stopping = threading.Event()
        # The visits begun by rounds, by host.
        self._running: dict[str, asyncio.Task[bool]] = {}
        self._places = asyncio.Semaphore(HOSTS)
        self._places_of: dict[Scope, asyncio.Semaphore] = defaultdict(
            lambda: asyncio.Semaphore(SERVER_HOSTS)
        )
        self._indexing = asyncio.Lock()
        self._is_indexed = True

    def stop(self) -> None:
        """Ask the running visits to end, and don't wait for them."""
        self._stopping.set()
        for task in self._running.values():
            task.cancel()

    async def recognise(self, named: TypedAddress) -> TypedAddress:
        """Add the kind of a wiki, forum or tracker to an address; fetch its page if necessary."""
        if not needs_recognition(named):
            return named
        bot, address = self._bot, named.address.strip()
        found: Service | None = await run_in_thread(
            lambda: recognise_service(address, bot.settings, bot.make_fetcher)
        )
        return named if found is None else TypedAddress(found.url, kind=found.kind)

    async def round(self) -> None:
        """Begin to visit the sources that are due, and wait a while for the running visits."""
        try:
            sources = await self._sources()
            due: list[str] = await run_in_thread(due_sources, list(sources), self._bot.settings)
        except EXPLAINED as error:
            self._bot.explanation(error)
            return
        for host, locations in _by_host(due).items():
            if host not in self._running:
                visit = self._visit_in_turn(sources, locations)
                self._running[host] = asyncio.create_task(visit)
        if self._running:
            await asyncio.wait(self._running.values(), timeout=ROUND_SECONDS)
        ended = {host: task for host, task in self._running.items() if task.done()}
        for host, task in ended.items():
            del self._running[host]
            if not task.cancelled() and (problem := task.exception()) is not None:
                self._bot.explanation(problem)

    async def visit_now(self, locations: Sequence[str]) -> bool:
        """Visit sources now. Return False if their hosts are visited, or another process leads."""
        return bool(await self._bot.as_leader(lambda: self._visit_hosts(locations)))

    async def _visit_hosts(self, locations: Sequence[str]) -> bool:
        sources = await self._sources()
        visits = (self._visit(sources, named) for named in _by_host(locations).values())
        return any(await asyncio.gather(*visits))

    async def _sources(self) -> Mapping[str, Sequence[Scope]]:
        return await self._bot.worker.call(Core.web_sources, priority=Priority.INDEXING)

    async def _visit_in_turn(
        self, sources: Mapping[str, Sequence[Scope]], named: Sequence[str]
    ) -> bool:
        """Visit a host's sources once there is a place."""
        scope = sources[named[0]][0]
        async with nullcontext() if scope == SHARED else self._places_of[scope], self._places:
            return await self._visit(sources, named)

    async def _visit(self, sources: Mapping[str, Sequence[Scope]], named: Collection[str]) -> bool:
        """Visit a host's sources, then index them. Returns whether one was visited."""

        def visit() -> int:
            steps = visit_sources(
                sources,
                self._bot.settings,
                named=named,
                stopping=self._stopping,
                make_fetcher=self._bot.make_fetcher,
            )
            return sum(1 for _ in steps)

        steps: int = await run_in_thread(visit)
        if steps:
            await self._index()
        return bool(steps)

    async def _index(self) -> None:
        """Index the fetched pages. Visits that end during an update share the next one."""
        self._is_indexed = False
        async with self._indexing:
            if self._is_indexed:
                return
            self._is_indexed = True
            progress = await self._bot.worker.run_slices(index_updates.update_pages)
            report = UpdateReport() if progress is None else progress.report
            _logger.info("Sources on the web were visited: %s.", report)


def _by_host(locations: Sequence[str]) -> dict[str, list[str]]:
    hosts: dict[str, list[str]] = {}
    for location in locations:
        hosts.setdefault(source_at(location).host, []).append(location)
    return hosts
