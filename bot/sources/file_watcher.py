"""File watcher: indexes changes of imported files, one process per machine.

The process that holds a lock in the data folder watches the files. The elected leader can't do this
for all machines, because each machine has its own files.
"""

import logging
from contextlib import ExitStack

from bot.core import index_updates
from bot.core.index_updates import with_progress_logged
from bot.interactions.services import Services
from bot.storage.data_folder import data_folder, try_lock
from indexer.ingest.pipeline import UpdateReport
from knowledge.values.documents import Failure

LOCK = "files.lock"

_logger = logging.getLogger(__name__)


class FileWatcher:
    """Watches the files of this machine, unless another process watches them."""

    def __init__(self, bot: Services) -> None:
        self._bot = bot
        self._lock: ExitStack | None = None
        self._failures: set[Failure] = set()

    @property
    def has_lock(self) -> bool:
        """Whether this process holds the lock. If the lock is free, this process takes it."""
        if self._lock is None:
            with ExitStack() as lock:
                folder = data_folder(self._bot.settings.data.folder)
                if lock.enter_context(try_lock(folder, LOCK)):
                    self._lock = lock.pop_all()
        return self._lock is not None

    def end(self) -> None:
        """Release the lock."""
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    async def catch_up(self) -> None:
        """Index changes since the bot last ran, with progress in the log."""
        if self.has_lock:
            await self._bot.worker.run_slices(with_progress_logged(index_updates.update_files))

    async def index_changes(self) -> None:
        """Index changes since the last call; logs a summary."""
        if not self.has_lock:
            return
        progress = await self._bot.worker.run_slices(index_updates.update_files)
        report = progress.report if progress is not None else UpdateReport()
        if report.touched or set(report.failed) - self._failures:
            _logger.info("The imported files have changed: %s.", report)
        self._failures = set(report.failed)
