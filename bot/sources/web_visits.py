"""Visits of a running bot to the web sources, at regular intervals and on demand.

Each host is visited in a thread of its own, and the index is updated after each host. So a slow
host keeps neither another source nor a new page waiting. A server's hosts share a few of the
places, so that its slow hosts leave places for other servers.
"""

import asyncio
import logging
import threading
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from contextlib import nullcontext
from typing import Final

from bot.core import index_updates
from bot.core.core import Core
from bot.core.job_queue import Priority
from bot.core.worker import run_in_thread
from bot.interactions.policy.explanations import EXPLAINED
from bot.interactions.services import Services
from bot.sources.service import TypedAddress, needs_recognition
from bot.sources.web_sync import due_sources, recognise_service, visit_sources
from indexer.ingest.pipeline import UpdateReport
from knowledge.sources.kinds.registry import source_at
from knowledge.sources.source import Service
from knowledge.values.documents import SHARED, Scope

# The most hosts that rounds visit at once, and of them those of one server's own sources. Each
# takes a thread and a database connection.
HOSTS: Final = 16
SERVER_HOSTS: Final = 4
# How long a round waits for its visits before the next one looks for other due sources.
ROUND_SECONDS: Final = 60.0

_logger = logging.getLogger(__name__)


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
            self._bot.log_error(error)
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
                self._bot.log_error(problem)

    async def visit_now(self, locations: Sequence[str]) -> bool:
        """Visit sources now. Return False if their hosts are visited, or another process leads."""

        async def visit_hosts() -> bool:
            sources = await self._sources()
            visits = (self._visit(sources, named) for named in _by_host(locations).values())
            return any(await asyncio.gather(*visits))

        return bool(await self._bot.as_leader(visit_hosts))

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
