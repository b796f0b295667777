"""File follower: takes in what changed of the imported files of this machine, by one process of it.

Of the processes on a data folder the first one follows, by a lock that it holds for as long as it
lives; whether it leads does not matter, for the files of other machines are looked at there.
"""

import logging
from contextlib import ExitStack

from bot.core import index_updates
from bot.core.index_updates import told
from bot.interactions.services import Services
from bot.storage.data_folder import data_folder, exclusive
from indexer.ingest.pipeline import UpdateReport
from knowledge.values.documents import Failure

LOCK = "files.lock"

_logger = logging.getLogger(__name__)


class FileFollower:
    """Follows the files of one machine, if no other process of it does."""

    def __init__(self, bot: Services) -> None:
        self._bot = bot
        self._lock: ExitStack | None = None
        self._failures: set[Failure] = set()

    @property
    def follows(self) -> bool:
        """Whether this process is the one; it is from when on the other one has ended."""
        if self._lock is None:
            with ExitStack() as lock:
                folder = data_folder(self._bot.settings.data.folder)
                if lock.enter_context(exclusive(folder, LOCK)):
                    self._lock = lock.pop_all()
        return self._lock is not None

    def end(self) -> None:
        """Let another process follow."""
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    async def catch_up(self) -> None:
        """Bring the index up to date with the files, however long that takes."""
        if self.follows:
            await self._bot.worker.run_slices(told(index_updates.follow))

    async def look(self) -> None:
        """Take in what changed since the last look."""
        if not self.follows:
            return
        progress = await self._bot.worker.run_slices(index_updates.follow)
        report = progress.report if progress is not None else UpdateReport()
        if report.touched or set(report.failed) - self._failures:
            _logger.info("The imported files have changed: %s.", report)
        self._failures = set(report.failed)
