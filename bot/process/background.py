"""Background tasks of a running bot: index updates, and the features' rounds.

A failed step is logged, shown by `/healthz` and tried again. Questions are answered as soon as
articles and notes are indexed. Rounds with `Round.by_leader` run only in the leading process.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from typing import Any, Final

from discord.ext import tasks

from bot.core import index_updates
from bot.core.core import Core
from bot.core.index_updates import prune_kept_indexes, with_progress_logged
from bot.core.job_queue import Priority
from bot.core.worker import by_leader, run_in_thread
from bot.interactions.features import Round, Start
from bot.interactions.policy.explanations import EXPLAINED
from bot.interactions.services import Step
from bot.process import allocator
from bot.process.commands import SYNC_SECONDS, CommandSync
from bot.process.metrics import Metrics
from bot.process.sharded_client import ShardedClient
from bot.sources.file_watcher import FileWatcher
from knowledge.store.database import is_away

# Number of the preparing step that indexes articles and notes.
_NOTES_STEP: Final = 2

# Pause after a failed preparation of the index.
RETRY_SECONDS: Final = 60

# Interval between checks for due rounds by the leader, if there are several processes.
LEADING_SECONDS: Final = 1.0

# Interval between deletions in kept indexes.
KEPT_SECONDS: Final = 60

# Delay of the warm-up after the index is ready.
WARM_UP_AFTER_SECONDS: Final = 1

# Interval between attempts to index notes that could not be indexed at once.
BEHIND_SECONDS: Final = 5

# Interval of giving freed memory back to the system.
MEMORY_SECONDS: Final = 60

# Interval of refreshing the caches that answer questions during a database outage. They last a
# minute, less this interval.
STAND_BY_SECONDS: Final = 5

_logger = logging.getLogger(__name__)


async def _give_back() -> None:
    await run_in_thread(allocator.give_back)


class BackgroundTasks:
    """Tasks of a bot from its login until it closes.

    `index_problem` says why the index isn't up to date, or is empty. `answerable` is set as soon as
    articles and notes are indexed.
    """

    def __init__(self, bot: ShardedClient, metrics: Metrics) -> None:
        self.index_problem = "The index is being updated from its sources."
        self._bot = bot
        self._metrics = metrics
        self._files = FileWatcher(bot)
        self.answerable = asyncio.Event()
        self._preparing: asyncio.Task[None] | None = None
        self._loops: list[tasks.Loop[Any]] = []
        # Whether every source was indexed.
        self._all_indexed = False
        self._rounds: list[Round] = []

    def begin(self, rounds: Sequence[Round]) -> None:
        """Begin to update the index, and start each round at its stage of the bot's start."""
        sync = CommandSync(self._bot, self._metrics)
        self._rounds = [
            Round(SYNC_SECONDS, sync.round, by_leader=True, start=Start.LOGIN),
            Round(KEPT_SECONDS, self._prune_kept_indexes, start=Start.INDEXED),
            Round(
                self._bot.settings.sources.look_seconds, self._follow_sources, start=Start.INDEXED
            ),
            Round(BEHIND_SECONDS, self._follow_behind, start=Start.LOGIN),
            Round(MEMORY_SECONDS, _give_back, start=Start.INDEXED),
            *rounds,
        ]
        if self._bot.settings.data.database:
            self._rounds.append(Round(STAND_BY_SECONDS, self._stand_by, start=Start.LOGIN))
        self._preparing = self._bot.loop.create_task(self._prepare(), name="commonplace-prepare")
        self.start(Start.LOGIN)

    def start(self, when: Start) -> None:
        """Start the rounds that begin at this stage of the bot's start."""
        for round_ in self._rounds:
            if round_.start is when:
                self.repeat(round_)

    def end(self) -> None:
        self._files.end()
        if self._preparing is not None:
            self._preparing.cancel()
        for loop in self._loops:
            loop.cancel()

    async def _prepare(self) -> None:
        """Update the index, then start the rounds that wait for it, even if a step failed."""
        started = time.monotonic()
        if await self._update_index():
            took = time.monotonic() - started
            _logger.info("Everything is indexed, %.1f s after the start.", took)
        else:
            await asyncio.sleep(RETRY_SECONDS)
        self.start(Start.INDEXED)
        # Fill caches, after connecting and the first questions. A failure only slows these down.
        await asyncio.sleep(WARM_UP_AFTER_SECONDS)
        try:
            await self._bot.worker.run_slices(Core.warm_up)
        except Exception as error:  # noqa: BLE001 - explained to the next asker
            self._bot.log_error(error)

    async def _update_index(self) -> bool:
        """Update the index from every source; return whether all steps succeeded."""
        call, run = self._bot.worker.call, self._bot.worker.run_slices
        steps: list[Callable[[], Awaitable[object]]] = [
            lambda: call(
                lambda core: core.answer_pipeline.observe(self._metrics.observe_stage),
                priority=Priority.ASKING,
            ),
            self._bot.channel_sync.load,
            lambda: run(with_progress_logged(index_updates.update_notes_and_articles)),
            lambda: self._run_as_leader(index_updates.update_pages),
            lambda: self._run_as_leader(index_updates.check_channels),
            self._files.catch_up,
        ]
        failures, only_away = [], True
        for number, step in enumerate(steps):
            try:
                await step()
            except Exception as error:  # noqa: BLE001 - one bad source must not stop the others
                failures.append(self._index_failure(error))
                only_away = only_away and is_away(error)
            if number == _NOTES_STEP:
                self.answerable.set()
        # An outage of the database alone doesn't put the index out of step; the update is repeated.
        if self.index_problem or not only_away:
            self.index_problem = failures[0] if failures else ""
        self._all_indexed = not failures
        return self._all_indexed

    async def _run_as_leader(self, make: Callable[[Core], Iterator[Any]]) -> None:
        """If this process leads, run the index update that `make` returns, in slices."""
        await self._bot.as_leader(lambda: self._bot.worker.run_slices(with_progress_logged(make)))

    def catch_up(self) -> None:
        """Update all of the index again, because this process has begun to lead."""
        before = self._preparing

        async def update() -> None:
            if before is not None:
                await asyncio.wait([before])
            await self._update_index()

        self._preparing = self._bot.loop.create_task(update(), name="commonplace-lead")

    def _index_failure(self, error: Exception) -> str:
        """Log an error, and return the reason why the index isn't up to date."""
        if isinstance(error, EXPLAINED):
            self._metrics.count_error(error)
            _logger.error("%s", error)
            reason = str(error)
        else:
            reason = self._bot.log_error(error)
        return f"The index could not be updated: {reason}"

    def repeat(self, round_: Round) -> None:
        """Run a round's step now, and then at its interval while the bot runs."""
        step, seconds = round_.step, round_.seconds
        if round_.by_leader:
            step = self.while_leading(round_)
            if self._bot.cluster.is_shared:
                seconds = min(seconds, LEADING_SECONDS)

        async def step_safely() -> None:
            try:
                await step()
            except Exception as error:  # noqa: BLE001 - one bad step must not end the loop
                self._bot.log_error(error)

        loop = tasks.loop(seconds=seconds)(step_safely)
        loop.start()
        self._loops.append(loop)

    def while_leading(self, round_: Round) -> Step:
        """Wrap a step so that the leader runs it, at once when it begins to lead."""
        cluster, due, term = self._bot.cluster, 0.0, 0

        async def step_if_leading() -> None:
            nonlocal due, term
            now = time.monotonic()
            if not cluster.leads or (term == cluster.terms and now < due):
                return
            # A process that runs alone calls this only when it is due.
            due, term = now + round_.seconds if cluster.is_shared else now, cluster.terms
            by_leader.set(True)
            await round_.step()

        return step_if_leading

    async def _prune_kept_indexes(self) -> None:
        # An incomplete index, such as a new one, lacks documents that nobody has deleted.
        if self._all_indexed:
            await self._bot.worker.call(prune_kept_indexes, priority=Priority.INDEXING)

    async def _follow_behind(self) -> None:
        await self._bot.worker.run_slices(
            index_updates.update_unindexed_notes, priority=Priority.REVIEWING
        )

    async def _stand_by(self) -> None:
        try:
            await self._bot.worker.run_slices(Core.refresh_outage_caches)
        except EXPLAINED as error:
            # The cluster reports the outage.
            _logger.debug("The caches for an outage could not be refreshed: %s", error)

    async def _follow_sources(self) -> None:
        if not self._all_indexed:
            await self._update_index()
            return
        try:
            await self._files.index_changes()
        except Exception as error:  # noqa: BLE001 - one bad step must not end the loop
            reason = self._index_failure(error)
            self._all_indexed = not is_away(error)
            if self._all_indexed:
                self.index_problem = reason
            return
        self.index_problem = ""
