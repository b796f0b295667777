"""Visits of a running bot to the web sources, at regular intervals and on demand."""

import logging
import threading
from collections.abc import Sequence

from bot.core import index_updates
from bot.core.core import Core
from bot.core.job_queue import Priority
from bot.core.worker import run_in_thread
from bot.interactions.policy.explanations import EXPLAINED
from bot.interactions.services import Services
from bot.sources.service import TypedAddress, needs_recognition
from bot.sources.web_sync import recognise_service, visit_sources
from indexer.ingest.pipeline import UpdateReport
from knowledge.values.source_locations import ServiceLocation

_logger = logging.getLogger(__name__)


class WebVisits:
    """Visits web sources in a thread, then updates the index from the fetched pages."""

    def __init__(self, bot: Services) -> None:
        self._bot = bot
        self._stopping = threading.Event()

    def stop(self) -> None:
        """Ask a running visit to end."""
        self._stopping.set()

    async def recognise(self, named: TypedAddress) -> TypedAddress:
        """Add the kind of a wiki, forum or tracker to an address; fetch its page if necessary."""
        if not needs_recognition(named):
            return named
        bot, address = self._bot, named.address.strip()
        found: ServiceLocation | None = await run_in_thread(
            lambda: recognise_service(address, bot.settings, bot.make_fetcher)
        )
        return named if found is None else TypedAddress(found.url, kind=found.kind)

    async def round(self) -> None:
        """Visit the sources that are due."""
        try:
            await self._visit(None)
        except EXPLAINED as error:
            self._bot.explanation(error)

    async def visit_now(self, locations: Sequence[str]) -> bool:
        """Visit sources now. Return False if a visit is under way, or another process leads."""
        named = frozenset(locations)
        return bool(await self._bot.as_leader(lambda: self._visit(named)))

    async def _visit(self, named: frozenset[str] | None) -> bool:
        worker, settings = self._bot.worker, self._bot.settings
        sources = await worker.call(Core.web_sources, priority=Priority.INDEXING)

        def visited() -> int:
            steps = visit_sources(
                sources,
                settings,
                named=named,
                only_due=named is None,
                stopping=self._stopping,
                make_fetcher=self._bot.make_fetcher,
            )
            return sum(1 for _ in steps)

        steps: int = await run_in_thread(visited)
        if steps:
            progress = await worker.run_slices(index_updates.update_pages)
            report = UpdateReport() if progress is None else progress.report
            _logger.info("The sources on the web were visited: %s.", report)
        return bool(steps)
