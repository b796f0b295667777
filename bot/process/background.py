"""Background tasks of a running bot: opening the index, watching files, the web sync, commands.

Commands are sent to Discord when they changed. What fails is logged and shown by `/healthz`, and
is tried again; a question waits only for articles and notes.
"""

import asyncio
import hashlib
import json
import logging
import threading
import time
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import discord
from discord.ext import tasks

from bot.engine import index_updates
from bot.engine.core import Core
from bot.engine.data_folder import data_folder
from bot.engine.index_updates import told
from bot.engine.job_queue import Priority
from bot.engine.web_sync import (
    PAUSE_SECONDS,
    MakeFetcher,
    polite_fetcher,
    visit,
)
from bot.engine.worker import beside
from bot.interactions.errors import EXPLAINED
from bot.interactions.retries import LOST
from bot.interactions.services import Services
from bot.models.live_switch import KEPT_SECONDS, LOOK_SECONDS, LiveSwitch
from bot.privacy import question_pruning
from bot.process.metrics import Metrics
from indexer.ingest.pipeline import UpdateReport
from knowledge.model.documents import Failure

# Remembered so that commands are only sent to Discord when they changed: creating them is limited
# to 200 a day (docs/decisions.md).
COMMANDS_DIGEST: Final = "commands digest"

# Of the steps that bring the index up to date, the one for articles and notes.
_OWN_STEP: Final = 2

# How often sending the commands is tried again while Discord is not there.
SYNC_SECONDS: Final = 60
# How often is looked whether a floor of relatedness is to be measured: a few microseconds a guild.
FLOOR_SECONDS: Final = 60
# How often the words of old questions are pruned, beginning with the start.
PRUNE_SECONDS: Final = 86_400

_logger = logging.getLogger(__name__)


class BackgroundTasks:
    """What one bot keeps up by itself, from its login until it closes.

    `out_of_step` says why the index is not in step with its sources, or nothing. `answerable` is
    set once articles and notes are indexed.
    """

    def __init__(
        self, bot: Services, metrics: Metrics, make_fetcher: MakeFetcher = polite_fetcher
    ) -> None:
        """Keep up nothing yet; `make_fetcher` makes what visits the sources on the web."""
        self.out_of_step = "The index is being brought in step with its sources."
        self._bot = bot
        self._metrics = metrics
        self._make_fetcher = make_fetcher
        self._stopping = threading.Event()
        self.answerable = asyncio.Event()
        self._preparing: asyncio.Task[None] | None = None
        self._syncing: tasks.Loop[Any] | None = None
        self._loops: list[tasks.Loop[Any]] = []
        self._failures: set[Failure] = set()
        # Whether everything has been brought in step once.
        self._in_step = False
        self._models: LiveSwitch | None = None

    def begin(self) -> None:
        self._preparing = self._bot.loop.create_task(self._prepare(), name="commonplace-prepare")
        self._syncing = self.go_on(SYNC_SECONDS, self._sync)
        self._models = LiveSwitch(self._bot.worker, self._bot.settings.data.folder.expanduser())
        self.go_on(LOOK_SECONDS, self._follow_model)
        self.go_on(KEPT_SECONDS, self._models.prune)

    @property
    def next_model(self) -> str:
        """What is going on with another model than the one that answers, or nothing."""
        return "" if self._models is None else self._models.state

    def end(self) -> None:
        self._stopping.set()
        if self._preparing is not None:
            self._preparing.cancel()
        for loop in self._loops:
            loop.cancel()

    async def _prepare(self) -> None:
        """Bring the index up to date, and keep it so even if that fails at first."""
        started = time.monotonic()
        if await self._caught_up():
            took = time.monotonic() - started
            _logger.info("Everything is indexed, %.1f s after the start.", took)
        else:
            await asyncio.sleep(SYNC_SECONDS)
        if self._bot.settings.questions.keep_days:
            self.go_on(PRUNE_SECONDS, self._prune_questions)
        self.go_on(FLOOR_SECONDS, self._measure_floors)
        sources = self._bot.settings.sources
        if sources.look_seconds:
            self.go_on(sources.look_seconds, self._follow_sources)
        if sources.web_hours:
            self.go_on(PAUSE_SECONDS, self._visit_sources)

    async def _caught_up(self) -> bool:
        """Bring the index up to date with everything; False if some of it has failed.

        Answers wait for articles and notes alone. What fails stops nothing that comes after it.
        """
        call, run = self._bot.worker.call, self._bot.worker.run_slices
        steps: list[Callable[[], Awaitable[object]]] = [
            lambda: call(
                lambda core: core.answer_pipeline.observe(self._metrics.stage),
                priority=Priority.ASKING,
            ),
            self._bot.channel_sync.load,
            lambda: run(told(index_updates.update_own)),
            lambda: run(told(index_updates.update_pages)),
            lambda: run(told(index_updates.check_channels)),
            lambda: run(told(index_updates.follow)),
            lambda: run(Core.warm_up),
        ]
        failures = []
        for number, step in enumerate(steps):
            try:
                await step()
            except Exception as error:  # noqa: BLE001 - one bad source must not stop the others
                failures.append(self._failed(error))
            if number == _OWN_STEP:
                self.answerable.set()
        self.out_of_step = failures[0] if failures else ""
        self._in_step = not failures
        return self._in_step

    def _failed(self, error: Exception) -> str:
        """Tell the log, and give the reason why the index is not in step."""
        if isinstance(error, EXPLAINED):
            self._metrics.failed(error)
            _logger.error("%s", error)
            reason = str(error)
        else:
            reason = self._bot.explanation(error)
        return f"The index could not be brought in step: {reason}"

    def go_on(
        self, seconds: float, step: Callable[[], Coroutine[Any, Any, None]]
    ) -> "tasks.Loop[Any]":
        """Take a step now and every so many seconds, for as long as the bot runs."""

        async def taken() -> None:
            try:
                await step()
            except Exception as error:  # noqa: BLE001 - one bad step must not end the loop
                self._bot.explanation(error)

        loop = tasks.loop(seconds=seconds)(taken)
        loop.start()
        self._loops.append(loop)
        return loop

    async def _follow_model(self) -> None:
        """Let the model that was chosen answer; what else has changed than notes comes after it."""
        if self._models is None or self._preparing is None or not self._preparing.done():
            return
        if await self._models.look() or await self._models.build_wanted():
            await self._caught_up()

    async def _measure_floors(self) -> None:
        """Measure what has changed, before a question has to wait for it."""
        await self._bot.worker.run_slices(Core.measure_floors)

    async def _follow_sources(self) -> None:
        if not self._in_step:
            await self._caught_up()
            return
        try:
            progress = await self._bot.worker.run_slices(index_updates.follow)
        except Exception as error:  # noqa: BLE001 - one bad step must not end the loop
            self.out_of_step = self._failed(error)
            return
        self.out_of_step = ""
        report = progress.report if progress is not None else UpdateReport()
        if report.touched or set(report.failed) - self._failures:
            _logger.info("The imported files have changed: %s.", report)
        self._failures = set(report.failed)

    async def _prune_questions(self) -> None:
        keep = timedelta(days=self._bot.settings.questions.keep_days)
        pruned = await self._bot.worker.run_slices(
            lambda core: question_pruning.prune(core, datetime.now(UTC) - keep)
        )
        if pruned:
            _logger.info("The words of old questions were dropped: %d questions.", pruned)

    async def _visit_sources(self) -> None:
        try:
            steps = await self._visited(None)
            progress = None
            if steps:
                progress = await self._bot.worker.run_slices(index_updates.update_pages)
            if progress is not None:
                _logger.info("The sources on the web were visited: %s.", progress.report)
        except EXPLAINED as error:
            self._metrics.failed(error)
            _logger.warning("%s", error)

    async def visit(self, locations: Sequence[str]) -> bool:
        """Visit sources on the web now; False while they are being visited anyway."""
        steps = await self._visited(frozenset(locations))
        if steps:
            await self._bot.worker.run_slices(index_updates.update_pages)
        return bool(steps)

    async def _visited(self, named: frozenset[str] | None) -> int:
        sources = await self._bot.worker.call(Core.web_sources, priority=Priority.INDEXING)
        arguments = (self._bot.settings.sources, self._stopping, self._make_fetcher, named)
        folder = data_folder(self._bot.settings)
        steps: int = await beside(visit, folder, sources, *arguments)
        return steps

    async def _sync(self) -> None:
        try:
            await self._sync_if_changed()
        except (discord.DiscordServerError, *LOST) as error:
            self._metrics.failed(error)
            _logger.warning("The commands could not be sent to Discord yet: %s", error)
            return
        except (discord.HTTPException, *EXPLAINED) as error:
            # The commands that Discord knows go on working; the next start tries again.
            self._metrics.failed(error)
            _logger.error("The commands could not be sent to Discord: %s", error)
        if self._syncing is not None:
            self._syncing.stop()

    async def _sync_if_changed(self) -> None:
        tree = self._bot.tree
        payload = [
            await command.get_translated_payload(tree, tree.translator)
            if tree.translator
            else command.to_dict(tree)
            for command in tree.get_commands()
        ]
        text = json.dumps([self._bot.application_id, payload], sort_keys=True, default=str)
        digest = hashlib.sha256(text.encode()).hexdigest()
        worker = self._bot.worker
        sent = await worker.call(
            lambda core: core.store.recall(COMMANDS_DIGEST), priority=Priority.ASKING
        )
        if sent == digest:
            return
        await self._bot.tree.sync()
        await worker.call(
            lambda core: core.store.remember(COMMANDS_DIGEST, digest), priority=Priority.ASKING
        )
        _logger.info("The commands have changed and were sent to Discord.")
